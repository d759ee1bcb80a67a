"""Starting a program, also on a machine that is short of something for a moment.

In here: the one place where the suite makes processes of servers and clients. Not in here: what they are told, how they
end.
"""

from __future__ import annotations

import errno
import subprocess
import time
from collections.abc import Sequence
from typing import Any, Final

_PAUSES: Final = (0.1, 0.5)
"""Seconds before the second and the third try."""
_FOR_A_MOMENT: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EFAULT})
"""No process or no memory is left just now; EFAULT is what Linux says where a page of the command is not there then."""


def start(words: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen`, tried again where that may help: the verdict is about the program, not about this machine.

    Raises `OSError`.
    """
    for pause in _PAUSES:
        try:
            return subprocess.Popen(words, **options)
        except OSError as error:
            if error.errno not in _FOR_A_MOMENT:
                raise
        time.sleep(pause)
    return subprocess.Popen(words, **options)
