"""How either server has its store do what the hub asks.

    Direct    a store that answers at once: the turn does it
    Grouped   a store that waits for a disk: a thread of its own commits, one batch at a time; what is asked meanwhile
              goes into the next

In here: these two. Not in here: when turns come, and the writing to peers (the engines). The engine calls `turn` and
`busy` under whatever keeps its hub to one thread at a time.
"""

from collections.abc import Callable, Collection, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.server.log import log
from causerie.store.operations import Operation, Result, Store
from causerie_spec.codes import DURABLE, ErrorCode


class Pump(Protocol):
    """Drives a store."""

    def turn(self, now: float) -> Collection[Connection]:
        """Have the store do some of what the hub asks, and tell the hub what it did.

        Returns the connections for which there is something to do; none if there is nothing left to do for now.
        """

    def close(self) -> None:
        """Let the store finish what it is doing. No turn follows."""


def make(hub: Hub, store: Store, wake: Callable[[], None]) -> Pump:
    """The pump that suits the store; *wake*, which any thread may call, asks for a turn."""
    return Grouped(hub, store, wake) if DURABLE in store.capabilities else Direct(hub, store)


class Direct:
    """For a store that answers at once."""

    def __init__(self, hub: Hub, store: Store) -> None:
        self._hub = hub
        self._store = store

    def turn(self, now: float) -> Collection[Connection]:
        """See `Pump`."""
        operations = self._hub.take_operations()
        if operations:
            self._hub.committed(now, operations, _commit(self._store, operations))
        return self._hub.take_dirty(now)

    def close(self) -> None:
        """See `Pump`."""


class Grouped:
    """For a store that is slow and likes company."""

    def __init__(self, hub: Hub, store: Store, wake: Callable[[], None]) -> None:
        self._hub = hub
        self._store = store
        self._wake = wake
        self._batches: SimpleQueue[Sequence[Operation] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[Sequence[Operation], Sequence[Result]]] = SimpleQueue()
        self._committing = False
        self._writer = Thread(target=self._write, name="writer", daemon=True)
        self._writer.start()

    def turn(self, now: float) -> Collection[Connection]:
        """See `Pump`."""
        done = None if self._done.empty() else self._done.get()
        if done is not None:
            self._committing = False
        if not self._committing:  # the next batch is written while the last one is told
            operations = self._hub.take_operations()
            if operations:
                self._committing = True
                self._batches.put(operations)
        if done is not None:
            self._hub.committed(now, *done)
        return self._hub.take_dirty(now)

    def close(self) -> None:
        """See `Pump`."""
        self._batches.put(None)
        self._writer.join()
        left = self._hub.take_operations()  # who went offline last
        if left:
            _commit(self._store, left)

    def _write(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._done.put((batch, _commit(self._store, batch)))
            self._wake()


def _commit(store: Store, operations: Sequence[Operation]) -> Sequence[Result]:
    try:
        return store.commit(operations)
    except Exception as error:  # a full disk, or a bug: those who asked are told so, and the server goes on [LOAD-10]
        log("failure", operations=len(operations), exception=error)
        return [ErrorCode.INTERNAL] * len(operations)
