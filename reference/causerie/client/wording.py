"""What happened, in words for people: short, kind, and with the next step where there is one.

In here: sentences about endings and durations. All received strings in them are made safe [CLIENT-7]. Not in
here: where and in which colour they are shown.
"""

from __future__ import annotations

from typing import Final

from causerie.client.address import Address
from causerie.client.visible import visible
from causerie.core.client import Cause, Ending
from causerie_spec.codes import ByeCode, ErrorCode

_CAUSES: Final = {
    Cause.QUIT: "left {address}",
    Cause.END_OF_STREAM: "the server at {address} closed the connection",
    Cause.LOST: "the connection to {address} was lost",
    Cause.SILENT: "the server at {address} does not answer any more",
    Cause.SLOW_LOGIN: "the server at {address} did not complete the login in time",
    Cause.IMPOSTOR: "{address} may not be your server, do not trust it",
    Cause.PROTOCOL: "{address} does not speak Causerie as it should",
    Cause.NOBODY_LISTENS: "nothing is listening at {address}: start a server with `causerie-server`",
    Cause.UNKNOWN_HOST: "there is no host named {host}",
    Cause.CONNECT_TIMEOUT: "{address} does not answer",
    Cause.UNREACHABLE: "{address} cannot be reached",
    Cause.UNTRUSTED: "the certificate of {address} is not trusted: "
    "give --ca-file FILE with the authority that made it, or --insecure to trust anybody",
    Cause.NO_TLS: "{address} does not speak TLS: leave out --tls",
    Cause.ONLY_TLS: "{address} speaks TLS: add --tls",
    Cause.TLS_FAILED: "no TLS with {address}",
    Cause.INTERNAL: "causerie has a bug, sorry",
}
_BYES: Final = {
    ByeCode.NORMAL: "the server at {address} said goodbye",
    ByeCode.SHUTDOWN: "the server at {address} is shutting down",
    ByeCode.MALFORMED: "the server at {address} did not understand this client",
    ByeCode.FRAME_TOO_LARGE: "the server at {address} found a frame of this client too large",
    ByeCode.VERSION_UNSUPPORTED: "the server at {address} speaks another version of Causerie",
    ByeCode.IDLE: "the server at {address} heard nothing from this client for too long",
    ByeCode.HANDSHAKE_TIMEOUT: "the login at {address} took too long",
    ByeCode.SLOW_CONSUMER: "this client was too slow for what {address} had to say",
    ByeCode.TOO_MANY_FAILURES: "the login at {address} failed too often",
    ByeCode.TOO_MANY_CONNECTIONS: "the server at {address} is full",
    ByeCode.SERVER_FAILURE: "the server at {address} failed",
}
_REFUSALS: Final = {
    ErrorCode.HANDLE_TAKEN: (
        "the handle {handle} belongs to somebody else at {address}: choose another with --handle, "
        "or give --password if it is your account"
    ),
    ErrorCode.BAD_FIELD: "{address} does not take the handle {handle} with that display name",
    ErrorCode.NO_SUCH_MECHANISM: "{address} does not offer that way to log in as {handle}",
    ErrorCode.AUTH_FAILED: "{address} did not accept that password for {handle}",
    ErrorCode.LIMIT_REACHED: "{address} takes no new handles at the moment",
    ErrorCode.RATE_LIMITED: "{address} asks for fewer logins",
}

#: Causes whose detail adds something for people.
_DETAILED: Final = frozenset(
    {
        *(Cause.IMPOSTOR, Cause.PROTOCOL, Cause.UNREACHABLE, Cause.INTERNAL, Cause.LOST),
        *(Cause.UNTRUSTED, Cause.TLS_FAILED),
    }
)
#: Codes of which everything is said above: the server's own words would say it twice.
_SAID: Final = frozenset(
    {
        *(ByeCode.NORMAL, ByeCode.SHUTDOWN, ByeCode.IDLE, ByeCode.HANDSHAKE_TIMEOUT, ByeCode.SLOW_CONSUMER),
        *(ByeCode.TOO_MANY_FAILURES, ByeCode.TOO_MANY_CONNECTIONS, ErrorCode.HANDLE_TAKEN, ErrorCode.AUTH_FAILED),
    }
)


def sentence(ending: Ending, address: Address, handle: str, *, advise: bool = True) -> str:
    """What ended, in one line without a full stop; the server's own words follow where they add something.

    ``advise`` adds what the user might do: right the first time, a bore when it is tried again by itself.
    """
    detail = "" if ending.code in _SAID else ending.detail
    if ending.cause in (Cause.LOGIN_REFUSED, Cause.LOGIN_DELAYED):
        template = _REFUSALS.get(ErrorCode(ending.code)) if ending.code in set(ErrorCode) else None
        template = template or "{address} refused the login of {handle}"
    elif ending.cause is Cause.BYE:
        template = _BYES.get(ByeCode(ending.code)) if ending.code in set(ByeCode) else None
        template = template or f"the server at {{address}} ended the connection (code {ending.code})"
    else:
        template = _CAUSES[ending.cause]
        if ending.cause not in _DETAILED:
            detail = ""
    if not advise:
        template = template.partition(": ")[0]
    text = template.format(address=address, host=visible(address.host), handle=handle)
    return f"{text} ({visible(detail)})" if detail else text


def refusal(code: int, detail: str, conversation: str) -> str:
    """Why a message was refused, in one line without a full stop."""
    if code == ErrorCode.NO_SUCH_CONVERSATION and conversation.startswith("@"):
        return f"{visible(conversation)} is not here"
    if code == ErrorCode.NO_SUCH_CONVERSATION:
        return f"there is no {visible(conversation)}"
    if code == ErrorCode.NOT_A_MEMBER:
        return f"you are not in {visible(conversation)}"
    meaning = ErrorCode(code).meaning if code in set(ErrorCode) else f"code {code}"
    return visible(detail) or meaning


def seconds(duration: float) -> str:
    """A time to wait, in words: "1 s", "2 min"."""
    if duration < 99:
        return f"{max(1, round(duration))} s"
    return f"{round(duration / 60)} min"
