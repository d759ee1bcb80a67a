"""The client across its connections."""

import pytest

from causerie.core.client import (
    Cause,
    Connected,
    Connecting,
    Disconnected,
    LocalProtocolError,
    LoggedIn,
    MessageQueued,
    MessagesMissed,
    NotSendable,
    Phase,
    Stopped,
    check_sendable,
)
from causerie.core.client.client import LEAVE_LIMIT, TABLE, WINDOW
from causerie_spec import codes
from causerie_spec.messages import Bye, ChatMessage, Error, Quit, Send


def test_from_start_to_goodbye(join, tiny):
    pair = join(tiny())
    assert pair.client.phase is Phase.IDLE
    pair.client.start()
    assert pair.client.phase is Phase.CONNECTING
    pair.connect()
    pair.settle()
    pair.client.send("#lobby", "hi", pair.now)
    pair.settle()
    pair.client.leave(pair.now)
    pair.settle()
    assert pair.client.phase is Phase.STOPPED
    assert [type(event).__name__ for event in pair.events] == [
        "Connecting", "Connected", "LoggedIn", "MessageQueued", "MessageState", "MessageState", "MessageShown",
        "Stopped",
    ]  # fmt: skip
    [hi] = pair.shown()
    assert (hi.text, hi.mine, hi.seq, hi.sender) == ("hi", True, 1, "alice")
    [stopped] = pair.of(Stopped)
    assert (stopped.ending.cause, stopped.unsent, stopped.unconfirmed) == (Cause.QUIT, 0, 0)
    assert set(TABLE) == set(Phase)


def test_what_is_written_before_login_goes_out_after_it(join, tiny):
    pair = join(tiny())
    pair.client.start()
    pair.client.send("#lobby", "early", pair.now)
    pair.connect()
    pair.settle()
    assert pair.states() == [("early", "in flight"), ("early", "sent")]


def test_sends_are_pipelined_within_a_window(online):  # [REQ-4]
    pair = online()
    for number in range(WINDOW * 2 + 5):
        pair.client.send("#lobby", str(number), pair.now)
    pair.deliver_up()
    assert len(pair.server.sends) == WINDOW
    pair.settle()
    assert [message.text for message in pair.shown()] == [str(number) for number in range(WINDOW * 2 + 5)]
    assert pair.client.backlog == 0


def test_a_refused_message_fails_and_the_rest_goes_on(online):
    pair = online()
    pair.client.send("#lobby", "refuse me", pair.now)
    pair.client.send("#lobby", "fine", pair.now)
    pair.settle()
    assert ("refuse me", "failed") in pair.states()
    assert ("fine", "sent") in pair.states()


def test_a_core_server_leaves_texts_unconfirmed_and_they_are_not_sent_again(online):  # [CLIENT-9]
    pair = online()
    pair.client.send("#lobby", "stored", pair.now)
    pair.deliver_up()  # it arrives, but its ACK does not
    pair.cut()
    assert pair.states()[-1] == ("stored", "unconfirmed")
    pair.pass_time(60)
    pair.connect()
    pair.settle()
    assert len(pair.server.sends) == 1
    [gone] = pair.of(Disconnected)
    assert gone.ending.cause is Cause.LOST
    assert [event.again for event in pair.of(LoggedIn)] == [False, True]


def test_a_server_with_history_is_asked_again(online, tiny):  # [CLIENT-9]
    pair = online(server=tiny(history=True))
    pair.client.send("#lobby", "once", pair.now)
    pair.deliver_up()
    pair.cut()
    assert pair.states() == [("once", "in flight")]
    pair.client.send("#lobby", "later", pair.now)
    pair.pass_time(60)
    pair.connect()
    pair.settle()
    assert [send.text for send in pair.server.sends] == ["once", "once", "later"]
    assert pair.server.sends[0] == pair.server.sends[1]
    assert [message.text for message in pair.server.log] == ["once", "later"]
    assert pair.states()[-1] == ("later", "sent")


def test_a_new_epoch_forbids_it_and_begins_the_order_anew(online, tiny):  # [CLIENT-9] [CLIENT-10]
    pair = online(server=tiny(history=True))
    pair.server.post("bob", 1, 0, "one")
    pair.client.send("#lobby", "lost", pair.now)
    pair.deliver_up()
    pair.deliver_down(60)
    pair.server.restart()
    pair.cut()
    pair.pass_time(60)
    pair.connect()
    pair.settle()
    pair.server.post("bob", 2, 0, "new one")
    pair.settle()
    assert pair.states()[-1] == ("lost", "unconfirmed")
    assert pair.of(LoggedIn)[-1].new_epoch
    assert pair.shown()[-1].seq == 1
    assert pair.shown()[-1].text == "new one"
    assert pair.of(MessagesMissed) == []


def test_what_was_missed_is_told(online):  # [CLIENT-10]
    pair = online()
    pair.server.post("bob", 1, 0, "one")
    pair.settle()
    pair.cut()
    pair.server.post("bob", 2, 0, "two")
    pair.server.post("bob", 3, 0, "three")
    pair.pass_time(60)
    pair.connect()
    pair.settle()
    pair.server.post("bob", 4, 0, "four")
    pair.settle()
    [missed] = pair.of(MessagesMissed)
    assert (missed.gap.after, missed.gap.before) == (1, 4)
    assert [message.seq for message in pair.shown()] == [1, 4]


def test_its_own_message_confirms_it_before_the_ack(online):  # [MSG-11]
    pair = online()
    txn = pair.client.send("#lobby", "hi", pair.now)
    pair.pull()
    pair.peer.send(ChatMessage("#lobby", 1, 1, "alice", txn, 0, "hi"))
    pair.deliver_down()
    pair.cut()
    assert pair.states()[-1] == ("hi", "sent")


def test_somebody_elses_txn_confirms_nothing(online):
    pair = online()
    txn = pair.client.send("#lobby", "hi", pair.now)
    pair.pull()
    pair.peer.send(ChatMessage("#lobby", 1, 1, "bob", txn, 0, "hi"))
    pair.peer.send(ChatMessage("@bob", 1, 1, "alice", txn, 0, "hi"))
    pair.deliver_down()
    assert pair.states() == [("hi", "in flight")]


@pytest.mark.parametrize(("kind", "shown"), [(0, 1), (1, 1), (5, 1), (127, 1), (128, 1), (129, 1), (130, 0), (255, 0)])
def test_kinds(online, kind, shown):
    pair = online()
    pair.server.post("bob", 1, kind, "x")
    pair.settle()
    assert len(pair.shown()) == shown


def test_reconnecting_never_comes_sooner_than_advised(online):  # [CLIENT-5]
    pair = online()
    pair.peer.send(Bye(codes.ByeCode.SHUTDOWN, 20_000, ""))
    pair.deliver_down()
    assert pair.client.phase is Phase.WAITING
    assert 20.0 <= pair.client.deadline - pair.now <= 22.0
    pair.client.tick(pair.now + 19.9)
    assert pair.client.phase is Phase.WAITING
    pair.pass_time(30)
    assert pair.client.phase is Phase.CONNECTING


def test_failures_make_delays_grow_until_a_connection_is_steady(online):  # [CLIENT-5]
    pair = online()
    pair.cut()
    delays = [pair.of(Disconnected)[-1].retry_in]
    for _ in range(4):
        pair.pass_time(120)
        pair.client.connect_failed(Cause.NOBODY_LISTENS, pair.now)
        pair.collect()
        delays.append(pair.of(Disconnected)[-1].retry_in)
    assert delays == sorted(delays)
    pair.pass_time(120)
    assert pair.of(Connecting)[-1].attempt == 6
    pair.connect()
    pair.settle()
    pair.cut()  # too soon to count as steady
    assert pair.of(Disconnected)[-1].retry_in >= delays[-1]
    pair.pass_time(120)
    pair.connect()
    pair.settle()
    pair.pass_time(11)
    pair.cut()
    assert pair.of(Disconnected)[-1].retry_in <= 1.0


def test_the_first_failure_stops_a_client_that_does_not_insist(join, tiny):
    pair = join(tiny())
    pair.client.start()
    pair.client.connect_failed(Cause.NOBODY_LISTENS, pair.now, "refused")
    pair.collect()
    assert pair.client.phase is Phase.STOPPED
    assert pair.of(Stopped)[0].ending.cause is Cause.NOBODY_LISTENS
    pair = join(tiny(), insist=True)
    pair.client.start()
    pair.client.connect_failed(Cause.NOBODY_LISTENS, pair.now)
    assert pair.client.phase is Phase.WAITING


def test_a_taken_handle_stops_for_good(join, tiny):  # [CLIENT-11]
    server = tiny()
    server.refuse = Error(codes.ErrorCode.HANDLE_TAKEN, 0, "mine")
    pair = join(server, insist=True)
    pair.client.start()
    pair.connect()
    pair.settle()
    [stopped] = pair.of(Stopped)
    assert (stopped.ending.cause, stopped.ending.code) == (Cause.LOGIN_REFUSED, codes.ErrorCode.HANDLE_TAKEN)


def test_a_broken_protocol_stops_for_good(online):  # [CLIENT-12]
    pair = online()
    pair.client.receive_data(b"\xff" * 8, pair.now)
    pair.collect()
    assert pair.of(Stopped)[0].ending.cause is Cause.PROTOCOL


def test_leaving_delivers_first_then_quits(online):  # [CLIENT-4]
    pair = online()
    for number in range(WINDOW + 10):
        pair.client.send("#lobby", str(number), pair.now)
    pair.client.leave(pair.now)
    pair.settle()
    assert len(pair.server.log) == WINDOW + 10
    assert pair.of(Stopped)[0].unsent == 0
    with pytest.raises(LocalProtocolError):
        pair.client.send("#lobby", "too late", pair.now)


def test_an_impatient_leaver_waits_5_seconds_for_a_deaf_server(online):  # [CLIENT-4]
    pair = online()
    pair.client.send("#lobby", "hello?", pair.now)
    pair.client.leave(pair.now)
    pair.pull()
    assert pair.client.deadline == pair.now + LEAVE_LIMIT
    pair.pass_time(LEAVE_LIMIT + 0.1)
    pair.pull()
    pair.deliver_up()
    assert isinstance(pair.peer.received[-1], Quit)
    pair.pass_time(6)
    [stopped] = pair.of(Stopped)
    assert (stopped.ending.cause, stopped.unconfirmed) == (Cause.QUIT, 1)
    assert pair.states()[-1] == ("hello?", "unconfirmed")


def test_leaving_without_a_login_is_quick_unless_patient(join, tiny):
    for early in (True, False):
        pair = join(tiny())
        pair.client.start()
        if not early:
            pair.connect()
        pair.client.leave(pair.now)
        if not early:
            pair.settle()
        assert pair.client.phase is Phase.STOPPED
    pair = join(tiny())
    pair.client.start()
    pair.client.send("#lobby", "hi", pair.now)
    pair.client.leave(pair.now, patient=True)
    assert pair.client.phase is Phase.CONNECTING
    pair.connect()
    pair.settle()
    assert pair.client.phase is Phase.STOPPED
    assert [message.text for message in pair.server.log] == ["hi"]


def test_a_patient_leaver_comes_back_once_to_deliver(online):
    pair = online()
    for number in range(WINDOW + 1):
        pair.client.send("#lobby", str(number), pair.now)
    pair.client.leave(pair.now, patient=True)
    pair.cut()
    assert pair.client.phase is Phase.WAITING
    pair.pass_time(60)
    pair.connect()
    pair.settle()
    [stopped] = pair.of(Stopped)
    assert (stopped.unsent, stopped.unconfirmed) == (0, WINDOW)
    assert [message.text for message in pair.server.log] == [str(WINDOW)]


def test_a_patient_leaver_gives_up_when_nobody_is_there(online):
    pair = online()
    for number in range(WINDOW + 1):
        pair.client.send("#lobby", str(number), pair.now)
    pair.client.leave(pair.now, patient=True)
    pair.cut()
    pair.pass_time(60)
    pair.client.connect_failed(Cause.NOBODY_LISTENS, pair.now)
    pair.collect()
    [stopped] = pair.of(Stopped)
    assert (stopped.ending.cause, stopped.unsent) == (Cause.NOBODY_LISTENS, 1)


def test_leaving_while_waiting_stops_at_once(online):
    for patient in (True, False):
        pair = online()
        pair.cut()
        pair.client.leave(pair.now, patient=patient)
        assert pair.client.phase is Phase.STOPPED
        assert pair.client.deadline is None


def test_abandoning(online):
    pair = online()
    pair.client.send("#lobby", "hi", pair.now)
    pair.client.abandon()
    pair.client.abandon()
    pair.collect()
    [stopped] = pair.of(Stopped)
    assert stopped.unconfirmed == 1
    assert pair.client.data_to_send() == b""


def test_events_tell_the_greeting_and_the_queue(online):
    pair = online()
    [connected] = pair.of(Connected)
    assert (connected.agent, connected.keepalive, connected.capabilities) == ("tiny", 60, frozenset())
    pair.client.send("@bob", "psst", pair.now, codes.Kind.ACTION)
    pair.collect()
    [queued] = pair.of(MessageQueued)
    assert (queued.conversation, queued.kind, queued.text) == ("@bob", 1, "psst")


@pytest.mark.parametrize(
    ("conversation", "text", "kind"),
    [("lobby", "x", 0), ("#lobby", "", 0), ("#lobby", "é" * 8193, 0), ("#lobby", "x", 128), ("#lobby", "\ud800", 0)],
)
def test_what_no_server_takes_is_refused_here(online, conversation, text, kind):
    with pytest.raises(NotSendable):
        check_sendable(conversation, text, kind)
    with pytest.raises(NotSendable):
        online().client.send(conversation, text, 0.0, kind)


def test_the_longest_text_is_sent(online):
    pair = online()
    pair.client.send("#lobby", "é" * 8192, pair.now)
    pair.settle()
    [send] = pair.server.sends
    assert isinstance(send, Send)
    assert len(send.text.encode()) == 16384


def test_misuse_is_told():
    import random

    from causerie.core.client import Client, Identity

    client = Client(Identity("a", "A", b"x" * 32), random.Random(1))
    client.start()
    with pytest.raises(LocalProtocolError):
        client.start()
    with pytest.raises(LocalProtocolError):
        client.connected(0.0) or client.connect_failed(Cause.LOST, 0.0)
