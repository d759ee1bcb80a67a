"""The store of a server without history: a log is a counter, a reservation lasts while its handle is online.

In here: everything that is forgotten when the process ends; so each start is a new epoch. What it holds grows with the
number of conversations that ever had a message (two integers each), because their numbers go on [MSG-9].
"""

import hmac
from collections.abc import Callable, Sequence

from causerie.store.operations import Append, Appended, Operation, Reserve, Result


class MemoryStore:
    """Counters and tokens in memory.

    *wall_ms* tells the time in ms since the Unix epoch; *epoch* is a number that no earlier start used.
    """

    name = "memory"
    capabilities: frozenset[str] = frozenset()

    def __init__(self, wall_ms: Callable[[], int], epoch: int) -> None:
        self.epoch = epoch
        self._wall_ms = wall_ms
        self._last: dict[str, Appended] = {}
        self._tokens: dict[str, bytes] = {}

    def commit(self, operations: Sequence[Operation]) -> list[Result]:
        """Do all of them; see `Store.commit`."""
        return [self._do(operation) for operation in operations]

    def _do(self, operation: Operation) -> Result:
        if isinstance(operation, Append):
            return self._append(operation)
        if isinstance(operation, Reserve):
            known = self._tokens.setdefault(operation.handle, operation.digest)
            return hmac.compare_digest(known, operation.digest)
        self._tokens.pop(operation.handle, None)
        return None

    def _append(self, append: Append) -> Result:
        if append.unless is not None:
            return append.unless
        now = self._wall_ms()
        last = self._last.get(append.conversation)
        if last is None:
            appended = Appended(1, now)
        else:  # a clock that goes back does not take timestamps with it
            appended = Appended(last.seq + 1, max(now, last.timestamp))
        self._last[append.conversation] = appended
        return appended
