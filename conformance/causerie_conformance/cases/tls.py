"""Step 9: TLS, as far as it is this protocol's affair.

In here: ALPN, versions, both ends of the stream, records, and handshakes that fail. That everything else is the same
inside TLS is shown by all other cases, in a run over it.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from functools import partial

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.keepalive import EARLY, limit_of
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import HandshakeFailed, Kind
from causerie_conformance.registry import case as any_case
from causerie_conformance.target import TLS
from causerie_conformance.tls import SecureSocket, Tls, client_hello
from causerie_spec.codec import encode
from causerie_spec.codes import ALPN, CLOSING_TIMEOUT, LOBBY, ByeCode
from causerie_spec.messages import Ping, Pong, Quit, Ready, Send, Welcome

case = partial(any_case, needs=(TLS,))

DRIP = 0.1
"""Seconds between octets of a handshake that takes too long."""
SOON = CLOSING_TIMEOUT / 2
"""Seconds in which FIN must come behind close_notify: before a server closes that waits for the client's."""
OTHERS = ("http/1.1", "h2", "imap")
"""Protocols that no Causerie server speaks."""


def _tls(arena: Arena) -> Tls:
    assert arena.target.tls is not None
    return arena.target.tls


def _secure(client: Client) -> SecureSocket:
    assert client.secure is not None
    return client.secure


def _drain(client: Client) -> None:
    """Read to the end of the stream, whatever comes; that it ends is what is asked."""
    while client.next("the end of the stream") is not None:
        pass


# ALPN


@case("tls/alpn-selected-{}", "TLS-6", "TLS-1", over={"alone": (ALPN,), "among-others": (*OTHERS, ALPN)})
def alpn_selected(arena: Arena, protocols: tuple[str, ...]) -> None:
    """A server selects causerie/1 if the client offers it"""
    client = arena.connect(tls=_tls(arena).but(protocols=protocols))
    if _secure(client).protocol != ALPN:
        raise client.problem(Kind.VALUE, f"ALPN {ALPN!r} in ServerHello", repr(_secure(client).protocol))
    client.ask(hello(), Welcome)


@case("tls/alpn-others-refused", "TLS-6")
def alpn_others_refused(arena: Arena) -> None:
    """A client that offers other protocols only is refused, before anything of this one is said"""
    try:
        client = arena.connect(tls=_tls(arena).but(protocols=OTHERS))
    except HandshakeFailed:
        return
    client.send(hello())
    received = client.next("the end of the stream")
    if received is not None:
        came = f"a handshake, and {received.message.NAME}"
        raise client.problem(Kind.UNEXPECTED, "no_application_protocol, or the end of the stream", came)


@case("tls/alpn-none-served", "TLS-7")
def alpn_none_served(arena: Arena) -> None:
    """A client that offers no ALPN at all is served"""
    with citing("TLS-7"):
        client = arena.connect(tls=_tls(arena).but(protocols=()))
        client.ask(hello(), Welcome)


# Versions


def _old_hello() -> bytes:
    """A ClientHello of one that speaks TLS 1.1 at most."""
    ciphers = b"\xc0\x09\xc0\x0a\xc0\x13\xc0\x14\x00\x2f\x00\x35"
    extensions = b"\x00\x0a\x00\x06\x00\x04\x00\x17\x00\x18" + b"\x00\x0b\x00\x02\x01\x00"  # curves, and their form
    body = b"\x03\x02" + bytes(range(32)) + b"\x00"
    for part, form in ((ciphers, ">H"), (b"\x00", ">B"), (extensions, ">H")):
        body += struct.pack(form, len(part)) + part
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


@case("tls/old-version-refused", "TLS-3")
def old_version_refused(arena: Arena) -> None:
    """A handshake that offers no newer version than TLS 1.1 fails"""
    client = arena.connect(tls=None)
    client.send_octets(_old_hello(), "ClientHello of TLS 1.1")
    octets = client.next_octets("an alert, or the end of the stream")
    if octets[:1] == b"\x16":
        raise client.problem(Kind.UNEXPECTED, "an alert, or the end of the stream", "a ServerHello", octets)


@case("tls/newest-version", "TLS-4")
def newest_version(arena: Arena) -> None:
    """TLS 1.3 is spoken with a client that has it"""
    client = arena.connect()
    version = _secure(client).version
    if version != "TLSv1.3":
        raise client.problem(Kind.VALUE, "TLS 1.3", str(version))


# Ends


@case("tls/ends-with-close-notify", "TLS-8", "CLOSE-1")
def ends_with_close_notify(arena: Arena) -> None:
    """Behind BYE stands close_notify, and FIN behind that"""
    client = arena.login()
    client.expect_bye(ByeCode.NORMAL, ref=client.send(Quit(reason="")))
    with citing("TLS-8"):
        client.expect_end(only_fin=True)
    if not _secure(client).peer_closed:
        raise client.problem(Kind.FIN, "close_notify behind BYE", "FIN without it")
    if not _secure(client).fin_comes(SOON + arena.target.slack):
        raise client.problem(Kind.TIMEOUT, "FIN behind close_notify", "none")


@case("tls/close-notify-is-the-end", "TLS-8", "CLOSE-4")
def close_notify_is_the_end(arena: Arena) -> None:
    """close_notify ends the client's stream, though no FIN comes: whole frames have effect, and the server closes"""
    alice, bob = arena.login("alice"), arena.login("bob")
    sent, _ = alice.say()
    _secure(alice).close_notify()
    with citing("TLS-8"):
        _drain(alice)
    bob.hear(sent, alice.handle)


@case("tls/fin-is-the-end", "TLS-9", "CLOSE-4")
def fin_is_the_end(arena: Arena) -> None:
    """FIN without close_notify ends the client's stream too: whole frames have effect, and a piece of one has none"""
    alice, bob = arena.login("alice"), arena.login("bob")
    sent, _ = alice.say()
    piece = Send(LOBBY, new_txn(), 0, "cut off")
    alice.send_octets(encode(piece, 99)[:-1], "all but the last octet")
    _secure(alice).shutdown_raw()
    with citing("TLS-9"):
        _drain(alice)
    bob.hear(sent, alice.handle)
    bob.hears_not(piece)


# Records


@case("tls/records-of-one-octet", "TLS-10", "FRAME-2")
def records_of_one_octet(arena: Arena) -> None:
    """Frames may be cut into records of one octet"""
    client = arena.connect()
    for octet in encode(hello(), 1) + encode(Ping(token=7), 2):
        client.send_octets(bytes((octet,)))
    client.expect(Welcome, ref=1)
    client.expect(Pong, ref=2, token=7)


@case("tls/octet-by-octet", "TLS-10")
def octet_by_octet(arena: Arena) -> None:
    """Records may come one octet at a time, those of the handshake too"""
    with citing("TLS-10"):
        client = arena.connect(tls=_tls(arena).but(cut=1))
        client.ask(hello(), Welcome)
        client.ask(login(new_handle(), new_token()), Ready)


@case("tls/frames-across-records", "TLS-10", "FRAME-2")
def frames_across_records(arena: Arena) -> None:
    """A record may hold many frames, and a piece of one"""
    client = arena.connect()
    frames = encode(hello(), 1) + b"".join(encode(Ping(token=token), 2 + token) for token in range(200))
    for begin, end in ((0, 5), (5, 2_000), (2_000, 2_003), (2_003, None)):
        client.send_octets(frames[begin:end])
    client.expect(Welcome, ref=1)
    for token in range(200):
        client.expect(Pong, ref=2 + token, token=token)


# What goes wrong


_NO_HANDSHAKES: dict[str, Callable[[], bytes]] = {
    "plain-hello": lambda: encode(hello(), 1),
    "plain-text": lambda: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "junk-in-a-record": lambda: b"\x16\x03\x01\x00\x05hello",
    "alert-first": lambda: b"\x15\x03\x03\x00\x02\x02\x28",
    "data-too-soon": lambda: client_hello() + b"\x17\x03\x03\x00\x20" + bytes(32),
}


@case("tls/no-handshake-{}", "TLS-12", over=_NO_HANDSHAKES)
def no_handshake(arena: Arena, octets: Callable[[], bytes]) -> None:
    """A handshake that fails ends that connection alone, without a frame of this protocol"""
    client = arena.connect(tls=None)
    client.send_octets(octets())
    came = b""
    with citing("TLS-12"):
        while more := client.next_octets("the end of the stream"):
            came += more
    if came and came[0] not in (0x15, 0x16):
        raise client.problem(Kind.UNEXPECTED, "an alert, or the end of the stream", repr(came[:40]), came)


@case("tls/handshake-broken-off", "TLS-12")
def handshake_broken_off(arena: Arena) -> None:
    """Connections that are reset or ended amid the handshake harm nobody"""
    alice, octets = arena.login("alice"), client_hello()
    for end in (Client.half_close, Client.reset):
        for length in (0, 3, len(octets) // 2, len(octets)):
            client = arena.connect(tls=None)
            client.send_octets(octets[:length])
            end(client)
            arena.forget(client)
    with citing("TLS-12"):
        arena.login("newcomer")  # who comes behind them
        alice.fence()


@case("tls/forged-record", "TLS-12")
def forged_record(arena: Arena) -> None:
    """A record that cannot be decrypted ends that connection alone"""
    client = arena.login()
    _secure(client).send_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
    with citing("TLS-12"):
        _drain(client)


def _nothing(_: Client, __: float) -> None:
    pass


def _half(client: Client, _: float) -> None:
    octets = client_hello()
    client.send_octets(octets[: len(octets) // 2])


def _dripping(client: Client, end: float) -> None:
    for octet in client_hello():
        if client.end is None and time.monotonic() < end:
            client.send_octets(bytes((octet,)))
            client.wait_until(time.monotonic() + DRIP)


_STUCK: dict[str, Callable[[Client, float], None]] = {"nothing": _nothing, "half": _half, "dripping": _dripping}
"""Handshakes that are not complete by then."""


@case("tls/handshake-limit-{}", "TLS-11", "KEEP-6", over=_STUCK, beside=True, guarded=False)
def handshake_limit(arena: Arena, begin: Callable[[Client, float], None]) -> None:
    """A connection whose handshake is not complete within the login limit is closed"""
    limit = limit_of(arena)
    client = arena.connect(tls=None)
    last = limit + CLOSING_TIMEOUT + arena.target.slack
    begin(client, client.since + last)
    while client.next_octets("to be closed", last):
        pass
    lasted = (client.end_at or 0.0) - client.since
    if not limit - EARLY < lasted < last:
        wanted = f"{limit:g} s for a handshake, and the end at most {CLOSING_TIMEOUT} s later"
        raise client.problem(Kind.VALUE, wanted, f"the end after {lasted:.2f} s")
