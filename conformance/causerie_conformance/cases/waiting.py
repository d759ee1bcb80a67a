"""History for those who were away: messages that wait, handles that stay, and coming back without loss or repetition.

In here: logging out and in again, cut connections, repair. Readers that do not read are in `history_load`.
"""

from __future__ import annotations

from typing import Final

from causerie_conformance.arena import Arena, login, new_handle
from causerie_conformance.cases.circle import leave
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import (
    WITH,
    Line,
    conversations,
    fill,
    heard,
    holds,
    joined,
    live,
    member,
    newcomer,
    said,
    whole,
)
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import HISTORY, LOBBY, MAX_TEXT, MECHANISM_SCRAM, ROOMS, ErrorCode
from causerie_spec.messages import Ack, ChatMessage, Send

NEEDS: Final = (HISTORY,)
NEEDS_ROOMS: Final = (HISTORY, ROOMS)


# Messages that wait


@case("history/waits", "DIRECT-5", "MSG-12", "LIST-2", needs=NEEDS)
def waits(arena: Arena) -> None:
    """A message to somebody offline waits: listed at the next login, given by HISTORY, and not sent unasked"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    leave(bob)
    with citing("DIRECT-5"):
        sent = [alice.post(f"when you are back: {number}", to(bob)) for number in range(3)]
    bob = arena.login("bob", like=bob, capabilities=WITH)
    with citing("MSG-12"):
        live(bob, to(alice))
    with citing("DIRECT-5"):
        place = conversations(bob).get(to(alice))
        if place is None or place.head != 3:
            raise bob.problem(Kind.VALUE, f"{to(alice)} with head 3 in the list", str(place))
        holds(bob, to(alice), [said(message, alice) for message in sent])
    live(alice, to(bob), *[said(message, alice) for message in sent])


@case("history/waits-for-both", "DIRECT-5", "DIRECT-2", needs=NEEDS)
def waits_for_both(arena: Arena) -> None:
    """Two people who are never online together have one log all the same"""
    people = [arena.login("alice"), arena.login("bob")]
    for each in people:
        leave(each)
    lines: list[Line] = []
    for number in range(6):
        writer, reader = people[number % 2], people[1 - number % 2]
        client = arena.login(writer.name, like=writer, capabilities=WITH)
        holds(client, to(reader), lines)
        lines.append(said(client.post(f"number {number}", to(reader)), client))
        leave(client)


@case("history/waits-however-long", "DIRECT-5", "HIST-1", needs=NEEDS)
def waits_however_long(arena: Arena) -> None:
    """What waits is kept when it was read, and when others log in and out meanwhile"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    leave(bob)
    lines = [said(message, alice) for message in fill(alice, to(bob), ["x" * number for number in range(1, 100)])]
    for number in range(3):
        leave(arena.login(f"n{number}"))
        bob = arena.login("bob", like=bob, capabilities=WITH)
        holds(bob, to(alice), lines)
        leave(bob)


@case("history/waits-in-a-room", "HIST-5", "MSG-12", "ROOM-7", needs=NEEDS_ROOMS)
def waits_in_a_room(arena: Arena) -> None:
    """What a room said while a member was away is not sent unasked; HISTORY gives it"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    leave(bob)
    message = alice.post("where is bob?", room)
    bob = arena.login("bob", like=bob, capabilities=WITH)
    with citing("MSG-12"):
        live(bob, room)
    holds(bob, room, [joined(1, alice), joined(2, bob), said(message, alice)])


@case("history/joiner-is-not-told-the-past", "MSG-12", "ROOM-14", needs=NEEDS_ROOMS)
def joiner_is_not_told(arena: Arena) -> None:
    """JOIN brings nothing of the log but the JOINED that it wrote"""
    alice, room = member(arena, "alice")
    fill(alice, room, ["before"] * 5)
    bob = arena.login("bob", capabilities=(HISTORY, ROOMS))
    bob.join(room)
    live(bob, room, joined(7, bob))


@case("history/nobody-to-wait-for", "DIRECT-6", "NAME-4", needs=NEEDS)
def nobody_to_wait_for(arena: Arena) -> None:
    """SEND to a handle that never logged in is ERROR NO_SUCH_CONVERSATION, and nothing waits for it"""
    alice, handle = arena.login("alice", capabilities=WITH), new_handle("bob")
    alice.refused(Send(f"@{handle}", new_txn(), 0, "are you there?"), ErrorCode.NO_SUCH_CONVERSATION)
    bob = newcomer(arena, handle)
    if to(alice) in conversations(bob):
        raise bob.problem(Kind.EXTRA, f"no {to(alice)} in the list", "one")
    holds(bob, to(alice), [])
    alice.post("now you are", to(bob))


@case("history/a-refused-login-is-none", "DIRECT-6", needs=NEEDS)
def a_refused_login(arena: Arena) -> None:
    """A handle whose only LOGIN was refused has never logged in"""
    alice, client = arena.login("alice"), arena.greet("bob")
    handle = new_handle("bob")
    client.refused(login(handle, b"short"), ErrorCode.BAD_FIELD)
    alice.refused(Send(f"@{handle}", new_txn(), 0, "are you there?"), ErrorCode.NO_SUCH_CONVERSATION)


@case("history/waits-for-an-account", "DIRECT-5", needs=(HISTORY, MECHANISM_SCRAM))
def waits_for_an_account(arena: Arena) -> None:
    """A message waits for a handle that has an account, whether it ever logged in or not"""
    alice, account = arena.login("alice", capabilities=WITH), arena.account()
    _, ack = alice.post("welcome", f"@{account.handle}")
    if ack.seq != 1:
        raise alice.problem(Kind.VALUE, "seq 1 in a log that is new", f"ACK with seq {ack.seq}")


# Handles


@case("history/handle-stays", "TOKEN-5", "TOKEN-3", needs=NEEDS)
def handle_stays(arena: Arena) -> None:
    """A handle stays with its token when its owner logs out, or is cut off"""
    for end in (leave, Client.reset):
        alice = arena.login("alice")
        end(alice)
        thief = arena.greet("thief")
        for token in (b"another token " * 2, alice.token + b"x", alice.token[:-1]):
            thief.refused(login(alice.handle, token), ErrorCode.HANDLE_TAKEN, clause="TOKEN-5")
        arena.login("alice", like=alice)


@case("history/handle-of-somebody-silent", "TOKEN-5", needs=NEEDS)
def handle_of_somebody_silent(arena: Arena) -> None:
    """A handle that wrote nothing and joined nothing stays too, while others come and go"""
    alice = arena.login("alice")
    leave(alice)
    for number in range(3):
        leave(arena.login(f"n{number}"))
    arena.greet("thief").refused(login(alice.handle, b"another token " * 2), ErrorCode.HANDLE_TAKEN)


# Live from READY on


@case("history/no-gap-at-login", "MSG-10", "MSG-4", "MSG-8", needs=NEEDS)
def no_gap_at_login(arena: Arena) -> None:
    """While others write, somebody logs in again and again: behind the head that it is told everything comes live"""
    alice, bob = arena.login("alice"), arena.login("bob")
    leave(bob)
    sent = 0
    for round_ in range(10):
        refs = [alice.say(f"{round_}: {number}", to(bob))[1] for number in range(20)]
        client = arena.login(f"bob{round_}", like=bob, capabilities=WITH)
        place = conversations(client).get(to(alice))
        head = place.head if place is not None else 0
        refs += [alice.say(f"{round_}, behind: {number}", to(bob))[1] for number in range(20)]
        for ref in refs:
            alice.expect(Ack, ref=ref)
        sent += len(refs)
        seqs = [getattr(each.message, "seq", 0) for each in heard(client, to(alice))]
        wanted = list(range(head + 1, sent + 1))
        if [seq for seq in seqs if seq > head] != wanted:
            expected = f"every seq from {head + 1} to {sent} live, as head {head} was told"
            raise client.problem(Kind.VALUE, expected, f"{seqs[:3]} … {seqs[-3:]}")
        items = [item.seq for item in whole(client, to(alice))]
        if items != list(range(1, sent + 1)):
            raise client.problem(Kind.VALUE, f"1 … {sent} in the log", f"{len(items)} items", clause="HIST-1")
        leave(client)


@case("history/no-gap-at-join", "MSG-10", "ROOM-14", "ROOM-12", needs=NEEDS_ROOMS)
def no_gap_at_join(arena: Arena) -> None:
    """While others write to a room, somebody joins: from its JOINED, which head names, everything comes live"""
    alice, room = member(arena, "alice")
    for number in range(5):
        bob = arena.login(f"bob{number}", capabilities=(HISTORY, ROOMS))
        refs = [alice.say("before or behind", room)[1] for _ in range(20)]
        place = bob.join(room)
        refs += [alice.say("behind", room)[1] for _ in range(20)]
        last = [alice.expect(Ack, ref=ref).seq for ref in refs][-1]
        seqs = [getattr(each.message, "seq", 0) for each in heard(bob, room)]
        if seqs != list(range(place.head, last + 1)):
            expected = f"seq {place.head} (JOINED) to {last} live"
            raise bob.problem(Kind.VALUE, expected, f"{seqs[:3]} … {seqs[-3:]}")


@case("history/events-between-items", "MSG-10", "HIST-1", "REQ-3", "FRAME-11", profile="history", needs=NEEDS)
def events_between_items(arena: Arena) -> None:
    """While HISTORY is being read others write: all comes, as items with the ref or as events with ref 0"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    old = fill(bob, to(alice), ["x" * 4_000] * 200)
    alice.gather(ChatMessage)
    refs = []
    for number in range(10):
        refs.append(bob.say(f"live {number}", to(alice))[1])
        items = whole(alice, to(bob))
        if [item.seq for item in items[: len(old)]] != list(range(1, len(old) + 1)):
            raise alice.problem(Kind.VALUE, f"1 … {len(old)} as items", f"{len(items)} others", clause="HIST-1")
    sent = [bob.expect(Ack, ref=ref).seq for ref in refs]
    came = [getattr(each.message, "seq", 0) for each in heard(alice, to(bob))]
    if came != sent:
        raise alice.problem(Kind.VALUE, f"seq {sent} as events", f"seq {came}")


# Coming back


class Reader:
    """Somebody who keeps what it has of one conversation, and repairs it by [MSG-10] when it comes back."""

    def __init__(self, arena: Arena, name: str, like: Client, conversation: str) -> None:
        self._arena = arena
        self._name = name
        self._like = like
        self._conversation = conversation
        self.has: dict[int, str] = {}
        self.client = like

    def come_back(self) -> None:
        """Log in, and ask for what is missing; live messages come meanwhile."""
        known = max(self.has, default=0)  # before anything comes live, which may be far above it
        self.client = self._arena.login(self._name, like=self._like, capabilities=WITH)
        if self._conversation in conversations(self.client):
            for item in whole(self.client, self._conversation, known):
                self.has[item.seq] = item.text
        self.take()

    def take(self) -> None:
        """Keep what has come live."""
        for received in self.client.events:
            message = received.message
            if isinstance(message, ChatMessage) and message.conversation == self._conversation:
                self.has.setdefault(message.seq, message.text)
        self.client.events.clear()

    def cut_off(self) -> None:
        """Lose the connection, and whatever is on its way."""
        self.client.poll()
        self.take()
        self.client.reset()


@case("history/repair-while-others-write", "MSG-10", "HIST-1", "MSG-1", needs=NEEDS)
def repair_while_others_write(arena: Arena) -> None:
    """Somebody is cut off ten times while others write; each time it repairs its log, and in the end has all, once"""
    alice, bob = arena.login("alice"), arena.login("bob")
    reader = Reader(arena, "bob", bob, to(alice))
    texts: list[str] = []
    for round_ in range(10):
        said_now = [alice.say(f"round {round_}, {number}", to(bob)) for number in range(30)]
        if round_ % 2:
            reader.cut_off()
            reader.come_back()
        for message, ref in said_now:
            alice.expect(Ack, ref=ref)
            texts.append(message.text)
    reader.cut_off()
    reader.come_back()
    if reader.has != dict(enumerate(texts, 1)):
        wrong = [seq for seq, text in enumerate(texts, 1) if reader.has.get(seq) != text]
        expected = f"all {len(texts)} messages in their order"
        raise reader.client.problem(Kind.VALUE, expected, f"{len(reader.has)}; the first wrong one is {wrong[:1]}")


@case("history/resend-after-a-cut", "TXN-1", "MSG-4", needs=NEEDS)
def resend_after_a_cut(arena: Arena) -> None:
    """A sender that is cut off ten times sends again what was not ACKed: each message is in the log once, in order"""
    bob = arena.login("bob", capabilities=WITH)
    alice = arena.login("alice")
    open_: list[Send] = []
    wanted: list[str] = []
    for round_ in range(10):
        messages = [Send(to(bob), new_txn(), 0, f"round {round_}, {number}") for number in range(10)]
        wanted += [message.text for message in messages]
        open_ += messages
        for message in open_:
            alice.send(message)
        if round_ % 3 == 2:
            alice.half_close()
        alice.reset()
        alice = arena.login("alice", like=alice)
    for message in open_:
        alice.ask(message, Ack)
    came = [item.text for item in whole(bob, to(alice))]
    if sorted(came) != sorted(wanted):
        raise bob.problem(Kind.VALUE, f"each of {len(wanted)} messages once", f"{len(came)}, {len(set(came))} of them")


# Texts

SCRIPTS: Final = {
    "latin": "Où ça ? Żółć, straße, œuvre — “naïve” … ½ ",
    "cyrillic": "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
    "greek": "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία. ",
    "arabic": "نصٌّ حكيمٌ لهُ سِرٌّ قاطِعٌ ",
    "hebrew": "דג סקרן שט בים מאוכזב ולפתע מצא חברה \u05b0\u05b7",
    "devanagari": "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा ",
    "thai": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า ",
    "han": "天地玄黃宇宙洪荒日月盈昃辰宿列張简体字",
    "kana": "いろはにほへと ちりぬるを カタカナ ﾊﾝｶｸ ",
    "hangul": "키스의 고유조건은 입술끼리 만나야 \u1112\u1161\u11ab",
    "emoji-with-joiners": "👩🏽\u200d🚀👨\u200d👩\u200d👧\u200d👦🏴\u200d☠️🇫🇷1️⃣",
    "combining-marks": "Z\u0351\u036b\u0343\u036aa\u0300\u0301\u0302\u0303\u0304l\u0323\u0324\u0325g\u0489o\u20dd ",
    "private-use": "\ue000\uf8ff\U000f0000\U0010fffd",
    "byte-order-mark": "\ufeffa\ufeff",
    "nul": "a\0\0b\0",
    "line-ends-and-controls": "\r\n\n\r\t\x1b[31m\x7f\x85\u2028\u2029",
    "direction-marks": "\u202e\u202d\u2066\u2069\u200f\u200e\u061c",
    "four-octets": "𝕮𝖆𝖚𝖘𝖊𝖗𝖎𝖊𐍈𓀀𠜎🦊",
    "not-characters": "\ufffe\uffff\U0001fffe\U0010ffff\ufdd0",
    "spaces": " \u00a0\u2003\u200b\u3000 ",
}
"""Samples of scripts, and of characters that are treated otherwise by mistake."""


def longest(sample: str) -> str:
    """A text of exactly 16 KiB of that sample, over and over; whole characters, then letters to fill it up."""
    octets = sample.encode()
    text = sample * (MAX_TEXT // len(octets))
    return text + "x" * (MAX_TEXT - len(text.encode()))


@case("history/text-{}", "HIST-9", "SEND-5", "FORM-3", "SEND-7", profile="history", needs=NEEDS, over=SCRIPTS)
def text(arena: Arena, sample: str) -> None:
    """A text, and 16 KiB of it, are the same octets live and from HISTORY"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    sent = [alice.post(each, to(bob)) for each in (sample, longest(sample))]
    lines = [said(message, alice) for message in sent]
    live(bob, to(alice), *lines)
    with citing("HIST-9"):
        holds(bob, to(alice), lines)
        holds(alice, to(bob), lines)


@case("history/lobby-is-not-told-twice", "MSG-12", needs=NEEDS)
def lobby_is_not_told_twice(arena: Arena) -> None:
    """What the lobby said before a login is not sent unasked"""
    alice = arena.login("alice")
    message, _ = alice.post("before you came", LOBBY)
    bob = arena.login("bob", capabilities=WITH)
    bob.hears_not(message)
