"""What a case works with: fresh connections, fresh names, and the guard that shows that nobody else was harmed.

In here: the set-up and the clean-up of one case. Not in here: the run over all cases (`runner`), expectations
(`client`).
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from types import TracebackType
from typing import Any

from causerie_conformance.accounts import Account
from causerie_conformance.client import Client
from causerie_conformance.company import Company
from causerie_conformance.experience import Way
from causerie_conformance.problems import Kind, NotJudged, Problem
from causerie_conformance.registry import TOPICS
from causerie_conformance.target import Target, another
from causerie_conformance.transcript import Transcript
from causerie_spec.codes import MAGIC, MECHANISM_SCRAM, MECHANISM_TOKEN, VERSION
from causerie_spec.messages import Challenge, Hello, Login, Ready, Welcome

AGENT = "causerie-conformance"


def hello(**fields: Any) -> Hello:
    """A HELLO as the suite says it, with other values for *fields*."""
    values: dict[str, Any] = {
        "magic": MAGIC,
        "min_version": VERSION,
        "max_version": VERSION,
        "keepalive": 0,
        "agent": AGENT,
        "capabilities": (),
    }
    return Hello(**values | fields)


def login(handle: str, token: bytes, **fields: Any) -> Login:
    """A LOGIN with TOKEN, with other values for *fields*."""
    values: dict[str, Any] = {
        "mechanism": MECHANISM_TOKEN,
        "handle": handle,
        "display": handle,
        "payload": token,
    }
    return Login(**values | fields)


def new_handle(name: str = "peer") -> str:
    """A handle that nobody has: *name* and 60 random bits."""
    return f"{name.lower()}-{secrets.token_hex(8)[:15]}"


def new_token() -> bytes:
    """A token of the usual size."""
    return secrets.token_bytes(32)


class Arena:
    """One case's surroundings: a context manager that cleans up, however the case ends."""

    def __init__(
        self,
        target: Target,
        topic: str = TOPICS[-1],
        *,
        guarded: bool = True,
        about: tuple[str, ...] = (),
        transcript: Transcript | None = None,
    ) -> None:
        self.target = target
        self.way = Way(target.experience, about)
        self.transcript = transcript or Transcript()
        self._guarded = guarded
        self._login_is_built = TOPICS.index(topic) >= TOPICS.index("login")
        self.company = Company()
        self._turns = itertools.count()
        self._clients: list[Client] = []
        self._others: list[Target] = []
        self._bystander: Client | None = None
        self._said_before = target.process.said_so_far if target.process is not None else 0
        self.server_output = ""
        """What servers of ours have printed since the case began; known at its end."""

    def __enter__(self) -> Arena:
        if self._guarded:
            self._bystander = self._spare() or self._stranger("bystander")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self.server_output = self._said()
        if self._bystander is not None and error is None:
            self.target.put_spare(self._bystander)
        elif self._bystander is not None:
            self._bystander.close()
        for other in self._others:
            if other.process is not None:
                other.process.stop()

    def _said(self) -> str:
        of_main = [] if self.target.process is None else [self.target.process.said_since(self._said_before)]
        of_others = [other.process.said_since(0) for other in self._others if other.process is not None]
        return "\n".join(filter(None, of_main + of_others))

    # Connections

    def connect(
        self, name: str = "A", *, target: Target | None = None, beside: Client | None = None, **options: Any
    ) -> Client:
        """A connection on which nothing was said yet; of a cluster the next address takes it, or that of *beside*."""
        of = target or self.target
        address = of.addresses[next(self._turns) % len(of.addresses)] if beside is None else beside.address
        options = {"tls": of.tls, "company": self.company, "way": self.way} | options
        client = Client(address, self.transcript, of.shared, name=name, patience=of.patience, **options)
        self._clients.append(client)
        return client

    def greet(self, name: str = "A", *, target: Target | None = None, **fields: Any) -> Client:
        """A connection in state *login*: HELLO was answered WELCOME."""
        client = self.connect(name, target=target)
        with self.way.step("HELLO-3"):
            client.ask(hello(**fields), Welcome)
        return client

    def login(
        self,
        name: str = "alice",
        *,
        like: Client | None = None,
        target: Target | None = None,
        beside: Client | None = None,
        receive_buffer: int | None = None,
        **fields: Any,
    ) -> Client:
        """A connection in state *ready*, with a fresh handle, or with the handle and token of *like*."""
        client = self.connect(name, target=target, beside=beside, receive_buffer=receive_buffer)
        with self.way.step("HELLO-3"):
            client.ask(hello(**fields), Welcome)
        self.enter(client, like=like)
        return client

    def enter(self, client: Client, *, like: Client | None = None) -> Ready:
        """Log in on a connection that is in state *login*."""
        client.handle = like.handle if like is not None else new_handle(client.name)
        client.token = like.token if like is not None else new_token()
        with self.way.step("LOGIN-1"):
            return client.ask(login(client.handle, client.token), Ready, handle=client.handle)

    def challenge(self, name: str = "A", **fields: Any) -> Client:
        """A connection in state *auth*: a LOGIN with SCRAM was answered CHALLENGE. Nobody need have the handle."""
        client = self.greet(name, **fields)
        client.handle = new_handle(name)
        first = f"n,,n={client.handle},r={secrets.token_hex(12)}".encode()
        with self.way.step("SCRAM-4"):
            client.ask(login(client.handle, first, mechanism=MECHANISM_SCRAM), Challenge)
        return client

    def account(self, number: int = 0, *, odd: bool = False) -> Account:
        """An account of the server's; with *odd* one whose password SASLprep changes. Not judged if there is none."""
        known = [each for each in self.target.accounts if not odd or each.prepared != each.password]
        if len(known) <= number:
            what = "an account whose password SASLprep changes" if odd else ("an account", "two accounts")[number]
            raise NotJudged(f"it takes {what}: name some with --users, or give --spawn a command with {{users}} in it")
        return known[number]

    def another_server(self, *, lasting: bool = False) -> Target:
        """A server of this case's own; not judged where the suite cannot start one.

        One that is *lasting* may be killed and started again with its data.
        """
        command = self.target.command
        if command is None:
            raise NotJudged(
                "the suite cannot end a server that it did not start; "
                "give it the command with --spawn 'CMD {port}' instead of HOST:PORT"
            )
        if lasting and not command.keeps_data:
            raise NotJudged(
                "the suite does not know where the server keeps its data; "
                "put {data}, the path of a file or folder to keep it in, into the command of --spawn"
            )
        self.transcript.tape.spoil("it starts a server of its own, or kills one")
        other = another(self.target)
        self._others.append(other)
        return other

    def forget(self, client: Client) -> None:
        """Close a connection now, and clean it up no more."""
        client.close()
        self._clients.remove(client)

    # The guard

    def guard(self) -> None:
        """Nobody else was harmed: the bystander is served as before, and a newcomer gets in ([ERR-9])."""
        if self._bystander is None:
            return
        self._bystander.poll()
        self._bystander.events.clear()
        if not self._something_happened():
            return
        try:
            with self._as_harm("a bystander to be served as before"):
                self._bystander.fence()
        except Problem:
            if not self._bystander.timed_out:  # for it has been here for long, on a busy machine
                raise
        with self._as_harm("a new connection to be served"):
            self._stranger("newcomer").close()

    def _something_happened(self) -> bool:
        return any(client.troubled for client in self._clients)

    @contextlib.contextmanager
    def _as_harm(self, expected: str) -> Any:
        try:
            yield
        except Problem as problem:
            came = f"instead of {problem.expected}: {problem.came}"
            kind = problem.kind if problem.kind is not Kind.VALUE else Kind.UNEXPECTED
            harm = Problem(kind, expected, came, clause="ERR-9", octets=problem.octets)
            harm.transcript = self.transcript
            raise harm from problem

    def _spare(self) -> Client | None:
        """The bystander of the case before, if it will do for this one."""
        spare = self.target.take_spare()
        if spare is None:
            return None
        spare.poll()
        fresh = time.monotonic() - spare.since < self.target.handshake_timeout / 4
        gone = spare.end is not None or spare.observer.ended
        if gone or bool(spare.handle) != self._login_is_built or not (spare.handle or fresh):
            spare.close()
            return None
        spare.transcript, spare.company, spare.way = self.transcript, self.company, self.way
        spare.track = spare.track.moved(self.transcript.tape)
        self.company.admit(spare)
        self.transcript.event(spare.name, "is here since before this case")
        return spare

    def _stranger(self, name: str) -> Client:
        """Somebody who has nothing to do with the case, as far in as the server is built."""
        of = self.target
        options: dict[str, Any] = {"tls": of.tls, "company": self.company, "way": self.way}
        client = Client(of.address, self.transcript, of.shared, name=name, patience=of.patience, **options)
        try:
            with self.way.step("HELLO-3"):
                client.ask(hello(), Welcome)
            if self._login_is_built:
                self.enter(client)
            client.track.opened()
        except BaseException:
            client.close()
            raise
        return client
