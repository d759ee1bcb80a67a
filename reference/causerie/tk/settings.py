"""What the window remembers: a JSON file in the data directory.

In here: reading, checking and writing it. A file that is damaged is set aside, never written over; a value that makes
no sense is left at its default. Not in here: what the values do.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from causerie.tk.look import LARGEST, SMALLEST

FILE: Final = "window.json"
THEMES: Final = ("system", "light", "dark")


@dataclass(slots=True)
class Settings:
    """``geometry`` as Tk writes it, empty for the usual; ``zoom`` 1.0 is usual; ``notify`` a command for messages while
    the window is not looked at, empty for none; ``server`` what was typed last; ``bell`` says whether there is a sound.
    """

    geometry: str = ""
    theme: str = "system"
    zoom: float = 1.0
    language: str = ""
    server: str = ""
    tls: bool = False
    bell: bool = True
    notify: str = ""

    def check(self) -> None:
        """Put what makes no sense back to its default."""
        usual = Settings()
        for each in fields(self):
            value, default = getattr(self, each.name), getattr(usual, each.name)
            if type(value) is not type(default) and not (isinstance(default, float) and isinstance(value, int)):
                setattr(self, each.name, default)
        if self.theme not in THEMES:
            self.theme = usual.theme
        if not SMALLEST <= self.zoom <= LARGEST:
            self.zoom = usual.zoom
        size, _, place = self.geometry.partition("+")
        width, _, height = size.partition("x")
        numbers = width.isdecimal() and height.isdecimal()
        if not (numbers and 300 <= int(width) <= 10_000 and 200 <= int(height) <= 10_000):
            self.geometry = usual.geometry
        elif place and not all(part.removeprefix("-").isdecimal() for part in place.split("+")):
            self.geometry = size


def load(directory: Path) -> tuple[Settings, str]:
    """The settings, and where a damaged file was put, if there was one."""
    path = directory / FILE
    try:
        found: Any = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no object")
    except FileNotFoundError:
        return Settings(), ""
    except (OSError, ValueError, RecursionError):
        aside = path.with_suffix(".damaged")
        try:
            path.replace(aside)
        except OSError:
            return Settings(), ""
        return Settings(), str(aside)
    names = {each.name for each in fields(Settings)}
    settings = Settings(**{name: value for name, value in found.items() if name in names})
    settings.check()
    return settings, ""


def save(settings: Settings, directory: Path) -> bool:
    """Write them, whole or not at all; False if the disk does not take it, which is no reason to fail."""
    path = directory / FILE
    temporary = path.with_name(f".{FILE}.{secrets.token_hex(8)}")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(settings), indent=1) + "\n", "utf-8")
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True
