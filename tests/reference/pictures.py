"""The pictures of the README: ``python tests/reference/pictures.py`` writes reference/pictures/.

The real server, the real window under Xvfb, the real terminal program in a pseudo-terminal, and people who talk
through the client core. Needs what the tests of the window need (tests/reference/tk/display.py), and pyte.
"""

import html
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from causerie.client.address import Address
from causerie.client.local_store import LocalStore
from causerie.client.session import Session
from causerie.core.client import Identity

HERE = Path(__file__).parent
PICTURES = HERE.parents[1] / "reference" / "pictures"
sys.path[:0] = [str(HERE / "tk"), str(HERE / "console")]
from display import Display, missing  # noqa: E402  # scripts beside it
from terminal import Terminal  # noqa: E402

LIMIT = 20.0
COLUMNS, LINES = 100, 24
TALK = (
    ("bob", "#lobby", "Salut tout le monde 👋"),
    ("carol", "#lobby", "hello bob! did you see https://example.org/causerie ?"),
    (
        "bob",
        "#lobby",
        "Not yet. I was reading the specification: every rule has a number, and a case in the suite.",
    ),
    ("alice", "#lobby", "and a broken server that shows that the case can fail 😀"),
    ("carol", "#lobby", "then I shall write mine in Rust, and see what it says"),
    ("bob", "@alice", "lunch at noon?"),
    ("carol", "#ops", "the new server is up, alice"),
)


class Person:
    """Somebody who talks."""

    def __init__(self, handle, port, display=""):
        identity = Identity(handle, display or handle.title(), handle.encode().ljust(32, b"."))
        self.session = Session(identity, Address("127.0.0.1", port), LocalStore(None, handle), random.SystemRandom())
        self.session.start()
        self.until(lambda: self.session.status.link.value == "online")

    def until(self, happened):
        deadline = time.monotonic() + LIMIT
        while not happened() and time.monotonic() < deadline:
            self.session.wait(0.1)

    def say(self, name, text):
        chat = self.session.open(name)
        self.session.send(name, text)
        self.until(lambda: chat.last is not None and chat.last.text == text and not chat.last.waits)

    def read(self):
        self.session.take()
        for name in list(self.session.chats):
            self.session.read(name)


def server(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "causerie.server", "--port", "0", "--data", str(folder / "chat.db")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    first = process.stdout.readline()
    return process, int(re.search(r":(\d+) ", first).group(1))


def talk(people):
    for who in people.values():
        who.session.join_room("#ops")
        who.until(lambda who=who: "#ops" in who.session.chats and who.session.chats["#ops"].listed)
    for handle, name, text in TALK:
        people[handle].say(name, text)


def token_for_alice(folder, port):
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    (tokens / f"alice@127.0.0.1,{port}.token").write_text(b"alice".ljust(32, b".").hex() + "\n")


def window(folder, port, people):
    """The window, in the room with everybody."""
    token_for_alice(folder, port)
    display = Display("900x640")
    environment = display.environment | {"LANGUAGE": "en"}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "causerie.tk", f"127.0.0.1:{port}", "--handle", "alice"),
            *("--display", "Alice", "--data", str(folder), "--theme", "light"),
        ],
        env=environment,
    )
    try:
        display.window(process)
        time.sleep(2.0)  # a picture is no test: let the window come to rest
        display.type("I'll be first")
        display.keys("Return")
        time.sleep(0.5)
        people["bob"].say("#lobby", "we shall see")
        people["carol"].session.composing("#lobby", True)
        time.sleep(1.0)
        display.xdotool("search", "--name", "Causerie", "windowsize", "900", "640", "windowmove", "0", "0")
        time.sleep(1.0)
        display.picture(PICTURES / "window.png")
        display.keys("ctrl+q")
        process.wait(LIMIT)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        display.close()


def terminal(folder, port):
    """The terminal, as a picture that browsers draw."""
    token_for_alice(folder, port)
    environment = os.environ | {"TERM": "xterm-256color", "LANGUAGE": "en", "CAUSERIE_HOME": str(folder)}
    environment.pop("NO_COLOR", None)
    chat = Terminal([f"127.0.0.1:{port}", "--handle", "alice"], environment, COLUMNS, LINES)
    try:
        chat.until("alice@")
        chat.until("@bob")
        chat.until("#ops")
        chat.type("\x1b2")
        chat.until("the new server is up")
        chat.type("\x1b1half a thought")
        chat.until("half a thought")
        (PICTURES / "console.svg").write_text(svg(chat.screen), "utf-8")
    finally:
        chat.close()


COLOURS = {
    **{"default": "#d0d0d0", "brightblack": "#8a8a8a", "red": "#ff6b6b", "green": "#6bcf7f", "brown": "#e0c060"},
    **{"blue": "#6ea8fe", "magenta": "#d68fe8", "cyan": "#5fd0d0", "white": "#e8e8e8", "black": "#101418"},
    **{"brightblue": "#8ab8ff", "brightcyan": "#8ae8e8", "brightgreen": "#8ae89a", "brightyellow": "#ffe08a"},
}


def svg(screen):
    """The screen as SVG text."""
    wide, high = 8.4, 18
    width, height = round(COLUMNS * wide + 24), LINES * high + 24
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#14181c"/>',
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
    ]
    for line in range(LINES):
        at = 0
        while at < COLUMNS:
            cell = screen.buffer[line][at]
            end = at
            while end < COLUMNS and _look(screen.buffer[line][end]) == _look(cell):
                end += 1
            text = "".join(screen.buffer[line][x].data for x in range(at, end))
            x, y = 12 + at * wide, 12 + line * high
            front, back, bold = _look(cell)
            if back:
                rows.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{(end - at) * wide:.1f}" height="{high}" fill="{back}"/>'
                )
            if text.strip():
                weight = ' font-weight="bold"' if bold else ""
                length = f'textLength="{len(text) * wide:.1f}" lengthAdjust="spacingAndGlyphs"'
                rows.append(
                    f'<text x="{x:.1f}" y="{y + 14}" fill="{front}"{weight} {length}>{html.escape(text)}</text>'
                )
            at = end
    return "\n".join([*rows, "</g>", "</svg>", ""])


def _look(cell):
    front, back = _colour(cell.fg), "" if cell.bg == "default" else _colour(cell.bg)
    if cell.reverse:
        front, back = back or "#14181c", front
    return front, back, cell.bold


def _colour(name):
    return COLOURS.get(name, f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else COLOURS["default"])


def main():
    why = missing()
    if why:
        sys.exit(f"pictures.py: {why}")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, port = server(folder)
        try:
            people = {handle: Person(handle, port) for handle in ("alice", "bob", "carol")}
            talk(people)
            for person in people.values():
                person.read()
            window(folder / "window", port, people)
            terminal(folder / "terminal", port)
            for person in people.values():
                person.session.leave()
                person.session.join(5.0)
        finally:
            process.terminate()
            process.wait(LIMIT)


if __name__ == "__main__":
    main()
