"""A turn of either server: the store does its part, then there is something to write.

In here: driving a store that answers at once. Not in here: when turns come, and the writing (the engines).
"""

from collections.abc import Collection, Sequence

from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.server.log import log
from causerie.store.operations import Operation, Result, Store
from causerie_spec.codes import ErrorCode


def turn(hub: Hub, store: Store, now: float) -> Collection[Connection]:
    """Have the store do some of what the hub asks.

    Returns the connections for which there is something to do; none if there is nothing left to do for anybody.
    """
    operations = hub.take_operations()
    if operations:
        hub.committed(now, operations, _commit(store, operations))
    return hub.take_dirty(now)


def _commit(store: Store, operations: Sequence[Operation]) -> Sequence[Result]:
    try:
        return store.commit(operations)
    except Exception as error:  # a full disk, or a bug: those who asked are told so, and the server goes on [LOAD-10]
        log("failure", operations=len(operations), exception=error)
        return [ErrorCode.INTERNAL] * len(operations)
