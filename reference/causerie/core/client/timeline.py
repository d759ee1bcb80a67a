"""Each message once, in the order of seq, and none left out [CLIENT-6] [CLIENT-10].

In here: for each conversation how far it was shown, what waits behind a gap, and the verdict on each message that
comes. Not in here: how messages are shown, and the requests that fill a gap (`catchup`).

The rules:

* A seq at or below the highest shown was shown already (or can no longer be shown in its place): a duplicate.
* A message behind a gap waits until the gap is filled, if the server has history; HELD wait at most, and the others
  are asked for again. Without history it is shown, behind a `Gap`: so many were missed.
* HISTORY is the last word: what it leaves out is gone, and becomes a `Gap`; but what came live is shown all the same.
* A conversation begins where it stands when the client first hears of it, and what was before is history; but at
  its first message if the client wants it whole, and a direct one that came into being while the client was away.
* A new epoch forgets everything [CLIENT-10].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from causerie_spec.messages import ChatMessage

HELD: Final = 256
"""Messages of a conversation that wait behind a gap, at most: as many as a page of HISTORY has."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of ``conversation`` with ``after`` < seq < ``before`` did not come, and will not."""

    conversation: str
    after: int
    before: int

    @property
    def missing(self) -> int:
        """How many."""
        return self.before - self.after - 1


Shown = ChatMessage | Gap
"""What is to be shown."""


@dataclass(slots=True)
class _Line:
    """One conversation: shown up to ``shown``; the server has messages up to ``head``, as far as it said."""

    shown: int
    head: int
    held: dict[int, ChatMessage] = field(default_factory=dict)


class Timeline:
    """How far each conversation was shown, within one epoch. ``whole`` wants them from their first message on."""

    __slots__ = ("_behind", "_lines", "_listed", "_repairs", "_whole")

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._lines: dict[str, _Line] = {}
        self._behind: dict[str, None] = {}  # those of which not all is shown
        self._repairs = False
        self._listed = False

    def begin(self, *, repairs: bool) -> None:
        """Logged in; ``repairs`` says whether the server can be asked for what is missing."""
        self._repairs = repairs
        self._behind.clear()
        for line in self._lines.values():
            line.head = line.shown
            line.held.clear()

    def forget(self) -> None:
        """The epoch changed: all numbers begin anew."""
        self._lines.clear()
        self._behind.clear()
        self._listed = False

    # What is known of the server's logs.

    def restore(self, shown: Mapping[str, int], *, listed: bool) -> None:
        """Go on from what an earlier run kept: the highest seq of each conversation; were they all?"""
        self._listed = listed
        self._lines = {conversation: _Line(seq, seq) for conversation, seq in shown.items()}

    def told(self, conversation: str, head: int, begin: int | None = None) -> int:
        """The server has messages up to ``head``; one that is new here begins behind ``begin`` (``head`` if None).

        Returns the highest seq that was shown, or counts as shown.
        """
        return self._reach(conversation, head, begin=head if begin is None else begin).shown

    @property
    def listed(self) -> bool:
        """Has the server told of all conversations? Others come into being after that."""
        return self._listed

    def all_told(self) -> None:
        """It has."""
        self._listed = True

    def behind(self) -> Iterator[str]:
        """The conversations of which messages are missing."""
        return iter(self._behind)

    def shown(self, conversation: str) -> int:
        """The highest seq shown (or, at the beginning, the one before what will be): HISTORY goes on from here."""
        return self._lines[conversation].shown

    def head(self, conversation: str) -> int:
        """The highest seq that the server told of."""
        return self._lines[conversation].head

    # What came.

    def live(self, message: ChatMessage) -> list[Shown]:
        """An event came: what is to be shown now."""
        line = self._reach(message.conversation, message.seq, begin=message.seq - 1)
        if message.seq > line.shown + 1 and self._repairs:
            if len(line.held) < HELD:
                line.held[message.seq] = message
            return []
        return self._show(line, message)

    def item(self, message: ChatMessage) -> list[Shown]:
        """An item of HISTORY came: what is to be shown now."""
        line = self._reach(message.conversation, message.seq, begin=message.seq - 1)
        return self._show(line, message)

    def skip(self, conversation: str, seq: int) -> list[Shown]:
        """HISTORY gives nothing up to ``seq``: go on behind it."""
        line = self._lines[conversation]
        shown: list[Shown] = []
        for held in sorted(line.held):
            if held <= seq and held in line.held:  # it is gone there, but came live, and is here
                shown += self._show(line, line.held.pop(held))
        if seq > line.shown:
            shown.append(Gap(conversation, line.shown, seq + 1))
            line.shown = seq
        return shown + self._go_on(conversation, line)

    def withdraw(self, conversation: str) -> None:
        """The server tells no more of it: what is missing waits until it does."""
        line = self._lines[conversation]
        line.head = line.shown
        line.held.clear()
        self._behind.pop(conversation, None)

    # Inside.

    def _reach(self, conversation: str, head: int, begin: int) -> _Line:
        line = self._lines.get(conversation)
        if line is None:
            new = self._listed and conversation.startswith("@")
            shown = 0 if self._repairs and (self._whole or new) else begin
            line = self._lines[conversation] = _Line(shown, shown)
        line.head = max(line.head, head)
        if line.head > line.shown and self._repairs:
            self._behind[conversation] = None
        return line

    def _show(self, line: _Line, message: ChatMessage) -> list[Shown]:
        if message.seq <= line.shown:
            return []
        shown: list[Shown] = [message]
        if message.seq > line.shown + 1:
            shown.insert(0, Gap(message.conversation, line.shown, message.seq))
        line.shown = message.seq
        return shown + self._go_on(message.conversation, line)

    def _go_on(self, conversation: str, line: _Line) -> list[Shown]:
        """Show what waited and waits no more."""
        shown: list[Shown] = []
        for seq in sorted(line.held) if line.held else ():
            if seq > line.shown + 1:
                break
            message = line.held.pop(seq)
            if seq > line.shown:
                shown.append(message)
                line.shown = seq
        if line.shown >= line.head:
            self._behind.pop(conversation, None)
        return shown
