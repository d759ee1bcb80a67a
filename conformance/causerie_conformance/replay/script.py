"""A recording as a Python program that needs nothing but Python: the engine's own text, and the recording as data.

In here: writing that text. Not in here: what it does (`engine`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from causerie_conformance.replay import engine, plain
from causerie_conformance.replay.recording import Recording
from causerie_conformance.report.failure import labelled
from causerie_conformance.report.terminal import printable

WIDTH: Final = 110
OCTETS_A_LINE: Final = 24
HEAD: Final = '''\
#!/usr/bin/env python3
"""{title}

{about}

usage: python FILE HOST PORT [--exact]

Python 3.8 or newer, nothing else. --exact sends the very same octets; else random names are drawn anew, because a
server may have met the old ones. Exit status: 1 the same wrong thing came again, 0 it behaves otherwise now, 2 usage
error, 3 unreachable. Made by causerie-conformance replay --script.
"""
'''
MAIN: Final = """

def main(arguments: list) -> int:
    exact = "--exact" in arguments
    words = [word for word in arguments if word != "--exact"]
    if len(words) != 2 or not words[1].isdigit():
        sys.stderr.write("usage: python %s HOST PORT [--exact]\\n" % sys.argv[0])
        return USAGE
    host, port = words[0], int(words[1])

    def connect(address: int) -> socket.socket:
        sock = socket.create_connection((host, port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        return sock

    steps, finding = (STEPS, FINDING) if exact else with_fresh_names(STEPS, FINDING)

    def describe(octets: bytes) -> str:
        for step in steps:
            if step.what == "frame" and same(step, octets):
                return step.words
        return "a frame of %d octets: %s" % (len(octets), octets[:64].hex())

    try:
        return Player(LINES, steps, finding, connect, print, describe, PATIENCE).play()
    except Unreachable as error:
        sys.stderr.write("no connection to %s:%d: %s\\n" % (host, port, error))
        return UNREACHABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


def text(recording: Recording, patience: float) -> str:
    """The program. It waits for anything at most *patience* seconds."""
    steps = plain.steps(recording)
    parts = [HEAD.format(title=_in_docstring(f"Repeats {recording.case}: {recording.title}"), about=_about(recording))]
    parts.append(_engine())
    parts.append(f"\nPATIENCE = {patience!r}  # seconds to wait for anything\n")
    parts.append(f"LINES = {plain.lines(recording)!r}  # connections, and the number of the address\n")
    parts.append("STEPS = [\n")
    parts += [line for step in steps for line in _step(step, recording)]
    parts.append("]\n")
    finding = plain.finding(recording, steps)
    values = finding._asdict() | {"octets": None}
    words = ", ".join(f"{name}={value!r}" for name, value in values.items() if name != "octets")
    parts.append(f"FINDING = Finding(octets={_octets(finding.octets, 4)}, {words})\n")
    parts.append(MAIN)
    return "".join(parts)


def _about(recording: Recording) -> str:
    wrong = recording.wrong
    lines = labelled("clause", wrong.clause) + labelled("expected", wrong.expected) + labelled("came", wrong.came)
    return "\n".join(_in_docstring(line) for line in lines)


def _in_docstring(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', "'")


def _engine() -> str:
    """The engine, without its docstring's place at the head: a program has one docstring, and one future import."""
    source = Path(engine.__file__).read_text(encoding="utf-8")
    code = source[source.index("from __future__") :]
    return "\n" + code.replace("import struct\n", "import struct\nimport sys\n", 1) + "\n"


def _step(step: engine.Step, recording: Recording) -> Iterator[str]:
    name = recording.connections[step.line][0]
    arrow = "<-" if plain.is_the_servers(step) else "->"
    for line in textwrap.wrap(printable(f"{name} {arrow} {step.words or step.what}"), WIDTH, break_on_hyphens=False):
        yield f"    # {line}\n"
    words = f", {list(step.masks)!r}, {step.words!r}" if step.octets else ""
    octets = f", {_octets(step.octets, 8)}" if step.octets else ""
    yield f"    Step({step.at:.6f}, {step.line}, {step.what!r}{octets}{words}),\n"


def _octets(octets: bytes, indent: int) -> str:
    """Octets as an expression, in lines of readable hex."""
    pieces = [octets[at : at + OCTETS_A_LINE].hex(" ") for at in range(0, len(octets), OCTETS_A_LINE)]
    if len(pieces) <= 1:
        return f'bytes.fromhex("{"".join(pieces)}")'
    margin = " " * indent
    return "bytes.fromhex(\n" + "".join(f'{margin}"{piece} "\n' for piece in pieces) + f"{margin[4:]})"
