"""Changes the reference core at random, one small thing at a time, and shows which changes the suite lets pass.

`python tests/mutation/mutation.py` (or `tox -e mutation`) takes a sample of all the changes that cosmic-ray's operators
can make to the server's core, and runs the suite over each. What survives is a missing case, a missing clause, or a
change that nobody can see from outside: read each of them. Exit status 0: it only measures.
"""

import argparse
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parents[2]
ROOTS = ("spec", "reference", "conformance")
MODULES = (*sorted(ROOT.glob("reference/causerie/core/*.py")), ROOT / "reference/causerie/store/archive.py")
"""What a server decides. Not the client's core: the client role of the suite judges that."""
OPERATORS = (
    *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceUnaryOperator_Delete_Not"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "NumberReplacer", "ZeroIterationForLoop"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add", "ReplaceBinaryOperator_BitAnd_BitOr"),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "Gt_LtE")),
)
SERVER = (
    "{python} -m causerie.server {store} --port {{port}} --handshake-timeout {{handshake_timeout}}"
    " --max-connections {{max_connections}} --users-file {{users}} --scram-iterations 4096"
)
RUNS = {
    "--memory": ("--exclude", "shutdown/gone-in-time"),  # which costs six seconds, and shows little of the core
    "--data {data}": ("--select", "durable", "--select", "shutdown/new-epoch"),
}
SECONDS = 240
"""For one run of the suite. What takes longer is caught too: the server does not get on."""


def changes():
    """All of them: (module, operator, occurrence)."""
    for module in MODULES:
        nodes = list(ast_nodes(get_ast(module.read_text("utf-8"))))
        for name in OPERATORS:
            operator = get_operator(f"core/{name}")()
            count = sum(len(list(operator.mutation_positions(node))) for node in nodes)
            yield from ((module, name, occurrence) for occurrence in range(count))


def copies(folder, count):
    """So many copies of the three roots, each to be changed by one at a time."""
    free = SimpleQueue()
    for number in range(count):
        for name in ROOTS:
            shutil.copytree(ROOT / name, folder / str(number) / name, ignore=shutil.ignore_patterns("__pycache__"))
        free.put(folder / str(number))
    return free


def survives(change, free):
    """None if the suite fails the server with this change; else what was changed, as a diff of one line."""
    module, name, occurrence = change
    before = module.read_text("utf-8")
    after = mutate_code(before, get_operator(f"core/{name}")(), occurrence)
    copy = free.get()
    place = copy / module.relative_to(ROOT)
    place.write_text(after, "utf-8")
    try:
        caught = _fails(copy)
    finally:
        place.write_text(before, "utf-8")
        free.put(copy)
    if caught:
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def _fails(copy):
    """With everything in memory what needs no file; what passes that, with a file, is killed and started again."""
    return any(_run(copy, store, cases) for store, cases in RUNS.items())


def _run(copy, store, cases):
    path = os.pathsep.join(str(copy / name) for name in ROOTS)
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    server = SERVER.format(python=sys.executable, store=store)
    command = [sys.executable, "-m", "causerie_conformance", "--spawn", server, "--fail-fast", "--no-replays", *cases]
    with tempfile.TemporaryFile() as nowhere:
        try:
            done = subprocess.run(
                command, env=environment, stdout=nowhere, stderr=subprocess.STDOUT, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return True
    return done.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="so many changes; 0: all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    everything = list(changes())
    chosen = random.Random(options.seed).sample(everything, options.sample or len(everything))
    began, left = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.at_once) as pool:
        free = copies(Path(folder), options.at_once)
        if _fails(Path(folder) / "0"):
            raise SystemExit("mutation.py: the suite fails the reference as it is: mend that first")
        for change, lines in zip(chosen, pool.map(lambda each: survives(each, free), chosen), strict=True):
            if lines is not None:
                left += 1
                print(f"{change[0].relative_to(ROOT)} {change[1]} {change[2]}", *lines, sep="\n  ", flush=True)
    caught = len(chosen) - left
    print(
        f"{caught} of {len(chosen)} changes caught ({caught / len(chosen):.0%}), of {len(everything)} possible ones;"
        f" {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
