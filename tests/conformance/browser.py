"""A real browser without a window, driven by the DevTools protocol over a pipe: nothing but Chromium is needed.

In here: a process, one page in it, and what the page complained of or asked the network for. Not in here: what a test
expects of a page.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars"),
    "--remote-debugging-pipe",
)
START = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, pipe in enumerate(pipes, 3):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Puts the pipes where the browser expects them."""
PATIENCE = 60.0
"""Seconds for anything that is asked of it."""


def why_not() -> str:
    """Why no browser can be driven here; empty if one can."""
    if os.name != "posix":
        return "the browser is driven over file descriptors 3 and 4, which this system does not hand on"
    return "" if any(map(shutil.which, NAMES)) else "there is no Chromium: apt install chromium"


class Page:
    """A page. ``complaints`` is what its console said, ``requests`` the addresses that it asked for."""

    def __init__(self, to: int, from_: int) -> None:
        self._to = to
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(from_,), daemon=True)
        self._reader.start()
        self._number = 0
        self._session: dict[str, str] = {}
        self._loaded = 0
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _read(self, from_: int) -> None:
        with os.fdopen(from_, "rb") as stream:
            rest = b""
            while octets := stream.read1(1 << 16):
                *messages, rest = (rest + octets).split(b"\0")
                for message in messages:
                    self._said.put(json.loads(message))
        self._said.put(None)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something; what it answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        answer = self._said.get(timeout=PATIENCE)
        assert answer is not None, "the browser has gone"
        method, parameters = answer.get("method"), answer.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(str(parameters["entry"]["text"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(parameters["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(str(parameters["request"]["url"]))
        elif method == "Page.loadEventFired":
            self._loaded += 1
        return answer

    def open(self, file: Path, fragment: str = "", width: int = 1200, height: int = 900) -> None:
        """Show a file, and wait until it is loaded."""
        self.size(width, height)
        self.call("Page.navigate", url="about:blank")  # else another fragment would be no loading
        self.requests.clear()
        self.complaints.clear()
        loaded = self._loaded
        self.call("Page.navigate", url=file.as_uri() + fragment)
        while self._loaded == loaded or self.evaluate("document.readyState") != "complete":
            if self._loaded == loaded:
                self._next()

    def size(self, width: int, height: int) -> None:
        """Show it in a window of so many pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def media(self, type_: str = "", **features: str) -> None:
        """Show it as on that medium, with features such as prefers_color_scheme."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", media=type_, features=named)

    def script(self, on: bool) -> None:
        """Let pages run scripts, or not; `evaluate` works all the same."""
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys, as a user does: characters, or names such as Tab."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            values = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper())), "text": text}
            self.call("Input.dispatchKeyEvent", type="keyDown", **values)
            self.call("Input.dispatchKeyEvent", type="keyUp", **values)

    def click(self, selector: str) -> None:
        """Press the button of the mouse in the middle of an element."""
        found = f"const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
        place = "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]"
        x, y = self.evaluate(f"(() => {{ {found} {place} }})()")
        for type_ in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=type_, x=x, y=y, button="left", clickCount=1)

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Write what is seen to a PNG file; the *whole* page, or what the window shows of it."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """A browser with a page, ended at the end, with the folder that it kept its things in."""
    name = next(found for found in map(shutil.which, NAMES) if found)
    inward, to = os.pipe()
    from_, outward = os.pipe()
    folder = tempfile.mkdtemp(prefix="causerie-browser-")
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(inward), str(outward), name, *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(inward, outward),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(inward)
    os.close(outward)
    try:
        page = Page(to, from_)
        yield page
        page.call("Target.setDiscoverTargets", discover=False)
    finally:
        os.close(to)  # it ends when nobody drives it any more
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
