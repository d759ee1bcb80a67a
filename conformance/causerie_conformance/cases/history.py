"""History: which messages HISTORY gives, in which direction, and how many at once; who may ask.

In here: one log, looked at from every side. What waits for people offline is in `waiting`, readers that do not read in
`history_load`, CONVERSATIONS in `lists`.
"""

from __future__ import annotations

from typing import Final

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.circle import new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import (
    IN_ROOMS,
    WITH,
    Line,
    fill,
    holds,
    joined,
    left,
    member,
    newest,
    page,
    place_in_list,
    said,
    whole,
)
from causerie_conformance.cases.sending import BAD_CONVERSATIONS
from causerie_conformance.client import Client, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import encode
from causerie_spec.codes import HISTORY, LOBBY, MAX_PAGE, MAX_TEXT, MAX_U64, ROOMS, Direction, ErrorCode
from causerie_spec.messages import ChatMessage, End, History

NEEDS: Final = (HISTORY,)
NEEDS_ROOMS: Final = (HISTORY, ROOMS)
AFTER, BEFORE = Direction.AFTER, Direction.BEFORE
SHORT: Final = 10
"""Messages in a short log."""
LONG: Final = 600
"""Messages in a log of several pages."""


def log_of(arena: Arena, count: int, text: str = "number {}") -> tuple[Client, str]:
    """Somebody, and a direct conversation with that many messages, some of each side."""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    texts = [text.format(number) for number in range(count)]
    fill(bob, to(alice), texts[: count // 3])
    fill(alice, to(bob), texts[count // 3 :])
    return alice, to(bob)


# Where a page begins and ends

_ANCHORS: Final = {
    "0": 0,
    "first": 1,
    "the-second": 2,
    "the-middle": SHORT // 2,
    "the-last-but-one": SHORT - 1,
    "head": SHORT,
    "head-plus-1": SHORT + 1,
    "head-plus-2": SHORT + 2,
    "2-to-the-32": 2**32,
    "2-to-the-63": 2**63,
    "2-to-the-64-minus-1": MAX_U64,
}
LIMITS: Final = (1, 2, SHORT - 1, SHORT, SHORT + 1, 256, 257, 65_535)


@case("history/after-{}", "HIST-1", "HIST-2", "HIST-3", needs=NEEDS, over=_ANCHORS)
def after(arena: Arena, anchor: int) -> None:
    """HISTORY after an anchor gives the first messages above it, with any limit"""
    alice, conversation = log_of(arena, SHORT)
    for limit in LIMITS:
        page(alice, History(conversation, AFTER, anchor, limit), range(1, SHORT + 1))


@case("history/before-{}", "HIST-1", "HIST-2", "HIST-3", needs=NEEDS, over=_ANCHORS)
def before(arena: Arena, anchor: int) -> None:
    """HISTORY before an anchor gives the last messages below it, in ascending order, with any limit"""
    alice, conversation = log_of(arena, SHORT)
    for limit in LIMITS:
        page(alice, History(conversation, BEFORE, anchor, limit), range(1, SHORT + 1))


_PAGES = {"1": 1, "7": 7, "100": 100, "256": 256, "257": 257, "65535": 65_535}


@case("history/pages-{}", "HIST-1", "HIST-2", "HIST-3", needs=NEEDS, over=_PAGES)
def pages(arena: Arena, limit: int) -> None:
    """A long log, read page by page in both directions, holds each message once: limit"""
    count = LONG if limit > SHORT else 5 * SHORT
    alice, conversation = log_of(arena, count)
    log = range(1, count + 1)
    anchor = 0
    while anchor < count:
        anchor = page(alice, History(conversation, AFTER, anchor, limit), log)[-1].seq
    anchor = MAX_U64
    while anchor > 1:
        anchor = page(alice, History(conversation, BEFORE, anchor, limit), log)[0].seq


@case("history/empty", "DIRECT-5", "HIST-3", needs=NEEDS)
def empty(arena: Arena) -> None:
    """A conversation with somebody known that has no messages exists and is empty"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    for conversation in (to(bob), to(alice)):
        for direction in Direction:
            for anchor in (0, 1, MAX_U64):
                page(alice, History(conversation, direction, anchor, 10), ())


@case("history/at-most-256-kib", "HIST-2", "HIST-1", "HIST-3", needs=NEEDS)
def at_most_256_kib(arena: Arena) -> None:
    """A page of long texts ends at some 256 KiB, in both directions, and the next goes on there"""
    count = 40
    alice, conversation = log_of(arena, count, "{}" + "x" * (MAX_TEXT - 2))
    log, anchor = range(1, count + 1), 0
    while anchor < count:
        anchor = page(alice, History(conversation, AFTER, anchor, MAX_PAGE), log)[-1].seq
    anchor = MAX_U64
    while anchor > 1:
        anchor = page(alice, History(conversation, BEFORE, anchor, 65_535), log)[0].seq


@case("history/long-and-short", "HIST-2", "HIST-1", needs=NEEDS)
def long_and_short(arena: Arena) -> None:
    """Long texts among short ones, of one and of four octets a character, are paged without a gap"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    texts = [("🦊" * 4_096, "a", "b" * MAX_TEXT, "c")[number % 4] for number in range(90)]
    sent = fill(alice, to(bob), texts)
    holds(alice, to(bob), [said(message, alice) for message in sent])
    anchor = MAX_U64
    while anchor > 1:
        anchor = page(alice, History(to(bob), BEFORE, anchor, MAX_PAGE), range(1, 91))[0].seq


# What an item says


@case("history/as-it-was-live", "HIST-9", "MSG-5", "DIRECT-1", profile="history", needs=NEEDS)
def as_it_was_live(arena: Arena) -> None:
    """Items say what the live MESSAGEs said, each side naming the other"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    lines: list[Line] = []
    for kind in (0, 1, 2, 63, 64, 127):
        lines.append(said(alice.post(f"of kind {kind}", to(bob), kind=kind), alice))
        lines.append(said(bob.post(f"also {kind}", to(alice), kind=kind), bob))
    lines.append(said(bob.post("the largest", to(alice), txn=MAX_U64), bob))
    for client, conversation in ((alice, to(bob)), (bob, to(alice))):
        live = {event.message.seq: event.message for event in client.gather(ChatMessage)}  # type: ignore[attr-defined]
        with citing("HIST-9"):
            holds(client, conversation, lines)
        for item in whole(client, conversation):
            if item != live[item.seq]:
                raise client.problem(Kind.VALUE, f"{live[item.seq]}, as it was live", str(item))


@case("history/notes-to-self", "HIST-1", "DIRECT-4", needs=NEEDS)
def notes_to_self(arena: Arena) -> None:
    """Notes to oneself are kept like any other conversation"""
    alice = arena.login("alice", capabilities=WITH)
    sent = fill(alice, to(alice), ["one", "two", "three"])
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    holds(alice2, to(alice), [said(message, alice) for message in sent])


@case("history/lobby", "HIST-1", "HIST-5", needs=NEEDS)
def lobby(arena: Arena) -> None:
    """The log of #lobby is open to all, from before they logged in too"""
    alice = arena.login("alice")
    message = alice.post("for the newspaper")
    bob = arena.login("bob", capabilities=WITH)
    line = said(message, alice)
    items, _ = bob.stream(History(LOBBY, BEFORE, line.seq + 1, 1), ChatMessage)
    again, _ = bob.stream(History(LOBBY, AFTER, line.seq - 1, 1), ChatMessage)
    for item in (*items, *again):
        if (item.seq, item.sender, item.text) != (line.seq, line.sender, line.text):
            raise bob.problem(Kind.VALUE, f"{line} in #lobby", str(item))
    if len(items) != 1 or len(again) != 1:
        raise bob.problem(Kind.VALUE, "one message of #lobby", f"{len(items)} before, {len(again)} after")


@case("history/joined-and-left", "HIST-9", "ROOM-2", needs=NEEDS_ROOMS)
def joined_and_left(arena: Arena) -> None:
    """JOINED and LEFT are items like any other"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    message = bob.post("hello and goodbye", room)
    bob.leave(room)
    holds(alice, room, [joined(1, alice), joined(2, bob), said(message, bob), left(4, bob)])


@case("history/the-whole-log", "HIST-5", needs=NEEDS_ROOMS)
def the_whole_log(arena: Arena) -> None:
    """Members read the whole log of a room, from before they joined, and while they were out"""
    alice, room = member(arena, "alice")
    lines = [joined(1, alice), said(alice.post("before bob", room), alice)]
    bob, _ = member(arena, "bob", room)
    lines += [joined(3, bob)]
    holds(bob, room, lines)
    bob.leave(room)
    lines += [left(4, bob), said(alice.post("behind his back", room), alice)]
    bob.join(room)
    holds(bob, room, [*lines, joined(6, bob)])


@case("history/refs", "FRAME-10", "REQ-2", profile="history", needs=NEEDS)
def refs(arena: Arena) -> None:
    """Each item carries the ref of its request; pipelined requests are answered one after the other"""
    alice, conversation = log_of(arena, SHORT)
    asked = [(ref, History(conversation, AFTER, ref % 7, 3)) for ref in (65_535, 1, 32_768, 255, 256)]
    alice.send_octets(b"".join(encode(request, ref) for ref, request in asked))
    for ref, request in asked:
        for seq in range(request.anchor + 1, request.anchor + 4):
            alice.expect(ChatMessage, ref=ref, seq=seq)
        alice.expect(End, ref=ref, more=request.anchor + 4 <= SHORT)


@case("history/no-live-message", "FRAME-11", "MSG-4", profile="history", needs=NEEDS)
def no_live_message(arena: Arena) -> None:
    """HISTORY is answered to the connection that asked, and to nobody else"""
    alice, conversation = log_of(arena, SHORT)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    whole(alice, conversation)
    if alice2.gather(ChatMessage):
        raise alice2.problem(Kind.EXTRA, "nothing here", "messages that somebody else asked for")


# What is refused

_DIRECTIONS = {"2": 2, "3": 3, "127": 127, "128": 128, "255": 255}


@case("history/direction-{}", "HIST-4", "ERR-6", needs=NEEDS, over=_DIRECTIONS)
def bad_direction(arena: Arena, direction: int) -> None:
    """A direction above 1 is ERROR BAD_FIELD"""
    alice, conversation = log_of(arena, 1)
    alice.refused(History(conversation, direction, 0, 10), ErrorCode.BAD_FIELD)


@case("history/limit-0", "HIST-4", "ERR-6", needs=NEEDS)
def limit_0(arena: Arena) -> None:
    """limit 0 is ERROR BAD_FIELD, in both directions"""
    alice, conversation = log_of(arena, 1)
    for direction in Direction:
        alice.refused(History(conversation, direction, 0, 0), ErrorCode.BAD_FIELD)


@case("history/bad-{}", "NAME-3", "ERR-6", profile="history", needs=NEEDS, over=BAD_CONVERSATIONS)
def bad_conversation(arena: Arena, conversation: str) -> None:
    """HISTORY of an ill-formed conversation is ERROR BAD_FIELD"""
    alice = arena.login(capabilities=WITH)
    alice.refused(History(conversation, AFTER, 0, 10), ErrorCode.BAD_FIELD)


@case("history/fields-first", "ERR-7", profile="history", needs=NEEDS)
def fields_first(arena: Arena) -> None:
    """Fields are checked before it is seen whether the conversation exists"""
    alice, nowhere = arena.login(capabilities=WITH), new_room()
    alice.refused(History(nowhere, 2, 0, 10), ErrorCode.BAD_FIELD)
    alice.refused(History(nowhere, AFTER, 0, 0), ErrorCode.BAD_FIELD)


@case("history/nobody", "NAME-4", "DIRECT-6", profile="history", needs=NEEDS)
def nobody(arena: Arena) -> None:
    """HISTORY with a handle that never logged in is ERROR NO_SUCH_CONVERSATION"""
    alice = arena.login(capabilities=WITH)
    alice.refused(History(f"@{new_handle('nobody')}", AFTER, 0, 10), ErrorCode.NO_SUCH_CONVERSATION)


@case("history/never-was", "NAME-4", profile="history", needs=NEEDS)
def never_was(arena: Arena) -> None:
    """HISTORY of a room that never was is ERROR NO_SUCH_CONVERSATION"""
    alice = arena.login(capabilities=WITH)
    alice.refused(History(new_room(), BEFORE, MAX_U64, 10), ErrorCode.NO_SUCH_CONVERSATION)


@case("history/members-only", "HIST-5", "ROOM-11", needs=NEEDS_ROOMS)
def members_only(arena: Arena) -> None:
    """HISTORY by somebody who never joined, or left, is ERROR NOT_A_MEMBER, also when nobody is a member any more"""
    alice, room = member(arena, "alice")
    bob = arena.login("bob", capabilities=IN_ROOMS)
    ask = History(room, AFTER, 0, 10)
    bob.refused(ask, ErrorCode.NOT_A_MEMBER)
    bob.join(room)
    page(bob, ask, range(1, 3))
    bob.leave(room)
    bob.refused(ask, ErrorCode.NOT_A_MEMBER)
    alice.leave(room)
    for client in (alice, bob):
        client.refused(ask, ErrorCode.NOT_A_MEMBER)


@case("history/on-another-connection", "HIST-5", "ROOM-7", needs=NEEDS_ROOMS)
def on_another_connection(arena: Arena) -> None:
    """Membership is the handle's: a second device reads the log, until the first one leaves"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    ask = History(room, AFTER, 0, 10)
    page(alice2, ask, range(1, 2))
    alice.leave(room)
    alice2.refused(ask, ErrorCode.NOT_A_MEMBER)


@case("history/between-two", "MSG-7", "HIST-1", profile="history", needs=NEEDS)
def between_two(arena: Arena) -> None:
    """A direct conversation is read by its two only: others see their own with either"""
    alice, conversation = log_of(arena, 3)
    carol = arena.login("carol", capabilities=WITH)
    for other in (conversation, to(alice)):
        page(carol, History(other, AFTER, 0, 10), ())


# first


@case("history/first-and-head", "HIST-7", "LIST-2", needs=NEEDS)
def first_and_head(arena: Arena) -> None:
    """CONVERSATION's first is the lowest seq that HISTORY gives, and head the highest"""
    alice, conversation = log_of(arena, 5)
    place = place_in_list(alice, conversation)
    if (place.first, place.head) != (1, 5):
        came = f"first={place.first} head={place.head}"
        raise alice.problem(Kind.VALUE, f"first=1 head=5 in {conversation}", came)
    lobby_place = place_in_list(alice, LOBBY)
    items, _ = alice.stream(History(LOBBY, AFTER, 0, 1), ChatMessage)
    lowest = items[0].seq if items else lobby_place.head + 1
    if lobby_place.first != lowest:
        came = f"first={lobby_place.first}"
        raise alice.problem(Kind.VALUE, f"first={lowest} in #lobby, as HISTORY gives that", came)


@case("history/first-in-a-room", "HIST-7", needs=NEEDS_ROOMS)
def first_in_a_room(arena: Arena) -> None:
    """JOIN's CONVERSATION says first too: it is not where one joined"""
    alice, room = member(arena, "alice")
    fill(alice, room, ["x"] * 3)
    bob = arena.login("bob", capabilities=IN_ROOMS)
    place = bob.join(room)
    if place.first != 1 or place.head != 5:
        raise bob.problem(Kind.VALUE, "first=1 head=5", f"first={place.first} head={place.head}")
    if [item.seq for item in newest(bob, room)][:1] != [1]:
        raise bob.problem(Kind.VALUE, "seq 1 to be in the log", "a log without it", clause="HIST-5")
