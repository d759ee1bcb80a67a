"""Lines in, lines out, and between them the real window of `causerie-gui`: the adapter that spec/CLIENTS.md asks for.

``python adapter.py HOST PORT HANDLE STATE [more options of causerie-gui]``

Each line that comes is pasted into the composer and sent with Return, as a user would; each row that the window draws
is printed. Its own screen, its own clipboard. It mends nothing: a row that is drawn twice is printed twice.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
import tkinter
from pathlib import Path

from display import Display

LOOK = 20
"""Milliseconds between looks at what the window drew."""
QUIT = object()


class Adapter:
    def __init__(self, display, arguments):
        self.display = display
        folder = Path(tempfile.mkdtemp())
        self.rows = folder / "rows"
        self.rows.touch()
        self.window = subprocess.Popen(
            [sys.executable, "-m", "causerie.tk", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            env=display.environment | {"CAUSERIE_ROWS": str(self.rows)},
        )
        self.file = self.rows.open(encoding="utf-8")
        self.lines = queue.SimpleQueue()
        self.pasting = False
        self.quitting = False
        self.gave_up = False
        self.root = tkinter.Tk(screenName=display.name)
        self.root.withdraw()
        self.ready = False
        display.window(self.window)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in sys.stdin.buffer:
            try:
                text = line.decode().removesuffix("\n")
            except UnicodeDecodeError:
                self.lines.put(None)
                continue
            if text in ("quit", "/quit"):
                break
            self.lines.put(text)
        self.lines.put(QUIT)

    def run(self):
        self.root.after(LOOK, self.look)
        self.root.mainloop()
        self.show()
        self.root.destroy()
        return self.window.wait() or int(self.gave_up)

    def look(self):
        self.show()
        if self.window.poll() is not None:
            self.root.quit()
            return
        self.type()
        self.root.after(LOOK, self.look)

    def show(self):
        while line := self.file.readline():
            kind, _, rest = line.rstrip("\n").partition("\t")
            if kind in "KUDV":
                self.react(kind)
                continue
            if kind == "F":  # the connect form is back, with an error: its user gives up
                self.gave_up = True
                self.quitting = False  # a key that fell on the chat as it went is lost: its user presses it again
                self.leave()
            print(rest.replace("\t", ": "), flush=True)

    def react(self, kind):
        """What a user does who sees it: reads on below, opens what has something new."""
        if kind == "K":
            self.ready = True
        elif kind == "V":
            self.pasting = False
            self.display.keys("Return")
        elif not self.quitting:
            self.display.keys({"U": "F8", "D": "Next"}[kind])

    def leave(self):
        if not self.quitting:
            self.quitting = True
            self.display.keys("ctrl+q")

    def type(self):
        while self.ready and not self.pasting and not self.quitting and not self.lines.empty():
            line = self.lines.get()
            if line is QUIT:
                self.leave()
            elif line is None or "\0" in line:
                print("not sent: that is no text", flush=True)
                self.gave_up = True
            elif line:
                self.pasting = True
                self.root.clipboard_clear()
                self.root.clipboard_append(line)
                self.root.update()
                where = () if line.startswith("/") else ("alt+Home",)  # a plain line is for the lobby
                self.display.keys(*where, "ctrl+a", "ctrl+v")


def main():
    os.environ.pop("DISPLAY", None)
    host, port, handle, state, *more = sys.argv[1:]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    display = Display("900x700")
    try:
        status = Adapter(display, [address, "--handle", handle, "--data", state, *more]).run()
    finally:
        display.close()
    sys.exit(status)


if __name__ == "__main__":
    main()
