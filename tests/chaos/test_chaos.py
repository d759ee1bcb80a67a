"""A short chaos run with each engine; and that its verdict finds what it should."""

import copy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from verdict import findings

from causerie.core.client import SendState
from causerie_spec.messages import ChatMessage, Conversation

pytestmark = pytest.mark.uncounted

HERE = Path(__file__).parent


@pytest.mark.parametrize(("engine", "seed"), [("asyncio", 1), ("threaded", 2)])
def test_nothing_is_lost(engine, seed):  # [DUR-1] to [DUR-4], [TXN-1], [CLIENT-6], [CLIENT-9], [CLIENT-10]
    options = ["--engine", engine, "--kills", "3", "--messages", "100", "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, str(HERE / "chaos.py"), *options], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills" in done.stdout
    assert " 0 cuts" not in done.stdout
    assert "1 slow readers cut off" in done.stdout


def said(conversation, seq, sender, txn, kind=0):
    return ChatMessage(conversation, seq, 1000 + seq, sender, txn, kind, "" if kind > 127 else f"text {txn}")


def written(conversation, txn, state=SendState.SENT):
    return txn, [conversation, 0, f"text {txn}", state, None]


class World:
    """alice and bob, who wrote in a room and to each other, and all is well."""

    def __init__(self):
        room = [said("#ops", 1, "alice", 0, 128), said("#ops", 2, "bob", 0, 128)]
        room += [said("#ops", 3, "alice", 7), said("#ops", 4, "alice", 8), said("#ops", 5, "bob", 7)]
        self.logs = {
            "alice": {"#ops": room, "@bob": [said("@bob", 1, "alice", 7)]},
            "bob": {"#ops": copy.deepcopy(room), "@alice": [said("@alice", 1, "alice", 7)]},
        }
        self.listed = {
            handle: {name: Conversation(name, 1, len(log), 2, 0, 0, 0, 0) for name, log in own.items()}
            for handle, own in self.logs.items()
        }
        lost = written("#ops", 99, SendState.FAILED)
        self.alice = self.device("alice", [written("#ops", 7), written("#ops", 8), lost])
        self.phone = self.device("alice", [written("@bob", 7)])
        self.bob = self.device("bob", [written("#ops", 7)])

    def device(self, handle, entries):
        view = copy.deepcopy(self.logs[handle])
        return SimpleNamespace(name=handle, handle=handle, view=view, written=dict(entries), troubles=[])

    def findings(self):
        return list(findings([self.alice, self.phone, self.bob], self.logs, self.listed))


def test_all_is_well():
    assert World().findings() == []


def lose_for_all(world):
    for own in world.logs.values():
        del own["#ops"][3]


def lose_the_last(world):
    for handle in ("alice", "bob"):
        del world.logs[handle]["#ops"][4]
        world.listed[handle]["#ops"] = Conversation("#ops", 1, 4, 2, 0, 0, 0, 0)
    for device in (world.alice, world.phone, world.bob):
        del device.view["#ops"][4]


def store_twice(world):
    for handle in ("alice", "bob"):
        world.logs[handle]["#ops"].append(said("#ops", 6, "bob", 7))
        world.listed[handle]["#ops"] = Conversation("#ops", 1, 6, 2, 0, 0, 0, 0)


def invent(world):
    del world.bob.written[7]


def swap(world):
    world.alice.written = dict(reversed(world.alice.written.items()))


def refuse_what_is_there(world):
    world.alice.written[8][3] = SendState.FAILED


def change_the_text(world):
    world.alice.written[8][2] = "another"


def disagree(world):
    world.logs["bob"]["@alice"][0] = said("@alice", 1, "alice", 8)


def fall_back(world):
    for own in world.logs.values():
        own["#ops"][4] = ChatMessage("#ops", 5, 5, "bob", 7, 0, "text 7")


def show_twice(world):
    world.phone.view["#ops"].insert(3, world.phone.view["#ops"][2])


def show_out_of_order(world):
    world.bob.view["#ops"][2:4] = reversed(world.bob.view["#ops"][2:4])


def show_too_little(world):
    world.bob.view["#ops"].pop()


def show_nothing(world):
    del world.bob.view["@alice"]


def show_what_never_was(world):
    world.bob.view["#gone"] = [said("#gone", 1, "alice", 5)]


def forget_a_member(world):
    del world.listed["bob"]["#ops"]
    del world.logs["bob"]["#ops"]


def count_members_wrong(world):
    world.listed["bob"]["#ops"] = Conversation("#ops", 1, 5, 3, 0, 0, 0, 0)


def join_twice(world):
    for own in world.logs.values():
        own["#ops"][1] = said("#ops", 2, "alice", 0, 128)


def have_trouble(world):
    world.alice.troubles.append("a new epoch")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_for_all, "HISTORY from 1 gives"),
        (lose_the_last, "which holds it 0 times"),
        (store_twice, "which holds it 2 times"),
        (invent, "which 0 devices wrote"),
        (swap, "stands before what was written before it"),
        (refuse_what_is_there, "has no ACK"),
        (change_the_text, "which holds it 1 times"),
        (disagree, "not the same for all"),
        (fall_back, "timestamps fall"),
        (show_twice, "does not show #ops as it is: at place 4"),
        (show_out_of_order, "does not show #ops as it is: at place 3"),
        (show_too_little, "4 messages instead of 5"),
        (show_nothing, "0 messages instead of 1"),
        (show_what_never_was, "did not show #gone as it was"),
        (forget_a_member, "['alice'] by CONVERSATIONS"),
        (count_members_wrong, "counted [2, 3]"),
        (join_twice, "joined or left twice"),
        (have_trouble, "a new epoch"),
    ],
)
def test_the_verdict_finds(damage, words):
    world = World()
    damage(world)
    assert any(words in finding for finding in world.findings()), world.findings()
