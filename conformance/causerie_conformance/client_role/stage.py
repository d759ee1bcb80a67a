"""What a case works with: a client program, the server that the suite plays for it, and what the client printed.

In here: the set-up and the clean-up of one case, logins, fences. Not in here: the run over all cases (`session`).

A client shows what came in the order in which it came, so what it did not do is told by a *marker*: a message that it
must show, sent behind the one that it must not. The last fence is the end of the program: then all is known.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from causerie_conformance.accounts import Account
from causerie_conformance.client_role.command import ClientCommand
from causerie_conformance.client_role.host import Host
from causerie_conformance.client_role.house import House, now
from causerie_conformance.client_role.program import STDOUT, Line, Program
from causerie_conformance.client_role.secure import Secrecy, SecureEnd
from causerie_conformance.client_role.visitor import Heard, Visitor
from causerie_conformance.problems import Kind, NotJudged, Problem
from causerie_conformance.transcript import Transcript
from causerie_spec.codes import HISTORY, LOBBY, MECHANISM_SCRAM, MECHANISM_TOKEN, ROOMS, VERSION
from causerie_spec.messages import Ack, Auth, Challenge, ChatMessage, Hello, Login, Message, Quit, Ready, Send, Welcome
from causerie_spec.names import is_forbidden_character

HOST: Final = "127.0.0.1"
PATIENCE: Final = 20.0
"""Seconds to wait for anything that a client does at once: a busy machine must never make a case fail."""
START: Final = 60.0
"""Seconds that a client may take from its start to its first connection."""
COMES_BACK: Final = 45.0
"""Seconds that a client may take to connect again after a first failure."""
GOES: Final = 20.0
"""Seconds in which a client that was told to quit, and got BYE, must have ended."""
AGENT: Final = "causerie-conformance"


@dataclass
class Setup:
    """The client that is judged, as the whole run knows it. ``hello`` is what it said first, once that is known."""

    command: ClientCommand
    hello: Hello | None = None
    stopping: threading.Event = field(default_factory=threading.Event)


def token(word: str = "text") -> str:
    """A text that nobody else writes, by which it is recognised in what a client prints."""
    return f"{word}-{secrets.token_hex(6)}"


class Stage:
    """One case's surroundings: a context manager that cleans up, however the case ends."""

    def __init__(self, setup: Setup, transcript: Transcript | None = None) -> None:
        self.setup = setup
        self.transcript = transcript or Transcript()
        self.handle = f"ada-{secrets.token_hex(4)}"
        self.house = House(self.handle)
        self.account = Account(self.handle, f"pass {secrets.token_hex(8)} \u00aa\u2168")
        self.secrecy: Secrecy | None = None
        self.authority: Path | None = None
        self.host = HOST
        self.client: Program | None = None
        self.step = 0
        """Octets that new connections hand to TCP at a time; 0: all at once."""
        self.refused_handshakes: list[str] = []
        self._programs: list[Program] = []
        self._visitors: list[Visitor] = []
        self._arrivals: queue.SimpleQueue[tuple[Any, float] | None] = queue.SimpleQueue()
        self._folder = Path(tempfile.mkdtemp(prefix="causerie-client-"))
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        """Where the suite listens for this case."""
        self._acceptor = threading.Thread(target=self._listen, daemon=True)
        self._shut = False

    def __enter__(self) -> Stage:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._programs:
            program.stop()
        self.shut()
        for visitor in self._visitors:
            visitor.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # The client program

    def start(self, *, password: bool = False, tls: bool = False) -> Program:
        """Start the client; one that ran before has ended."""
        words = self.setup.command.filled(self._values(), password=password, tls=tls)
        self.client = Program(words, self.transcript)
        self._programs.append(self.client)
        return self.client

    def _values(self) -> dict[str, str]:
        file = self._folder / "password"
        if not file.exists():
            file.write_text(self.account.password + "\n", encoding="utf-8")
        state = self._folder / "state"
        state.mkdir(exist_ok=True)
        return {
            "{host}": self.host,
            "{port}": str(self.port),
            "{handle}": self.handle,
            "{state}": str(state),
            "{password_file}": str(file),
            "{ca_file}": str(self.authority or ""),
        }

    def need_state(self) -> None:
        """The case starts the client twice, with what it has kept."""
        if not self.setup.command.keeps_state:
            raise NotJudged("the suite does not know where the client keeps its data; put {state} into the command")

    def types(self, line: str) -> None:
        """Have the client's user type a line."""
        assert self.client is not None
        self.client.write(line)

    # Connections

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                if self._shut:
                    sock.close()
                    break
                self._arrivals.put((sock, time.monotonic()))
        self._arrivals.put(None)

    def accept(self, patience: float = START, clause: str | None = None) -> Visitor:
        """The next connection that the client makes."""
        deadline = time.monotonic() + patience
        while True:
            try:
                arrival = self._arrivals.get(timeout=0.05)
            except queue.Empty:
                self._still_there("a connection of the client", clause)
                if time.monotonic() < deadline:
                    continue
                came = f"none for {patience:.0f} s{self._said()}"
                raise self.problem(Kind.TIMEOUT, "a connection of the client", came, clause) from None
            assert arrival is not None
            visitor = self._visitor(*arrival)
            if visitor is not None:
                return visitor

    def _visitor(self, sock: socket.socket, since: float) -> Visitor | None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = f"client {len(self._visitors) + 1}" if self._visitors else "client"
        secured: socket.socket | SecureEnd = sock
        if self.secrecy is not None:
            try:
                secured = SecureEnd(sock, self.secrecy, PATIENCE)
            except OSError as error:
                self.transcript.event(name, f"no TLS: {error.strerror or error}")
                self.refused_handshakes.append(str(error.strerror or error))
                sock.close()
                return None
            self.transcript.event(name, f"secured ({secured.version})")
        visitor = Visitor(secured, self.transcript, self.house, name=name, patience=PATIENCE)
        visitor.secured = secured if isinstance(secured, SecureEnd) else None
        visitor.since = since
        visitor.step = self.step
        self._visitors.append(visitor)
        return visitor.start()

    def arrivals(self) -> int:
        """Connections that nobody has accepted in the case; they are taken."""
        count = 0
        with contextlib.suppress(queue.Empty):
            while (arrival := self._arrivals.get_nowait()) is not None:
                arrival[0].close()
                count += 1
        return count

    def hand_shakes(self, number: int) -> None:
        """Shake hands with so many who connect, none of whom may get through."""
        for _ in range(number):
            arrival = self._arrivals.get(timeout=START)
            visitor = self._visitor(*arrival) if arrival is not None else None
            if visitor is not None:
                heard = visitor.next("the end of the connection")
                if heard is not None:
                    raise self.problem(Kind.EXTRA, "no frame to such a server", heard.message.NAME)

    def shut(self) -> None:
        """Listen no more; who has connected and was not accepted is turned away."""
        if self._shut:
            return
        self._shut = True
        with contextlib.suppress(OSError):  # closing alone does not wake who waits in accept, on every system
            socket.create_connection((HOST, self.port), 1.0).close()
        self._acceptor.join(2.0)
        self._listener.close()
        self.arrivals()

    def _still_there(self, expected: str, clause: str | None = None) -> None:
        if self.setup.stopping.is_set():
            raise NotJudged("the run was interrupted")
        if self.client is not None and self.client.ended is not None:
            self.client.wait(2.0)
            came = f"the end of the client, with status {self.client.ended}{self._said()}"
            raise self.problem(Kind.REFUSED, expected, came, clause)

    # Logins

    def welcome(self, hello: Hello, **fields: Any) -> Welcome:
        """WELCOME as the suite says it, with other values for *fields*."""
        keepalive = min(hello.keepalive, 60) or 0
        values: dict[str, Any] = {
            "version": VERSION,
            "keepalive": keepalive,
            "server_time": now(),
            "epoch": self.house.epoch,
            "agent": AGENT,
            "mechanisms": (MECHANISM_TOKEN,),
            "capabilities": (ROOMS, HISTORY),
        }
        return Welcome(**values | fields)

    def greet(self, *, patience: float = START, clause: str | None = None, **fields: Any) -> Visitor:
        """The next connection, on which HELLO was answered WELCOME with these fields."""
        visitor = self.accept(patience, clause)
        hello = visitor.expect(Hello)
        visitor.answer(hello, self.welcome(hello.message, **fields))
        return visitor

    def enter(
        self,
        *,
        patience: float = START,
        clause: str | None = None,
        refused: Mapping[type[Message], Message] | None = None,
        **fields: Any,
    ) -> Visitor:
        """The next connection, logged in with TOKEN; the client is started if it was not."""
        if self.client is None:
            self.start()
        visitor = self.greet(patience=patience, clause=clause, **fields)
        visitor.refused.update(refused or {})
        self.admit(visitor, visitor.expect(Login, mechanism=MECHANISM_TOKEN))
        return visitor

    def again(self, clause: str = "CLIENT-5", **fields: Any) -> Visitor:
        """The client comes back by itself, and is logged in again."""
        return self.enter(patience=COMES_BACK, clause=clause, **fields)

    def admit(self, visitor: Visitor, login: Heard, payload: bytes = b"") -> None:
        """Answer a LOGIN or an AUTH with READY."""
        display = login.message.display if isinstance(login.message, Login) else self.handle
        visitor.conduct.ready = True
        visitor.answer(login, Ready(self.handle, display, payload))

    def challenge(self, visitor: Visitor, **how: Any) -> tuple[Host, Heard]:
        """The client asks for SCRAM: its LOGIN, and the server's side of the exchange."""
        login = visitor.expect(Login, mechanism=MECHANISM_SCRAM)
        return Host(self.account.prepared, login.message.payload, **how), login

    def enter_with_password(self, visitor: Visitor, **how: Any) -> Host:
        """Lead a client through SCRAM, truthfully, on a connection that was greeted."""
        host, login = self.challenge(visitor, **how)
        visitor.answer(login, Challenge(host.first))
        auth = visitor.expect(Auth)
        wrong = host.proves(auth.message.payload)
        if wrong is not None:
            raise visitor.problem(Kind.VALUE, "the right proof in AUTH", wrong, auth.octets)
        self.admit(visitor, auth, host.final())
        return host

    # Messages

    def say(self, visitor: Visitor, text: str = "", *, sender: str = "bob", to: str = LOBBY, kind: int = 0) -> str:
        """Somebody says something; the client is told. The text."""
        text = text or token()
        visitor.send(self.house.store(to, sender, text, kind=kind))
        return text

    def take_send(self, visitor: Visitor, text: str, to: str = LOBBY, clause: str | None = None) -> Heard:
        """The client sends this text."""
        return visitor.expect(Send, clause=clause, conversation=to, text=text)

    def accept_send(self, visitor: Visitor, heard: Heard) -> ChatMessage:
        """Do what a server does with a SEND: the MESSAGE, unless it was there already, and the ACK."""
        message, duplicate = self.house.take(heard.message)
        if not duplicate:
            visitor.send(message)
        visitor.answer(heard, Ack(message.seq, message.timestamp, duplicate))
        return message

    def talk(self, visitor: Visitor) -> str:
        """The user types a text, the client sends it, and it is in the log. The text."""
        text = token("typed")
        self.types(text)
        self.accept_send(visitor, self.take_send(visitor, text))
        return text

    @staticmethod
    def clock() -> float:
        """Now, by the clock that everything here is timed by, in seconds."""
        return time.monotonic()

    def visitor_or_end(self, **fields: Any) -> Visitor | None:
        """The next connection, greeted; None if the program ends without one."""
        try:
            return self.greet(**fields)
        except Problem as problem:
            if problem.kind is not Kind.REFUSED:
                raise
            return None

    def next_login(self, visitor: Visitor) -> Heard | None:
        """The next LOGIN, on this connection or on the next; None if the program ends instead."""
        heard = visitor.next("LOGIN, or the end of the connection", COMES_BACK)
        if heard is None:
            again = self.visitor_or_end(patience=COMES_BACK)
            return None if again is None else again.expect(Login)
        return heard

    # What the client printed

    @property
    def client_lines(self) -> list[Line]:
        """All that the client printed so far, on either stream."""
        return self.client.lines if self.client is not None else []

    def lines(self, *words: str, stream: str | None = STDOUT) -> list[Line]:
        """The lines so far that hold all these words."""
        assert self.client is not None
        return [line for line in self.client.lines if _holds(line, words, stream)]

    def shows(self, *words: str, stream: str | None = STDOUT, clause: str | None = None, since: float = 0.0) -> None:
        """Wait until a line with all these words is printed (after that moment)."""
        assert self.client is not None

        def there(lines: list[Line]) -> bool:
            return any(_holds(line, words, stream) and line.at >= since for line in lines)

        if self.client.wait_for(there, PATIENCE):
            return
        where = "standard output" if stream is not None else "standard output or standard error"
        expected = f"a line on {where} with {' and '.join(map(repr, words))}"
        raise self.problem(Kind.TIMEOUT, expected, f"none for {PATIENCE:.0f} s{self._said()}", clause)

    def shows_times(self, count: int, word: str) -> None:
        """Wait until so many lines with that word are printed, or as long as it may take."""
        assert self.client is not None
        self.client.wait_for(lambda lines: sum(_holds(line, (word,), STDOUT) for line in lines) >= count, PATIENCE)

    def tells(self, wanted: Callable[[Line], bool], expected: str, clause: str | None = None) -> None:
        """Wait until the client tells its user something, on either stream."""
        assert self.client is not None
        if not self.client.wait_for(lambda lines: any(map(wanted, lines)), PATIENCE):
            raise self.problem(Kind.TIMEOUT, expected, f"no such line{self._said()}", clause)

    def mark(self, visitor: Visitor, clause: str | None = None) -> None:
        """A fence: a message that the client must show. What came before it in the lobby was shown by then, or will not
        be; a client that has one conversation open at a time may show others later."""
        visitor.check()
        self.shows(self.say(visitor, token("marker")), clause=clause)
        visitor.check()

    def once(self, text: str, *words: str, clause: str | None = None) -> None:
        """The text was shown exactly once, on a line that holds these words too."""
        found = self.lines(text)
        if len(found) != 1:
            kind = Kind.EXTRA if found else Kind.VALUE
            came = f"{len(found)} lines{self._said()}"
            raise self.problem(kind, f"one line on standard output with {text!r}", came, clause)
        for word in words:
            if word not in found[0].text:
                raise self.problem(Kind.VALUE, f"{word!r} in the line with {text!r}", repr(found[0].text), clause)

    def never(self, text: str, why: str, clause: str | None = None) -> None:
        """The text was not shown as a message."""
        if found := self.lines(text):
            raise self.problem(Kind.EXTRA, f"no line with {text!r}: {why}", repr(found[0].text), clause)

    def in_order(self, *texts: str, clause: str | None = None) -> None:
        """These texts were shown once each, in this order."""
        for text in texts:
            self.once(text, clause=clause)
        places = [[text in line.text for line in self.lines()].index(True) for text in texts]
        if places != sorted(places):
            came = ", ".join(text for _, text in sorted(zip(places, texts, strict=True)))
            raise self.problem(Kind.VALUE, f"in this order: {', '.join(texts)}", came, clause)

    # The end

    def leave(self, visitor: Visitor, *, status: int | None = 0) -> None:
        """The user quits: QUIT, BYE, the end of the program with that exit status (None: any)."""
        visitor.check()
        self.types("quit")
        self.left(visitor, status=status)

    def left(self, visitor: Visitor, *, status: int | None = 0) -> None:
        """The user was told to have quit: QUIT comes, and the program ends."""
        visitor.expect(Quit, clause="CLIENT-4")
        self.ends(status=status)
        visitor.check()

    def ends(self, *, status: int | None = 0, patience: float = GOES, clause: str = "CLIENT-4") -> int:
        """The program ends by itself; its exit status."""
        assert self.client is not None
        ended = self.client.wait(patience)
        if ended is None:
            raise self.problem(Kind.TIMEOUT, "the client to end", f"it runs on{self._said()}", clause)
        if status is not None and ended != status:
            raise self.problem(Kind.VALUE, f"exit status {status}", f"{ended}{self._said()}", clause)
        return ended

    def part(self, *visitors: Visitor) -> None:
        """The client may have gone on or given up, as it likes: its user quits, and it ends."""
        for visitor in visitors:
            visitor.check()
        self.shut()
        for visitor in visitors:
            if visitor.conduct.welcome is None:
                visitor.close()
        self.types("quit")
        self.ends(status=None)

    def check(self) -> None:
        """What holds in every case: nothing that controls a screen was printed, and what was sent was in form."""
        for visitor in self._visitors:
            visitor.check()
        for program in self._programs:
            for line in program.lines:
                bad = next((char for char in line.text if is_forbidden_character(char) and char != "\t"), None)
                if bad is not None:
                    came = f"U+{ord(bad):04X} in a line on {line.stream}: {line.text[:120]!r}"
                    raise self.problem(Kind.VALUE, "no character that controls the screen", came, "CLIENT-7")

    def problem(self, kind: Kind, expected: str, came: str, clause: str | None = None) -> Problem:
        """A problem with what the client does, to be raised."""
        return Problem(kind, expected, came, clause=clause, peer="client", transcript=self.transcript)

    def _said(self) -> str:
        return self.client.said() if self.client is not None else ""


def _holds(line: Line, words: tuple[str, ...], stream: str | None) -> bool:
    return (stream is None or line.stream == stream) and all(word in line.text for word in words)
