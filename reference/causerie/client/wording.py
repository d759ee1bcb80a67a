"""What happened, in words for people: short, kind, and with the next step where there is one.

In here: sentences about endings, refusals and durations, in the user's language. All received strings in them are made
safe [CLIENT-7]. Not in here: where and in which colour they are shown.
"""

from __future__ import annotations

from typing import Final

from causerie.client.address import Address
from causerie.client.visible import visible
from causerie.core.client import Cause, Ending, NotSendable
from causerie.language import N_, _
from causerie_spec.codes import ByeCode, ErrorCode

_CAUSES: Final = {
    Cause.QUIT: N_("left {address}"),
    Cause.END_OF_STREAM: N_("the server at {address} closed the connection"),
    Cause.LOST: N_("the connection to {address} was lost"),
    Cause.SILENT: N_("the server at {address} does not answer any more"),
    Cause.SLOW_LOGIN: N_("the server at {address} did not complete the login in time"),
    Cause.IMPOSTOR: N_("{address} may not be your server, do not trust it"),
    Cause.PROTOCOL: N_("{address} does not speak Causerie as it should"),
    Cause.NOBODY_LISTENS: N_("nothing is listening at {address}"),
    Cause.UNKNOWN_HOST: N_("there is no host named {host}"),
    Cause.CONNECT_TIMEOUT: N_("{address} does not answer"),
    Cause.UNREACHABLE: N_("{address} cannot be reached"),
    Cause.UNTRUSTED: N_("the certificate of {address} is not trusted"),
    Cause.NO_TLS: N_("{address} does not speak TLS"),
    Cause.ONLY_TLS: N_("{address} speaks TLS"),
    Cause.TLS_FAILED: N_("no TLS with {address}"),
    Cause.INTERNAL: N_("causerie has a bug, sorry"),
}
_BYES: Final = {
    ByeCode.NORMAL: N_("the server at {address} said goodbye"),
    ByeCode.SHUTDOWN: N_("the server at {address} is shutting down"),
    ByeCode.MALFORMED: N_("the server at {address} did not understand this client"),
    ByeCode.FRAME_TOO_LARGE: N_("the server at {address} found a frame of this client too large"),
    ByeCode.VERSION_UNSUPPORTED: N_("the server at {address} speaks another version of Causerie"),
    ByeCode.IDLE: N_("the server at {address} heard nothing from this client for too long"),
    ByeCode.HANDSHAKE_TIMEOUT: N_("the login at {address} took too long"),
    ByeCode.SLOW_CONSUMER: N_("this client was too slow for what {address} had to say"),
    ByeCode.TOO_MANY_FAILURES: N_("the login at {address} failed too often"),
    ByeCode.TOO_MANY_CONNECTIONS: N_("the server at {address} is full"),
    ByeCode.SERVER_FAILURE: N_("the server at {address} failed"),
}
_LOGINS: Final = {
    ErrorCode.HANDLE_TAKEN: N_("the handle {handle} belongs to somebody else at {address}"),
    ErrorCode.BAD_FIELD: N_("{address} does not take the handle {handle} with that display name"),
    ErrorCode.NO_SUCH_MECHANISM: N_("{address} does not offer that way to log in as {handle}"),
    ErrorCode.AUTH_FAILED: N_("{address} did not accept that password for {handle}"),
    ErrorCode.LIMIT_REACHED: N_("{address} takes no new handles at the moment"),
    ErrorCode.RATE_LIMITED: N_("{address} asks for fewer logins"),
}
#: What the user might do, after a colon.
_ADVICE: Final[dict[str, str]] = {
    _CAUSES[Cause.NOBODY_LISTENS]: N_("start a server with `causerie-server`"),
    _CAUSES[Cause.UNTRUSTED]: N_("give --ca-file FILE with the authority that made it, or --insecure to trust anybody"),
    _CAUSES[Cause.NO_TLS]: N_("leave out --tls"),
    _CAUSES[Cause.ONLY_TLS]: N_("add --tls"),
    _LOGINS[ErrorCode.HANDLE_TAKEN]: N_("choose another with --handle, or give --password if it is your account"),
}
#: Why a request was refused, where the server does not say it itself.
_REFUSALS: Final = {
    ErrorCode.UNSUPPORTED: N_("the server does not know that request"),
    ErrorCode.WRONG_STATE: N_("the server did not expect that now"),
    ErrorCode.BAD_FIELD: N_("the server does not take it in that form"),
    ErrorCode.HANDLE_TAKEN: N_("the handle belongs to somebody else"),
    ErrorCode.AUTH_FAILED: N_("the server did not accept the password"),
    ErrorCode.NO_SUCH_MECHANISM: N_("the server does not offer that way to log in"),
    ErrorCode.NO_SUCH_CONVERSATION: N_("there is no such conversation"),
    ErrorCode.NOT_A_MEMBER: N_("it is for members of the room only"),
    ErrorCode.TEXT_TOO_LONG: N_("the text is too long"),
    ErrorCode.TXN_CONFLICT: N_("that txn was used for another text or kind"),
    ErrorCode.RATE_LIMITED: N_("too many of these at once, wait a little"),
    ErrorCode.LIMIT_REACHED: N_("the server takes no more of these"),
    ErrorCode.INTERNAL: N_("the server failed at it"),
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
    template, detail = _template(ending)
    text = _(template).format(address=address, host=visible(address.host), handle=handle, code=ending.code)
    if advise and template in _ADVICE:
        text = _("{what}: {advice}").format(what=text, advice=_(_ADVICE[template]))
    return f"{text} ({visible(detail)})" if detail else text


def _template(ending: Ending) -> tuple[str, str]:
    """The sentence to be looked up, and the detail to be shown with it."""
    detail = "" if ending.code in _SAID else ending.detail
    if ending.cause in (Cause.LOGIN_REFUSED, Cause.LOGIN_DELAYED):
        known = _LOGINS.get(ErrorCode(ending.code)) if ending.code in set(ErrorCode) else None
        return known or N_("{address} refused the login of {handle}"), detail
    if ending.cause is Cause.BYE:
        known = _BYES.get(ByeCode(ending.code)) if ending.code in set(ByeCode) else None
        return known or N_("the server at {address} ended the connection (code {code})"), detail
    return _CAUSES[ending.cause], detail if ending.cause in _DETAILED else ""


def refusal(code: int, detail: str, conversation: str) -> str:
    """Why a message was refused, in one line without a full stop."""
    if code == ErrorCode.NO_SUCH_CONVERSATION and conversation.startswith("@"):
        return _("{conversation} is not here").format(conversation=visible(conversation))
    if code == ErrorCode.NO_SUCH_CONVERSATION:
        return _("there is no {conversation}").format(conversation=visible(conversation))
    if code == ErrorCode.NOT_A_MEMBER:
        return _("you are not in {conversation}").format(conversation=visible(conversation))
    if detail:
        return visible(detail)
    return _(_REFUSALS[ErrorCode(code)]) if code in set(ErrorCode) else _("code {code}").format(code=code)


def not_sendable(error: NotSendable) -> str:
    """Why the core would not send it, in one line without a full stop."""
    text = _(error.template)
    return visible(text.format(**error.values) if error.values else text)


def seconds(duration: float) -> str:
    """A time to wait, in words: "1 s", "2 min"."""
    if duration < 99:
        return _("{count} s").format(count=max(1, round(duration)))
    return _("{count} min").format(count=round(duration / 60))
