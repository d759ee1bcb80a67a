"""How fast are the servers, against each other and against their peers?

    python tests/bench/bench_server.py [--quick] [--rounds N] [--shapes 'NAME;…'] [--only 'NAME;…'] [--json FILE]

Server and load generator each have a CPU core of their own. The generator is `load/` (in C, compiled here), which
no server keeps waiting, and for texts that are due at their time, whatever the server does, `causerie-load`. In a
round each contender (`contenders`) runs once, in a fresh process, so that a change of the machine's speed meets all
alike. What is printed are medians over the rounds; a ratio is the median of the ratios within each round. A run in
which one text is lost, altered, repeated or out of order ends the benchmark. Needs Linux, gcc and taskset
(util-linux).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contenders import CONTENDERS, Contender, on_core

SERVER_CORE, LOAD_CORE = 0, 1
PEERS = ("Redis", "NATS", "mosquitto", "ngircd", "bare asyncio")
"""Those that ratios are taken to."""

PACED_SECONDS = 5
"""Seconds of a paced run for each of another: it has fewer messages."""

Result = Mapping[str, float]


@dataclass(frozen=True)
class Shape:
    """A load, and what is told of it."""

    title: str
    arguments: Sequence[str]
    figures: Mapping[str, str]
    """Heading and format of each figure, by its name in the load generator's output; the first gives the ratios."""
    paced: bool = False
    """Are messages sent when they are due, by ``causerie-load``? The generator in C sends as fast as it is answered."""

    def excludes(self, contender: Contender, key: str) -> str:
        """Why that contender does not take part, empty if it does."""
        if self.paced and contender.protocol != "causerie":
            return "causerie-load speaks Causerie alone"
        return contender.skips.get(key, "")


_RATE = {
    "deliveries_per_second": "deliveries/s {:,.0f}",
    "cpu_per_million": "server CPU s/million {:.3f}",
    "load_busy": "load busy {:.0%}",
}
_TRIP = {"p50_us": "p50 µs {:.0f}", "p99_us": "p99 µs {:.0f}"}
_PACED = {
    "p50": "p50 ms {:.2f}",
    "p99": "p99 ms {:.2f}",
    "p99.9": "p99.9 ms {:.2f}",
    "lag": "own delays p99 ms {:.2f}",
}
_IDLE = {"kib_per_connection": "KiB/connection {:.1f}"}

SHAPES = {
    "room10": Shape("One room of 10", ["room", "members=10"], _RATE),
    "room100": Shape("One room of 100", ["room", "members=100"], _RATE),
    "room500": Shape("One room of 500", ["room", "members=500"], _RATE),
    "pairs": Shape("50 pairs", ["pairs", "members=100", "window=16", "batch=1"], _RATE),
    "trip": Shape("There and back, one message outstanding", ["round-trip"], _TRIP),
    "paced100": Shape("100 in a room, 50 texts a second", ["--connections=100", "--rooms=1"], _PACED, paced=True),
    "paced500": Shape("500 in 10 rooms, 50 texts a second", ["--connections=500", "--rooms=10"], _PACED, paced=True),
    "idle": Shape("5,000 idle connections", ["idle", "members=5050"], _IDLE),
}


def compile_load(directory: Path) -> Path:
    """The load generator, compiled into that directory."""
    program = directory / "load"
    sources = sorted(Path(__file__).with_name("load").glob("*.c"))
    subprocess.run(["gcc", "-O2", "-march=native", "-flto", "-Wall", "-o", program, *sources], check=True)
    return program


def run(load: Path, contender: Contender, shape: Shape, seconds: float) -> Result:
    """One run; ends the benchmark if anything was lost."""
    with tempfile.TemporaryDirectory() as directory, contender.running(Path(directory), SERVER_CORE) as (port, pid):
        if shape.paced:
            return run_paced(port, shape, seconds, Path(directory) / "load.json")
        where = [contender.protocol, str(port), str(pid)]
        options = [f"room={contender.room}", f"seconds={seconds}", f"warmup={seconds / 4}"]
        command = on_core(LOAD_CORE, [str(load), *where, *shape.arguments, *options])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{contender.name}, {shape.title}: {done.stderr.strip()}")
    result: Result = json.loads(done.stdout)
    return result


def run_paced(port: int, shape: Shape, seconds: float, file: Path) -> Result:
    """One run of ``causerie-load``; ends the benchmark if anything was lost."""
    command = [sys.executable, "-m", "causerie_conformance.load", f"127.0.0.1:{port}", *shape.arguments]
    command += [f"--duration={seconds * PACED_SECONDS}", "--quiet", f"--json={file}"]
    done = subprocess.run(on_core(LOAD_CORE, command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shape.title}: {done.stderr.strip()}\n{done.stdout.strip()}")
    latency = json.loads(file.read_text())["latency"]
    return {**latency["delivery"], "lag": latency["lag"]["p99"]}


def table(shape: Shape, results: Mapping[str, Sequence[Result]]) -> Iterable[str]:
    """The medians, as a table in Markdown."""
    first = next(iter(shape.figures))
    peers = [peer for peer in PEERS if peer in results]
    headings = [text[: text.index("{")].strip() for text in shape.figures.values()]
    yield ""
    yield f"| {shape.title} | {' | '.join([*headings, *(f'× {peer}' for peer in peers)])} |"
    yield "|" + " --- |" * (1 + len(headings) + len(peers))
    for name, runs in results.items():
        cells = [
            text[text.index("{") :].format(statistics.median(one[figure] for one in runs))
            for figure, text in shape.figures.items()
        ]
        for peer in peers:
            ratios = (one[first] / other[first] for one, other in zip(runs, results[peer], strict=True))
            cells.append(f"{statistics.median(ratios):.2f}")
        yield f"| {name} | {' | '.join(cells)} |"


def chosen(names: str | None, known: Collection[str]) -> list[str]:
    """Those that are named; all if none is."""
    if not names:
        return list(known)
    wanted = [name.strip().lower() for name in names.split(";")]
    found = [name for name in known if name.lower() in wanted]
    if len(found) < len(wanted):
        raise SystemExit(f"{names!r}: there are {'; '.join(known)}")
    return found


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(description="Compares servers under load.")
    options.add_argument("--quick", action="store_true", help="one short round: to see that all works, not to compare")
    options.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    options.add_argument("--seconds", type=float, default=2.0, help="of each run; default %(default)s")
    options.add_argument("--shapes", help=f"of: {'; '.join(SHAPES)}")
    options.add_argument("--only", help=f"of: {'; '.join(contender.name for contender in CONTENDERS)}")
    options.add_argument("--json", type=Path, help="write every run's figures there")
    return options


def main() -> None:
    """Run the benchmark."""
    options = parser().parse_args()
    rounds, seconds = (1, 0.4) if options.quick else (options.rounds, options.seconds)
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("needs Linux, and two CPU cores")
    names = chosen(options.only, [contender.name for contender in CONTENDERS])
    for contender in CONTENDERS:
        if contender.name in names and contender.absent:
            print(f"{contender.name} does not take part: {contender.absent}", flush=True)
    field = [contender for contender in CONTENDERS if contender.name in names and not contender.absent]
    everything: dict[str, Mapping[str, Sequence[Result]]] = {}
    with tempfile.TemporaryDirectory() as directory:
        load = compile_load(Path(directory))
        for key in chosen(options.shapes, SHAPES):
            shape = SHAPES[key]
            able = [contender for contender in field if not shape.excludes(contender, key)]
            for contender in field:
                if why := shape.excludes(contender, key):
                    print(f"\n{contender.name} does not take part in the next: {why}")
            results: dict[str, list[Result]] = {contender.name: [] for contender in able}
            for _ in range(rounds):
                for contender in able:
                    results[contender.name].append(run(load, contender, shape, seconds))
            everything[key] = results
            print("\n".join(table(shape, results)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
