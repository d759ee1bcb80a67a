"""What is kept of a case's connections."""

from __future__ import annotations

from causerie_conformance.replay import tape
from causerie_conformance.replay.tape import Tape, What

ADDRESS = ("127.0.0.1", 5000)


def whats(of: Tape) -> list[tuple[int, What, bytes]]:
    return [(step.line, step.what, step.octets) for step in of.steps]


def test_all_is_kept_in_order_and_whole() -> None:
    kept = Tape()
    one, other = kept.connect("one", ADDRESS), kept.connect("other", ADDRESS)
    one.add(What.SEND, b"x" * 100_000)
    other.add(What.FRAME, b"y")
    one.add(What.FIN)
    assert whats(kept) == [
        (0, What.CONNECT, b""),
        (1, What.CONNECT, b""),
        (0, What.SEND, b"x" * 100_000),
        (1, What.FRAME, b"y"),
        (0, What.FIN, b""),
    ]
    assert [line.name for line in kept.lines] == ["one", "other"]
    assert [step.at for step in kept.steps] == sorted(step.at for step in kept.steps)


def test_a_connection_is_closed_once() -> None:
    kept = Tape()
    track = kept.connect("one", ADDRESS)
    track.add(What.RESET)
    track.add(What.CLOSE)
    assert [what for _, what, _ in whats(kept)] == [What.CONNECT, What.RESET]


def test_a_flood_says_so_and_takes_no_room() -> None:
    kept = Tape()
    track = kept.connect("one", ADDRESS)
    for _ in range(3):
        track.add(What.SEND, bytes(tape.MOST_OCTETS // 2))
    assert kept.spoiled.startswith("more went over its connections than is kept (1 MiB")
    assert kept.steps == []
    track.add(What.SEND, b"x")
    assert kept.steps == []


def test_so_do_many_steps() -> None:
    kept = Tape()
    track = kept.connect("one", ADDRESS)
    for _ in range(tape.MOST_STEPS):
        track.add(What.FRAME, b"x")
    assert "5000 steps" in kept.spoiled


def test_the_first_reason_is_the_one() -> None:
    kept = Tape()
    track = kept.connect("one", ADDRESS)
    track.spoil("because")
    kept.spoil("therefore")
    assert kept.spoiled == "because"


def test_a_connection_goes_on_in_another_case() -> None:
    """The next case has how it was made, and nothing of what the case before did with it."""
    before = Tape()
    track = before.connect("bystander", ADDRESS)
    track.add(What.SEND, b"hello")
    track.add(What.FRAME, b"welcome")
    track.opened()
    track.add(What.SEND, b"of the case before")
    before.forget()
    after = Tape()
    moved = track.moved(after)
    moved.add(What.SEND, b"x")
    assert [octets for _, _, octets in whats(after)] == [b"", b"hello", b"welcome", b"x"]
    third = Tape()
    moved.moved(third)
    assert [octets for _, _, octets in whats(third)] == [b"", b"hello", b"welcome"]


def test_a_connection_whose_beginning_was_not_kept() -> None:
    before, after = Tape(), Tape()
    track = before.connect("bystander", ADDRESS)
    track.moved(after)
    assert after.spoiled == "a connection of it is older than what is kept"
