"""Everybody around a client under test: a server, a way to it that can be cut, people with the console client.

In here: waiting for what has to happen, always with a limit. Not in here: what is tested.
"""

import contextlib
import importlib.util
import json
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

LIMIT = 30.0
"""Seconds that anything may take."""


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Network = _load(Path(__file__).parents[1] / "chaos" / "proxy.py").Network


class Server:
    """A server's process, and a network that can be cut between it and the client under test."""

    def __init__(self, engine, folder, *options):
        command = [sys.executable, "-m", "causerie.server", "--port", "0", "--engine", engine, *options]
        if "--memory" not in options:
            command += ["--data", str(folder / "server.db")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.port = int(re.search(r":(\d+) ", self.process.stdout.readline()).group(1))
        self._reader = threading.Thread(target=self.process.stdout.read, daemon=True)
        self._reader.start()
        self.network = Network(1)
        self.proxy = self.network.proxy("client")
        self.proxy.set(calm=True)
        self.heal()

    def heal(self):
        """Let connections through."""
        self.network.upstream = ("127.0.0.1", self.port)

    def cut(self):
        """Cut the client's connection, and let no other through."""
        self.network.upstream = ("127.0.0.1", 1)  # where nobody listens

        async def cut():
            for link in list(self.proxy.links):
                link.cut("rst")

        self.network.do(cut())

    def close(self):
        """End it."""
        self.network.close()
        self.process.terminate()
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        self.process.stdout.close()


class Console:
    """Somebody with `causerie-chat --json`."""

    def __init__(self, handle, port, folder):
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "causerie.console", f"127.0.0.1:{port}", "--json"),
                *("--handle", handle, "--display", handle.title(), "--data", str(folder / handle)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.told = []
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until(lambda told: told.get("link") == "online")

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def hear(self):
        """What was said since."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.told.append(self._lines.get_nowait())

    def until(self, condition, more=lambda: None):
        """Wait for an object; ``more`` is called meanwhile."""
        deadline = time.monotonic() + LIMIT
        while True:
            self.hear()
            found = next((told for told in self.told if condition(told)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, self.told[-5:]
            with contextlib.suppress(queue.Empty):
                self.told.append(self._lines.get(timeout=0.02))
            more()

    def do(self, verb, **more):
        """Ask the program to do something."""
        self.process.stdin.write(json.dumps({"do": verb, **more}) + "\n")
        self.process.stdin.flush()

    def say(self, text, place="#lobby"):
        """Say something, and wait until it is in the log."""
        self.do("send", conversation=place, text=text)
        self.until(lambda told: told["event"] == "message" and told["text"] == text)

    def texts(self, place="#lobby"):
        """What was shown."""
        self.hear()
        return [told["text"] for told in self.told if told["event"] == "message" and told["conversation"] == place]

    def close(self):
        """Leave."""
        if self.process.poll() is None:
            self.do("quit")
        self.process.stdin.close()
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        self.process.stdout.close()
