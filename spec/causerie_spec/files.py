"""Where the specification's files are: PROTOCOL.md and the vectors.

In a wheel they lie inside the package, in a checkout beside it. In here: only the paths.
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def find(name: str, package: Path = _PACKAGE) -> Path:
    """The path of a file or folder of the specification; `FileNotFoundError` if this installation has none."""
    for path in (package / name, package.parent / name):
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is neither in {package} nor beside it")


def protocol() -> Path:
    """The normative text, PROTOCOL.md."""
    return find("PROTOCOL.md")


def vectors() -> Path:
    """The folder of the vectors."""
    return find("vectors")
