"""The clauses of the specification, read from PROTOCOL.md itself.

A clause is a list item at the margin; its continuation lines are indented::

    - **[FRAME-3] (MUST, server, CORE)** Text of the requirement, which may
      go on in a second line.

Its text ends at the next item at the margin, at a heading, or at a blank line that no indented line follows.
Fenced blocks are passed over. What looks like a clause and is none is an error with its line, never skipped:
a clause that nobody reads is a clause that nobody tests.

In here: reading and cross references. Not in here: what any clause means.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from causerie_spec import files
from causerie_spec.codes import PROFILES

LEVELS: Final = ("MUST", "SHOULD", "MAY")
ROLES: Final = ("server", "client", "both")

_CLAUSE: Final = re.compile(r"- \*\*\[([A-Z]+-[1-9][0-9]*)\] \((\w+), (\w+), (\w+)\)\*\* (\S.*)")
_LIKE_A_CLAUSE: Final = re.compile(r"\s*[-*+] +(\*\*)?\[[A-Za-z]+-?[0-9]+\]|\s*[-*+] +\*\*\[")
_HEADING: Final = re.compile(r"#+ +(.+)")
_REFERENCE: Final = re.compile(r"\[([A-Z]+-[1-9][0-9]*)\]")


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement.

    ``id`` such as ``FRAME-3``; ``level`` MUST, SHOULD or MAY; ``role`` server, client or both; ``profile``
    one of `codes.PROFILES`; ``text`` on one line; ``section`` the heading above it; ``line`` its line in
    PROTOCOL.md.
    """

    id: str
    level: str
    role: str
    profile: str
    text: str
    section: str
    line: int

    @property
    def topic(self) -> str:
        """The id without its number, such as ``FRAME``."""
        return self.id.rpartition("-")[0]

    def binds(self, role: str) -> bool:
        """Does it bind that role, "server" or "client"?"""
        return self.role in (role, "both")


class ClauseError(ValueError):
    """PROTOCOL.md has clauses that cannot be read; ``problems`` are pairs of line and what is wrong."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"line {line}: {problem}" for line, problem in problems))
        self.problems = problems


@cache
def load() -> dict[str, Clause]:
    """The clauses of this installation's PROTOCOL.md by id, in its order. Raises `ClauseError`."""
    return parse(files.protocol().read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Clause]:
    """The clauses in a text by id, in its order. Raises `ClauseError` with all the problems there are."""
    clauses: dict[str, Clause] = {}
    problems: list[tuple[int, str]] = []
    section = ""
    lines = list(_outside_fences(text))
    for index, (number, line) in enumerate(lines):
        if heading := _HEADING.fullmatch(line):
            section = heading[1].strip()
        elif match := _CLAUSE.fullmatch(line):
            id_, level, role, profile, begin = match.groups()
            rest, problem = _continuation(lines[index + 1 :])
            wrong = [problem] if problem else []
            for value, known in ((level, LEVELS), (role, ROLES), (profile, PROFILES)):
                if value not in known:
                    wrong.append(f"{value!r} is none of {', '.join(known)}")
            if id_ in clauses:
                wrong.append(f"is in line {clauses[id_].line} already")
            problems += [(number, f"{id_}: {reason}") for reason in wrong]
            text_ = " ".join([begin, *rest])
            clauses.setdefault(id_, Clause(id_, level, role, profile, text_, section, number))
        elif _LIKE_A_CLAUSE.match(line):
            problems.append((number, "not of the form - **[NAME-1] (LEVEL, role, PROFILE)** Text"))
    if problems:
        raise ClauseError(problems)
    return clauses


def dangling(text: str, clauses: dict[str, Clause]) -> list[tuple[int, str]]:
    """References such as ``[FRAME-3]`` to clauses that there are not: pairs of line and id."""
    return [
        (number, id_)
        for number, line in enumerate(text.splitlines(), 1)
        for id_ in _REFERENCE.findall(line)
        if id_ not in clauses
    ]


def _outside_fences(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, fenced blocks left out."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line.rstrip()


def _continuation(lines: list[tuple[int, str]]) -> tuple[list[str], str | None]:
    """The further lines of a clause, and what is wrong with its end."""
    rest: list[str] = []
    after_blank = False
    for _, line in lines:
        if not line:
            after_blank = True
        elif line.startswith("  "):
            rest.append(line.strip())
            after_blank = False
        elif after_blank or line.startswith(("- ", "#")):
            break
        else:
            # Markdown would take it for a part of the item; here it would be lost.
            return rest, f"the line {line[:40]!r} below it is not indented"
    return rest, None
