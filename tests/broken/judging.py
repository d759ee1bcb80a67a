"""Runs the suite over a broken or an unusual server, and says what it found."""

import json
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import suite

from causerie_spec.clauses import load
from causerie_spec.codes import DURABLE

HERE = Path(__file__).parent
AT_ONCE = 2 * (os.cpu_count() or 1)
"""Servers that are judged side by side: they wait more than they compute."""
OPTIONS = (
    "--port {port} --handshake-timeout {handshake_timeout} --max-connections {max_connections}"
    " --users-file {users} --scram-iterations 4096"
)
OVER_TLS = " --tls-cert {tls_cert} --tls-key {tls_key}"
NEED_DATA = {clause.id for clause in load().values() if clause.profile == DURABLE} | {"TOKEN-7"}
"""Clauses of servers that keep what they are told in a file."""

# The command, without the second that it takes to load it: it is loaded once and forked, where there is fork.
PROCESSES = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
)
PROCESSES.set_forkserver_preload(["suite"])
# Where the fork server looks for it; it does not take over sys.path before Python 3.13.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))


def judge(subject, options, report, seconds=110):
    """Run the suite with these options; returns the report, the exit status and what the command printed."""
    where = "--data {data}" if subject.clause in NEED_DATA else "--memory"
    server = f'"{sys.executable}" "{HERE / "run.py"}" {subject.name} {where} {OPTIONS}'
    if subject.clause.startswith("TLS-"):
        server += OVER_TLS
    shown = report.with_suffix(".txt")
    process = PROCESSES.Process(
        target=suite.run, args=(("--spawn", server, *options, "--no-replays", "--json", str(report)), shown)
    )
    process.start()
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
    found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    return found, process.exitcode, shown.read_text("utf-8")


def judging(subjects, folder, of=lambda subject: subject.options, seconds=110):
    """Start to judge all of them, some at a time, in order: a pool, and futures by name of what `judge` returns."""
    pool = ThreadPoolExecutor(AT_ONCE)
    once = {each.name: each for each in subjects}
    return pool, {
        name: pool.submit(judge, each, of(each), folder / f"{name}.json", seconds) for name, each in once.items()
    }
