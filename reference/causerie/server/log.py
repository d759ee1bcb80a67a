"""The server's log: one line for each thing that happens, on standard error.

In here: levels, and the two forms of a line. A traceback follows its line, indented. Strings that peers sent never
control the terminal that shows the log [CLIENT-8]: every character that could is written as an escape.
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
    "tls failed": logging.INFO,
    "login refused": logging.WARNING,
    "accept failed": logging.ERROR,
    "failure": logging.ERROR,
    "listening": logging.DEBUG,
    "loop": logging.DEBUG,
    "stopping": logging.INFO,
    "stopped": logging.INFO,
}
"""The level of each event."""

_logger = logging.getLogger("causerie.server")


def log(event: str, *, exception: BaseException | None = None, **fields: object) -> None:
    """Note that *event* happened; see `causerie.core.hub.Log`."""
    level = LEVELS[event]
    if _logger.isEnabledFor(level):
        _logger.log(level, event, exc_info=exception, extra={"fields": fields})


def set_up(level: str, form: str) -> None:
    """Write events from *level* (`debug`, `info`, …) on in *form* (`text`, `json`) to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(FORMS[form]))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def escape(text: str) -> str:
    """*text* with every character that could control a terminal written as an escape."""
    return "".join(
        character.encode("unicode_escape").decode()
        if is_forbidden_character(character) or character == "\\"
        else character
        for character in text
    )


def _value(value: object) -> str:
    """A value that ends where it seems to: in quotes, if it needs them."""
    safe = escape(str(value))
    if safe and not any(character.isspace() or character == '"' for character in safe):
        return safe
    return '"' + safe.replace('"', '\\"') + '"'


def _text(when: str, level: str, event: str, fields: dict[str, object], trace: str) -> str:
    what = event if event in LEVELS else _value(event)  # what asyncio says may quote anything
    lines = "".join(f"\n    {escape(line)}" for line in trace.splitlines())
    return f"{when} {level:7} {what}" + "".join(f" {name}={_value(value)}" for name, value in fields.items()) + lines


def _json(when: str, level: str, event: str, fields: dict[str, object], trace: str) -> str:
    more = {"exception": trace} if trace else {}
    line = {"time": when, "level": level.lower(), "event": event, **fields, **more}
    return json.dumps(line, default=str)  # ASCII: nothing to obey


Form = Callable[[str, str, str, dict[str, object], str], str]
"""How an event looks: time, level, event, fields, traceback or nothing → its line (and the traceback's, if text)."""

FORMS: dict[str, Form] = {"text": _text, "json": _json}
"""The forms, by name."""


class _Formatter(logging.Formatter):
    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        when = f"{seconds}.{int(record.msecs):03d}Z"
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return self._form(when, record.levelname, record.getMessage(), getattr(record, "fields", {}), trace)
