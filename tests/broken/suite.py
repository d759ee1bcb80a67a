"""The command `causerie-conformance` in a process that has loaded it already."""

import os
import sys

from causerie_conformance import cli, process
from causerie_conformance.registry import load_cases

load_cases()


def run(argv, shown):
    """Run the command and end this process with its exit status; what it prints goes to the file *shown*."""
    with open(shown, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        sys.exit(cli.main(argv))
    finally:
        process.end_all()  # such a process ends without what `atexit` has registered
