"""Broken servers that get LOGIN and tokens wrong."""

from seams import before, instead, messages, without_history

from causerie.core import login
from causerie.core.hub import Hub
from causerie.core.refusal import Refused
from causerie.store.archive import Archive
from causerie.store.operations import Enter, Exit
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Error, Ready
from mutants.registry import mutant


@mutant("LOGIN-1")
def ready_for_another():
    """READY names the handle in capitals."""
    messages(Ready, handle=lambda message: message.handle[::-1])


@mutant("LOGIN-2")
def handle_before_mechanism():
    """Answers BAD_FIELD to an unknown mechanism."""
    messages(Error, code=lambda error: ErrorCode.BAD_FIELD if error.code == ErrorCode.NO_SUCH_MECHANISM else error.code)


@mutant("LOGIN-4")
def one_try():
    """Takes no second LOGIN after one that was refused."""
    tried = set()

    @before("LOGIN")
    def change(peer, message):
        if peer in tried:
            raise Refused(ErrorCode.WRONG_STATE, "once only")
        tried.add(peer)
        return message


@mutant("LOGIN-5")
def one_connection_a_handle():
    """Refuses a second connection of a handle."""

    @before("LOGIN")
    def change(peer, message):
        if message.handle in peer.hub.roster:
            raise Refused(ErrorCode.HANDLE_TAKEN, "online already")
        return message


@mutant("LOGIN-6")
def the_first_display_name():
    """READY shows the display name of the handle's first login."""
    first = {}
    messages(Ready, display=lambda message: first.setdefault(message.handle, message.display))


@mutant("TOKEN-1")
def tokens_of_any_length():
    """Takes tokens of any length."""
    login.TOKEN_MIN, login.TOKEN_MAX = 0, 1024


@mutant("TOKEN-1")
def tokens_of_32_octets_only():
    """Refuses tokens of 16 and of 64 octets."""
    login.TOKEN_MIN, login.TOKEN_MAX = 32, 32


@mutant("TOKEN-2")
def the_last_token_wins():
    """Reserves a handle for whoever asked last."""

    @instead(Archive, "apply")
    def apply(original, self, operation):
        if isinstance(operation, Enter):
            self._tables.remove_person(operation.handle)
        return original(self, operation)


@mutant("TOKEN-3")
def any_token():
    """Lets any token in."""

    Archive._owns = lambda *_: True


@mutant("TOKEN-4")
def released_by_the_first_logout():
    """Forgets the token when the first of two connections leaves."""
    without_history()

    @instead(Hub, "logout")
    def logout(original, self, connection, now):
        handle = connection.handle
        original(self, connection, now)
        if handle is not None:
            self._operations.append(Exit(handle, 0))


@mutant("TOKEN-6")
def ready_with_payload():
    """READY carries a payload after TOKEN."""
    messages(Ready, payload=b"welcome")
