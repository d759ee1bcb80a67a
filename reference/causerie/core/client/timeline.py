"""Each message once, and in the order of seq [CLIENT-6].

In here: for each conversation the highest seq shown, and the verdict on the next one. Not in here: what is
shown how, and the repair of gaps.

The rules:

* A seq at or below the highest shown was shown already (or can no longer be shown in its place): a duplicate.
* The first message of a conversation begins it anywhere: what was before is history.
* A seq more than one above the highest is shown and reported with the range that is missing before it: a
  client that can ask HISTORY repairs it [CLIENT-10]; one that cannot says how many it missed.
* A new epoch forgets everything [CLIENT-10].
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of ``conversation`` with ``after`` < seq < ``before`` did not come."""

    conversation: str
    after: int
    before: int

    @property
    def missing(self) -> int:
        """How many."""
        return self.before - self.after - 1


@dataclass(frozen=True, slots=True)
class Place:
    """What to do with a message: show it or not, and the gap that opened before it."""

    show: bool
    gap: Gap | None = None


_SHOW = Place(True)
_DUPLICATE = Place(False)


class Timeline:
    """The highest seq shown in each conversation, within one epoch."""

    __slots__ = ("_shown",)

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}

    def place(self, conversation: str, seq: int) -> Place:
        """Take the message with this seq into the conversation's order."""
        shown = self._shown.get(conversation)
        if shown is not None and seq <= shown:
            return _DUPLICATE
        self._shown[conversation] = seq
        if shown is None or seq == shown + 1:
            return _SHOW
        return Place(True, Gap(conversation, shown, seq))

    def shown(self, conversation: str) -> int | None:
        """The highest seq shown, the anchor from which HISTORY goes on; None before the first."""
        return self._shown.get(conversation)

    def forget(self) -> None:
        """The epoch changed: all numbers begin anew."""
        self._shown.clear()
