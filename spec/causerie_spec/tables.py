"""The tables of PROTOCOL.md, made from the declarations.

In the text they stand between two lines, and are never edited by hand::

    <!-- generated: frames -->
    <!-- end generated -->

In here: the tables as Markdown, and putting them in place. Not in here: any fact of the protocol.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

from causerie_spec import codes, examples
from causerie_spec.codes import SERVER_BIT, ByeCode, ErrorCode
from causerie_spec.layout import fields_of
from causerie_spec.messages import MESSAGES, Error, Message
from causerie_spec.states import TABLE

_BLOCK: Final = re.compile(
    r"(?P<begin>^<!-- generated: (?P<name>\S+) -->\n)(?P<body>.*?)(?P<end>^<!-- end generated -->$)", re.M | re.S
)
_MARKER: Final = re.compile(r"^.*<!-- *(?:end )?generated\b.*$", re.M)


class TableError(ValueError):
    """The markers in the text are not right; the message says which, and in which line."""


def frames() -> str:
    """All frames: type, name, capability, what is answered or what it answers, meaning."""
    rows = []
    for cls in MESSAGES.values():
        rows.append((f"0x{cls.TYPE:02X}", cls.NAME, cls.CAPABILITY or "", exchange(cls), summary(cls)))
    return markdown(("type", "frame", "capability", "answer, or where it stands", "meaning"), rows)


def exchange(cls: type[Message]) -> str:
    """What answers a request; of a frame from the server, what it answers or where it stands."""
    if cls.TYPE < SERVER_BIT:
        if not cls.ANSWERS:
            return "never answered"
        return " or ".join(cls.ANSWERS) if not cls.ITEMS else f"{' '.join(cls.ITEMS)} …, {cls.ANSWERS[0]}"
    places = []
    if ended := [request.NAME for request in MESSAGES.values() if cls.NAME in request.ANSWERS]:
        places.append(f"answers {', '.join(ended)}")
    if streamed := [request.NAME for request in MESSAGES.values() if cls.NAME in request.ITEMS]:
        places.append(f"item of {', '.join(streamed)}")
    if cls.EVENT:
        places.append("event")
    if cls is Error:
        places.append("answers any request but COMPOSE")
    return "; ".join(places)


def summary(cls: type[Message]) -> str:
    """What a frame is for, in one sentence."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def fields() -> str:
    """Every field of every frame, in wire order: name, form, meaning."""
    rows = []
    for cls in MESSAGES.values():
        label = f"0x{cls.TYPE:02X} {cls.NAME}"
        for field in fields_of(cls):
            rows.append((label, f"`{field.name}`", f"`{field.form}`", field.doc))
            label = ""
        if label:
            rows.append((label, "no fields", "", ""))
    return markdown(("frame", "field", "form", "meaning"), rows)


def error_codes() -> str:
    """The codes in ERROR."""
    return markdown(("code", "name", "meaning"), ((str(code.value), code.name, code.meaning) for code in ErrorCode))


def bye_codes() -> str:
    """The codes in BYE."""
    return markdown(("code", "name", "meaning"), ((str(code.value), code.name, code.meaning) for code in ByeCode))


def states() -> str:
    """What each client frame meets in each state."""
    columns = next(iter(TABLE.values()))
    rows = ((name, *(TABLE[state][name].value for state in TABLE)) for name in columns)
    return markdown(("frame", *(f"*{state.value}*" for state in TABLE)), rows)


def limits() -> str:
    """The numbers of the protocol, each with its unit."""
    rows = ((f"`{name}`", f"{value:,}", doc.rstrip(".")) for name, value, doc in numbers())
    return markdown(("name", "value", "unit and meaning"), rows)


def numbers() -> list[tuple[str, int | float, str]]:
    """Name, value and meaning of each number in `codes`; the meaning is the string literal that follows it."""
    found = []
    body = ast.parse(inspect.getsource(codes)).body
    for statement, after in pairwise(body):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                value = getattr(codes, name)
                if isinstance(value, int | float):
                    found.append((name, value, doc))
    return found


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, ending in a newline."""
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


TABLES: Final[dict[str, Callable[[], str]]] = {
    "frames": frames,
    "fields": fields,
    "error-codes": error_codes,
    "bye-codes": bye_codes,
    "states": states,
    "limits": limits,
}
"""The tables by the name that their markers carry."""
GENERATED: Final[dict[str, Callable[[], str]]] = {**TABLES, "session": examples.session, "scram": examples.scram}
"""All that is generated into the text: the tables, and the worked examples."""


def update(text: str) -> str:
    """The text with every table as the declarations have it. Raises `TableError` if markers are wrong."""
    _check_markers(text)
    return _BLOCK.sub(lambda match: match["begin"] + GENERATED[match["name"]]() + match["end"], text)


def stale(text: str) -> list[str]:
    """Names of the tables in a text that are not as the declarations have them. Raises `TableError`."""
    _check_markers(text)
    return [match["name"] for match in _BLOCK.finditer(text) if match["body"] != GENERATED[match["name"]]()]


def _check_markers(text: str) -> None:
    """Every marker belongs to a pair, and every table has its place exactly once."""
    seen: list[str] = []
    paired: set[int] = set()
    for match in _BLOCK.finditer(text):
        paired |= {match.start("begin"), match.start("end")}
        seen.append(match["name"])
        line = text.count("\n", 0, match.start()) + 1
        if match["name"] not in GENERATED:
            raise TableError(f"line {line}: no table {match['name']!r}; there are {', '.join(GENERATED)}")
        if seen.count(match["name"]) > 1:
            raise TableError(f"line {line}: the table {match['name']!r} is there twice")
        if inner := _MARKER.search(match["body"]):
            raise TableError(f"line {line}: the next marker is {inner[0]!r}, not <!-- end generated -->")
    for marker in _MARKER.finditer(text):
        if marker.start() not in paired:
            line = text.count("\n", 0, marker.start()) + 1
            raise TableError(f"line {line}: the marker {marker[0]!r} is not one of a pair")
    if missing := [name for name in GENERATED if name not in seen]:
        raise TableError(f"no place for {', '.join(missing)}: add <!-- generated: {missing[0]} --> and its end")
