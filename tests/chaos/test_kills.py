"""A short run of kills; and that its verdict finds what it should."""

import copy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from kills import findings

from causerie_spec.messages import ChatMessage

pytestmark = pytest.mark.uncounted

HERE = Path(__file__).parent


def test_nothing_is_lost():  # [CLIENT-6], [CLIENT-9], [CLIENT-10], [MARK-2]
    options = ["--kills", "12", "--seed", "1"]
    done = subprocess.run(
        [sys.executable, str(HERE / "kills.py"), *options], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 12 kills of the client" in done.stdout
    assert " 0 of them kept" not in done.stdout


def said(seq, sender, text):
    return ChatMessage("#lobby", seq, 1000 + seq, sender, seq, 0, text)


def row(message):
    told = {"event": "message", "conversation": "#lobby", "seq": message.seq}
    return told | {"sender": message.sender, "text": message.text}


def state(text, name="pending"):
    return {"event": "state", "state": name, "text": text}


class World:
    """alice typed three lines in two lives, of which the second was not read; bob said one; and all is well."""

    def __init__(self):
        log = [said(1, "alice", "typed 1"), said(2, "bob", "hello"), said(3, "alice", "typed 3")]
        self.logs = {"#lobby": log}
        self.typed = [("#lobby", f"typed {number}") for number in (1, 2, 3)]
        self.lives = [[state("typed 1"), row(log[0]), row(log[1])], [row(log[1]), state("typed 3"), row(log[2])]]
        self.kept = {"#lobby": [SimpleNamespace(place=(0, m.seq), sender=m.sender, text=m.text) for m in log]}
        self.waiting = []

    def findings(self):
        return list(findings(self.typed, self.lives, self.logs, self.kept, self.waiting))


def lose(world):
    del world.logs["#lobby"][2], world.kept["#lobby"][2], world.lives[1][2]


def lose_all(world):
    world.logs.clear()
    world.kept.clear()
    world.lives = [[state("typed 1")]]


def store_twice(world):
    again = said(4, "alice", "typed 3")
    world.logs["#lobby"].append(again)
    world.lives[1].append(row(again))
    world.kept["#lobby"].append(SimpleNamespace(place=(0, 4), sender="alice", text="typed 3"))


def swap(world):
    world.typed.reverse()


def invent(world):
    world.typed.pop(0)
    world.lives[0].pop(0)


def give_up(world):
    world.lives[1].insert(2, state("typed 3", "unconfirmed"))


def show_twice(world):
    world.lives[0].append(copy.copy(world.lives[0][2]))


def show_out_of_order(world):
    world.lives[0][1:] = reversed(world.lives[0][1:])


def show_not(world):
    del world.lives[0][2], world.lives[1][0]


def show_another_text(world):
    world.lives[0][1]["text"] = "typed 2"


def tell_of_a_gap(world):
    world.lives[1].append({"event": "gap", "conversation": "#lobby", "seq": 9, "missing": 3, "sender": "", "text": ""})


def keep_not(world):
    world.kept["#lobby"].pop()


def keep_for_ever(world):
    world.waiting.append("typed 1")


def test_all_is_well():
    assert World().findings() == []


@pytest.mark.parametrize(
    "spoil",
    [
        *(lose, lose_all, store_twice, swap, invent, give_up, show_twice, show_out_of_order, show_not),
        *(show_another_text, tell_of_a_gap, keep_not, keep_for_ever),
    ],
)
def test_what_is_found(spoil):
    world = World()
    spoil(world)
    assert world.findings()
