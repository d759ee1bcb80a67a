"""Rooms that the user wants to be in, or no longer, until the server has done it.

In here: JOIN and LEAVE: when they go out, and what their answers mean. Not in here: which rooms one is in (the server
knows), and refs and octets (`connection`).

The rules:

* Both may be asked again without harm, so a lost connection costs nothing: they go out again after the next login,
  and NOT_A_MEMBER then answers a LEAVE that had been done.
* JOIN goes out before all that is written to the room, LEAVE once nothing written to it waits to go out; wishes for
  one room one after the other.
* RATE_LIMITED and INTERNAL: the same again later, as in `catchup`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causerie.core.client import events as ev
from causerie.core.client.catchup import AGAIN, PAUSE
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Conversation, Error, Join, Leave, Message


@dataclass(slots=True, eq=False)
class _Wish:
    request: Join | Leave
    asked: bool = False
    """Does it wait for its answer?"""
    repeated: bool = False
    """Was it asked on a connection before?"""


class Membership:
    """Wishes that are not fulfilled yet."""

    __slots__ = ("_not_before", "_wishes")

    def __init__(self) -> None:
        self._wishes: list[_Wish] = []
        self._not_before: float | None = None

    def __len__(self) -> int:
        return len(self._wishes)

    @property
    def deadline(self) -> float | None:
        """When the next request may go out, if it has to wait."""
        return self._not_before

    def want(self, request: Join | Leave) -> None:
        """The user wants this."""
        self._wishes.append(_Wish(request))

    def begin(self) -> None:
        """Logged in anew: whatever was asked before is asked again."""
        self._not_before = None
        for wish in self._wishes:
            wish.repeated |= wish.asked
            wish.asked = False

    def next_request(self, now: float, writing_to: Callable[[str], bool]) -> Message | None:
        """The next request, which the caller sends at once; ``writing_to``: do messages wait to go to that room?"""
        if self._not_before is not None:
            if now < self._not_before:
                return None
            self._not_before = None
        rooms = set()
        for wish in self._wishes:
            room = wish.request.conversation
            first = room not in rooms
            rooms.add(room)
            if first and not wish.asked and (isinstance(wish.request, Join) or not writing_to(room)):
                wish.asked = True
                return wish.request
        return None

    def answered(self, request: Join | Leave, answer: Message, now: float) -> list[ev.Event]:
        """What to tell the user; nothing, if it is asked again."""
        wish = next(wish for wish in self._wishes if wish.request is request)
        if isinstance(answer, Error) and answer.code in AGAIN:
            wish.asked = False
            self._not_before = now + max(answer.retry_ms / 1000, PAUSE)
            return []
        self._wishes.remove(wish)
        room = request.conversation
        if isinstance(answer, Conversation):
            return [ev.RoomJoined(room, answer.members)]
        if isinstance(answer, Error) and not (
            wish.repeated and isinstance(request, Leave) and answer.code == ErrorCode.NOT_A_MEMBER
        ):
            return [ev.RoomRefused(room, isinstance(request, Join), answer.code, answer.detail)]
        return [ev.RoomLeft(room)]

    def refuse_all(self) -> list[ev.Event]:
        """The server has no rooms."""
        refused: list[ev.Event] = [
            ev.RoomRefused(
                wish.request.conversation,
                isinstance(wish.request, Join),
                ErrorCode.UNSUPPORTED,
                "this server has no rooms",
            )
            for wish in self._wishes
        ]
        self._wishes.clear()
        return refused
