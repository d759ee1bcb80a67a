"""The kill matrix: which cases each broken server fails. `python tests/broken/matrix.py` computes it anew.

Each server is judged by all of its declared cases and all that cite its clause, to the end, three times. What failed
each time stands in `matrix.json`, and as a table in MATRIX.md; `test_matrix.py` holds both to what there is today.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from judging import judging  # noqa: E402
from mutants import MUTANTS  # noqa: E402

from causerie_spec.clauses import load  # noqa: E402

DATA = HERE / "matrix.json"
TABLE = HERE / "MATRIX.md"
SHOWN = 4
"""Cases that the table names for each server; `matrix.json` has them all."""
HEAD = """# Broken servers, and the cases that catch them

Each is the reference with one clause broken. Beside it: the cases that fail with it each time, of those that cite the
clause. Made by `python tests/broken/matrix.py`; {servers} servers, by which {cases} cases are shown to be able to fail.

| clause | broken server | what it does | fails |
| --- | --- | --- | --- |
"""
KILLED = ("failed", "warned")
SECONDS = 600
"""For one server."""


def read():
    """By name of broken server: its clause, and the cases that it fails."""
    return json.loads(DATA.read_text("utf-8"))


def compute(mutants, times):
    """The rows for these, each judged so many times."""
    rows = {}
    for turn in range(times):
        with tempfile.TemporaryDirectory() as folder:
            pool, futures = judging(mutants, Path(folder), lambda each: each.all_options, SECONDS)
            for each in mutants:
                report, status, shown = futures[each.name].result()
                if report is None:
                    raise SystemExit(f"{each.name}: no report (exit status {status})\n{shown}")
                failed = [case["id"] for case in report["cases"] if case["status"] in KILLED]
                kept = rows.get(each.name, {"killed_by": failed})["killed_by"]
                rows[each.name] = {"clause": each.clause, "killed_by": [id_ for id_ in kept if id_ in failed]}
                print(f"{turn + 1}/{times} {each.name}: {len(failed)}", file=sys.stderr, flush=True)
            pool.shutdown()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only these broken servers; the other rows stay")
    parser.add_argument("--times", type=int, default=3, help="judge each so often, and keep what failed each time")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in MUTANTS]:
        parser.error(f"there is no broken server {', '.join(unknown)}")
    rows = read() if options.names and DATA.exists() else {}
    rows |= compute([MUTANTS[name] for name in options.names or MUTANTS], options.times)
    DATA.write_text(json.dumps({name: rows[name] for name in MUTANTS if name in rows}, indent=1) + "\n", "utf-8")
    TABLE.write_text(table(read()), "utf-8")


def table(rows):
    """The matrix for people: a line for each broken server, in the order of the clauses."""
    order = list(load())
    names = sorted(rows, key=lambda name: order.index(rows[name]["clause"]))
    lines = [HEAD.format(servers=len(rows), cases=len({id_ for row in rows.values() for id_ in row["killed_by"]}))]
    for name in names:
        row = rows[name]
        lines.append(f"| {row['clause']} | {name} | {MUTANTS[name].what} | {_few(row['killed_by'])} |\n")
    return "".join(lines)


def _few(ids):
    shown = ", ".join(ids[:SHOWN])
    return shown if len(ids) <= SHOWN else f"{shown} and {len(ids) - SHOWN} more"


if __name__ == "__main__":
    main()
