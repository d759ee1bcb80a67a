"""Event loops whose timers come in time.

asyncio waits with epoll, whose time limits are whole milliseconds, rounded up: as long as a round trip on one machine.
``select`` takes microseconds, and an epoll is itself something to be waited for. Other systems have precise timers.

In here: such a loop, and how to run a coroutine on it. Not in here: what runs.
"""

from __future__ import annotations

import asyncio
import select
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
FD_SETSIZE: Final = 1_024
"""File descriptors from here on are too high for ``select``."""
SHORT: Final = 0.1
"""Seconds: for longer waits a millisecond does not matter."""


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop with precise timers, where that takes something."""
    epoll = getattr(selectors, "EpollSelector", None)
    if epoll is None:
        return asyncio.new_event_loop()

    class Precise(epoll):  # type: ignore[misc, valid-type]  # the class is not there on every system
        """epoll, waited for in microseconds."""

        def select(self, timeout: float | None = None) -> Any:
            if timeout is not None and 0 < timeout < SHORT and self.fileno() < FD_SETSIZE:
                select.select([self.fileno()], [], [], timeout)
                timeout = 0
            return super().select(timeout)

    return asyncio.SelectorEventLoop(Precise())


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run it to its end on a loop of its own; what it left running is cancelled."""
    loop = new_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(_cancel_all())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _cancel_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
