"""The configuration file of `causerie-chat`: INI, one section ``[chat]``, each key documented in `KEYS`.

In here: finding, reading and checking it. Not in here: what the values do.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from causerie.client.command_line import UsageError
from causerie.language import N_, _

VARIABLE: Final = "CAUSERIE_CONFIG"
"""The environment variable that names another file."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key: its default, what is allowed (empty: any text), and what it means."""

    default: str
    allowed: tuple[str, ...]
    meaning: str


KEYS: Final = {
    "server": Key("", (), N_("where to connect if the command line does not say: HOST[:PORT]")),
    "handle": Key("", (), N_("who you are if the command line does not say")),
    "theme": Key("dark", ("dark", "light", "none"), N_("colours for a dark or a light screen, or none")),
    "list": Key("auto", ("auto", "yes", "no"), N_("conversations at the left; auto: from 100 columns on")),
    "bell": Key("mentions", ("yes", "mentions", "no"), N_("ring: for every message, for mentions and direct ones")),
    "notify": Key("", (), N_("a command that is run with the sender and the text, instead of or beside the bell")),
}


def path() -> Path:
    """Where the file is, whether or not there is one."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_config_path("causerie", appauthor=False) / "causerie-chat.ini"


def load() -> dict[str, str]:
    """The value of every key. Raises `UsageError`: it names the file, the key, and what is allowed."""
    values = {name: key.default for name, key in KEYS.items()}
    file = path()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with file.open(encoding="utf-8") as lines:
            parser.read_file(lines)
    except FileNotFoundError:
        return values
    except (OSError, UnicodeError, configparser.Error) as error:
        reason = str(error).replace("\n", " ")
        raise UsageError(_("{file}: cannot be read: {reason}").format(file=file, reason=reason)) from None
    for section in parser.sections():
        if section != "chat":
            raise UsageError(_("{file}: there is no section [{name}]: write [chat]").format(file=file, name=section))
    for name, value in parser["chat"].items() if parser.has_section("chat") else ():
        if name not in KEYS:
            known = ", ".join(KEYS)
            raise UsageError(
                _("{file}: there is no key {name}: write one of {known}").format(file=file, name=name, known=known)
            )
        if KEYS[name].allowed and value not in KEYS[name].allowed:
            allowed = ", ".join(KEYS[name].allowed)
            said = _("{file}: {name} = {value} makes no sense: write one of {allowed}")
            raise UsageError(said.format(file=file, name=name, value=value, allowed=allowed))
        values[name] = value
    return values


def documented() -> str:
    """The keys with their defaults, for ``--help``."""
    meanings = {name: _(key.meaning) for name, key in KEYS.items()}
    return "\n".join(f"  {name:<8}{meanings[name]} ({key.default or '-'})" for name, key in KEYS.items())
