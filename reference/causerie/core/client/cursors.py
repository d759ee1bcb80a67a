"""How far the user has received and read each conversation, told to the server with MARK.

In here: what is to be told, and when. Not in here: refs and octets (`connection`), the ticks that a RECEIPT means.

The rules:

* *delivered* is what was shown (or kept for showing); *read* is what the user has seen: the shell says so.
* One MARK of a conversation waits for its answer at a time; what happens meanwhile goes into the next.
* The server has what it told (CONVERSATION, RECEIPT), what was marked, and one's own messages [MARK-2]; nothing
  is marked twice. After a lost connection it is told anew what it does not say itself.
* A refused MARK is dropped: the next one says more.
"""

from __future__ import annotations

from causerie_spec.messages import Mark

_Cursors = tuple[int, int]  # delivered, read

_NONE: _Cursors = (0, 0)


class Cursors:
    """The cursors of all conversations, within one epoch."""

    __slots__ = ("_asked", "_dirty", "_has", "_wanted")

    def __init__(self) -> None:
        self._wanted: dict[str, _Cursors] = {}
        self._has: dict[str, _Cursors] = {}
        self._asked: dict[str, Mark] = {}
        self._dirty: dict[str, None] = {}

    def begin(self) -> None:
        """Logged in: what was asked on another connection may not have arrived."""
        self._asked.clear()
        self._has.clear()
        self._dirty = dict.fromkeys(self._wanted)

    def forget(self) -> None:
        """The epoch changed."""
        self._wanted.clear()
        self.begin()

    def told(self, conversation: str, delivered: int, read: int) -> None:
        """The server said how far it knows the user to be."""
        self._has[conversation] = _most(self._has.get(conversation, _NONE), (delivered, read))

    def shown(self, conversation: str, seq: int, *, mine: bool) -> None:
        """A message was shown; the server knows that its writer has it."""
        if mine:
            self.told(conversation, seq, seq)
        self._want(conversation, (seq, seq if mine else 0))

    def read(self, conversation: str, seq: int) -> None:
        """The user has read up to there."""
        self._want(conversation, (seq, seq))

    def next_mark(self) -> Mark | None:
        """What is to be told next; None when the server knows all."""
        for conversation in list(self._dirty):
            if conversation in self._asked:
                continue
            del self._dirty[conversation]
            wanted = self._wanted[conversation]
            if _most(wanted, self._has.get(conversation, _NONE)) != self._has.get(conversation, _NONE):
                mark = self._asked[conversation] = Mark(conversation, *wanted)
                return mark
        return None

    def answered(self, mark: Mark) -> None:
        """Its answer came, whatever it is."""
        self._asked.pop(mark.conversation, None)
        self.told(mark.conversation, mark.delivered, mark.read)

    def _want(self, conversation: str, cursors: _Cursors) -> None:
        before = self._wanted.get(conversation, _NONE)
        self._wanted[conversation] = after = _most(before, cursors)
        if after != before:
            self._dirty[conversation] = None


def _most(one: _Cursors, other: _Cursors) -> _Cursors:
    return max(one[0], other[0]), max(one[1], other[1])
