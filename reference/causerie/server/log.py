"""The server's log: one line for each thing that happens, on standard error.

In here: levels, and the two forms of a line. Strings that peers sent never control the terminal that shows the log
[CLIENT-8]: every character that could is written as an escape.
"""

import json
import logging
import time
from collections.abc import Callable

from causerie_spec.names import is_forbidden_character

LEVELS: dict[str, int] = {
    "accept": logging.DEBUG,
    "login": logging.INFO,
    "logout": logging.INFO,
    "bye": logging.INFO,
    "login refused": logging.WARNING,
    "accept failed": logging.ERROR,
    "listening": logging.DEBUG,
    "stopping": logging.INFO,
    "stopped": logging.INFO,
}
"""The level of each event."""

_logger = logging.getLogger("causerie.server")


def log(event: str, **fields: object) -> None:
    """Note that *event* happened; see `causerie.core.hub.Log`."""
    level = LEVELS[event]
    if _logger.isEnabledFor(level):
        _logger.log(level, event, extra={"fields": fields})


def set_up(level: str, form: str) -> None:
    """Write events from *level* (`debug`, `info`, …) on in *form* (`text`, `json`) to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(FORMS[form]))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def escape(text: str) -> str:
    """*text* with every character that could control a terminal written as an escape, and the quotes that it needs."""
    safe = "".join(
        character.encode("unicode_escape").decode()
        if is_forbidden_character(character) or character == "\\"
        else character
        for character in text
    )
    return f'"{safe}"' if not safe or " " in safe or '"' in safe else safe


def _text(when: str, level: str, event: str, fields: dict[str, object]) -> str:
    rest = "".join(f" {name}={escape(str(value))}" for name, value in fields.items())
    return f"{when} {level:7} {escape(event) if not fields else event}{rest}"


def _json(when: str, level: str, event: str, fields: dict[str, object]) -> str:
    return json.dumps({"time": when, "level": level.lower(), "event": event, **fields})  # ASCII: nothing to obey


FORMS: dict[str, Callable[[str, str, str, dict[str, object]], str]] = {"text": _text, "json": _json}
"""How a line looks: time, level, event, fields → line."""


class _Formatter(logging.Formatter):
    def __init__(self, form: Callable[[str, str, str, dict[str, object]], str]) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        when = f"{seconds}.{int(record.msecs):03d}Z"
        fields: dict[str, object] = dict(getattr(record, "fields", {}))
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return self._form(when, record.levelname, record.getMessage(), fields)
