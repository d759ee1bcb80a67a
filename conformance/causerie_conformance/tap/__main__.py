"""``python -m causerie_conformance.tap``."""

from causerie_conformance.tap.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
