"""Cut anywhere, come back, and look: nothing twice, nothing out of order, nothing sent twice that must not be."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.core.client import LoggedIn, MessageShown, MessageState, Phase, SendState

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 3)),
        st.tuples(st.just("other"), st.integers(1, 3)),
        st.tuples(st.just("up"), st.integers(1, 120)),
        st.tuples(st.just("down"), st.integers(1, 120)),
        st.tuples(st.just("settle"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("time"), st.integers(1, 40)),
    ),
    max_size=40,
)


def run(pair, steps):
    """Play the steps, then heal the network and deliver everything. Returns the texts written."""
    texts: list[str] = []
    pair.client.start()
    for step, number in steps:
        if pair.client.phase is Phase.CONNECTING:
            pair.connect()
        if step == "write":
            for _ in range(number):
                texts.append(f"text {len(texts)}")
                pair.client.send("#lobby", texts[-1], pair.now)
        elif step == "other":
            for _ in range(number):
                pair.server.post("bob", 1, 0, "from bob")
        elif step == "up":
            pair.deliver_up(number)
        elif step == "down":
            pair.deliver_down(number)
        elif step == "settle":
            pair.settle()
        elif step == "cut":
            pair.cut()
        elif step == "restart":
            pair.server.restart()
            pair.cut()
        elif step == "time":
            pair.pass_time(number)
        pair.collect()
    while pair.client.phase is not Phase.UP:
        if pair.client.phase is Phase.CONNECTING:
            pair.connect()
        else:
            pair.pass_time(200)
    pair.settle()
    pair.client.leave(pair.now, patient=True)
    pair.settle()
    pair.collect()
    return texts


def check_shown(pair):
    """Within one epoch seqs only rise, and each message shown is the one in that epoch's log [CLIENT-6]."""
    last = 0
    for event in pair.events:
        if isinstance(event, LoggedIn) and event.new_epoch:
            last = 0
        elif isinstance(event, MessageShown):
            assert event.seq > last
            last = event.seq


def final_states(pair, texts):
    states = {}
    for event in pair.events:
        if isinstance(event, MessageState):
            states[event.text] = event.state
    assert set(states) == set(texts)
    assert set(states.values()) <= {SendState.SENT, SendState.UNCONFIRMED}
    return states


@settings(max_examples=400, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_a_server_without_history(join, tiny, steps, seed):
    pair = join(tiny(history=False), seed, insist=True)
    texts = run(pair, steps)
    check_shown(pair)
    assert all(count == 1 for count in Counter(send.txn for send in pair.server.sends).values())
    stored = Counter(message.text for log in pair.server.logs.values() for message in log)
    for text, state in final_states(pair, texts).items():
        assert stored[text] <= 1
        assert state is SendState.UNCONFIRMED or stored[text] == 1
    assert pair.client.phase is Phase.STOPPED


@settings(max_examples=400, deadline=None)
@given(steps=STEPS.map(lambda steps: [step for step in steps if step[0] != "restart"]), seed=st.integers(0, 2**32))
def test_a_server_with_history_gets_everything_once_and_in_order(join, tiny, steps, seed):
    pair = join(tiny(history=True), seed, insist=True)
    texts = run(pair, steps)
    check_shown(pair)
    assert [message.text for message in pair.server.log if message.sender == "alice"] == texts
    assert set(final_states(pair, texts).values()) <= {SendState.SENT}


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_a_server_with_history_that_forgets(join, tiny, steps, seed):
    pair = join(tiny(history=True), seed, insist=True)
    texts = run(pair, steps)
    check_shown(pair)
    for log in pair.server.logs.values():
        assert all(count == 1 for count in Counter(m.txn for m in log if m.sender == "alice").values())
    stored = Counter(message.text for log in pair.server.logs.values() for message in log)
    for text, state in final_states(pair, texts).items():
        assert stored[text] <= 1  # never in two epochs
        assert state is SendState.UNCONFIRMED or stored[text] == 1


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, 3))
def test_no_octets_make_the_client_fall_over(join, tiny, data, at):
    pair = join(tiny())
    pair.client.start()
    pair.connect()
    for _ in range(at):
        pair.deliver_up()
        pair.deliver_down()
    pair.client.receive_data(data, pair.now)
    pair.client.receive_eof(pair.now)
    pair.collect()
    assert pair.client.phase in (Phase.STOPPED, Phase.WAITING)
