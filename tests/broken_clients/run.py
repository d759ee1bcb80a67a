"""Starts a broken client: `python tests/broken_clients/run.py NAME [options of causerie-chat]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from client_mutants import MUTANTS

from causerie.console import cli

if __name__ == "__main__":
    MUTANTS[sys.argv[1]].apply()
    raise SystemExit(cli.main(sys.argv[2:]))
