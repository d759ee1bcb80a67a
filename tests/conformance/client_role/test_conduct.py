"""What is wrong with a client's frames, whichever case receives them."""

import pytest

from causerie_conformance.client_role.conduct import Conduct
from causerie_conformance.problems import Violation
from causerie_spec.codec import RawFrame, encode, frame
from causerie_spec.messages import Compose, Conversations, Hello, Join, Login, Ping, Pong, Send, Welcome

HELLO = Hello(b"CAUS", 1, 1, 60, "", ("rooms",))
WELCOME = Welcome(1, 60, 1, 1, "", ("TOKEN",), ("rooms", "history"))
TOKEN = bytes(range(32))


def take(conduct, octets):
    return conduct.received(RawFrame(octets[4], octets[5], int.from_bytes(octets[6:8], "big"), octets[8:]), octets)


def greeted(*, ready=True):
    conduct = Conduct()
    take(conduct, encode(HELLO, 1))
    conduct.answered(1)
    conduct.welcome, conduct.ready = WELCOME, ready
    return conduct


def test_a_good_client():
    conduct = greeted(ready=False)
    assert take(conduct, encode(Login("TOKEN", "ada", "Ada", TOKEN), 1)).handle == "ada"
    conduct.answered(1)
    conduct.ready = True
    assert take(conduct, encode(Send("#lobby", 7, 0, "a\ufeffb"), 1)).txn == 7
    assert take(conduct, encode(Join("#ops"), 2)).conversation == "#ops"
    assert conduct.outstanding == {1, 2}


@pytest.mark.parametrize(
    ("octets", "clause"),
    [
        (encode(Ping(1), 1), "HELLO-1"),
        (encode(Hello(b"CHAT", 1, 1, 60, "", ()), 1), "HELLO-1"),
        (encode(HELLO, 0), "FRAME-12"),
        (frame(1, encode(HELLO)[8:], 1, 1), "FRAME-6"),
        (frame(1, encode(HELLO)[8:] + bytes(4_096), 1), "FRAME-3"),
        (frame(1, b"CAUS\x01", 1), "FRAME-1"),
    ],
)
def test_a_bad_first_frame(octets, clause):
    with pytest.raises(Violation) as caught:
        take(Conduct(), octets)
    assert caught.value.clause == clause


@pytest.mark.parametrize(
    ("octets", "clause"),
    [
        (frame(0x6F, b"", 9), "CAP-2"),
        (encode(Pong(1), 9), "CAP-2"),
        (encode(Conversations("", 9), 9), "CAP-2"),
        (encode(Compose("#lobby", True), 9), "CAP-2"),
        (encode(Ping(1), 9)[:-1], "FRAME-1"),
        (frame(4, bytes(9), 9), "FRAME-9"),
        (encode(Send("#lobby", 0, 0, "a"), 9), "SEND-9"),
        (frame(0x10, encode(Send("#lobby", 1, 0, "abcd"))[8:-4] + b"a\xffcd", 9), "FORM-1"),
        (encode(Send("#lobby", 1, 0, "\ufeffa"), 9), "FORM-1"),
        (encode(Login("TOKEN", "ada", "ada", bytes(15)), 9), "TOKEN-8"),
        (encode(Ping(1), 5), "FRAME-12"),
    ],
)
def test_a_bad_frame_later(octets, clause):
    conduct = greeted()
    take(conduct, encode(Ping(1), 5))
    with pytest.raises(Violation) as caught:
        take(conduct, octets)
    assert caught.value.clause == clause


def test_what_may_be_pipelined():
    conduct = Conduct()
    take(conduct, encode(HELLO, 1))
    assert take(conduct, encode(Join("#ops"), 2)) == Join("#ops")
    with pytest.raises(Violation):
        take(conduct, encode(Conversations("", 9), 3))


def test_long_frames_after_ready():
    assert take(greeted(), encode(Send("#lobby", 1, 0, "x" * 16_384), 7)).text == "x" * 16_384
    with pytest.raises(Violation) as caught:
        take(greeted(ready=False), encode(Send("#lobby", 1, 0, "x" * 16_384), 7))
    assert caught.value.clause == "FRAME-3"
