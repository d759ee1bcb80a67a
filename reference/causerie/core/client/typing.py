"""Who is writing just now: COMPOSE and COMPOSING.

In here: for how long somebody counts as writing, and how often the server is told that the user is. Not in here:
octets.

The rules:

* Somebody who is writing is shown for SHOWN seconds, or until that person's message, or until told otherwise (section
  3.7 of the design: "a client shows it for 6 s").
* The server is told again every REPEAT seconds while the user goes on writing, and at once that the user stopped.
"""

from __future__ import annotations

from typing import Final

from causerie_spec.messages import Compose

SHOWN: Final = 6.0
"""Seconds for which somebody counts as writing."""
REPEAT: Final = 3.0
"""Seconds before the server is told again that the user is writing."""
MOST: Final = 100
"""People who are shown as writing in one conversation; further ones are not counted."""


class Typing:
    """Who writes where, the user included."""

    __slots__ = ("_others", "_told")

    def __init__(self) -> None:
        self._others: dict[str, dict[str, float]] = {}  # conversation → handle → until when
        self._told: dict[str, float] = {}  # conversation → when the server was told that the user writes

    def begin(self) -> list[str]:
        """A connection began or ended: nobody is known to write. Returns the conversations that this changes."""
        changed = list(self._others)
        self._others.clear()
        self._told.clear()
        return changed

    def writing(self, conversation: str) -> tuple[str, ...]:
        """Who writes there, in the order in which they began."""
        return tuple(self._others.get(conversation, ()))

    def came(self, conversation: str, handle: str, *, active: bool, now: float) -> bool:
        """COMPOSING came; did anything change?"""
        if not active:
            return self.wrote(conversation, handle)
        there = self._others.setdefault(conversation, {})
        new = handle not in there
        if new and len(there) >= MOST:
            return False
        there[handle] = now + SHOWN
        return new

    def wrote(self, conversation: str, handle: str) -> bool:
        """A message of that person came; did anything change?"""
        there = self._others.get(conversation)
        if there is None or there.pop(handle, None) is None:
            return False
        if not there:
            del self._others[conversation]
        return True

    def expire(self, now: float) -> list[str]:
        """The conversations in which somebody counts as writing no longer."""
        gone = [
            (conversation, handle)
            for conversation, there in self._others.items()
            for handle, until in there.items()
            if now >= until
        ]
        for conversation, handle in gone:
            self.wrote(conversation, handle)
        return list(dict.fromkeys(conversation for conversation, _ in gone))

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do."""
        return min((until for there in self._others.values() for until in there.values()), default=None)

    def user(self, conversation: str, *, active: bool, now: float) -> Compose | None:
        """The user writes there, or no longer: what to tell the server, if anything."""
        told = self._told.get(conversation)
        if active:
            if told is not None and now < told + REPEAT:
                return None
            self._told[conversation] = now
            return Compose(conversation, True)
        if told is None:
            return None
        del self._told[conversation]
        return Compose(conversation, False) if now < told + SHOWN else None

    def sent(self, conversation: str) -> None:
        """The user's message went out: everybody knows that it is written."""
        self._told.pop(conversation, None)
