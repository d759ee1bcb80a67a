"""What the cases of rooms, history, txn memory and durability share: a log, what it must hold, and reading it.

In here: no case. `live` and `page` are strict about every message between two that a case names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from causerie_conformance.arena import Arena, login, new_token
from causerie_conformance.cases.circle import new_room
from causerie_conformance.client import Client, assuming
from causerie_conformance.peer import Received
from causerie_conformance.problems import Kind
from causerie_spec.codec import encode
from causerie_spec.codes import HISTORY, MAX_PAGE, MAX_PAGE_OCTETS, MAX_U64, ROOMS, Direction
from causerie_spec.codes import Kind as MessageKind
from causerie_spec.messages import Ack, ChatMessage, Conversation, Conversations, History, Ready, Send

WITH: Final = (HISTORY,)
IN_ROOMS: Final = (HISTORY, ROOMS)
BURST: Final = 64
"""SENDs that are pipelined at once."""


class Line(NamedTuple):
    """A message of a log, as a case expects it. ``txn`` None: any."""

    seq: int
    sender: str
    kind: int = MessageKind.TEXT
    text: str = ""
    txn: int | None = None

    def __str__(self) -> str:
        what = {int(MessageKind.JOINED): "JOINED", int(MessageKind.LEFT): "LEFT"}.get(self.kind, "a text")
        return f"seq {self.seq}, {what} of {self.sender}"


def joined(seq: int, who: Client) -> Line:
    """The message that somebody joined."""
    return Line(seq, who.handle, MessageKind.JOINED, txn=0)


def left(seq: int, who: Client) -> Line:
    """The message that somebody left."""
    return Line(seq, who.handle, MessageKind.LEFT, txn=0)


def said(message: tuple[Send, Ack], who: Client) -> Line:
    """The message that a SEND became (as `Client.post` returns it)."""
    send, ack = message
    return Line(ack.seq, who.handle, send.kind, send.text, send.txn)


def newcomer(arena: Arena, handle: str) -> Client:
    """The first login of a handle that was spoken of before."""
    client = arena.greet("newcomer", capabilities=WITH)
    client.handle, client.token = handle, new_token()
    with assuming("LOGIN-1"):
        client.ask(login(handle, client.token), Ready)
    return client


# Live


def heard(client: Client, conversation: str) -> list[Received]:
    """The messages of a conversation that have come live since last asked; no others are to come."""
    came = client.gather(ChatMessage)
    client.events.extend(each for each in came if getattr(each.message, "conversation", "") != conversation)
    return [each for each in came if getattr(each.message, "conversation", "") == conversation]


def live(client: Client, conversation: str, *lines: Line) -> None:
    """Since last asked these messages must have come live in a conversation, and no others."""
    came = heard(client, conversation)
    for line, received in zip(lines, came, strict=False):
        for field in Line._fields:
            wanted = getattr(line, field)
            if wanted is not None and getattr(received.message, field) != wanted:
                raise client.wrong(Kind.VALUE, f"MESSAGE in {conversation}: {line}", received, field=field)
    if len(came) > len(lines):
        raise client.wrong(Kind.EXTRA, f"no MESSAGE in {conversation} here", came[len(lines)])
    if len(came) < len(lines):
        expected = f"MESSAGE in {conversation}: {lines[len(came)]}"
        raise client.problem(Kind.UNEXPECTED, expected, "a PONG and no such MESSAGE before it")


# Rooms


def member(arena: Arena, name: str, room: str = "", *, like: Client | None = None) -> tuple[Client, str]:
    """Somebody who negotiated `rooms` and `history` (as far as there are) and joined a room, a new one unless told."""
    client = arena.login(name, like=like, capabilities=IN_ROOMS)
    room = room or new_room()
    client.join(room)
    client.gather(ChatMessage)
    return client, room


# History


def page(client: Client, ask: History, log: Sequence[int]) -> list[ChatMessage]:
    """One page of HISTORY, which must be as [HIST-1] to [HIST-3] say; *log* is the seqs that the log holds."""
    with assuming("HIST-1"):
        items, more = client.stream(ask, ChatMessage)
    before, anchor, limit = ask.direction == Direction.BEFORE, ask.anchor, ask.limit
    remain = [seq for seq in log if (seq < anchor if before else seq > anchor)]
    seqs = [item.seq for item in items]
    shown = f"{_shown(seqs)}, more={more}"

    def check(holds: bool, expected: str, clause: str) -> None:
        if not holds:
            way = f"{'before' if before else 'after'} {anchor}, limit {limit}, in a log of {_shown(log)}"
            raise client.problem(Kind.VALUE, f"{expected}: HISTORY {way}", shown, clause=clause)

    check(len(seqs) <= min(limit, MAX_PAGE), f"at most {min(limit, MAX_PAGE)} messages", "HIST-2")
    check(bool(seqs) or not remain, "at least one message, as some remain", "HIST-2")
    wanted = remain[len(remain) - len(seqs) :] if before else remain[: len(seqs)]
    check(seqs == wanted, f"seq {_shown(wanted)}, contiguous from the anchor", "HIST-1")
    octets = [len(encode(item, 1)) for item in items]
    check(sum(octets) - max(octets, default=0) <= MAX_PAGE_OCTETS, "some 256 KiB at most", "HIST-2")
    check(more == (len(seqs) < len(remain)), f"more={len(seqs) < len(remain)}", "HIST-3")
    return items


def _shown(seqs: Sequence[int]) -> str:
    if not seqs:
        return "nothing"
    if list(seqs) == list(range(seqs[0], seqs[0] + len(seqs))):
        return f"{seqs[0]}" if len(seqs) == 1 else f"{seqs[0]} … {seqs[-1]}"
    return ", ".join(map(str, seqs[:12])) + (" …" if len(seqs) > 12 else "")


def whole(client: Client, conversation: str, after: int = 0) -> list[ChatMessage]:
    """All of a log behind *after*, page by page."""
    found: list[ChatMessage] = []
    more = True
    while more:
        with assuming("HIST-1"):
            items, more = client.stream(History(conversation, Direction.AFTER, after, MAX_PAGE), ChatMessage)
        if more and not items:
            raise client.problem(Kind.VALUE, "at least one message, as there are more", "none", clause="HIST-2")
        found += items
        after = items[-1].seq if items else after
    return found


def newest(client: Client, conversation: str, count: int = MAX_PAGE) -> list[ChatMessage]:
    """The last page of a log."""
    with assuming("HIST-1"):
        return client.stream(History(conversation, Direction.BEFORE, MAX_U64, count), ChatMessage)[0]


def holds(client: Client, conversation: str, lines: Iterable[Line], after: int = 0) -> None:
    """Behind *after* the log must hold these messages and no others."""
    wanted = list(lines)
    came = whole(client, conversation, after)
    for line, item in zip(wanted, came, strict=False):
        for field in Line._fields:
            value = getattr(line, field)
            if value is not None and getattr(item, field) != value:
                told = f"{field}={getattr(item, field)!r}"[:80]
                raise client.problem(Kind.VALUE, f"in the log of {conversation}: {line}, {field}={value!r}"[:160], told)
    if len(came) != len(wanted):
        expected = f"a log of {conversation} with {len(wanted)} messages"
        raise client.problem(Kind.VALUE, expected, f"{len(came)}: {_shown([item.seq for item in came])}")


def fill(client: Client, conversation: str, texts: Sequence[str]) -> list[tuple[Send, Ack]]:
    """Send these texts, pipelined."""
    sent = []
    for begin in range(0, len(texts), BURST):
        with assuming("SEND-1"):
            said_now = [client.say(text, conversation) for text in texts[begin : begin + BURST]]
            sent += [(message, client.expect(Ack, ref=ref)) for message, ref in said_now]
    return sent


# Lists


def conversations(client: Client, limit: int = MAX_PAGE) -> dict[str, Conversation]:
    """All that CONVERSATIONS lists, page by page, by name; each page checked as [LIST-1] says."""
    found: dict[str, Conversation] = {}
    more, after = True, ""
    while more:
        items, more = conversations_page(client, after, limit)
        found |= {item.conversation: item for item in items}
        after = items[-1].conversation if items else after
    return found


def place_in_list(client: Client, conversation: str) -> Conversation:
    """What CONVERSATIONS says of a conversation that it must list."""
    found = conversations(client)
    if conversation not in found:
        expected = f"{conversation} in the list of conversations"
        raise client.problem(Kind.VALUE, expected, ", ".join(found) or "an empty list", clause="LIST-2")
    return found[conversation]


def conversations_page(client: Client, after: str, limit: int) -> tuple[list[Conversation], bool]:
    """One page of CONVERSATIONS, and whether there is more."""
    with assuming("LIST-2"):
        items, more = client.stream(Conversations(after, limit), Conversation)
    check_names(client, [item.conversation for item in items], after, limit, more=more)
    return items, more


def check_names(client: Client, names: Sequence[str], after: str, limit: int, *, more: bool) -> None:
    """A page of a list must be in order, behind *after*, and no longer than asked for."""
    shown = f"{len(names)} items: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}; more={more}"
    if list(names) != sorted(set(names)) or (names and names[0] <= after):
        expected = f"names after {after!r} in ascending order of octets"
        raise client.problem(Kind.VALUE, expected, shown, clause="LIST-1")
    if len(names) > min(limit, MAX_PAGE) or (more and not names):
        expected = f"at least one of those that remain, and at most {min(limit, MAX_PAGE)}"
        raise client.problem(Kind.VALUE, expected, shown, clause="LIST-1")
