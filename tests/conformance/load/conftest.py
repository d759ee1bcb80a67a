"""A server with a lobby and nothing else, which does harm on request, and the command in this process."""

import contextlib
import json
import shlex
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from causerie_conformance.load.cli import main
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.messages import (
    Ack,
    Bye,
    ChatMessage,
    Conversation,
    Hello,
    Join,
    Leave,
    Login,
    Message,
    Ok,
    Ping,
    Pong,
    Quit,
    Ready,
    Send,
    Welcome,
)

settings.register_profile("causerie", deadline=None)
settings.load_profile("causerie")

Peer = Any


@dataclass
class Lobby:
    """One conversation, whatever it is called; one thread for each connection, one turn for all.

    ``deliver`` says what a reader (by the order of login) gets of a message: (reader, seq, message) → messages.
    ``answer`` may give another answer to a request and its ref (octets as they are), or none. ``on_send`` is called
    before each message, with its seq.
    """

    capabilities: tuple[str, ...] = ()
    keepalive: int = 0
    deliver: Callable[[int, int, ChatMessage], Iterable[ChatMessage]] = lambda reader, seq, message: (message,)
    answer: Callable[[Peer, Message, int], Message | bytes | None] = lambda peer, message, ref: None
    on_send: Callable[[int], None] = lambda seq: None
    turn: threading.Lock = field(default_factory=threading.Lock)
    members: list[Peer] = field(default_factory=list)
    received: list[Message] = field(default_factory=list)
    seq: int = 0
    name: str = ""
    """HOST:PORT."""

    def __call__(self, connection: Peer) -> None:
        decoder, handle = Decoder(65_535), ""
        while data := connection.recv(65_536):
            decoder.feed(data)
            for raw in decoder:
                message = decode(raw.type, raw.body)
                with self.turn:
                    self.received.append(message)
                    other = self.answer(connection, message, raw.ref)
                    if isinstance(message, Login) and other is None:
                        handle = message.handle
                        self.members.append(connection)
                    if isinstance(other, bytes):
                        connection.sendall(other)
                    else:
                        connection.sendall(encode(other or self.usual(handle, message), raw.ref))
                    if isinstance(other or message, Quit | Bye):
                        self.members = [member for member in self.members if member is not connection]
                        return

    def usual(self, handle: str, message: Message) -> Message:
        match message:
            case Hello():
                return Welcome(1, self.keepalive, 0, 0, "lobby\n", ("TOKEN",), self.capabilities)
            case Login():
                return Ready(message.handle, message.display, b"")
            case Ping():
                return Pong(message.token)
            case Join():
                return Conversation(message.conversation, 1, self.seq, 1, 0, 0, 0, 0)
            case Leave():
                return Ok()
            case Quit():
                return Bye(100, 0, "")
            case Send():
                return self.spread(handle, message)
        raise AssertionError(message)

    def spread(self, handle: str, message: Send) -> Message:
        self.seq += 1
        self.on_send(self.seq)
        event = ChatMessage(message.conversation, self.seq, 0, handle, message.txn, message.kind, message.text)
        for reader, member in enumerate(self.members):
            for one in self.deliver(reader, self.seq, event):
                with contextlib.suppress(OSError):
                    member.sendall(encode(one))
        return Ack(event.seq, 0, False)


@pytest.fixture
def lobby(serve: Any) -> Callable[..., Lobby]:
    """Starts one, with what it is given."""

    def start(**how: Any) -> Lobby:
        made = Lobby(**how)
        made.name = serve(made).name
        return made

    return start


@dataclass
class Done:
    """What the command did."""

    status: int
    out: str
    err: str
    document: dict[str, Any]

    @property
    def wrong(self) -> dict[str, int]:
        return {name: count for name, count in self.document["wrong"].items() if count}


Load = Callable[..., Done]


@pytest.fixture
def load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Load:
    """``causerie-load`` with these arguments, quick unless they say otherwise."""

    def run(*arguments: str) -> Done:
        file = tmp_path / "load.json"
        quick = {"--connections": "6", "--rate": "200", "--duration": "0.2", "--warmup": "0.04"}
        usual = [word for name, value in quick.items() if name not in arguments for word in (name, value)]
        status = main([*arguments, *usual, "--json", str(file)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Done(status, captured.out, captured.err, json.loads(file.read_text()))

    return run


@pytest.fixture
def reference() -> Callable[[str], list[str]]:
    """The options that start the reference in memory."""

    def options(engine: str) -> list[str]:
        command = f"-m causerie.server --engine {engine} --memory --log-level error"
        return [
            "--spawn",
            f"{shlex.quote(sys.executable)} {command} --port {{port}} --max-connections {{max_connections}}",
        ]

    return options
