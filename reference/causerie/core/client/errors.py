"""What can go wrong in the client core, by who is to blame.

::

    ClientError
    ├── NotSendable           a message that no server would take (also a ValueError)
    ├── LocalProtocolError    this program asked for something that the connection's state does not allow
    └── RemoteProtocolError   the server sent something that the protocol does not allow [CLIENT-12]
        └── ImpostorError     the server did not prove that it knows the password [SCRAM-6]

In here: exceptions. `RemoteProtocolError` never leaves the core: the one door where octets come in
(`Connection.receive_data`) turns it into an `Ending`.
"""


class ClientError(Exception):
    """Base of everything that the client core raises."""


class LocalProtocolError(ClientError):
    """Misuse by this program: a bug here, never the server's fault."""


class NotSendable(ClientError, ValueError):
    """A text, a kind or a conversation that is refused before it is sent; the message says why, for people.

    ``str`` is English. A shell that speaks another language looks ``template`` up, and fills ``values`` in.
    """

    def __init__(self, template: str, **values: object) -> None:
        # a text without values may hold braces of its own
        super().__init__(template.format(**values) if values else template)
        self.template = template
        self.values = values


class RemoteProtocolError(ClientError):
    """The server broke the protocol; the message says how, for people."""


class ImpostorError(RemoteProtocolError):
    """Whoever listens there may not be the server that the account is on."""
