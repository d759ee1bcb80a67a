"""The folder in which failures are left, to be repeated.

In here: which results leave a file, its name, and what to type. Not in here: what stands in it (`recording`).
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from causerie_conformance.problems import Kind
from causerie_conformance.replay import recording
from causerie_conformance.results import Replay, Result, Status


@dataclass
class Folder:
    """Made when the first failure is left in it; *server* is what names the server on the command line."""

    path: Path
    server: str
    _broken: bool = False

    def leave(self, result: Result) -> Replay | None:
        """Write the file of a failure; None if it is none, or cannot be written, which is said once."""
        finding, transcript = result.finding, result.transcript
        if finding is None or transcript is None or not transcript.tape.lines or self._broken:
            return None
        if result.status not in (Status.FAILED, Status.WARNED) or finding.kind is Kind.SUITE:
            return None
        made = recording.of(result.case, finding, transcript.tape)
        path = self.path / f"{re.sub('[^A-Za-z0-9._-]', '-', result.case.id)}.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            recording.write(made, path)
        except OSError as error:
            self._broken = True
            sys.stderr.write(f"causerie-conformance: cannot write {path}: {error.strerror or error}\n")
            return None
        command = f"causerie-conformance replay {shlex.quote(path.as_posix())} {self.server}"
        return Replay(path.as_posix(), "" if made.cannot else command)
