"""The server that the suite plays: its logs, and its everyday answers."""

from causerie_conformance.client_role.house import House
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import (
    Conversations,
    End,
    Error,
    History,
    Join,
    Leave,
    Mark,
    Ok,
    Ping,
    Pong,
    Rooms,
    Send,
    Who,
)


def house():
    made = House("ada")
    for number in range(5):
        made.store("#lobby", "bob", f"text {number}")
    return made


def seqs(answer):
    *items, end = answer
    return [item.seq for item in items], end.more


def test_history():
    made = house()
    assert seqs(made.answer(History("#lobby", 0, 0, 3))) == ([1, 2, 3], True)
    assert seqs(made.answer(History("#lobby", 0, 3, 3))) == ([4, 5], False)
    assert seqs(made.answer(History("#lobby", 1, 2**64 - 1, 2))) == ([4, 5], True)
    assert seqs(made.answer(History("#lobby", 1, 3, 9))) == ([1, 2], False)
    assert seqs(made.answer(History("@bob", 0, 0, 9))) == ([], False)
    made.first["#lobby"] = 4
    assert seqs(made.answer(History("#lobby", 0, 0, 9))) == ([4, 5], False)
    made.page = 1
    assert seqs(made.answer(History("#lobby", 0, 0, 9))) == ([4], True)
    (refused,) = made.answer(History("#none", 0, 0, 9))
    assert isinstance(refused, Error)
    assert refused.code == ErrorCode.NO_SUCH_CONVERSATION


def test_lists():
    made = house()
    made.store("@bob", "bob", "hi")
    lobby, bob, end = made.answer(Conversations("", 9))
    assert (lobby.conversation, lobby.first, lobby.head) == ("#lobby", 1, 5)
    assert (bob.conversation, bob.head, end) == ("@bob", 1, End(False))
    assert list(made.answer(Conversations("", 1)))[-1] == End(True)
    assert [frame.NAME for frame in made.answer(Rooms("", 9))] == ["ROOM", "END"]
    assert [frame.NAME for frame in made.answer(Rooms("#lobby", 9))] == ["END"]
    assert [frame.NAME for frame in made.answer(Who("#lobby", "", 9, True))] == ["PRESENCE", "END"]
    assert [frame.NAME for frame in made.answer(Who("#lobby", "zoe", 9, True))] == ["END"]


def test_small_answers():
    made = house()
    assert list(made.answer(Ping(7))) == [Pong(7)]
    assert list(made.answer(Mark("#lobby", 1, 1))) == [Ok()]
    (joined,) = made.answer(Join("#ops"))
    assert (joined.conversation, joined.head) == ("#ops", 1)
    assert list(made.answer(Leave("#ops"))) == [Ok()]
    assert made.answer(Send("#lobby", 1, 0, "for the case")) is None


def test_a_txn_is_remembered_until_the_epoch_is_new():
    made = house()
    send = Send("#lobby", 9, 0, "mine")
    message, again = made.take(send)
    assert (message.seq, again) == (6, False)
    assert made.take(send) == (message, True)
    epoch = made.epoch
    made.forget()
    assert made.epoch != epoch
    assert made.take(send)[0].seq == 1
