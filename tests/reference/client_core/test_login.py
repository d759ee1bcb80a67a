"""A login with a password, from the client's side of one connection."""

import base64

import pytest

from causerie.core import accounts
from causerie.core.client import Password
from causerie.core.client.connection import Connection, Identity, State
from causerie.core.client.endings import Cause, Ending, Next
from causerie.core.client.signals import Admitted, Closed
from causerie_spec import codes
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.messages import Auth, Challenge, Error, Login, Ready, Welcome

WELCOME = Welcome(1, 60, 5, 7, "tiny", ("TOKEN", "SCRAM-SHA-256"), ())
NONCE = base64.b64encode(bytes(17) + b"\x07").decode()
"""What `Fixed` makes."""


class Fixed:
    """Randomness that a test knows."""

    def random(self):
        return 0.5

    def getrandbits(self, k):
        return 7


def with_password(mechanisms=("TOKEN", "SCRAM-SHA-256"), text="pencil"):
    """A connection that was told WELCOME."""
    connection = Connection(Identity("user", "User", password=Password(text, Fixed())), 0.0)
    connection.receive_data(encode(Welcome(1, 60, 5, 7, "", mechanisms, ()), 1), 1.0)
    return connection


def challenge(iterations=4096):
    return Challenge(f"r={NONCE}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}".encode())


def signature(connection):
    """What a server that knows the password says, to what the connection has sent."""
    first, final = (message.payload for message in sent(connection) if isinstance(message, (Login, Auth)))
    keys = accounts.keys_of("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    return accounts.Challenge(accounts.read_first(first, "user"), keys, "more").check(final)


def ending(connection):
    closed = connection.signals()[-1]
    assert isinstance(closed, Closed)
    assert connection.state is State.CLOSED
    return closed.ending


def sent(connection):
    decoder = Decoder(codes.MAX_BODY)
    decoder.feed(connection.data_to_send())
    return [decode(frame.type, frame.body) for frame in decoder]


def test_a_login_with_a_password():
    connection = with_password()
    connection.receive_data(encode(challenge(), 2), 2.0)
    final = signature(connection)
    connection.receive_data(encode(Ready("user", "User", final), 3), 3.0)
    assert connection.state is State.READY
    assert isinstance(connection.signals()[-1], Admitted)


def test_who_has_a_password_shows_no_less():  # [SCRAM-8]
    connection = with_password(mechanisms=("TOKEN",))
    assert ending(connection).cause is Cause.LOGIN_REFUSED
    assert not sent(connection)


@pytest.mark.parametrize(
    "answers",
    [
        [(Ready("user", "User", b""), 2)],
        [(Ready("user", "User", b"v=AAAA"), 2)],
        [(challenge(), 2), (Ready("user", "User", b""), 3)],
        [(challenge(), 2), (Ready("user", "User", b"v=" + base64.b64encode(bytes(32))), 3)],
        [(challenge(), 2), (Ready("user", "User", b"e=other-error"), 3)],
    ],
)
def test_a_server_that_does_not_prove_itself_is_left(answers):  # [SCRAM-6]
    connection = with_password()
    for message, ref in answers:
        connection.receive_data(encode(message, ref), 2.0)
    why = ending(connection)
    assert (why.cause, why.next) == (Cause.IMPOSTOR, Next.STOP)


@pytest.mark.parametrize(
    "answers",
    [
        [(challenge(4095), 2)],
        [(challenge(1_000_001), 2)],
        [(Challenge(b"no"), 2)],
        [(challenge(), 2), (challenge(), 3)],
    ],
)
def test_challenges_that_end_the_connection(answers):
    connection = with_password()
    for message, ref in answers:
        connection.receive_data(encode(message, ref), 2.0)
    assert ending(connection).cause is Cause.PROTOCOL


def test_a_challenge_to_a_token_ends_the_connection():
    connection = Connection(Identity("alice", "Alice", b"t" * 32), 0.0)
    connection.receive_data(encode(WELCOME, 1) + encode(challenge(), 2), 1.0)
    assert ending(connection).cause is Cause.PROTOCOL


def test_a_wrong_password():
    connection = with_password(text="pen")
    connection.receive_data(encode(challenge(), 2), 2.0)
    connection.receive_data(encode(Error(codes.ErrorCode.AUTH_FAILED, 0, "wrong"), 3), 3.0)
    assert ending(connection) == Ending(Cause.LOGIN_REFUSED, codes.ErrorCode.AUTH_FAILED, 0, "wrong")


def test_quit_between_challenge_and_proof():
    connection = with_password()
    connection.quit(2.0)
    connection.receive_data(encode(challenge(), 2), 2.0)
    assert not any(isinstance(message, Auth) for message in sent(connection))
    assert connection.state is State.QUITTING
