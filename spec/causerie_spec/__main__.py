"""``python -m causerie_spec`` is ``causerie-spec``."""

import sys

from causerie_spec.cli import main

sys.exit(main())
