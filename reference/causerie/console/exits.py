"""Exit codes of `causerie-chat`.

In here: the numbers, and which ending has which. 0 ok, 1 protocol, 2 usage, 3 login, 4 network.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from causerie.client.model import Ended
from causerie.core.client import Cause
from causerie_spec.codes import ByeCode


class Exit(IntEnum):
    """What the process returns."""

    OK = 0
    PROTOCOL = 1
    USAGE = 2
    LOGIN = 3
    NETWORK = 4


_CAUSES: Final = {
    Cause.QUIT: Exit.OK,
    Cause.BYE: Exit.NETWORK,  # but for those of _BYES
    Cause.END_OF_STREAM: Exit.NETWORK,
    Cause.LOST: Exit.NETWORK,
    Cause.SILENT: Exit.NETWORK,
    Cause.SLOW_LOGIN: Exit.NETWORK,
    Cause.LOGIN_REFUSED: Exit.LOGIN,
    Cause.LOGIN_DELAYED: Exit.LOGIN,
    Cause.IMPOSTOR: Exit.LOGIN,
    Cause.PROTOCOL: Exit.PROTOCOL,
    Cause.NOBODY_LISTENS: Exit.NETWORK,
    Cause.UNKNOWN_HOST: Exit.NETWORK,
    Cause.CONNECT_TIMEOUT: Exit.NETWORK,
    Cause.UNREACHABLE: Exit.NETWORK,
    Cause.UNTRUSTED: Exit.NETWORK,
    Cause.NO_TLS: Exit.NETWORK,
    Cause.ONLY_TLS: Exit.NETWORK,
    Cause.TLS_FAILED: Exit.NETWORK,
    Cause.INTERNAL: Exit.PROTOCOL,
}
_BYES: Final = {
    ByeCode.MALFORMED: Exit.PROTOCOL,
    ByeCode.FRAME_TOO_LARGE: Exit.PROTOCOL,
    ByeCode.VERSION_UNSUPPORTED: Exit.PROTOCOL,
    ByeCode.TOO_MANY_FAILURES: Exit.LOGIN,
}


def exit_code(ended: Ended) -> Exit:
    """The exit code of a client that stopped so; messages that never left, or may not have, are the network's."""
    ending = ended.ending
    if ending.cause is Cause.BYE and ending.code in _BYES:
        return _BYES[ByeCode(ending.code)]
    code = _CAUSES[ending.cause]
    if code is Exit.OK and (ended.unsent or ended.unconfirmed):
        return Exit.NETWORK
    return code
