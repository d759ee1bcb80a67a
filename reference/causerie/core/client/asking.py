"""What the user wants to know once: which rooms there are, who is there, what was said before.

In here: ROOMS, WHO and HISTORY (before), page by page, and watching. Not in here: what was missed (`catchup`), refs and
octets (`connection`).

The rules:

* Lists are read page by page until they end, or LONGEST names are there.
* What was asked on a connection that is lost is not asked again: it is refused as if by the server, with code 0. Only a
  watch begins again with each login.
* RATE_LIMITED and INTERNAL are refusals like others: the user may ask again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from causerie.core.client import events as ev
from causerie_spec.codes import HISTORY, MAX_PAGE, PRESENCE, ROOMS, Direction, ErrorCode
from causerie_spec.messages import ChatMessage, End, Error, History, Message, Presence, Room, Rooms, Who

LONGEST: Final = 4_096
"""Names of one list that are asked for, at most."""


@dataclass(slots=True, eq=False)
class _Ask:
    """One question with all its pages."""

    verb: ev.Verb
    conversation: str
    anchor: int = 0
    watch: bool = False
    after: str = ""
    request: Message | None = None
    items: list[Message] = field(default_factory=list)

    def question(self) -> Message:
        if self.verb is ev.Verb.ROOMS:
            return Rooms(self.after, MAX_PAGE)
        if self.verb is ev.Verb.PEOPLE:
            return Who(self.conversation, self.after, MAX_PAGE, self.watch)
        return History(self.conversation, Direction.BEFORE, self.anchor, MAX_PAGE)

    def complete(self) -> ev.Event:
        if self.verb is ev.Verb.ROOMS:
            return ev.RoomsListed(
                tuple((room.conversation, room.members) for room in self.items if isinstance(room, Room))
            )
        if self.verb is ev.Verb.PEOPLE:
            people = tuple(
                ev.PersonSeen(person.handle, person.display, person.online, person.last_seen)
                for person in self.items
                if isinstance(person, Presence)
            )
            return ev.PeopleListed(self.conversation, people)
        messages = tuple(message for message in self.items if isinstance(message, ChatMessage))
        return ev.OlderCame(self.conversation, self.anchor, messages)

    def refused(self, code: int, detail: str) -> ev.Event:
        return ev.AskRefused(self.verb, self.conversation, code, detail)


CAPABILITY: Final = {ev.Verb.ROOMS: ROOMS, ev.Verb.PEOPLE: PRESENCE, ev.Verb.OLDER: HISTORY}


class Asking:
    """The questions of one client."""

    __slots__ = ("_asks", "_watched")

    def __init__(self) -> None:
        self._asks: list[_Ask] = []
        self._watched: dict[str, None] = {}

    def begin(self) -> list[ev.Event]:
        """Logged in, or out of it: what was asked got no answer; watches are asked for again."""
        lost: list[ev.Event] = [ask.refused(0, "") for ask in self._asks if ask.request is not None and not ask.watch]
        self._asks = [ask for ask in self._asks if ask.request is None and not ask.watch]
        self._asks += [_Ask(ev.Verb.PEOPLE, conversation, watch=True) for conversation in self._watched]
        return lost

    def rooms(self) -> None:
        """Ask which rooms there are."""
        self._asks.append(_Ask(ev.Verb.ROOMS, ""))

    def people(self, conversation: str) -> None:
        """Ask who is there."""
        self._asks.append(_Ask(ev.Verb.PEOPLE, conversation, watch=conversation in self._watched))

    def watch(self, conversation: str) -> None:
        """Be told from now on who comes and goes there."""
        if conversation not in self._watched:
            self._watched[conversation] = None
            self._asks.append(_Ask(ev.Verb.PEOPLE, conversation, watch=True))

    def older(self, conversation: str, before: int) -> None:
        """Ask for the messages before that seq."""
        self._asks.append(_Ask(ev.Verb.OLDER, conversation, before))

    def next_question(self) -> Message | None:
        """The next request, which the caller sends at once; None when there is none."""
        for ask in self._asks:
            if ask.request is None:
                ask.request = ask.question()
                return ask.request
        return None

    def refuse(self, negotiated: frozenset[str]) -> list[ev.Event]:
        """Those that this server has no frames for."""
        hopeless = [ask for ask in self._asks if CAPABILITY[ask.verb] not in negotiated]
        self._asks = [ask for ask in self._asks if ask not in hopeless]
        return [ask.refused(ErrorCode.UNSUPPORTED, "") for ask in hopeless if not ask.watch]

    def owns(self, request: Message) -> bool:
        """Was it asked here?"""
        return any(ask.request is request for ask in self._asks)

    def answered(self, request: Message, answer: Message) -> Sequence[ev.Event]:
        """An answer, or an item of one, came: what to tell the user."""
        ask = next(ask for ask in self._asks if ask.request is request)
        if not isinstance(answer, (Error, End)):
            ask.items.append(answer)
            if isinstance(answer, (Room, Presence)):
                ask.after = answer.conversation if isinstance(answer, Room) else answer.handle
            return ()
        more = isinstance(answer, End) and answer.more and ask.verb is not ev.Verb.OLDER
        if more and len(ask.items) < LONGEST and ask.after != getattr(request, "after", None):
            ask.request = None
            return ()
        self._asks.remove(ask)
        return (ask.refused(answer.code, answer.detail) if isinstance(answer, Error) else ask.complete(),)
