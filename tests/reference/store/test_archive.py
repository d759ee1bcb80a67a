"""What every store does, whatever its tables: numbers, times, txns, members, cursors, pages, lists, logins."""

import pytest

from causerie.store.archive import Keep
from causerie.store.memory import MemoryStore
from causerie.store.operations import (
    Append,
    Conversations,
    Credentials,
    Duplicate,
    Enter,
    Entered,
    Exit,
    FindPage,
    FindPerson,
    Join,
    Leave,
    Mark,
    Members,
    Page,
    Person,
    Read,
    Room,
    Rooms,
    ScramKeys,
    Settle,
    Settled,
    Snapshot,
    Stored,
)
from causerie.store.sqlite import SqliteStore
from causerie_spec.codes import MAX_U64, ErrorCode, Kind


@pytest.fixture
def clock():
    return [1_000]


@pytest.fixture(params=["memory", "sqlite"])
def make(request, clock, tmp_path):
    """Makes the store: make(keep)."""
    opened = []

    def make_one(keep=None):
        if request.param == "memory":
            opened.append(MemoryStore(lambda: clock[0], 7, keep=keep))
        else:
            opened.append(SqliteStore(tmp_path / "store.db", lambda: clock[0], keep=keep))
        return opened[-1]

    yield make_one
    for each in opened:
        each.close()


@pytest.fixture
def store(make):
    return make()


@pytest.fixture
def counter(clock):
    return MemoryStore(lambda: clock[0], 7, history=False)


def enter(store, *handles):
    store.commit([Enter(handle, handle.encode(), handle.upper()) for handle in handles])


def append(conversation="#lobby", sender="alice", txn=1, text="x", unless=None):
    return Append(conversation, sender, txn, 0, text, unless)


def stored(seq, timestamp, sender="alice", *, txn=1, kind=Kind.TEXT, text="x"):
    """What came of `append`."""
    return Stored(seq, timestamp, sender, txn, kind, text)


def do(store, *operations):
    results = store.commit(operations)
    return results[0] if len(results) == 1 else results


def test_each_log_has_its_own_numbers(counter):
    enter(counter, "alice", "bob")
    direct = append("@alice @bob")
    assert counter.commit([append(), direct, append()]) == [
        stored(1, 1_000),
        stored(1, 1_000),
        stored(2, 1_000),
    ]
    assert counter.commit([append()]) == [stored(3, 1_000)]
    assert counter.commit([]) == []


def test_time_never_falls_in_a_log(counter, clock):
    enter(counter, "alice")
    do(counter, append())
    clock[0] = 900
    assert counter.commit([append(), append("@alice @alice")]) == [stored(2, 1_000), stored(1, 900)]
    clock[0] = 1_100
    assert do(counter, append()) == stored(3, 1_100)


def test_what_is_refused_uses_no_number(store):
    refused = append(unless=ErrorCode.NO_SUCH_CONVERSATION)
    assert store.commit([refused, append()]) == [ErrorCode.NO_SUCH_CONVERSATION, stored(1, 1_000)]


def test_a_txn_is_remembered_with_its_message(store, clock):
    do(store, append(txn=5))
    clock[0] += 1
    again = append(txn=5, unless=ErrorCode.NO_SUCH_CONVERSATION)  # looked up first
    assert do(store, again) == Duplicate(stored(1, 1_000, txn=5))
    assert do(store, append(txn=5, text="y")) is ErrorCode.TXN_CONFLICT
    assert do(store, append(txn=5, sender="bob")) == stored(2, 1_001, "bob", txn=5)


def test_a_txn_is_forgotten_with_its_message(make):
    store = make(Keep(count=2))
    for txn in (1, 2, 3):
        do(store, append(txn=txn))
    assert do(store, append(txn=1)) == stored(4, 1_000)
    assert do(store, append(txn=3)) == Duplicate(stored(3, 1_000, txn=3))


def test_what_is_kept_by_count(make):
    store = make(Keep(count=3))
    enter(store, "alice")
    store.commit([append(txn=txn) for txn in range(1, 3_001)])
    (lobby,) = do(store, Conversations("alice", "", 9)).items
    assert (lobby.first, lobby.head) == (2_998, 3_000)
    page = do(store, FindPage("#lobby", "alice", False, 0, 256))
    assert page == Page(2_998, 3_000, more=False)
    assert [message.txn for message in do(store, Read("#lobby", 1, 3_000, 10_000))] == [2_998, 2_999, 3_000]


def test_what_is_kept_by_days(make, clock):
    day = 86_400_000
    store = make(Keep(days=2))
    enter(store, "alice")
    for txn in range(1, 5):
        do(store, append(txn=txn))
        clock[0] += day
    (lobby,) = do(store, Conversations("alice", "", 9)).items
    assert (lobby.first, lobby.head) == (3, 4)
    clock[0] += 10 * day
    (lobby,) = do(store, Conversations("alice", "", 9)).items
    assert (lobby.first, lobby.head) == (5, 4)
    assert do(store, FindPage("#lobby", "alice", True, MAX_U64, 9)).more is False
    assert do(store, append(txn=9)) == stored(5, clock[0], txn=9)
    (lobby,) = do(store, Conversations("alice", "", 9)).items
    assert (lobby.first, lobby.head) == (5, 5)


@pytest.mark.parametrize(
    ("before", "anchor", "limit", "page"),
    [
        (False, 0, 100, Page(1, 100, more=True)),
        (False, 550, 100, Page(551, 600, more=False)),
        (False, 600, 100, Page(601, 600, more=False)),
        (False, MAX_U64, 100, Page(601, 600, more=False)),
        (True, MAX_U64, 50, Page(551, 600, more=True)),
        (True, 551, 256, Page(295, 550, more=True)),
        (True, 101, 100, Page(1, 100, more=False)),
        (True, 1, 100, Page(1, 0, more=False)),
        (True, 0, 100, Page(1, 0, more=False)),
    ],
)
def test_pages(store, before, anchor, limit, page):
    store.commit([append(txn=txn) for txn in range(1, 601)])
    assert do(store, FindPage("#lobby", "alice", before, anchor, limit)) == page


@pytest.mark.parametrize("before", [False, True])
def test_a_page_of_long_texts_is_short(store, before):
    store.commit([append(txn=txn, text="é" * 8_000) for txn in range(1, 41)])
    page = do(store, FindPage("#lobby", "alice", before, MAX_U64 if before else 0, 256))
    assert page.last - page.first + 1 == 16
    assert page.more
    assert len(do(store, Read("#lobby", page.first, page.last, 1))) == 1


def test_joining_and_leaving(store):
    enter(store, "alice", "bob")
    joined = do(store, Join("#ops", "alice"))
    assert (joined.message, joined.summary.head, joined.summary.read, joined.summary.members) == (
        stored(1, 1_000, txn=0, kind=Kind.JOINED, text=""),
        1,
        1,
        1,
    )
    assert do(store, Join("#ops", "alice")).message is None
    assert do(store, append("#ops", "bob")) is ErrorCode.NOT_A_MEMBER
    assert do(store, append("#nowhere")) is ErrorCode.NO_SUCH_CONVERSATION
    assert do(store, Rooms("", 9)).items == (Room("#ops", 1),)
    assert do(store, Leave("#ops", "bob")) is ErrorCode.NOT_A_MEMBER
    assert do(store, Leave("#ops", "alice")).message == stored(2, 1_000, txn=0, kind=Kind.LEFT, text="")
    assert do(store, Rooms("", 9)).items == ()
    assert do(store, append("#ops")) is ErrorCode.NOT_A_MEMBER  # it exists, and its numbers go on
    assert do(store, Join("#ops", "bob")).summary.head == 3


def test_lists_go_on_behind_a_name(store):
    enter(store, "alice", "bob")
    for room in ("#b", "#a", "#c"):
        do(store, Join(room, "alice"))
    do(store, append("@alice @bob"))
    names = ["#a", "#b", "#c", "#lobby", "@bob"]
    assert [each.conversation for each in do(store, Conversations("alice", "", 99)).items] == names
    first = do(store, Conversations("alice", "", 2))
    assert ([each.conversation for each in first.items], first.more) == (names[:2], True)
    rest = do(store, Conversations("alice", "#b", 3))
    assert ([each.conversation for each in rest.items], rest.more) == (names[2:], False)
    assert do(store, Rooms("#a", 1)).more is True
    assert do(store, Members("#a", "alice", "", 9)).items == (Person("alice", "ALICE", 0),)
    assert do(store, Members("#a", "bob", "", 9)) is ErrorCode.NOT_A_MEMBER


def test_cursors(store):
    enter(store, "alice", "bob")
    do(store, append("@alice @bob", txn=1), append("@alice @bob", txn=2), Settle())
    marked = do(store, Mark("@alice @bob", "bob", 2, 1), Settle())[1]
    assert set(marked.snapshots) == {
        Snapshot("@alice @bob", "alice", 2, 2, 2, 1),
        Snapshot("@alice @bob", "bob", 2, 1, 2, 1),
    }
    assert do(store, Mark("@alice @bob", "bob", 1, 1), Settle())[1] == Settled(())
    clamped = do(store, Mark("@alice @bob", "bob", 0, 99), Settle())[1]
    assert Snapshot("@alice @bob", "bob", 2, 2, 2, 2) in clamped.snapshots
    replied = do(store, append("@alice @bob", "bob"), Settle())[1]
    assert replied == Settled(())  # alice is the lowest: nothing that is told to anybody changed


def test_the_lowest_leaves(store):
    enter(store, "alice", "bob", "carol")
    for handle in ("alice", "bob", "carol"):
        do(store, Join("#ops", handle))
    do(store, append("#ops", "carol"), Mark("#ops", "bob", 4, 4), Settle())
    left, settled = do(store, Leave("#ops", "alice"), Settle())
    assert left.message.seq == 5
    assert set(settled.snapshots) == {Snapshot("#ops", "bob", 4, 4, 4, 4), Snapshot("#ops", "carol", 4, 4, 4, 4)}


def test_above_256_members_nothing_is_told_of_all(store):
    handles = [f"h{n:03}" for n in range(257)]
    enter(store, *handles)
    *_, last, _ = store.commit([operation for each in handles[:-1] for operation in (Join("#big", each), Settle())])
    summary = last.summary
    assert summary.all_read == 1
    joined, settled = do(store, Join("#big", handles[-1]), Settle())
    assert (joined.summary.all_delivered, joined.summary.all_read) == (0, 0)
    assert {snapshot.handle for snapshot in settled.snapshots} == set(handles[:-1])


def test_tokens(counter):
    mine, other = Enter("alice", b"1" * 32, "A"), Enter("alice", b"2" * 32, "A")
    assert counter.commit([mine, other, mine]) == [Entered((), new=True), ErrorCode.HANDLE_TAKEN, Entered(())]
    assert counter.commit([Exit("alice", 0), other, mine]) == [None, Entered((), new=True), ErrorCode.HANDLE_TAKEN]
    assert counter.commit([Exit("nobody", 0)]) == [None]


def test_a_free_handle_may_be_refused(store):  # [LOAD-6]
    limited = Enter("alice", b"1", "A", unless=ErrorCode.RATE_LIMITED)
    assert do(store, limited) is ErrorCode.RATE_LIMITED
    assert do(store, Enter("alice", b"2", "A")).new
    assert do(store, limited) is ErrorCode.HANDLE_TAKEN
    assert not do(store, Enter("alice", b"2", "A", unless=ErrorCode.RATE_LIMITED)).new
    assert not do(store, Enter("bob", None, "B", unless=ErrorCode.RATE_LIMITED)).new  # an account's reserves nothing


def test_people_are_remembered_with_history(store):
    do(store, Enter("alice", b"1", "A"), Join("#ops", "alice"), Exit("alice", 5_000))
    assert do(store, FindPerson("alice")) == Person("alice", "A", 5_000)
    assert do(store, Enter("alice", b"2", "A")) is ErrorCode.HANDLE_TAKEN
    assert do(store, Enter("alice", b"1", "B")) == Entered(("#ops",))
    assert do(store, FindPerson("alice")) == Person("alice", "B", 5_000)
    assert do(store, FindPerson("bob")) is ErrorCode.NO_SUCH_CONVERSATION


def test_an_account_takes_a_handle_over(store):
    mine = Enter("alice", b"1" * 32, "A")
    keys = ScramKeys(b"salt", b"stored", b"server", 4_096)
    do(store, mine)
    store.put_account("alice", keys)
    assert do(store, Credentials("alice")) == keys
    assert do(store, mine) is ErrorCode.HANDLE_TAKEN
    assert do(store, Enter("alice", None, "A")).rooms == ()
    assert dict(store.accounts()) == {"alice": keys}
    assert store.remove_account("alice")
    assert not store.remove_account("alice")
    assert do(store, mine) is ErrorCode.HANDLE_TAKEN
    assert do(store, Credentials("alice")) is None


def test_an_account_is_somebody_before_any_login(store):
    store.put_account("bob", ScramKeys(b"salt", b"stored", b"server", 4_096))
    enter(store, "alice")
    assert do(store, append("@alice @bob")) == stored(1, 1_000)
    assert do(store, append("@alice @carol")) is ErrorCode.NO_SUCH_CONVERSATION
    assert do(store, FindPerson("bob")) == Person("bob", "bob", 0)


@pytest.mark.parametrize("text", ["a\0b", "\ufeff", "🦊" * 4_096, "é\u0301\u202e"])
def test_texts_come_back_as_they_were(store, text):
    do(store, append(txn=MAX_U64, text=text))
    (message,) = do(store, Read("#lobby", 1, 1, 1))
    assert message == stored(1, 1_000, txn=MAX_U64, text=text)
    assert do(store, append(txn=MAX_U64, text=text)) == Duplicate(message)


def test_what_they_are(store, counter):
    assert "history" in store.capabilities
    assert (counter.name, counter.epoch, counter.capabilities) == ("memory", 7, frozenset())


@pytest.mark.parametrize(("text", "least"), [("x" * 100, 100), ("é" * 100, 200), ("🦊" * 100, 400), ("", 0)])
def test_what_an_append_holds_is_not_underrated(text, least):
    assert append(text=text).octets >= least
