"""The plain shell: lines in, lines out; for pipes, and for terminals that cannot do better.

In here: reading lines in a thread, printing events in the main thread. No prompt and no escape code is ever
written. Messages go to stdout, what the client itself has to say to stderr, both line by line.

The rules:

* End of input, ``quit`` and ``/quit`` leave once every message is confirmed; Ctrl-C (and SIGTERM) leaves
  sooner, a second one at once.
* Whoever reads stdout may stop (``| head``): that is a user who leaves.
* Standard input is read below Python's buffers: a thread that waits in them would crash the interpreter's end.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, TextIO

from causerie.client.runner import NetworkRunner
from causerie.console.commands import Help, Hint, JoinRoom, Leave, LeaveRoom, Say, understand
from causerie.console.exits import Exit, exit_code
from causerie.console.view import Line, View, trouble
from causerie.core.client import Event, Stopped

_LOOK: Final = 0.5
"""Seconds after which a waiting main thread looks whether Ctrl-C came, on systems where waiting hides it."""


class RawInput(Protocol):
    """Unbuffered octets, as `sys.stdin.buffer.raw` gives them."""

    def read(self, size: int, /) -> bytes | None:
        """At most ``size`` octets; none at the end."""
        ...


def decoded_lines(raw: RawInput) -> Iterator[str]:
    """The lines of UTF-8 input without their ends (LF or CRLF), a piece of a line at the end included.

    What is not UTF-8 becomes U+FFFD; a byte order mark at the very start is no part of the text [FORM-1].
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    pending: list[str] = []
    while True:
        data = raw.read(65_536) or b""
        pieces = decoder.decode(data, final=not data).split("\n")
        for piece in pieces[:-1]:
            pending.append(piece)
            yield "".join(pending).removesuffix("\r")
            pending.clear()
        pending.append(pieces[-1])
        if not data:
            rest = "".join(pending)
            if rest:
                yield rest
            return


class PlainShell:
    """Runs until the client has stopped; `run` returns the exit code.

    ``make_runner`` makes the network runner. ``patient`` says that the end of input waits for the ACKs however
    long they take: right for a pipe, not for a person.
    """

    def __init__(
        self,
        make_runner: Callable[[], NetworkRunner],
        view: View,
        *,
        raw: RawInput,
        out: TextIO,
        err: TextIO,
        patient: bool,
    ) -> None:
        self._runner = make_runner()
        self._view = view
        self._raw = raw
        self._out = out
        self._err = err
        self._patient = patient
        self._misused = False

    def run(self) -> Exit:
        """Chat until the user leaves, or the client stops by itself."""
        self._runner.start()
        threading.Thread(target=self._read, name="causerie-input", daemon=True).start()
        interrupts = 0
        while self._view.stopped is None:
            try:
                self._show(self._next())
            except KeyboardInterrupt:
                interrupts += 1
                if interrupts == 1:
                    self._runner.leave()
                else:
                    self._runner.abandon()
            except BrokenPipeError:
                self._silence()
                self._runner.leave()
        return self._exit(self._view.stopped)

    def _exit(self, stopped: Stopped) -> Exit:
        code = exit_code(stopped)
        if code is not Exit.OK:
            return code
        if self._view.unconfirmed:
            return Exit.NETWORK
        if self._view.refused:
            return Exit.PROTOCOL
        return Exit.USAGE if self._misused and self._patient else Exit.OK

    def _next(self) -> Event:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._runner.events.get(timeout=_LOOK)

    def _show(self, event: Event) -> None:
        for line in self._view.lines(event):
            self._print(line)

    def _print(self, line: Line) -> None:
        if line.chat:
            print(line.flat, file=self._out, flush=True)
        else:
            with contextlib.suppress(OSError, ValueError):  # nobody reads stderr: nobody to tell
                print(line.flat, file=self._err, flush=True)

    def _silence(self) -> None:
        """Nobody reads stdout any more: let nothing that is left in its buffer fail again."""
        self._out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # it is stdout from now on
        with contextlib.suppress(OSError, ValueError):
            os.dup2(self._out.fileno(), sys.__stdout__.fileno() if sys.__stdout__ is not None else 1)

    def _read(self) -> None:
        """The input thread."""
        with contextlib.suppress(OSError, ValueError):  # a terminal that went away is an end of input
            for line in decoded_lines(self._raw):
                if not self._do(line):
                    return
        self._runner.leave(patient=self._patient)

    def _do(self, line: str) -> bool:
        """Do what the line says; False when the user leaves."""
        match understand(line):
            case Say(conversation, text, kind):
                self._runner.send(conversation, text, kind, wait=True)
            case JoinRoom(room):
                self._runner.join_room(room)
            case LeaveRoom(room):
                self._runner.leave_room(room)
            case Hint(text):
                self._misused = True
                self._print(trouble(text))
            case Help():
                for help_line in self._view.help():
                    self._print(help_line)
            case Leave():
                self._runner.leave(patient=self._patient)
                return False
        return True


def raw_input(stream: Any) -> RawInput:
    """The unbuffered octets under a text stream such as `sys.stdin`; the stream itself must not be read any more."""
    raw: RawInput = stream.buffer.raw
    return raw
