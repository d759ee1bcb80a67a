"""One connection of a client under test, as the suite's server sees it."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from causerie_conformance.client_role.house import House
from causerie_conformance.client_role.visitor import Visitor
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import HISTORY, MAGIC
from causerie_spec.messages import Conversation, Conversations, Hello, Message, Ready, Welcome


class Client:
    """The other end."""

    def __init__(self, end: socket.socket, visitor: Visitor, house: House) -> None:
        self.visitor = visitor
        self.house = house
        self._end = end
        self._decoder = Decoder(limit=65_536)
        self._ref = 0
        self.ask(Hello(MAGIC, 1, 1, 0, "test/1", (HISTORY,)))
        visitor.send(Welcome(1, 0, 0, 7, "suite/1", ("TOKEN",), (HISTORY,)), self._ref)
        visitor.conduct.ready = True

    def ask(self, message: Message) -> None:
        self._ref += 1
        self._end.sendall(encode(message, self._ref))

    def receive(self) -> Message:
        for raw in self._decoder:
            return decode(raw.type, raw.body)
        self._decoder.feed(self._end.recv(65_536))
        return self.receive()

    def head(self) -> int:
        """Of the lobby, as CONVERSATIONS tells it; what comes before is passed over."""
        self.ask(Conversations("", 10))
        while True:
            message = self.receive()
            if isinstance(message, Conversation):
                return message.head


@pytest.fixture
def client() -> Iterator[Client]:
    ours, theirs = socket.socketpair()
    house = House("ada")
    house.store("#lobby", "bob", "before")
    visitor = Visitor(ours, Transcript(), house, name="1", patience=20).start()
    with closing(theirs), closing(visitor):
        yield Client(theirs, visitor, house)


def test_no_head_is_told_before_its_message(client: Client) -> None:
    """Between putting a message into the log and sending it, the client may ask: it would take it for an old one."""
    client.visitor.send(Ready("ada", "ada", b""))
    message = client.house.store("#lobby", "bob", "to be sent")
    assert client.head() == 1
    client.visitor.send(message)
    assert client.head() == 2


def test_what_was_hidden_is_not_told_either(client: Client) -> None:
    client.visitor.send(Ready("ada", "ada", b""))
    client.house.store("#lobby", "bob", "hidden")
    assert client.head() == 1
    client.visitor.send(client.house.store("#lobby", "bob", "seen"))
    assert client.head() == 3


def test_octets_of_a_cases_own_count_by_what_they_tell(client: Client) -> None:
    ready = Ready("ada", "ada", b"")
    client.visitor.send_octets(encode(ready), of=[ready])
    message = client.house.store("#lobby", "bob", "flagged")
    client.visitor.send_octets(encode(message), of=[message])
    assert client.head() == 2


def test_a_new_epoch_has_no_head_of_the_old_one(client: Client) -> None:
    client.visitor.send(Ready("ada", "ada", b""))
    client.house.forget()
    assert client.head() == 0
