"""What people see of what passes: a line for each thing, the clause where one is broken, and a summary.

In here: words and colour (only on a terminal, and never with NO_COLOR). Whatever peers sent is made printable. Not in
here: what happened (`events`).
"""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Final, TextIO

from causerie_conformance import clauses
from causerie_conformance.octets import annotated
from causerie_conformance.report.terminal import printable
from causerie_conformance.tap.events import Event, Way, What
from causerie_spec.annotate import annotate, render

AT_LENGTH: Final = 3
"""Times that a clause is told at length of one side of one connection; then it is told in a word, and counted."""
WIDTH: Final = 110
"""Columns of what is wrapped."""
_ARROWS: Final = {Way.UP: "->", Way.DOWN: "<-", None: "--"}
_COLOURS: Final = {Way.UP: "36", Way.DOWN: "32", None: "2"}
_RED: Final = "31;1"
_DIM: Final = "2"
_INDENT: Final = " " * 10


class Show:
    """Writes to one stream, usually standard output. *verbose* adds every octet; *quiet* leaves what is right away."""

    def __init__(self, out: TextIO, *, verbose: bool = False, quiet: bool = False) -> None:
        self._out = out
        self._verbose = verbose
        self._quiet = quiet
        self._colour = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._at_length: Counter[tuple[int, Way | None, str]] = Counter()
        self.broken: Counter[tuple[str, str]] = Counter()
        """How often each clause was broken: (client or server, clause)."""
        self.when_gone: Callable[[], object] = lambda: None
        """Called when nobody reads any more, as in ``causerie-tap … | head``."""
        self.gone = False
        """Does nobody read any more?"""
        self._frames: Counter[Way | None] = Counter()
        self._connections = 0

    def line(self, text: str = "", colour: str = "") -> None:
        """Write one line."""
        if self.gone:
            return
        text = printable(text)
        try:
            self._out.write(f"\x1b[{colour}m{text}\x1b[0m\n" if self._colour and colour else f"{text}\n")
            self._out.flush()
        except BrokenPipeError:
            self.gone = True
            self.when_gone()

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        self._frames[event.way] += event.what is What.FRAME
        self._connections += event.what is What.CONNECTED
        if event.what is What.BROKEN:
            self._show_broken(event)
        elif not self._quiet:
            colour = _COLOURS[event.way] if event.what is What.FRAME else _DIM
            self.line(self._head(event) + event.text, colour)
            if self._verbose and event.octets:
                self._show_octets(event)

    @staticmethod
    def _head(event: Event) -> str:
        return f"{event.at:9.3f} #{event.connection} {_ARROWS[event.way]} "

    def _show_octets(self, event: Event) -> None:
        if event.what is What.FRAME:
            for line in render(annotate(event.octets)).splitlines()[1:]:
                self.line(_INDENT + line, _DIM)

    def _show_broken(self, event: Event) -> None:
        assert event.violation is not None
        assert event.way is not None
        clause = event.violation.clause or "?"
        self.broken[event.way.speaker, clause] += 1
        key = (event.connection, event.way, clause)
        self._at_length[key] += 1
        said = self._at_length[key]
        head = f"! {clause} broken by the {event.way.speaker}, #{event.connection}"
        if said > AT_LENGTH:
            self.line(f"{_INDENT}{head}, time {said}", _RED)
            return
        self.line(f"{_INDENT}{head}: {event.text}"[: 4 * WIDTH], _RED)
        for line in textwrap.wrap(clauses.text(clause), WIDTH - len(_INDENT) - 2):
            self.line(f"{_INDENT}  {line}")
        for line in annotated(event.octets, event.violation.offset, event.violation.should):
            self.line(f"{_INDENT}  {line}", _DIM)

    def summary(self) -> None:
        """Tell at the end what was seen, and which clauses were broken how often."""
        up, down = self._frames[Way.UP], self._frames[Way.DOWN]
        self.line(f"connections: {self._connections}; frames: {up} up, {down} down")
        if not self.broken:
            self.line("no clause was broken", _COLOURS[Way.DOWN])
            return
        self.line("broken clauses:", _RED)
        for (speaker, clause), count in sorted(self.broken.items(), key=lambda item: (-item[1], item[0])):
            self.line(
                textwrap.shorten(
                    f"{count} × {clause} by the {speaker}: {clauses.text(clause)}", WIDTH, placeholder=" …"
                )
            )
