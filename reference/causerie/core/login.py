"""LOGIN and AUTH: who may use a handle.

In here: mechanisms. TOKEN: the first token that logs in with a free handle owns it [TOKEN-2]; the store decides which
was first. Not in here: what being logged in means (`hub`).
"""

import hashlib
from collections.abc import Callable

from causerie.core.connection import Connection
from causerie.core.refusal import Refused, bad_field
from causerie.store.operations import Enter, Entered, Result
from causerie_spec import names
from causerie_spec.codes import MAX_PAYLOAD, TOKEN_MAX, TOKEN_MIN, ErrorCode
from causerie_spec.messages import Login, Message, Ready
from causerie_spec.states import State

_HANDLE_RULE = "is not 1 to 32 of a-z 0-9 _ . - that begin with a-z or 0-9"
_DISPLAY_RULE = "is not 1 to 64 octets without control characters, line separators and direction marks"


def login(connection: Connection, now: float, ref: int, message: Message) -> None:
    """LOGIN → READY, or ERROR; the mechanism is checked first [LOGIN-2]."""
    assert isinstance(message, Login)
    mechanism = MECHANISMS.get(message.mechanism)
    if mechanism is None:
        offered = ", ".join(MECHANISMS)
        raise Refused(ErrorCode.NO_SUCH_MECHANISM, f"mechanisms here: {offered}")
    if not names.is_handle(message.handle):  # [NAME-1]
        raise bad_field("handle", _HANDLE_RULE)
    if not names.is_display(message.display):  # [NAME-2]
        raise bad_field("display", _DISPLAY_RULE)
    if len(message.payload) > MAX_PAYLOAD:  # [LOGIN-3]
        raise bad_field("payload", f"has {len(message.payload)} octets, more than {MAX_PAYLOAD}")
    mechanism(connection, ref, message)


def _token(connection: Connection, ref: int, message: Login) -> None:
    """TOKEN [TOKEN-1 to TOKEN-6]."""
    if not TOKEN_MIN <= len(message.payload) <= TOKEN_MAX:
        raise bad_field("payload", f"a token has {TOKEN_MIN} to {TOKEN_MAX} octets, not {len(message.payload)}")
    hub = connection.hub
    hub.begin_login(message.handle)

    def done(now: float, result: Result) -> None:
        if isinstance(result, Entered) and connection.state is State.LOGIN:  # it may have ended meanwhile
            hub.login(connection, now, message.handle, message.display, result.rooms)
            connection.answer(Ready(message.handle, message.display, b""), ref)
        hub.end_login(message.handle)
        if isinstance(result, ErrorCode):
            hub.log("login refused", connection, handle=message.handle, code=result.name)
            connection.refuse(Refused(result, result.meaning), ref)

    connection.ask(Enter(message.handle, hashlib.sha256(message.payload).digest(), message.display), done)


MECHANISMS: dict[str, Callable[[Connection, int, Login], None]] = {"TOKEN": _token}
"""The mechanisms on offer, by name [HELLO-8]."""
