"""Driving a store that answers at once, for either engine."""

from causerie.core.hub import Hub
from causerie.store.operations import Store


def pump(hub: Hub, store: Store, now: float) -> None:
    """Have the store do what the hub asks, until the hub asks no more."""
    while operations := hub.take_operations():
        hub.committed(now, operations, store.commit(operations))
