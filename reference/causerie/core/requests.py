"""What the requests of a connection's own life do: HELLO, PING, QUIT; and the checks that other requests share.

In here: handlers that need nobody else. Handlers are found by the frame's name, in `hub`.
"""

from collections.abc import Callable

from causerie.core.connection import Connection
from causerie.core.refusal import Ended, bad_field
from causerie_spec import names
from causerie_spec.codes import MAGIC, VERSION, ByeCode
from causerie_spec.messages import Hello, Message, Ping, Pong, Quit, Welcome
from causerie_spec.states import State


def hello(connection: Connection, now: float, ref: int, message: Message) -> None:
    """HELLO → WELCOME [HELLO-3]."""
    assert isinstance(message, Hello)
    hub = connection.hub
    if message.magic != MAGIC:  # [HELLO-6]
        raise Ended(ByeCode.MALFORMED, f"the magic is {message.magic!r}, not {MAGIC!r}")
    if not message.min_version <= VERSION <= message.max_version:  # [HELLO-5]
        asked = f"{message.min_version}..{message.max_version}"
        raise Ended(ByeCode.VERSION_UNSUPPORTED, f"version {VERSION} is spoken here, not {asked}")
    connection.negotiated = hub.capabilities.intersection(message.capabilities)
    connection.keepalive = min(message.keepalive, hub.limits.keepalive)  # [KEEP-1]
    connection.state = State.LOGIN
    connection.answer(
        Welcome(
            VERSION,
            connection.keepalive,
            hub.wall_ms(),
            hub.epoch,
            hub.agent,
            hub.gate.mechanisms,
            tuple(sorted(hub.capabilities)),
        ),
        ref,
    )


def ping(connection: Connection, now: float, ref: int, message: Message) -> None:
    """PING → PONG [PING-1]."""
    assert isinstance(message, Ping)
    connection.answer(Pong(message.token), ref)


def quit_(connection: Connection, now: float, ref: int, message: Message) -> None:
    """QUIT → BYE NORMAL [CLOSE-1]."""
    assert isinstance(message, Quit)
    raise Ended(ByeCode.NORMAL, "")


def check_conversation(name: str) -> None:
    """Refuses what is not of the conversation form [NAME-3]."""
    if not names.is_conversation(name):
        raise bad_field("conversation", "is not # or @ and 1 to 32 of a-z 0-9 _ . - that begin with a-z or 0-9")


def check_limit(limit: int) -> None:
    """Refuses a page of nothing [HIST-4, LIST-1]."""
    if limit == 0:
        raise bad_field("limit", "is 0")


def check_after(after: str, is_name: Callable[[str], bool], what: str) -> None:
    """Refuses what is neither empty nor a name of the kind that is listed [LIST-1]."""
    if after and not is_name(after):
        raise bad_field("after", f"is neither empty nor {what}")
