"""``python -m causerie.console`` is `causerie-chat`."""

import sys

from causerie.console.cli import main

if __name__ == "__main__":
    sys.exit(main())
