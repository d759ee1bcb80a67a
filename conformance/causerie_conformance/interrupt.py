"""Ctrl-C for the commands that run a loop: the first ends them in order, the second at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def calls(stop: Callable[[], object], *numbers: int) -> Iterator[None]:
    """While this lasts, Ctrl-C, or a signal of *numbers*, calls *stop* in the running loop; a second Ctrl-C ends all.

    Other threads than the main one cannot be interrupted: there it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.call_soon_threadsafe(stop)

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, *numbers)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
