"""``python -m causerie_conformance`` is ``causerie-conformance``."""

import sys

from causerie_conformance.cli import main

if __name__ == "__main__":
    sys.exit(main())
