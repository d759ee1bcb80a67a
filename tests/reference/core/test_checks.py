"""The order of checks, the states, and the fields of each request of CORE [ERR-7]."""

import pytest

from causerie.core.refusal import Refused
from causerie.store.operations import Duplicate, Stored
from causerie_spec.codec import encode, frame
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import CLIENT_TYPES, MESSAGES, Compose, Hello, Login, Ping, Send, Welcome
from causerie_spec.states import TABLE, Outcome, State

E, B = ErrorCode, ByeCode
HELLO = Hello(b"CAUS", 1, 1, 0, "", ())

# A body of each client frame that can be decoded; the negotiation leaves those with a capability unknown.
BODIES = {
    "HELLO": encode(HELLO)[8:],
    "LOGIN": encode(Login("NONE", "a", "a", b""))[8:],
    "AUTH": b"\0\0",
    "PING": bytes(8),
    "QUIT": b"\0",
    "SEND": encode(Send("#lobby", 1, 0, "x"))[8:],
}
CORE_TYPES = sorted(type_ for type_ in CLIENT_TYPES if MESSAGES[type_].CAPABILITY is None)


def in_state(world, state):
    return {State.HELLO: world.connect, State.LOGIN: world.hello, State.READY: lambda: world.login("alice")}[state]()


@pytest.mark.parametrize("state", [State.HELLO, State.LOGIN, State.READY], ids=lambda state: state.value)
@pytest.mark.parametrize("type_", CORE_TYPES, ids=lambda type_: MESSAGES[type_].NAME)
def test_every_known_frame_in_every_state(world, state, type_):
    name = MESSAGES[type_].NAME
    peer = in_state(world, state)
    peer.send(frame(type_, BODIES[name], ref=9))
    answers = peer.answers
    assert {ref for _, ref in answers} == {9}
    codes = [getattr(message, "code", message.NAME) for message, _ in answers]
    match TABLE[state][name]:
        case Outcome.BYE_MALFORMED:
            assert codes == [B.MALFORMED]
        case Outcome.WRONG_STATE:
            assert codes == [E.WRONG_STATE]
        case accepted:
            assert accepted is Outcome.ACCEPT
            expected = {
                "HELLO": "WELCOME",
                "LOGIN": E.NO_SUCH_MECHANISM,
                "PING": "PONG",
                "QUIT": B.NORMAL,
                "SEND": "ACK",
            }
            assert codes == [expected[name]]


@pytest.mark.parametrize("state", [State.LOGIN, State.READY], ids=lambda state: state.value)
@pytest.mark.parametrize("type_", [0x00, 0x06, 0x7F, 0x80, 0x90, 0xFF, 0x11, 0x12, 0x13, 0x20, 0x24])
@pytest.mark.parametrize("body", [b"", b"\xff" * 40])
def test_unknown_types_are_unsupported_with_a_ref_and_ignored_without(world, f, state, type_, body):
    peer = in_state(world, state)
    peer.send(frame(type_, body, ref=0), frame(type_, body, ref=3, flags=255), f.ping(4))
    assert [(getattr(message, "code", 0), ref) for message, ref in peer.inbox] == [(E.UNSUPPORTED, 3), (0, 4)]


@pytest.mark.parametrize(
    "octets",
    [
        frame(0x7F, b"", ref=9),
        frame(0x81, b"", ref=9),
        frame(0x01, b"CAUS\1\1", ref=9),
        frame(0x01, b"", ref=9),
        encode(Hello(b"CAUT", 1, 1, 0, "", ()), 9),
        encode(Hello(b"caus", 2, 2, 0, "", ()), 9),  # magic before versions
        encode(HELLO, 0),
        frame(0x13, b"", ref=9),  # COMPOSE means nothing here
    ],
)
def test_hello_takes_nothing_but_a_right_hello(world, octets):
    peer = world.connect()
    peer.send(octets)
    ((bye, ref),) = peer.inbox
    assert bye.code == B.MALFORMED
    assert bye.reason
    assert ref == int.from_bytes(octets[6:8], "big")  # [ERR-8]
    assert peer.fin


@pytest.mark.parametrize("versions", [(0, 0), (2, 255), (2, 1), (1, 0), (255, 0)])
def test_no_common_version(world, versions):
    peer = world.connect()
    peer.send((Hello(b"CAUS", *versions, 0, "", ()), 9))
    assert peer.bye == B.VERSION_UNSUPPORTED


@pytest.mark.parametrize("versions", [(0, 1), (1, 1), (1, 2), (0, 255)])
def test_a_common_version(world, versions):
    peer = world.connect()
    peer.send((Hello(b"CAUS", *versions, 0, "agent", ("history", "history", "", "x" * 32)), 9))
    assert peer.inbox == [(Welcome(1, 0, world.wall, 77, "causerie", ("TOKEN", "SCRAM-SHA-256"), ()), 9)]


@pytest.mark.parametrize(("asked", "granted"), [(0, 0), (1, 1), (60, 60), (61, 60), (65535, 60)])
def test_keepalive_is_at_most_what_was_asked(world, asked, granted):
    peer = world.connect()
    peer.send((Hello(b"CAUS", 1, 1, asked, "", ()), 9))
    assert peer.inbox[0][0].keepalive == granted


@pytest.mark.parametrize("state", [State.HELLO, State.LOGIN, State.READY], ids=lambda state: state.value)
def test_the_limit_of_a_body(world, state):
    limit = 65_535 if state is State.READY else 4_096
    peer = in_state(world, state)
    peer.send(frame(0x01 if state is State.HELLO else 0x04, BODIES["HELLO"].ljust(limit, b"\0"), ref=5))
    expected = {State.HELLO: "WELCOME", State.LOGIN: "PONG", State.READY: "PONG"}
    assert peer.codes == [expected[state]]
    if state is State.HELLO:
        peer = world.connect()
    peer.dribble((limit + 1).to_bytes(4, "big") + b"\x7f\xff\x01\x02")  # the header is enough, the type no matter
    ((bye, ref),) = peer.inbox
    assert (bye.code, ref) == (B.FRAME_TOO_LARGE, 0x0102)


def test_a_header_is_judged_by_the_state_in_which_it_is_processed(world, f):
    peer = world.connect()
    peer.send((HELLO, 1), (f.login("alice"), 2), f.say(3, "x" * 16_384))
    assert peer.codes == ["WELCOME", "READY", "MESSAGE", "ACK"]


@pytest.mark.parametrize(
    "octets",
    [
        frame(0x04, bytes(7), ref=9),
        frame(0x05, b"\1\xff", ref=9),
        frame(0x10, b"\6#lobby" + bytes(8) + b"\0\0\2\xed\xa0", ref=9),
        frame(0x01, b"", ref=9),  # decodable comes before the state
        frame(0x02, b"", ref=9),
        encode(Ping(1), 0),
        encode(Send("", 0, 255, ""), 0),
    ],
)
def test_what_cannot_be_decoded_ends_the_connection(world, octets):
    other = world.login("bob")
    peer = world.login("alice")
    peer.send(octets, encode(Ping(1), 3))
    ((bye, ref),) = peer.inbox
    assert (bye.code, ref) == (B.MALFORMED, int.from_bytes(octets[6:8], "big"))
    other.send(encode(Ping(1), 3))  # [ERR-9]
    assert other.codes == ["PONG"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (("", 0, 255, ""), E.BAD_FIELD),
        (("lobby", 1, 0, "x"), E.BAD_FIELD),
        (("#lobby\n", 1, 0, "x"), E.BAD_FIELD),
        (("@Bob", 1, 0, "x" * 16_385), E.BAD_FIELD),
        (("#lobby", 0, 0, "x" * 16_385), E.BAD_FIELD),
        (("#lobby", 1, 128, "x" * 16_385), E.BAD_FIELD),
        (("#nowhere", 1, 0, ""), E.BAD_FIELD),
        (("#nowhere", 1, 0, "x" * 16_385), E.TEXT_TOO_LONG),
        (("#lobby", 1, 0, "é" * 8_193), E.TEXT_TOO_LONG),
        (("#lobby", 1, 0, "🦊" * 4_097), E.TEXT_TOO_LONG),
        (("#nowhere", 1, 0, "x"), E.NO_SUCH_CONVERSATION),
        (("@nobody", 1, 0, "x"), E.NO_SUCH_CONVERSATION),
        (("#lobby", 1, 127, "x" * 16_384), None),
        (("#lobby", 2**64 - 1, 64, "🦊" * 4_096), None),
        (("@alice", 1, 1, "\0\ufeff\r\n"), None),
    ],
)
def test_the_fields_of_send_from_left_to_right(world, fields, code):
    peer, other = world.login("alice"), world.login("bob")
    peer.send((Send(*fields), 9))
    *events, (answer, ref) = peer.inbox
    assert ref == 9
    if code is None:
        assert answer.seq == 1
        assert events[0][0].text == fields[3]
    else:
        assert answer.code == code
        assert answer.detail
        assert not events
        assert other.inbox == []  # [SEND-8]
        peer.send((Send("#lobby", 1, 0, "next"), 9))
        assert peer.answers[0][0].seq == 1


GOOD = b"t" * 32


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (("", "A", "", b""), E.NO_SUCH_MECHANISM),
        (("token", "alice", "A", GOOD), E.NO_SUCH_MECHANISM),
        (("TOKEN", "alice\n", "", b""), E.BAD_FIELD),
        (("TOKEN", "a" * 33, "A", GOOD), E.BAD_FIELD),
        (("TOKEN", "alice", "", GOOD), E.BAD_FIELD),
        (("TOKEN", "alice", "é" * 33, GOOD), E.BAD_FIELD),
        (("TOKEN", "alice", "a\u202eb", GOOD), E.BAD_FIELD),
        (("TOKEN", "alice", "A", b"t" * 15), E.BAD_FIELD),
        (("TOKEN", "alice", "A", b"t" * 65), E.BAD_FIELD),
        (("TOKEN", "alice", "A", b"t" * 1_024), E.BAD_FIELD),
        (("TOKEN", "alice", "A", b"t" * 1_025), E.BAD_FIELD),
        (("TOKEN", "bob", "A", GOOD), E.HANDLE_TAKEN),
        (("TOKEN", "a" * 32, "é" * 32, b"t" * 16), None),
        (("TOKEN", "0.-_", "🦊", b"t" * 64), None),
    ],
)
def test_the_fields_of_login_from_left_to_right(world, f, fields, code):
    world.login("bob")
    peer = world.hello()
    peer.send((Login(*fields), 9))
    ((answer, ref),) = peer.inbox
    assert ref == 9
    if code is None:
        assert answer == f.Ready(fields[1], fields[2], b"")  # [TOKEN-6]
    else:
        assert answer.code == code
        assert answer.detail
        peer.send((f.login("alice"), 10))  # [LOGIN-4]
        assert peer.codes == ["READY"]


def test_a_long_payload_is_told_apart_by_its_words(world):
    peer = world.hello()
    peer.send((Login("TOKEN", "alice", "A", bytes(1_025)), 9))
    assert "1024" in peer.inbox[0][0].detail


def test_octets_behind_the_fields_and_flags_are_ignored(world):
    peer = world.login("alice")
    peer.send(frame(0x04, bytes(7) + b"\7more", ref=9, flags=0xFF))
    assert peer.inbox[0][0].token == 7
    assert peer.taken[-11] == 0  # [FRAME-6]


def test_ping_returns_any_token(world, f):
    peer = world.hello()
    peer.send(f.ping(1, 0), f.ping(2, 2**64 - 1))
    assert peer.inbox == [(f.Pong(0), 1), (f.Pong(2**64 - 1), 2)]


def test_details_fit_their_form_whatever_they_quote(world):
    def quoting(connection, now, ref, message):
        from causerie.core.refusal import bad_field

        raise bad_field("text", "李" * 300)

    world.hub.handlers = {**world.hub.handlers, "SEND": quoting}
    peer = world.login("alice")
    peer.send((Send("#lobby", 1, 0, "x"), 9))
    assert 250 < len(peer.inbox[0][0].detail.encode()) <= 255


def test_every_refusal_of_compose_is_silent_once_it_is_negotiated(make_world, f):
    # [TYPE-2]; the handler itself is not here yet, and refuses everything.
    def refusing(connection, now, ref, message):
        raise Refused(E.NO_SUCH_CONVERSATION, "")

    world = make_world()
    world.hub.capabilities = frozenset({"typing"})
    world.hub.handlers = {**world.hub.handlers, "COMPOSE": refusing}
    peer = world.connect()
    peer.send((Hello(b"CAUS", 1, 1, 0, "", ("typing",)), 1))
    compose = Compose("#nowhere", True)
    peer.send((compose, 9), (compose, 0), (f.login("alice"), 2), (compose, 9), (compose, 0), f.ping(3))
    assert [ref for _, ref in peer.inbox] == [1, 2, 3]
    peer.send(frame(0x13, b"\1#\2", ref=9))
    assert peer.bye == B.MALFORMED


def test_a_message_that_was_there_already_is_answered_and_not_told_again(world, f):
    class Remembering:
        def commit(self, operations):
            return [Duplicate(Stored(7, 1_234, "alice", 3, 0, "x")) for _ in operations]

    alice, bob = world.login("alice"), world.login("bob")
    world.store = Remembering()
    alice.send(f.say(3))
    assert alice.inbox == [(f.Ack(7, 1_234, True), 3)]
    assert bob.inbox == []
