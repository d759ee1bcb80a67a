"""One conversation as a store works on it: the numbers of its log, its members and their cursors.

In here: what can be said of one conversation alone. Not in here: its messages (`tables`), what operations do to it
(`archive`).
"""

from dataclasses import dataclass

from causerie.store.keys import handles_of
from causerie_spec.codes import LOBBY, MAX_MEMBERS_READ_BY_ALL

Lowest = tuple[int, int]
"""all_delivered and all_read."""
NOT_TOLD: Lowest = (0, 0)


@dataclass(slots=True)
class Cursors:
    """How far a member is [MARK-1]."""

    delivered: int = 0
    read: int = 0


class Conversation:
    """A conversation. Of `#lobby`, `cursors` holds those that were asked for; of any other, those of all members."""

    __slots__ = ("_lowest", "cursors", "first", "head", "is_room", "key", "known", "oldest", "row", "timestamp")

    def __init__(self, key: str) -> None:
        self.key = key
        self.is_room = key[0] == "#" and key != LOBBY
        """Does it have members who join and leave?"""
        self.row = 0
        """What its tables know it by; 0: it is not in them yet."""
        self.head = 0
        """The newest message's seq; 0 none."""
        self.first = 1
        """The lowest seq that can be read; head + 1 if there is none [HIST-7]."""
        self.timestamp = 0
        """The newest message's, in ms since the Unix epoch."""
        self.oldest = 0
        """The oldest readable message's."""
        self.known = False
        """Is there such a conversation? (Do the people of a direct one exist, in particular?)"""
        self.cursors: dict[str, Cursors] = {} if key[0] == "#" else {handle: Cursors() for handle in handles_of(key)}
        self._lowest: Lowest | None = None

    def lowest(self) -> Lowest:
        """all_delivered and all_read: the lowest over all members, or (0, 0) where they are not told [MARK-4]."""
        if self._lowest is None:
            everybody = self.cursors.values()
            if self.key == LOBBY or not 0 < len(everybody) <= MAX_MEMBERS_READ_BY_ALL:
                self._lowest = NOT_TOLD
            else:
                self._lowest = (
                    min([cursors.delivered for cursors in everybody]),
                    min([cursors.read for cursors in everybody]),
                )
        return self._lowest

    def move(self, cursors: Cursors, delivered: int, read: int) -> bool:
        """Move a member's cursors forward [MARK-1]; returns whether they moved."""
        old = (cursors.delivered, cursors.read)
        read = max(cursors.read, min(read, self.head))
        delivered = max(cursors.delivered, min(delivered, self.head), read)
        if old == (delivered, read):
            return False
        lowest = self._lowest
        if lowest is not None and (old[0] == lowest[0] or old[1] == lowest[1]):
            self._lowest = None
        cursors.delivered, cursors.read = delivered, read
        return True

    def wrote(self, cursors: Cursors) -> None:
        """Their owner wrote the newest message: to write is to have read [MARK-2]."""
        lowest = self._lowest
        if lowest is not None and (cursors.delivered == lowest[0] or cursors.read == lowest[1]):
            self._lowest = None
        cursors.delivered = cursors.read = self.head

    def begin(self, handle: str, cursors: Cursors) -> None:
        """Somebody is a member from now on."""
        self.cursors[handle] = cursors
        self._lowest = None

    def end(self, handle: str) -> None:
        """Somebody is no member any more."""
        del self.cursors[handle]
        self._lowest = None
