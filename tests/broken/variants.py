"""Unusual servers: each does something that few servers do, breaks no clause, and is otherwise the reference.

In here: what each does, and by which clause it may. The suite must not fail any of them: a suite that is stricter than
the text is wrong. Not in here: servers that break something (`tests/broken`).

A server that is late uses its own loop's timers; nothing here sleeps.
"""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle

from seams import before, instead, messages, with_limits, without_history

from causerie.core import accounts, login
from causerie.core import connection as connections
from causerie.core.connection import Connection
from causerie.core.refusal import Refused
from causerie.server import cli
from causerie.server.asyncio_engine import AsyncioServer, Peer
from causerie.store.archive import Archive
from causerie.store.operations import Exit
from causerie.tls.layer import TlsLayer
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, MAGIC, ErrorCode
from causerie_spec.messages import Bye, Error, Hello, Login, Send, Welcome

MIB = 2**20
_SOME = (
    *("--select", "hello/cut-*", "--select", "hello/quit*", "--select", "errors/others-unharmed"),
    *("--select", "login/race", "--select", "login/other-token", "--select", "login/reserved-*", "--select", "direct"),
    *("--select", "lobby/numbers", "--select", "lobby/from-ready-on", "--select", "lobby/before-the-ack"),
    *("--select", "closing", "--select", "shutdown/bye-to-all"),
    *("--select", "presence/gone-by-*", "--select", "presence/nobody-slips-through", "--select", "typing/in-its-place"),
    *("--select", "receipts/answer-is-read", "--select", "receipts/many-at-once"),
)
"""Cases in which it matters who hears what when."""


@dataclass(frozen=True)
class Variant:
    """An unusual server. ``options`` are the suite's: which cases are worth their time with it."""

    name: str
    clause: str
    apply: Callable[[], None]
    options: tuple[str, ...]
    not_judged: bool = False
    """Does it keep the suite from judging, which is then what the suite must say?"""

    def __str__(self) -> str:
        return self.name

    @property
    def what(self) -> str:
        """What it does, and why it may."""
        return (self.apply.__doc__ or "").strip()


VARIANTS: dict[str, Variant] = {}


def variant(clause: str, *options: str, not_judged: bool = False):
    """Enter an unusual server that *clause* allows, judged with these options of the suite."""

    def enter(function):
        name = function.__name__.replace("_", "-")
        assert name not in VARIANTS, name
        VARIANTS[name] = Variant(name, clause, function, options, not_judged)
        return function

    return enter


# When, and in which pieces, octets come


@variant("FRAME-2", *_SOME)
def octet_by_octet():
    """Writes one octet at a time: TCP may deliver frames split anywhere (section 2)."""
    _written_in(cycle([1]))


@variant("FRAME-2", *_SOME)
def odd_pieces():
    """Writes in pieces that have nothing to do with frames."""
    _written_in(cycle([3, 9, 1, 14, 2, 31, 7]))


def _written_in(sizes):
    class Cut:
        def __init__(self, transport):
            self._transport = transport

        def __getattr__(self, name):
            return getattr(self._transport, name)

        def write(self, data):
            while data:
                size = next(sizes)
                self._transport.write(data[:size])
                data = data[size:]

    @instead(Peer, "connection_made")
    def connection_made(original, self, transport):
        original(self, transport)
        self._transport = Cut(transport)


@variant("REQ-7", *_SOME)
def writes_late():
    """Writes 5 to 30 ms late, much at a time: no clause says how soon an answer comes."""
    chance = random.Random(1)

    @instead(Peer, "flush")
    def flush(original, self):
        self._server._loop.call_later(chance.uniform(0.005, 0.03), original, self)


@variant("CLOSE-5", *_SOME)
def reads_late():
    """Sees octets, the end of a stream and resets 20 ms late: a slow machine."""
    for name in ("data_received", "eof_received", "connection_lost"):

        @instead(Peer, name)
        def late(original, self, *event):
            self._server._loop.call_later(0.02, original, self, *event)
            return True


# Other people


class Talker(Peer):
    """Somebody in the lobby who has no socket, reads all, and repeats what others may be saying."""

    texts = cycle(("x", "too late", "hello", "quick", "cut off", "/quit", " ", "of that kind", "one of many"))

    def __init__(self, server):
        super().__init__(server)
        self._connection = server.hub.connect(server.now(), "inside")
        self._connection.shell = self
        self.do(Hello(MAGIC, 1, 1, 0, "talker", ()))
        self.do(Login("TOKEN", "talker", "Talker", b"talker" * 4))

    def do(self, message):
        self._connection.receive_data(self._server.now(), encode(message, 1))
        self._server.serve_soon()

    def talk(self):
        self.do(Send(LOBBY, random.getrandbits(63) + 1, 0, next(self.texts)))

    def flush(self):
        while data := self._connection.take():
            self._connection.written(self._server.now(), len(data))


@variant("REQ-3", "--select", "lobby", "--select", "load", "--select", "login/race")
def busy_lobby():
    """Has somebody who talks in the lobby all the time: events may stand between answers."""

    @instead(AsyncioServer, "__init__")
    def init(original, self, hub, store):
        original(self, hub, store)
        talker = Talker(self)

        def again():
            talker.talk()
            self._loop.call_later(0.003, again)

        self._loop.call_soon(again)


@variant("REQ-3", *_SOME, "--select", "load/slow-reader", "--select", "lobby/kind-*")
def an_event_between_all_answers():
    """Has somebody who says something in the lobby at every answer that anybody gets."""
    talkers = []

    @instead(AsyncioServer, "__init__")
    def init(original, self, hub, store):
        original(self, hub, store)
        talkers.append(Talker(self))

    @instead(Connection, "put")
    def put(original, self, data):
        original(self, data)
        if not isinstance(self.shell, Talker):
            talkers[0].talk()


# What WELCOME, ERROR and BYE say


@variant("HELLO-9", "--select", "hello")
def long_agent():
    """Has an agent of 255 octets with characters that no terminal should obey: `agent` is any UTF-8."""
    messages(Welcome, agent="\x1b[2J\0\r\n\u202e🦊" + "é" * 120 + "x")


@variant("HELLO-9", "--select", "hello")
def no_agent():
    """Has an empty agent."""
    messages(Welcome, agent="")


@variant("CAP-1", "--select", "hello", "--select", "login/has-what-it-lists", "--select", "lobby/whatever-*")
def later_capabilities():
    """Lists capabilities and mechanisms that the suite does not know, and some twice."""
    unknown = ("x-later", "", "é" * 16, "x-later", "QUITE LIKE THIS\n", *(f"c{number}" for number in range(27)))
    messages(Welcome, capabilities=unknown, mechanisms=("X-LATER", "", "é" * 16, "TOKEN", "token", "TOKEN"))


@variant("ERR-10", "--select", "errors")
def long_reasons():
    """Gives the reason of every BYE and ERROR in 255 octets of odd UTF-8."""
    words = "\x1b[31m\u2028" + "🦊" * 61 + "é"
    messages(Bye, reason=words)
    messages(Error, detail=words)


@variant("ERR-10", "--select", "errors/says-why", "--select", "errors/short-*", "--select", "closing")
def no_reasons():
    """Gives no reasons: ERR-10 is a SHOULD, so this is worth a warning and no more."""
    messages(Bye, reason="")
    messages(Error, detail="")


@variant("CLIENT-5", "--select", "closing", "--select", "lobby/order-*")
def advice_everywhere():
    """Says `retry_ms` in every ERROR and BYE: it is advice."""
    messages(Bye, retry_ms=lambda message: message.retry_ms or 90_000)
    messages(Error, retry_ms=2**32 - 1)


@variant("TIME-1", "--select", "lobby/wire", "--select", "lobby/numbers", "--select", "lobby/time-in-ms")
def clock_is_off():
    """Has a clock that is an hour late: ms since the epoch all the same."""
    original = cli.wall_ms
    cli.wall_ms = lambda: original() - 3_600_000


# Names and numbers


@variant("TOKEN-4", "--select", "login", "--select", "direct")
def reservations_for_ever():
    """Keeps reservations as long as it runs."""

    without_history()

    @instead(Archive, "apply")
    def apply(original, self, operation):
        return None if isinstance(operation, Exit) else original(self, operation)


@variant("SCRAM-5", "--profile", "SCRAM")
def another_scram():
    """Has salts of 40 octets, nonces of 200 characters, and extensions in both of its SCRAM messages."""
    salted = accounts.derive
    accounts.derive = lambda prepared, salt, iterations: salted(prepared, salt.ljust(40, b"s"), iterations)
    login.Gate.nonce = lambda self: "%" * 160 + secrets.token_hex(20)

    @instead(accounts.Challenge, "__init__")
    def init(original, self, client, keys, nonce):
        original(self, client, replace(keys, salt=keys.salt.ljust(40, b"s")), nonce)
        self.first += ",x=later,Y=é"

    @instead(accounts.Challenge, "check")
    def check(original, self, payload):
        return original(self, payload) + b",z=more"


@variant("MSG-1", "--select", "lobby/wire", "--select", "lobby/numbers", "--select", "lobby/time-in-ms")
def an_old_lobby():
    """Has had 2⁵³ messages in the lobby before."""

    @instead(Archive, "__init__")
    def init(original, self, *settings, **named):
        original(self, *settings, **named)
        lobby = self._find(LOBBY)
        self._make(lobby)
        lobby.head = 2**53 - 5
        lobby.first = lobby.head + 1
        lobby.timestamp = 1_600_000_000_000


@variant(
    "LOAD-6",
    "--select",
    "login",
    "--select",
    "lobby/from-ready-on",
    "--select",
    "keepalive/login-limit-*",
    "--select",
    "load/*4-connections",
    not_judged=True,
)
def logins_are_slowed():
    """Answers the first LOGIN with a new handle on a connection RATE_LIMITED."""
    once = set()

    def token(connection, now, ref, message, original=login._token):
        if 16 <= len(message.payload) <= 64 and connection not in once:
            once.add(connection)
            raise Refused(ErrorCode.RATE_LIMITED, "not so fast", 1)
        original(connection, now, ref, message)

    login.MECHANISMS["TOKEN"] = token


@variant("LOAD-7", "--select", "hello", "--select", "closing", not_judged=True)
def no_new_handles():
    """Answers LOGIN with a new handle LIMIT_REACHED: nothing can be judged, and nothing is wrong."""

    def token(connection, now, ref, message, original=login._token):
        if 16 <= len(message.payload) <= 64:
            raise Refused(ErrorCode.LIMIT_REACHED, "no more handles")
        original(connection, now, ref, message)

    login.MECHANISMS["TOKEN"] = token


# Keepalive


@variant("KEEP-1", "--select", "keepalive", "--select", "load")
def a_keepalive_of_1_for_all():
    """Grants a keepalive of 1 s whatever is asked."""
    with_limits(keepalive=1)


@variant("KEEP-1", "--profile", "ROBUST", not_judged=True)
def a_keepalive_for_those_who_ask_none():
    """Puts a keepalive of 1 s in force for those who asked for none: any value will do there."""
    _keepalive_for_all()


def _keepalive_for_all():
    with_limits(keepalive=1)
    before("HELLO")(lambda peer, message: replace(message, keepalive=1))


@variant("KEEP-1", "--select", "load/64-connections", "--select", "receipts/room-of-256")
def a_late_server_with_a_keepalive():
    """Writes 30 ms late, and puts a keepalive of 1 s in force for those who asked for none: while a case is busy with
    others, a connection of its own is silent for longer, unless it sends PING."""
    _keepalive_for_all()

    @instead(Peer, "flush")
    def flush(original, self):
        self._server._loop.call_later(0.03, original, self)


@variant(
    "HELLO-3", "--profile", "CORE", "--select", "hello", "--select", "login", "--select", "lobby", "--select", "closing"
)
def no_keepalive():
    """Knows no keepalive: it says 0, and is not ROBUST."""
    with_limits(keepalive=0)


@variant("KEEP-2", "--select", "keepalive")
def idle_at_the_last_moment():
    """Ends silent connections after 1.99 K."""
    connections.IDLE_FACTOR = 1.99


# Load


@variant("LOAD-8", "--select", "load", "--select", "closing")
def just_64_connections():
    """Takes 64 connections and no more."""
    with_limits(max_connections=64)


@variant("LOAD-1", "--select", "load", "--select", "keepalive/idle", "--select", "lobby")
def impatient_with_slow_readers():
    """Cuts a slow reader off as soon as 64 KiB wait for it."""
    with_limits(queue_octets=64 * 1024)


@variant("LOAD-1", "--select", "load")
def patient_with_slow_readers():
    """Cuts a slow reader off when 7.9 MiB wait for it."""
    with_limits(queue_octets=int(7.9 * MIB))


@variant("LOAD-2", "--select", "load")
def slow_readers_are_reset():
    """Closes a slow reader's connection without a word: a bare close conforms."""

    @instead(Connection, "event")
    def event(original, self, now, data, own=0):
        if not own and self.output.others + len(data) > self.hub.limits.queue_octets:
            self.lost(now)
        else:
            original(self, now, data, own)


# Closing


@variant("STATE-5", "--select", "hello/nothing-after-bye")
def no_half_close():
    """Closes, but never half-closes: after BYE it waits for the client's end, up to 5 s. CLOSE-3 is ROBUST."""

    @instead(Peer, "flush")
    def flush(original, self):
        self._sent_fin = True
        original(self)


# TLS


@variant("TLS-6", "--select", "tls/alpn-*")
def others_are_closed():
    """Ends the connection of a client that wants to speak something else, without an alert."""

    def refuse(self, description):
        self._outgoing.read()

    TlsLayer._refuse = refuse


@variant("TLS-10", "--select", "tls", "--select", "hello/cut-*", "--select", "closing", "--select", "lobby/wire")
def records_of_few_octets():
    """Cuts what it says into records of 1 to 14 octets, and TCP's segments elsewhere."""
    sizes = cycle([1, 5, 14, 2])

    @instead(TlsLayer, "send")
    def send(original, self, plain):
        plain = bytes(plain)
        while plain:
            size = next(sizes)
            original(self, plain[:size])
            plain = plain[size:]

    _written_in(cycle([3, 9, 1, 14, 2, 31, 7]))


@variant("TLS-1", "--select", "tls", "--select", "closing")
def sessions_may_be_resumed():
    """Sends tickets after each handshake, as most TLS servers do."""

    @instead(cli, "server_context")
    def server_context(original, *files):
        context = original(*files)
        context.num_tickets = 2
        return context
