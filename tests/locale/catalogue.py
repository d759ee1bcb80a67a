"""The catalogues of the client's languages: `python tests/locale/catalogue.py` brings them up to date.

In here: extracting the texts of reference/causerie, updating each ``locale/LANGUAGE/LC_MESSAGES/causerie.po``, and
compiling the ``.mo`` beside it. The ``.po`` is the source of the translations: write them there, then run this again.
Not in here: looking texts up (`causerie.language`).

With ``--check`` nothing is written; it says what is out of date or not translated, and fails if anything is. What is
written depends on the texts alone, not on the day, the line numbers or Babel's version. A text that the code has no
longer stays at the end of the ``.po``, marked ``#~``, and is used again if it comes back; ``--forget`` drops those.

A new language begins with a file that has a header and nothing else: copy the glossary and the header of another.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOURCES = Path(__file__).parents[2] / "reference" / "causerie"
CATALOGUES = SOURCES / "locale"
DOMAIN = "causerie"
#: Who is given texts, and where among the arguments they stand. The core marks its own by raising `NotSendable`.
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2), "NotSendable": None}
BRACES = "python-brace-format"

TextId = str | tuple[str, str]
"""A text in English, or the texts for one and for many."""


class _Plain(Catalog):
    """A catalogue whose header says nothing that changes by itself."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Project-Id-Version", DOMAIN),
            ("Language", str(self.locale_identifier)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms + "\n"),
        ]


def extracted(sources: Path = SOURCES) -> dict[TextId, list[str]]:
    """The texts in the sources, with the comments for translators (those that begin with "Translators:")."""
    found: dict[TextId, list[str]] = {}
    for _file, _line, text, comments, _context in extract_from_dir(
        sources, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=("Translators:",)
    ):
        found.setdefault(text, []).extend(comment for comment in comments if comment not in found.get(text, []))
    return found


def sources_of_translations(catalogues: Path = CATALOGUES) -> list[Path]:
    """The ``.po`` of each language."""
    return sorted(catalogues.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def load(path: Path) -> Catalog:
    """What a ``.po`` says now."""
    content = path.read_bytes()
    catalogue = read_po(io.BytesIO(content), locale=path.parent.parent.name, domain=DOMAIN)
    lines = itertools.takewhile(lambda line: line.startswith("#"), content.decode().splitlines())
    catalogue.header_comment = "\n".join(lines)  # as it stands: Babel would move what is indented
    return catalogue


def updated(old: Catalog, texts: dict[TextId, list[str]], *, forget: bool = False) -> Catalog:
    """A catalogue of these texts, with the translations that there were; others are kept apart unless forgotten."""
    new = _Plain(old.locale, DOMAIN, header_comment=old.header_comment, charset="utf-8", fuzzy=False)
    new._num_plurals, new._plural_expr = old.num_plurals, old.plural_expr  # the header's, not Babel's
    known = {message.id: message for message in old.obsolete.values()}
    known.update((message.id, message) for message in messages(old) if any(message.string) or message.id not in known)
    for text, comments in texts.items():
        _add(new, text, comments, known.pop(text, None))
    if not forget:
        new.obsolete = {_key(text): message for text, message in known.items() if translated(message)}
    return new


def _add(catalogue: Catalog, text: TextId, comments: Iterable[str], was: Message | None) -> None:
    message = catalogue.add(
        text, was.string if was else "", auto_comments=comments, user_comments=was.user_comments if was else ()
    )
    braces = {BRACES} if "{" in "".join(text) else set()  # Babel's own idea of it depends on its version
    message.flags = braces | ({"fuzzy"} if was and was.fuzzy else set())


def _key(text: TextId) -> str:
    return text if isinstance(text, str) else text[0]


def messages(catalogue: Catalog) -> Iterator[Message]:
    """The messages, without the header."""
    return (message for message in catalogue if message.id)


def translated(message: Message) -> bool:
    """Whether all forms of it have a translation, of which nobody doubts."""
    forms = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return all(forms) and not message.fuzzy


def as_po(catalogue: Catalog) -> bytes:
    """The source of translations, sorted by the texts."""
    file = io.BytesIO()
    write_po(file, catalogue, width=0, no_location=True, sort_output=True)
    return file.getvalue().rstrip(b"\n") + b"\n"


def as_mo(catalogue: Catalog) -> bytes:
    """What gettext reads."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def _differs(path: Path, content: bytes) -> bool:
    if not path.is_file():
        return True
    found = path.read_bytes()
    if path.suffix == ".po":
        found = found.replace(b"\r\n", b"\n")  # as git may check it out
    return found != content


def main(arguments: list[str] | None = None, catalogues: Path = CATALOGUES) -> int:
    """The exit status: with ``--check``, 1 if a file is out of date or a text has no translation."""
    parser = argparse.ArgumentParser(description="Bring the catalogues of the client's languages up to date.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if there is anything to be done")
    parser.add_argument("--forget", action="store_true", help="drop the translations of texts that are gone")
    options = parser.parse_args(arguments)
    texts = extracted()
    to_do = 0
    for path in sources_of_translations(catalogues):
        catalogue = updated(load(path), texts, forget=options.forget)
        for file, content in ((path, as_po(catalogue)), (path.with_suffix(".mo"), as_mo(catalogue))):
            if not _differs(file, content):
                continue
            if options.check:
                print(f"{file}: out of date: run python tests/locale/catalogue.py")
                to_do += 1
            else:
                file.write_bytes(content)
                print(f"{file}: written")
        for message in messages(catalogue):
            if not translated(message):
                print(f"{path}: not translated: {_key(message.id)}")
                to_do += options.check
    return min(to_do, 1)


if __name__ == "__main__":
    sys.exit(main())
