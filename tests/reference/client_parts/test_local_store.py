"""What a client keeps: conversations, pages, cursors, the outbox, eras; and files that are none of ours."""

import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.client.local_store import LAYOUT, LocalStore, LocalStoreError, StoreInUse, mentions
from causerie.client.model import WAITING, Tick
from causerie.core.client import (
    AllTold,
    ConversationTold,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    MessageWithdrawn,
    OlderCame,
    ReceiptTold,
    RoomJoined,
    RoomLeft,
    SendState,
)
from causerie.core.client.timeline import Gap
from causerie_spec.messages import ChatMessage


@pytest.fixture
def store():
    made = LocalStore(None, "alice", clock=lambda: 5)
    yield made
    made.close()


def login(epoch=1):
    return LoggedIn("alice", "Alice", False, False, epoch)


def shown(seq, text="", sender="bob", conversation="#lobby", kind=0, txn=None):
    txn = seq if txn is None else txn
    return MessageShown(
        conversation=conversation,
        seq=seq,
        timestamp=min(1000 + seq, 2**64 - 1),
        sender=sender,
        txn=txn,
        kind=kind,
        text=text or f"text {seq}",
        mine=sender == "alice",
    )


def queued(txn, text="hi", conversation="#lobby"):
    return MessageQueued(txn, conversation, 0, text)


def state(txn, state, conversation="#lobby", seq=0, code=None, repeatable=True):
    return MessageState(txn, conversation, 0, "hi", state, code, "", 1, repeatable, seq, 0)


def told(conversation, head, begin, first=1, read=0, members=2):
    return ConversationTold(conversation, first, head, members, 0, read, 0, 0, begin)


def seqs(store, name="#lobby", before=None, limit=999):
    return [entry.place for entry in store.page(name, before, limit)]


def test_pages(store):
    store.record([login(), *(shown(seq) for seq in range(1, 11))])
    assert seqs(store) == [(0, seq) for seq in range(1, 11)]
    assert seqs(store, before=(0, 4), limit=2) == [(0, 2), (0, 3)]
    assert seqs(store, "@bob") == []
    entry = store.page("#lobby", None, 1)[0]
    assert (entry.sender, entry.text, entry.timestamp, entry.mine, entry.notice) == (
        "bob",
        "text 10",
        1010,
        False,
        False,
    )


@given(seqs_=st.lists(st.integers(1, 2**64 - 1), min_size=2, max_size=9, unique=True))
def test_numbers_of_64_bits_keep_their_order(seqs_):
    store = LocalStore(None, "alice")
    store.record([login(2**64 - 1), *(shown(seq) for seq in sorted(seqs_))])
    assert seqs(store) == [(0, seq) for seq in sorted(seqs_)]
    assert store.saved().epoch == 2**64 - 1
    assert store.saved().shown == {"#lobby": max(seqs_)}
    store.close()


def test_the_same_twice_is_kept_once(store):
    store.record([login(), shown(1), shown(1)])
    assert seqs(store) == [(0, 1)]


def test_unread_and_mentions(store):
    store.record([login(), shown(1), shown(2, sender="alice"), shown(3, "hey Alice!"), shown(4, kind=128), shown(5)])
    [chat] = store.chats()
    assert (chat.unread, chat.mentions, chat.read, chat.shown) == (2, 1, 2, 5)  # to send is to have read
    store.set_read("#lobby", (0, 3))
    store.refresh(chat)
    assert (chat.unread, chat.mentions, chat.seen) == (1, 0, (0, 3))
    store.record([ReceiptTold("#lobby", 5, 5, 4, 3)])
    store.refresh(chat)
    assert (chat.unread, chat.read, chat.all_delivered, chat.all_read) == (0, 5, 4, 3)
    assert [entry.place for entry in store.unseen("#lobby", chat.seen, chat.end)] == [(0, 4), (0, 5)]


def test_the_life_of_a_message(store):
    store.record([login(), queued(7), queued(8), queued(9)])
    assert [(entry.place, entry.txn, entry.state, entry.timestamp) for entry in store.waiting()] == [
        ((WAITING, 1), 7, SendState.PENDING, 5),
        ((WAITING, 2), 8, SendState.PENDING, 5),
        ((WAITING, 3), 9, SendState.PENDING, 5),
    ]
    store.record([state(7, SendState.IN_FLIGHT), state(8, SendState.IN_FLIGHT, repeatable=False)])
    store.record([state(9, SendState.FAILED, code=3)])
    assert [(e.txn, e.state) for e in store.saved().entries] == [(7, SendState.DOUBTFUL), (8, SendState.UNCONFIRMED)]
    store.record([state(7, SendState.DOUBTFUL)])
    store.record([state(7, SendState.SENT, seq=4)])
    assert next((e.txn, e.state) for e in store.waiting()) == (7, SendState.SENT)  # until it comes back
    store.record([shown(4, "hi", "alice", txn=7)])
    assert [e.txn for e in store.waiting()] == [8, 9]
    store.record([MessageWithdrawn(9)])
    store.record([state(8, SendState.SENT, seq=3)])  # it was sent long ago, and stands behind what was shown
    assert store.waiting() == []


def test_what_was_sent_and_comes_as_history_waits_no_longer(store):
    store.record([login(), told("#lobby", 9, 9), queued(7), state(7, SendState.SENT, seq=10)])
    assert len(store.waiting()) == 1
    store.record([OlderCame("#lobby", 11, (ChatMessage("#lobby", 10, 1, "alice", 7, 0, "hi"),))])
    assert store.waiting() == []


def test_a_new_epoch_begins_an_era(store):
    store.record([login(1), AllTold(), shown(1), queued(7), state(7, SendState.SENT, seq=2), queued(8)])
    assert store.saved().listed
    store.record([login(2)])
    assert (store.era, store.saved().listed, store.saved().shown) == (1, False, {})
    store.record([shown(1, "anew")])
    assert [(e.place, e.text) for e in store.page("#lobby", None, 9)] == [
        ((0, 1), "text 1"),
        ((0, 2), "hi"),  # it was ACKed
        ((1, 1), "anew"),
    ]
    assert [e.txn for e in store.waiting()] == [8]
    [chat] = store.chats()
    assert (chat.era, chat.shown, chat.read) == (1, 1, 0)
    assert chat.tick(store.page("#lobby", None, 9)[1]) is Tick.SENT
    store.record([login(2)])
    assert store.era == 1


def test_where_a_conversation_begins_and_what_is_older(store):
    store.record([login(), told("#ops", 300, 100)])
    assert store.low("#ops") == 100
    assert store.saved().shown == {"#ops": 100}
    older = tuple(ChatMessage("#ops", seq, seq, "bob", seq, 0 if seq != 60 else 200, "old") for seq in range(51, 101))
    store.record([OlderCame("#ops", 101, older)])
    assert store.low("#ops") == 50
    assert len(seqs(store, "#ops")) == 49  # a kind that nobody knows is not shown
    store.record([OlderCame("#ops", 51, ())])
    assert store.low("#ops") == 0
    store.record([told("#ops", 300, 100, first=200)])  # the server has removed what is older
    assert store.low("#ops") == 0


def test_a_gap_is_a_row(store):
    store.record([login(), shown(1), MessagesMissed(Gap("#lobby", 1, 5)), shown(5)])
    gap = store.page("#lobby", None, 9)[1]
    assert (gap.place, gap.missing, gap.timestamp, gap.notice) == ((0, 4), 3, 1001, True)
    assert store.unread("#lobby", 0, 5) == (2, 0)


def test_rooms_that_one_is_in(store):
    store.record([login(), told("#ops", 1, 1), RoomLeft("#ops")])
    assert [chat.listed for chat in store.chats()] == [False]
    store.record([RoomJoined("#ops", 3)])
    assert [chat.listed for chat in store.chats()] == [True]
    store.record([shown(2, " ", "alice", "#ops", kind=129)])  # from another device
    assert [chat.listed for chat in store.chats()] == [False]


def test_search(store):
    store.record([login(), shown(1, "Élan"), shown(2, "elan"), shown(4, kind=128)])
    store.record([shown(3, "ÉLAN vital", conversation="@bob")])

    assert [entry.text for entry in store.search("élan", None, 9)] == ["ÉLAN vital", "Élan"]
    assert [entry.text for entry in store.search("élan", "#lobby", 9)] == ["Élan"]
    assert len(store.search("", None, 2)) == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("alice", True),
        ("hey @alice!", True),
        ("ALICE: psst", True),
        ("alice.", True),
        ("alices", False),
        ("malice", False),
        ("alice_b", False),
        ("malice, alice", True),
        ("-alice", False),
        ("", False),
    ],
)
def test_mentions(text, named):
    assert mentions(text, "alice") is named


# Files.


def test_it_comes_back(tmp_path):
    path = tmp_path / "new" / "x.db"
    store = LocalStore(path, "alice")
    store.record([login(3), shown(1), queued(7)])
    store.close()
    again = LocalStore(path, "alice")
    assert (again.saved().epoch, seqs(again), len(again.waiting())) == (3, [(0, 1)], 1)
    again.close()


def test_one_program_at_a_time(tmp_path):
    path = tmp_path / "x.db"
    store = LocalStore(path, "alice")
    program = (
        "import sys; from pathlib import Path; from causerie.client.local_store import *\n"
        "try: LocalStore(Path(sys.argv[1]), 'alice')\nexcept StoreInUse as error: sys.exit(str(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=False, timeout=60
    )
    assert "another program has" in done.stderr
    with pytest.raises(StoreInUse):
        LocalStore(path, "alice")
    store.close()
    LocalStore(path, "alice").close()


def test_files_that_are_none_of_ours(tmp_path):
    path = tmp_path / "x.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE a (b)")
    other.commit()
    other.close()
    content = path.read_bytes()
    with pytest.raises(LocalStoreError, match="is no file of Causerie's"):
        LocalStore(path, "alice")
    assert path.read_bytes() == content


def test_a_file_of_a_newer_version(tmp_path):
    path = tmp_path / "x.db"
    LocalStore(path, "alice").close()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    other.close()
    with pytest.raises(LocalStoreError, match="by a newer Causerie"):
        LocalStore(path, "alice")


def test_a_file_that_is_damaged(tmp_path):
    path = tmp_path / "x.db"
    store = LocalStore(path, "alice")
    store.record([login(), *(shown(seq, "x" * 500) for seq in range(1, 100))])
    store.close()
    content = path.read_bytes()
    path.write_bytes(b"SQLite format 3\0" + bytes(len(content) - 16))
    with pytest.raises(LocalStoreError, match="damaged"):
        LocalStore(path, "alice")


def test_a_place_where_nothing_can_be_kept(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LocalStoreError, match="cannot keep conversations in"):
        LocalStore(tmp_path / "file" / "x.db", "alice")


def test_all_of_a_turn_or_nothing(store, monkeypatch):
    store.record([login()])

    def fail(*_):
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(store, "_keep", fail)
    with pytest.raises(sqlite3.OperationalError):
        store.record([login(2), queued(7), shown(1)])
    monkeypatch.undo()
    assert (store.era, store.saved().epoch, store.waiting()) == (0, 1, [])


def test_going_on_in_memory(tmp_path):
    path = tmp_path / "x.db"
    store = LocalStore(path, "alice")
    store.record([login(), shown(1)])
    store.to_memory()
    assert store.path is None
    store.record([shown(2)])
    assert len(seqs(store)) == 2
    store.close()
    again = LocalStore(path, "alice")
    assert len(seqs(again)) == 1
    again.close()


def test_going_on_in_memory_though_the_file_cannot_be_read(tmp_path):
    store = LocalStore(tmp_path / "x.db", "alice")
    store._database.close()
    store._database = sqlite3.connect(":memory:")
    store._database.close()  # whatever is asked of it fails
    store.to_memory()
    store.record([login(), shown(1)])
    assert len(seqs(store)) == 1
    store.close()
