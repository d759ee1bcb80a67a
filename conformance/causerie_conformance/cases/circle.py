"""What the cases of receipts share: a conversation, the people in it, and what RECEIPT must have told each.

In here: no case. `Circle.told` is strict about who, and about the last RECEIPT of each; a server may skip the ones
before ([MARK-6]).
"""

from __future__ import annotations

from collections.abc import Mapping

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.direct import to
from causerie_conformance.client import Client
from causerie_conformance.problems import Kind
from causerie_spec.codec import encode
from causerie_spec.codes import ROOMS
from causerie_spec.messages import Conversation, Join, Mark, Ok, Quit, Ready, Receipt, Welcome

Values = tuple[int, int, int, int]
"""delivered, read, all_delivered, all_read."""
FIELDS = ("delivered", "read", "all_delivered", "all_read")

AT_ONCE = 16
"""Connections of passers-by that are open at once."""


class Circle:
    """A conversation and connections that look at it, each with the name by which it calls it."""

    def __init__(self, names: Mapping[Client, str]) -> None:
        self._names = names

    @classmethod
    def direct(cls, ours: list[Client], theirs: list[Client]) -> Circle:
        """The direct conversation of two people with these connections; notes to self, if both are the same."""
        return cls({each: to(ours[0]) for each in theirs} | {each: to(theirs[0]) for each in ours})

    @classmethod
    def of(cls, conversation: str, *clients: Client) -> Circle:
        """`#lobby` or a room, which all call the same."""
        return cls(dict.fromkeys(clients, conversation))

    def mark(self, client: Client, delivered: int, read: int) -> None:
        """MARK, which must be answered OK."""
        client.ask(Mark(self._names[client], delivered, read), Ok)

    def post(self, client: Client) -> int:
        """Send a message; its seq."""
        return client.post("", self._names[client])[1].seq

    def told(self, values: Mapping[Client, Values]) -> None:
        """Since last asked RECEIPT must have told these connections these values, and the other ones nothing."""
        for client, name in self._names.items():
            came = client.gather(Receipt)
            for each in came:
                if getattr(each.message, "conversation", "") != name:
                    raise client.wrong(Kind.EXTRA, f"no RECEIPT but of {name}", each, field="conversation")
            wanted = values.get(client)
            if wanted is None and came:
                raise client.wrong(Kind.EXTRA, f"no RECEIPT of {name} here", came[-1])
            if wanted is None:
                continue
            expected = f"RECEIPT of {name} with {_words(wanted)}"
            if not came:
                raise client.problem(Kind.UNEXPECTED, expected, "a PONG and no RECEIPT before it")
            for field, value in zip(FIELDS, wanted, strict=True):
                if getattr(came[-1].message, field) != value:
                    raise client.wrong(Kind.VALUE, expected, came[-1], field=field)

    def nobody_told(self) -> None:
        """No RECEIPT has come to any of them."""
        self.told({})


def _words(values: Values) -> str:
    return " ".join(f"{field}={value}" for field, value in zip(FIELDS, values, strict=True))


def expect_place(client: Client, place: Conversation, *, head: int, values: Values) -> None:
    """What CONVERSATION says of a log and of one's place in it must be this."""
    wanted = {"head": head} | dict(zip(FIELDS, values, strict=True))
    for field, value in wanted.items():
        if getattr(place, field) != value:
            came = f"{field}={getattr(place, field)}"
            raise client.problem(Kind.VALUE, f"CONVERSATION with head={head} {_words(values)}", came)


def new_room() -> str:
    """A room that there is not yet."""
    return f"#{new_handle('room')}"


def leave(client: Client) -> None:
    """QUIT, to its end."""
    client.send(Quit(reason=""))
    client.expect_end_after_bye()


def passers_by(arena: Arena, room: str, count: int) -> None:
    """So many handles join a room, and log out: they stay members. All is pipelined, so it takes a second or so."""
    for begin in range(0, count, AT_ONCE):
        clients = []
        for number in range(begin, min(count, begin + AT_ONCE)):
            client = arena.connect(f"n{number}")
            enter = (hello(capabilities=(ROOMS,)), login(new_handle("n"), new_token()))
            requests = enumerate((*enter, Join(room), Quit(reason="")), 1)
            client.send_octets(b"".join(encode(each, ref) for ref, each in requests))
            clients.append(client)
        for client in clients:
            for ref, answer in enumerate((Welcome, Ready, Conversation), 1):
                client.expect(answer, ref=ref)
            client.expect_end_after_bye()
            arena.forget(client)
