"""``python -m causerie_conformance.load`` is ``causerie-load``."""

import sys

from causerie_conformance.load.cli import main

if __name__ == "__main__":  # worker processes import this file too
    sys.exit(main())
