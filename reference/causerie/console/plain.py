"""The plain shell: lines in, lines out; for pipes, and for terminals that cannot do better.

In here: reading lines in a thread, printing events in the main thread. No prompt and no escape code is ever
written. Messages go to stdout, what the client itself has to say to stderr, both line by line.

The rules:

* End of input, ``quit`` and ``/quit`` leave once every message is confirmed; Ctrl-C (and SIGTERM) leaves
  sooner, a second one at once.
* What an earlier run kept and did not print comes first; what is printed is read.
* With ``--json`` all goes to stdout.
* Whoever reads stdout may stop (``| head``): that is a user who leaves.
* Standard input is read below Python's buffers: a thread that waits in them would crash the interpreter's end.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final, Protocol, TextIO

from causerie.client.model import Change, Ended, EntryAdded
from causerie.client.session import Session
from causerie.client.wording import not_sendable
from causerie.console import json_lines
from causerie.console.commands import (
    Action,
    Help,
    Hint,
    JoinRoom,
    Leave,
    LeaveRoom,
    ListPeople,
    ListRooms,
    Say,
    understand,
)
from causerie.console.exits import Exit, exit_code
from causerie.console.view import Line, View, trouble
from causerie.core.client import NotSendable
from causerie.language import _

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
    """Runs until the session has ended; `run` returns the exit code.

    ``patient`` says that the end of input waits for the ACKs however long they take: right for a pipe, not for a
    person. ``as_json`` speaks JSON both ways.
    """

    def __init__(
        self,
        session: Session,
        view: View,
        *,
        raw: RawInput,
        out: TextIO,
        err: TextIO,
        patient: bool,
        as_json: bool = False,
    ) -> None:
        self._session = session
        self._view = view
        self._raw = raw
        self._out = out
        self._err = err
        self._patient = patient
        self._json = as_json
        self._misused = False

    def run(self) -> Exit:
        """Chat until the user leaves, or the session ends by itself."""
        interrupts = 0
        self._session.start()
        threading.Thread(target=self._read, name="causerie-input", daemon=True).start()
        pending: list[Change] = []
        begun = False
        while self._view.ended is None:
            try:
                if not begun:
                    begun = True
                    self._show_unseen()
                pending += self._session.wait(_LOOK)
                while pending:
                    self._show(pending.pop(0))
                self._mark_read()
            except KeyboardInterrupt:
                interrupts += 1
                if interrupts == 1:
                    self._session.leave()
                else:
                    self._session.abandon()
            except BrokenPipeError:
                self._silence()
                self._session.leave()
        return self._exit(self._view.ended)

    def _exit(self, ended: Ended) -> Exit:
        code = exit_code(ended)
        if code is not Exit.OK:
            return code
        if self._view.unconfirmed:
            return Exit.NETWORK
        if self._view.refused:
            return Exit.PROTOCOL
        return Exit.USAGE if self._misused and self._patient else Exit.OK

    def _show_unseen(self) -> None:
        """What an earlier run kept and did not come to show."""
        for name in list(self._session.chats):
            for entry in self._session.unseen(name):
                self._show(EntryAdded(entry))

    def _mark_read(self) -> None:
        """What was printed is read."""
        for name in [chat.name for chat in self._session.chats.values() if chat.news]:
            self._session.read(name)

    def _show(self, change: Change) -> None:
        lines = self._view.lines(change)
        if self._json:
            told = json_lines.line(change)
            if told is not None:
                print(told, file=self._out, flush=True)
            return
        for line in lines:
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
                if not self._do(json_lines.understand(line) if self._json else understand(line)):
                    return
        self._session.leave(patient=self._patient)

    def _do(self, action: Action | None) -> bool:
        """Do what a line says; False when the user leaves. In the input thread: the session's verbs that only send."""
        try:
            match action:
                case Say(conversation, text, kind):
                    self._session.send(conversation, text, kind, wait=True)
                case JoinRoom(room):
                    self._session.join_room(room)
                case LeaveRoom(room):
                    self._session.leave_room(room)
                case Hint(text):
                    self._hint(text)
                case Help(command):
                    for help_line in self._view.help(command):
                        self._print(help_line)
                case ListRooms():
                    self._session.list_rooms()
                case ListPeople(name):
                    self._session.list_people(name)
                case Leave():
                    self._session.leave(patient=self._patient)
                    return False
                case None:
                    pass
                case _other:
                    self._hint(_("that works in a terminal, with prompt_toolkit"))
        except NotSendable as error:
            self._hint(not_sendable(error))
        return True

    def _hint(self, text: str) -> None:
        self._misused = True
        if self._json:
            print(json_lines.trouble_line(text), file=self._out, flush=True)
        else:
            self._print(trouble(text))


def raw_input(stream: Any) -> RawInput:
    """The unbuffered octets under a text stream such as `sys.stdin`; the stream itself must not be read any more."""
    raw: RawInput = stream.buffer.raw
    return raw
