"""The server that is killed: a process with a file, and all its lives.

In here: starting, sudden death, and the logs. Only processes that were started here are ended.
"""

import queue
import subprocess
import sys
import threading

PATIENCE = 60.0


class Server:
    """`engines` take turns, one a life."""

    def __init__(self, folder, engines, sync):
        self.folder = folder
        self.engines = engines
        self.sync = sync
        self.lives = 0
        self.process = None

    def start(self):
        """Begin a life; returns the address once it listens."""
        engine = self.engines[self.lives % len(self.engines)]
        self.lives += 1
        command = [sys.executable, "-m", "causerie.server", "--port", "0", "--engine", engine]
        command += ["--data", str(self.folder / "chaos.db"), "--sync", self.sync]
        with (self.folder / f"{self.lives}.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        line = lines.get(timeout=PATIENCE)
        host, _, port = line.partition(" on ")[2].partition(" (")[0].rpartition(":")
        if not port:
            raise RuntimeError(f"the server did not start: {line!r}\n{self.last_log()}")
        return host, int(port)

    def kill(self):
        """Sudden death: no code of the server runs any more."""
        self.process.kill()  # SIGKILL, or what Windows has for it
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def last_log(self):
        """What the last life had to say."""
        return (self.folder / f"{self.lives}.log").read_text("utf-8", errors="replace")

    def troubles(self):
        """Lines of any life's log that no life should write."""
        for life in range(1, self.lives + 1):
            for line in (self.folder / f"{life}.log").read_text("utf-8", errors="replace").splitlines():
                if any(word in line for word in ("Traceback", "Error", "failure", "exception")):
                    yield f"the server wrote, in its life {life}: {line}"
