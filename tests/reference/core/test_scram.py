"""SCRAM's messages and keys: the vector of RFC 7677, other people's code, and everything that must be refused."""

import base64
from contextlib import suppress

import pytest
import scramp.core
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.core import accounts, saslprep, scram
from causerie.core.accounts import Challenge, ScramError, made_up, read_first
from causerie.core.client import ImpostorError, Password, RemoteProtocolError
from causerie.core.client.scram import Exchange
from causerie.store.operations import ScramKeys

NONCE = "rOprNGfwEbeRWgbNEkqO"
MORE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
KEYS = accounts.keys_of("pencil", SALT, 4096)
FIRST = f"n,,n=user,r={NONCE}".encode()
FINAL = f"c=biws,r={NONCE}{MORE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()


class Fixed:
    """Randomness that a test knows."""

    def random(self):
        return 0.5

    def getrandbits(self, k):
        return 7


def challenge(first=FIRST, keys=KEYS):
    return Challenge(read_first(first, "user"), keys, MORE)


def client(password="pencil"):
    return Exchange(Password(password, Fixed()), "user", NONCE)


def test_the_vector_of_rfc_7677():
    ours, theirs = challenge(), client()
    assert theirs.first == FIRST
    assert ours.first == f"r={NONCE}{MORE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert theirs.prove(ours.first.encode()) == FINAL
    final = ours.check(FINAL)
    assert final == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    theirs.verify(final)


# Other people's code is a peer with other bugs.


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=20), st.binary(min_size=12, max_size=40))
def test_a_client_by_others_and_our_server(password, salt):
    try:
        keys = accounts.keys_of(password, salt, 4096)
    except ValueError:
        return
    theirs = scramp.ScramClient(["SCRAM-SHA-256"], "user", password)
    ours = Challenge(read_first(theirs.get_client_first().encode(), "user"), keys, MORE)
    theirs.set_server_first(ours.first)
    theirs.set_server_final(ours.check(theirs.get_client_final().encode()).decode())


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_our_client_and_a_server_by_others(password):
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    try:
        info = mechanism.make_auth_info(password, 4096)
        ours = Password(password, Fixed()).begin("user")
    except (scramp.ScramException, ValueError):
        return
    theirs = mechanism.make_server(lambda _: info)
    theirs.set_client_first(ours.first.decode())
    theirs.set_client_final(ours.prove(theirs.get_server_first().encode()).decode())
    ours.verify(theirs.get_server_final().encode())


@given(st.text(max_size=30))
def test_saslprep_by_others(password):
    try:
        theirs = scramp.core.saslprep(password)
    except scramp.ScramException:
        theirs = ""
    try:
        ours = saslprep.prepare(password, stored=True)
    except ValueError:
        ours = ""
    assert ours == theirs


@pytest.mark.parametrize(
    ("password", "prepared"),
    [  # the first five: RFC 4013, section 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("  ", "  "),
        ("e\u0301", "é"),
        ("\u0627\u0031\u0628", "\u0627\u0031\u0628"),
        ("a\u200bb", "ab"),  # in two tables of RFC 3454: PROTOCOL.md says which
    ],
)
def test_passwords_and_their_form(password, prepared):
    assert saslprep.prepare(password, stored=True) == prepared


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "empty"),
        ("\u00ad", "empty"),
        ("a\u0007", "control character .U.0007"),
        ("a\n", "control character"),
        ("\ue000", "private use"),
        ("\ufdd0", "no character"),
        ("\ud800", "half a character"),
        ("\ufffd", "not for plain text"),
        ("\u2ff0", "ideographic"),
        ("\u202e", "direction mark"),
        ("\U000e0041", "tag"),
        ("\u06271", "right to left"),
        ("\u0627x\u0628", "right to left"),
    ],
)
def test_passwords_without_a_form(password, why):
    with pytest.raises(ValueError, match=why):
        saslprep.prepare(password)


def test_an_account_takes_only_what_every_client_can_prepare():
    assert saslprep.prepare("🦊") == "🦊"
    with pytest.raises(ValueError, match=r"does not know .U\+1F98A"):
        saslprep.prepare("🦊", stored=True)


# What a server refuses


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b",,",
        b"n,,",
        b"\xff\xfe",
        b"n,,n=user",
        b"n,,n=user,r=",
        b"n,,n=,r=x",
        b"n,,r=x,n=user",
        b"n,,r=x",
        b"n=user,r=x",
        b"n,n=user,r=x",
        b"n,,,n=user,r=x",
        b"N,,n=user,r=x",
        b"x,,n=user,r=x",
        b"p=tls-unique,,n=user,r=x",
        b"p=,,n=user,r=x",
        b"n,a=user,n=user,r=x",
        b"n,a=,n=user,r=x",
        b"n,user,n=user,r=x",
        b"n,,m=x,n=user,r=x",
        b"n,,n=user,r=x,m=x",
        b"n,,n=user,m=x,r=x",
        b"n,,n=user,r=x y",
        b"n,,n=user,r=x\n",
        b"n,,n=user,r=\xc3\xa9",
        b"n,,n=user,r=x,",
        b"n,,n=user,r=x,e",
        b"n,,n=user,r=x,e=",
        b"n,,n=user,r=x,1=a",
        b"n,,n=user,r=x,e=\0",
        b" n,,n=user,r=x",
        b"n,,n=user,r=x\0",
        b"n,,n=User,r=x",
        b"n,,n=user=2C,r=x",
        b"n,,n=\xef\xbd\x95ser,r=x",
        b"n,,n=user\xc2\xad,r=x",
        FINAL,
    ],
)
def test_client_first_messages_that_are_refused(first):
    with pytest.raises(ScramError):
        read_first(first, "user")


@pytest.mark.parametrize("first", [b"y,,n=user,r=x", b"n,,n=user,r=x,e=1", b"n,,n=user,r=!+-~=,X=\xc3\xa9=,y=z"])
def test_client_first_messages_that_are_taken(first):
    assert read_first(first, "user").nonce


PROOF = base64.b64encode(bytes(32))


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"\xff",
        FINAL[:-1],
        FINAL + b"\n",
        FINAL + b",x=y",
        FINAL.replace(b"biws", b"eSws"),
        FINAL.replace(b"biws", b"biwsYT0="),
        FINAL.replace(b"biws", b""),
        FINAL.replace(b"c=biws,", b""),
        FINAL.replace(b"biws,", b"biws,m=x,"),
        FINAL.replace(b",p=", b",m=x,p="),
        FINAL.replace(b"k0,", b"k1,"),
        FINAL.replace(b"k0,", b"k,"),
        FINAL.replace(b"k0,", b"k00,"),
        FINAL.replace(b"r=", b"r=x"),
        FINAL.partition(b",p=")[0],
        FINAL.partition(b",p=")[0] + b",p=",
        FINAL.partition(b",p=")[0] + b",p=" + PROOF,
        FINAL.partition(b",p=")[0] + b",p=AAAA",
        FINAL.partition(b",p=")[0] + b",p=" + base64.b64encode(bytes(33)),
        FINAL.replace(b"dHzb", b"dHz-"),
        FINAL.replace(b"dHzb", b"dH\xc3\xa9"),
        FINAL.replace(b"dHzb", b"eHzb"),
        FINAL.replace(b",p=", b",x=y,p="),  # ignored, but it is signed
    ],
)
def test_client_final_messages_that_are_refused(final):
    with pytest.raises(ScramError):
        challenge().check(final)


@given(st.binary(max_size=80))
def test_whatever_comes_is_refused_in_order(octets):
    with suppress(ScramError):  # some are good: n,,n=user,r=!
        assert octets.endswith(read_first(octets, "user").bare.encode())
    with pytest.raises(ScramError):
        challenge().check(octets)


def test_extensions_are_ignored_but_signed():
    theirs = scramp.ScramClient(["SCRAM-SHA-256"], "user", "pencil", c_nonce=NONCE)
    theirs.get_client_first()
    theirs.client_first_bare += ",e=what"
    ours = Challenge(read_first(f"n,,{theirs.client_first_bare}".encode(), "user"), KEYS, MORE)
    theirs.set_server_first(ours.first)
    ours.check(theirs.get_client_final().encode())


def test_who_has_no_account_is_told_the_same_again_and_never_let_in():  # [SCRAM-4]
    one, again = made_up(b"s" * 32, "bob", 4096), made_up(b"s" * 32, "bob", 4096)
    assert one == again
    others = [made_up(b"s" * 32, "bo", 4096), made_up(b"t" * 32, "bob", 4096)]
    assert len({keys.salt for keys in (one, *others)}) == 3
    assert len(one.salt) == len(KEYS.salt) == accounts.SALT_SIZE
    assert len({one.salt, one.stored_key[:16], one.server_key[:16]}) == 3
    exchange = client()
    with pytest.raises(ScramError, match="wrong password, or no such account"):
        challenge(keys=one).check(exchange.prove(challenge(keys=one).first.encode()))


def test_what_a_server_keeps_is_not_the_password():
    assert isinstance(KEYS, ScramKeys)
    assert b"pencil" not in b"".join((KEYS.salt, KEYS.stored_key, KEYS.server_key))
    assert accounts.keys_of("pencil", b"x" * 16, 4096).stored_key != KEYS.stored_key


# What a client refuses [SCRAM-6]


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\xff",
        f"r={NONCE}{MORE},s=W22Z,i=4095".encode(),
        f"r={NONCE}{MORE},s=W22Z,i=1000001".encode(),
        f"r={NONCE}{MORE},s=W22Z,i=0".encode(),
        f"r={NONCE}{MORE},s=W22Z,i=04096".encode(),
        f"r={NONCE}{MORE},s=W22Z,i=-4096".encode(),
        f"r={NONCE}{MORE},s=W22Z,i=4096000000000000".encode(),
        f"r={NONCE}{MORE},s=,i=4096".encode(),
        f"r={NONCE}{MORE},s=W22,i=4096".encode(),
        f"r={NONCE}{MORE},s={base64.b64encode(bytes(2000)).decode()},i=4096".encode(),
        f"r={NONCE},s=W22Z,i=4096".encode(),
        f"r=x{NONCE}{MORE},s=W22Z,i=4096".encode(),
        f"m=x,r={NONCE}{MORE},s=W22Z,i=4096".encode(),
        f"r={NONCE}{MORE},s=W22Z,i=4096,m=x".encode(),
        f"s=W22Z,r={NONCE}{MORE},i=4096".encode(),
        b"e=unknown-user",
    ],
)
def test_challenges_that_a_client_refuses(first):
    with pytest.raises(RemoteProtocolError):
        client().prove(first)


@pytest.mark.parametrize("iterations", [4096, 4097])
def test_challenges_that_a_client_takes(iterations):
    assert client().prove(f"r={NONCE}{MORE},s=W22Z,i={iterations},x=later".encode()).startswith(b"c=biws,r=")


@pytest.mark.parametrize(
    "final", [b"", b"v=", b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", b"e=other-error", b"\xff", FINAL]
)
def test_servers_that_prove_nothing(final):
    exchange = client()
    exchange.prove(challenge().first.encode())
    with pytest.raises(ImpostorError):
        exchange.verify(final)


def test_a_server_that_asks_for_no_proof():
    with pytest.raises(ImpostorError):
        client().verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_a_password_shows_nothing_and_is_computed_once(monkeypatch):
    password = Password("pencil", Fixed())
    assert "pencil" not in repr(password)
    asked = []
    derive = scram.derive
    monkeypatch.setattr(scram, "derive", lambda *what: asked.append(what) or derive(*what))
    for _ in range(3):
        exchange = Exchange(password, "user", NONCE)
        assert exchange.prove(challenge().first.encode()) == FINAL
    assert len(asked) == 1
