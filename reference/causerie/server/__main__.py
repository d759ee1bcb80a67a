"""`python -m causerie.server` is `causerie-server`."""

from causerie.server.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
