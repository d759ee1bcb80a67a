"""The terminal shell: a prompt at the bottom, messages above it; half-typed input survives what comes in.

In here: everything that needs prompt_toolkit, which is an optional dependency: only `cli` imports this module,
and only when it is installed. One asyncio loop in the main thread runs the prompt and the printing; the
network has its own thread and wakes the loop.

The rules:

* Events are printed in batches: one redraw of the prompt for all that is there.
* A typed line disappears and comes back as the message that the server made of it; until then the status
  line counts it. So what stands on the screen in a message's form is what everybody sees.
* Colours only by role, from one table; NO_COLOR leaves none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
from collections.abc import Callable, Iterable
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from causerie.client.runner import NetworkRunner
from causerie.console.commands import COMMANDS, Help, Hint, JoinRoom, Leave, LeaveRoom, Say, understand
from causerie.console.exits import Exit, exit_code
from causerie.console.layout import fit
from causerie.console.view import Line, Role, Span, View, notice, trouble
from causerie.core.client import LoggedIn, Stopped

_BATCH: Final = 500
"""Events printed in one go, so that typing stays alive in a flood."""
_NAME_COLOURS: Final = ("ansicyan", "ansigreen", "ansiyellow", "ansimagenta", "ansiblue", "ansibrightcyan")
STYLE: Final = Style.from_dict(
    {
        "time": "ansibrightblack",
        "own-name": "bold",
        "text": "",
        "place": "ansibrightblack",
        "mention": "bold ansiyellow",
        "notice": "ansibrightblack",
        "trouble": "ansired",
        "prompt": "bold",
        "bottom-toolbar": "noreverse ansibrightblack",
        **{f"name{number}": colour for number, colour in enumerate(_NAME_COLOURS)},
    }
)


def style_of(span: Span) -> str:
    """The style class of a span; each name has its own colour, the same every time."""
    if span.role is Role.NAME:
        return f"class:name{sum(span.text.encode()) % len(_NAME_COLOURS)}"
    return f"class:{span.role.value}"


class _Words(Completer):
    """Commands at the start of a line, people behind ``/msg @``; on Tab only."""

    def __init__(self, view: View) -> None:
        self._view = view

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """As prompt_toolkit asks."""
        typed = document.text_before_cursor
        words: Iterable[str] = ()
        if typed.startswith("/msg ") and " " not in typed[5:]:
            typed, words = typed[5:], sorted(f"@{handle}" for handle in self._view.people)
        elif typed.startswith("/") and " " not in typed:
            words = COMMANDS
        for word in words:
            if word.startswith(typed):
                yield Completion(word + " ", start_position=-len(typed), display=word)


class TerminalShell:
    """Runs until the client has stopped; `run` returns the exit code.

    ``make_runner`` makes the network runner, given what it is to call when there are events.
    """

    def __init__(self, make_runner: Callable[[Callable[[], None]], NetworkRunner], view: View) -> None:
        self._runner = make_runner(self._notify)
        self._view = view
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = False
        self._wake = asyncio.Event()
        self._depth = ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None
        self._session: PromptSession[str] = PromptSession(
            [("class:prompt", "> ")],
            style=STYLE,
            color_depth=self._depth,
            history=InMemoryHistory(),
            completer=_Words(view),
            complete_while_typing=False,
            bottom_toolbar=lambda: [("class:bottom-toolbar", self._view.status)],
            erase_when_done=True,
            enable_open_in_editor=False,
        )

    def run(self) -> Exit:
        """Chat until the user leaves, or the client stops by itself."""
        previous = signal.signal(signal.SIGINT, self._interrupted)
        try:
            asyncio.run(self._main())
        finally:
            signal.signal(signal.SIGINT, previous)
        assert self._view.stopped is not None
        return exit_code(self._view.stopped)

    def _interrupted(self, *_: object) -> None:
        """Ctrl-C while there is no prompt to take it: at the very start, or after the user left already."""
        if self._leaving:
            self._runner.abandon()
        else:
            self._leave()

    def _terminated(self) -> None:
        self._close_prompt()
        self._leave()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows
            self._loop.add_signal_handler(signal.SIGTERM, self._terminated)
        with patch_stdout(raw=True):
            self._runner.start()
            reading = asyncio.create_task(self._read())
            last = await self._show_events()
            self._close_prompt()
            await reading
            self._print(last)
            self._runner.join(1.0)

    # Events.

    def _notify(self) -> None:
        """In the network's thread: there are events."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody to tell
                loop.call_soon_threadsafe(self._wake.set)

    async def _show_events(self) -> list[Line]:
        """Print until the client has stopped; returns what is to be said last, after the prompt is gone."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            lines: list[Line] = []
            with contextlib.suppress(queue.Empty):
                for _ in range(_BATCH):
                    event = self._runner.events.get_nowait()
                    lines += self._view.lines(event)
                    if isinstance(event, Stopped):
                        return lines
                    if isinstance(event, LoggedIn) and not event.again:
                        lines.append(notice("type a line and everybody in the lobby sees it; /help tells more"))
                self._wake.set()  # more than a batch: let the keyboard have its turn, then go on
                await asyncio.sleep(0)
            self._print(lines)

    def _print(self, lines: list[Line]) -> None:
        """Print above the prompt, and draw the prompt anew.

        Not with ``run_in_terminal``: that lets go of the keyboard while it prints, and a Ctrl-D or Ctrl-C typed
        in that instant is lost or kills.
        """
        app = self._session.app
        output = app.output
        fragments: StyleAndTextTuples = []
        for line in lines:
            for row in fit(line, output.get_size().columns, get_cwidth):
                fragments += [(style_of(span), span.text) for span in row]
                fragments.append(("", "\n"))
        prompting = app.is_running and not app.is_done
        if prompting and fragments:
            app.renderer.erase()
        if fragments:
            depth = self._depth or output.get_default_color_depth()
            print_formatted_text(output, fragments, STYLE, color_depth=depth)
        if prompting and fragments:
            app.renderer.reset()
            app.renderer.request_absolute_cursor_position()
        app.invalidate()  # the status line, if nothing else

    # The keyboard.

    async def _read(self) -> None:
        """One prompt until the user leaves or `_close_prompt` closes it."""
        self._session.default_buffer.accept_handler = self._accept
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            await self._session.prompt_async()
        self._leave()

    def _leave(self) -> None:
        self._leaving = True
        self._runner.leave()

    def _accept(self, buffer: Buffer) -> bool:
        """A line was typed. The prompt goes on, so that no key finds it gone; it only exits to leave."""
        match understand(buffer.text):
            case Say(conversation, text, kind):
                self._runner.send(conversation, text, kind)
            case JoinRoom(room):
                self._runner.join_room(room)
            case LeaveRoom(room):
                self._runner.leave_room(room)
            case Hint(text):
                self._print([trouble(text)])
            case Help():
                self._print(self._view.help())
            case Leave():
                self._close_prompt()
        return False  # do not keep the text

    def _close_prompt(self) -> None:
        app = self._session.app
        if app.future is not None and not app.future.done():
            app.exit(exception=EOFError)
