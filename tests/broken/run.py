"""Starts a broken or an unusual server: `python tests/broken/run.py NAME [options of causerie-server]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutants import MUTANTS
from variants_of_profiles import VARIANTS

from causerie.server import cli

if __name__ == "__main__":
    {**VARIANTS, **MUTANTS}[sys.argv[1]].apply()
    store = [] if "--data" in sys.argv else ["--memory"]
    raise SystemExit(cli.main([*store, *sys.argv[2:]]))
