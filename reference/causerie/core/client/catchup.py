"""Asks for what was missed: CONVERSATIONS after each login, HISTORY wherever a message is missing [CLIENT-10].

In here: which question comes next, and what its answer means. Not in here: what has been shown (`timeline`), refs
and octets (`connection`).

The rules:

* After a login the whole list of conversations is read once, for the heads. One that is new here begins where the
  server says that the user has received it, if it can say so. The first SEND on this device waits for the list: a
  message that was sent before it would count as received, and what was sent and not seen would be taken for history.
* A conversation of which something is missing is asked for from the last message shown, page by page, until
  nothing is. PAGES questions wait for their answers at once: SENDs are answered behind them, and PING.
* A page that gives nothing new ends the search for what the server had told of when it was asked: that is gone.
* RATE_LIMITED and INTERNAL: the same again after ``retry_ms`` [LOAD-6], PAUSE seconds at least. Who left a room
  meanwhile asks no more; coming back, one is told of it again. Any other refusal means that there is nothing to have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from causerie.core.client.timeline import Shown, Timeline
from causerie_spec.codes import MAX_PAGE, Direction, ErrorCode
from causerie_spec.messages import ChatMessage, Conversation, Conversations, End, Error, History, Message

PAGES: Final = 4
"""Pages of HISTORY that are asked for at once: 1 MiB, about."""
PAUSE: Final = 1.0
"""Seconds before a question is asked again, at least."""
AGAIN: Final = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.INTERNAL})
"""Refusals that another time may not meet."""

_LEFT: Final = frozenset({ErrorCode.NOT_A_MEMBER, ErrorCode.NO_SUCH_CONVERSATION})


@dataclass(slots=True)
class _Page:
    """A HISTORY that waits for its answer: what was shown, and known to be there, when it was asked."""

    anchor: int
    head: int


class CatchUp:
    """The questions of one client; `begin` begins anew with each login."""

    __slots__ = ("_after", "_listing", "_not_before", "_pages", "_receipts", "_timeline")

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._after: str | None = None  # where the list goes on; None: it was read
        self._listing = False
        self._pages: dict[str, _Page] = {}
        self._not_before: float | None = None
        self._receipts = False

    def begin(self, *, history: bool, receipts: bool = False) -> None:
        """Logged in, to a server that can be asked (``history``) or not, and keeps cursors (``receipts``) or not."""
        self._receipts = receipts
        self._timeline.begin(repairs=history)
        self._after = "" if history else None
        self._listing = False
        self._pages.clear()
        self._not_before = None

    @property
    def sends_wait(self) -> bool:
        """Must messages wait for the list? It says where each conversation begins here: behind none of them."""
        return self._after is not None and not self._timeline.listed

    @property
    def deadline(self) -> float | None:
        """When the next question may be asked, if it has to wait."""
        return self._not_before

    def next_question(self, now: float) -> Message | None:
        """The next request, which the caller sends at once; None when there is none for now."""
        if self._not_before is not None:
            if now < self._not_before:
                return None
            self._not_before = None
        if self._after is not None and not self._listing:
            self._listing = True
            return Conversations(self._after, MAX_PAGE)
        if len(self._pages) < PAGES:
            for conversation in self._timeline.behind():
                if conversation not in self._pages:
                    anchor = self._timeline.shown(conversation)
                    self._pages[conversation] = _Page(anchor, self._timeline.head(conversation))
                    return History(conversation, Direction.AFTER, anchor, MAX_PAGE)
        return None

    def answered(self, request: Message, answer: Message, now: float) -> list[Shown]:
        """An answer, or an item of one, came: what is to be shown now."""
        if isinstance(answer, Error) and answer.code in AGAIN:
            self._not_before = now + max(answer.retry_ms / 1000, PAUSE)
        if isinstance(request, Conversations):
            self._list(request, answer)
            return []
        assert isinstance(request, History)
        return self._page(request, answer)

    def _list(self, request: Conversations, answer: Message) -> None:
        if isinstance(answer, Conversation):
            # What reached none of the user's devices is news, not history; MAX_PAGE of it at most.
            begin = max(min(answer.delivered, answer.head), answer.head - MAX_PAGE, 0) if self._receipts else None
            self._timeline.told(answer.conversation, answer.head, begin)
            self._after = answer.conversation
            return
        self._listing = False
        if isinstance(answer, Error):
            if answer.code not in AGAIN:
                self._after = None
        elif not (isinstance(answer, End) and answer.more) or self._after == request.after:
            self._after = None
            self._timeline.all_told()

    def _page(self, request: History, answer: Message) -> list[Shown]:
        conversation = request.conversation
        if isinstance(answer, ChatMessage):
            return self._timeline.item(answer)
        page = self._pages.pop(conversation)
        if isinstance(answer, Error) and answer.code in AGAIN:
            return []
        if isinstance(answer, Error) and answer.code in _LEFT:
            self._timeline.withdraw(conversation)
            return []
        if self._timeline.shown(conversation) > page.anchor:
            return []  # if there is more, it is asked for next
        return self._timeline.skip(conversation, page.head)
