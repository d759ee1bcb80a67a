"""A screen of its own for a window under test: Xvfb, xdotool's keys, pictures. The user's own is not touched.

In here: starting and ending it, typing, pasting, clicking, pictures. Not in here: what is tested.
"""

import contextlib
import os
import shutil
import subprocess
import time

LIMIT = 30.0
"""Seconds that anything may take."""
NEEDED = ("Xvfb", "xdotool")


def missing():
    """Why there can be no screen here; empty if there can."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    try:
        import tkinter  # noqa: F401
    except ImportError:
        lacking.append("tkinter")
    return f"no {', no '.join(lacking)} here" if lacking else ""


class Display:
    """One Xvfb, whose number it chooses itself."""

    def __init__(self, size="1280x900", dpi=96):
        reader, writer = os.pipe()
        try:
            self.process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-nolisten", "tcp", "-dpi", str(dpi)],
                pass_fds=(writer,),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(writer)
        with os.fdopen(reader) as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        # Whoever is killed cannot end it: this sees their pipe end, and the windows go with their screen.
        self._watch = subprocess.Popen(
            ["sh", "-c", 'cat >/dev/null; kill "$0"', str(self.process.pid)], stdin=subprocess.PIPE
        )
        self.name = f":{number}"
        kept = {k: v for k, v in os.environ.items() if k not in ("WAYLAND_DISPLAY", "XAUTHORITY", "GTK_THEME")}
        self.environment = kept | {"DISPLAY": self.name}

    def close(self):
        """End it."""
        self._watch.kill()
        self._watch.wait(LIMIT)
        self._watch.stdin.close()
        self.process.terminate()
        self.process.wait(LIMIT)

    def xdotool(self, *words):
        """Run xdotool; what it prints."""
        done = subprocess.run(
            ["xdotool", *map(str, words)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        return done.stdout.strip()

    def keys(self, *names):
        """Press keys, by their names in X."""
        self.xdotool("key", "--delay", "0", *names)

    def type(self, text):
        """Type a text, key by key."""
        self.xdotool("type", "--delay", "2", text)

    def window(self, process, title="Causerie"):
        """The window of that process, focused, once it is there; None if the process ends before."""
        deadline = time.monotonic() + LIMIT
        while process.poll() is None and time.monotonic() < deadline:
            found = self.xdotool("search", "--sync", "--onlyvisible", "--name", title).split()
            if found:
                self.xdotool("windowfocus", "--sync", found[-1])
                return found[-1]
        return None

    def picture(self, path):
        """A picture of the whole screen, if there is what it takes."""
        if shutil.which("import") is not None:
            with contextlib.suppress(subprocess.SubprocessError):
                subprocess.run(
                    ["import", "-window", "root", str(path)], env=self.environment, check=True, timeout=LIMIT
                )
