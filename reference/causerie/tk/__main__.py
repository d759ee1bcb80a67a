"""``python -m causerie.tk`` is `causerie-gui`."""

import sys

from causerie.tk.cli import main

if __name__ == "__main__":
    sys.exit(main())
