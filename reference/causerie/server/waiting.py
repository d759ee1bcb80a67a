"""How threads wait for sockets, and how they are woken.

In here: what the system offers for that, on every system. Not in here: who waits for what (`threaded_engine`).
"""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class HasDescriptor(Protocol):
    """A socket, or what stands for one."""

    def fileno(self) -> int:
        """Its descriptor."""


class Waker:
    """Wakes a thread that waits in a selector."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)

    @property
    def descriptor(self) -> int:
        """To be written to by the interpreter when a signal comes (`signal.set_wakeup_fd`)."""
        return self._writer.fileno()

    def wake(self) -> None:
        """Wake it, now or when it waits next."""
        with suppress(BlockingIOError):  # there are wake-ups enough in the pipe
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Forget the wake-ups so far."""
        with suppress(BlockingIOError):
            while self.reader.recv(4096):
                pass

    def close(self) -> None:
        """Give both ends back."""
        self.reader.close()
        self._writer.close()


if hasattr(select, "poll"):

    def readable(sock: HasDescriptor) -> Callable[[], object]:
        """A function that waits until there is something to read from *sock*, or the end of it."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return poll.poll

else:

    def readable(sock: HasDescriptor) -> Callable[[], object]:
        """A function that waits until there is something to read from *sock*, or the end of it."""
        return lambda: select.select([sock], [], [])
