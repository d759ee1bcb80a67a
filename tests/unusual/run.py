"""Starts an unusual server: `python tests/unusual/run.py VARIANT [options of causerie-server]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "broken"))  # the seams are the same

from variants import VARIANTS

from causerie.server import cli

if __name__ == "__main__":
    VARIANTS[sys.argv[1]].apply()
    raise SystemExit(cli.main(sys.argv[2:]))
