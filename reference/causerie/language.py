"""The language of what a user reads: gettext, with the catalogues of this package.

In here: which language, and looking a text up. Texts in the code are English, and are what is looked up. Not in here:
the catalogues (``locale/LANGUAGE/LC_MESSAGES/causerie.po``, and the ``.mo`` made from it).

Texts are looked up when they are shown, not when a module is loaded: tables hold them marked by `N_`.
"""

from __future__ import annotations

import contextlib
import gettext
import locale
import os
from pathlib import Path
from typing import Final

DOMAIN: Final = "causerie"
CATALOGUES: Final = Path(__file__).parent / "locale"
_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def wanted() -> list[str]:
    """The languages that the user's environment asks for, the best first; none if it does not say."""
    for variable in _VARIABLES:
        if value := os.environ.get(variable):
            return value.split(":")
    with contextlib.suppress(ValueError):
        if found := locale.getlocale()[0]:
            return [found]
    return []


def available() -> tuple[str, ...]:
    """The languages that there are, English first."""
    return ("en", *sorted(path.parent.parent.name for path in CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))


def use(language: str | None = None) -> str:
    """Speak that language from now on, or the user's (None); returns the one that is spoken: English, if it is none of
    ours."""
    global _catalogue, _language  # noqa: PLW0603  # one user, one language
    asked = [language] if language else wanted()
    _catalogue, _language = gettext.NullTranslations(), "en"
    for name in asked:
        plain = locale.normalize(name).partition(".")[0].partition("@")[0]  # Windows says French_France
        if plain in ("C", "POSIX") or plain.startswith("en"):
            break
        with contextlib.suppress(OSError):
            _catalogue = gettext.translation(DOMAIN, CATALOGUES, [plain])
            _language = plain.partition("_")[0]
            break
    return _language


def spoken() -> str:
    """The language in use."""
    return _language


def _(text: str) -> str:
    """The text in the language in use."""
    return _catalogue.gettext(text) if text else ""


def N_(text: str) -> str:  # noqa: N802  # the name that gettext's tools look for
    """Marks a text in a table, to be looked up when it is shown."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """The text for so many, in the language in use."""
    return _catalogue.ngettext(one, many, count)
