"""``causerie-spec``: look things up in the specification, and take octets apart.

Exit status: 0 done and well; 1 something is wrong with what was looked at; 2 wrong usage. In here: arguments and
output. Not in here: any work; the other modules do it.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import io
import json
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NoReturn

from causerie_spec import clauses, codec, dissector, files, tables, vectors
from causerie_spec.annotate import annotate, render
from causerie_spec.codes import MAGIC, PROFILES
from causerie_spec.layout import Field, fields_of
from causerie_spec.messages import CLIENT_TYPES, MESSAGES, MESSAGES_BY_NAME, Message
from causerie_spec.states import TABLE

_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_WIDTH: Final = 100


class UsageError(Exception):
    """What was typed makes no sense; the message says what is wrong, and what to type."""


class _Parser(argparse.ArgumentParser):
    """Says where help is, with every error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* (by default the program's own); the exit status is returned."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character must not end the program.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except UsageError as error:
        print(f"causerie-spec {arguments.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is still buffered must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, clauses.ClauseError, tables.TableError, vectors.VectorError) as error:
        print(f"causerie-spec {arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="causerie-spec",
        description="Look things up in the Causerie specification, and take octets apart.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_examples(
            "clauses --profile CORE --role server",
            "frames SEND",
            "decode 00000001 8e 00 0007 01",
            "encode PING token=1 --ref 7",
        ),
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, run: Callable[[Any], int], what: str, *examples: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=_examples(*(f"{name}{' ' * bool(example)}{example}" for example in examples)),
        )
        sub.set_defaults(run=run)
        return sub

    sub = command("clauses", _clauses, "list the clauses", "", "FRAME-3 ERR", "--profile rooms --role server --json")
    sub.add_argument("which", nargs="*", metavar="ID", help="only these, or those of a topic such as FRAME")
    sub.add_argument("--profile", choices=PROFILES, help="only those of this profile")
    sub.add_argument("--role", choices=("server", "client"), help="only those that bind this side")
    sub.add_argument("--level", choices=clauses.LEVELS, help="only those of this level")
    sub.add_argument("--json", action="store_true", help="as JSON, for programs")

    sub = command("frames", _frames, "list the frames, or say all about one", "", "SEND", "0xa0")
    sub.add_argument("frame", nargs="?", metavar="NAME", help="a frame's name or type")

    sub = command(
        "decode",
        _decode,
        "show octets with the names of their fields; the first wrong one is marked",
        "00000001 8e 00 0007 01",
        "dump.bin",
        "- < dump.txt",
    )
    sub.add_argument(
        "octets", nargs="+", metavar="HEX|FILE|-", help="hexadecimal, or a file (- is stdin) of octets or hexadecimal"
    )

    sub = command(
        "encode",
        _encode,
        "print the octets of a frame, in hexadecimal",
        "PING token=1 --ref 7",
        "SEND conversation=#lobby txn=0x2a kind=0 text='good morning' --ref 1",
        "HELLO min_version=1 max_version=1 keepalive=60 agent=me capabilities=rooms,typing --ref 1",
    )
    sub.add_argument("frame", metavar="NAME", help="the frame's name")
    sub.add_argument(
        "fields",
        nargs="*",
        metavar="FIELD=VALUE",
        help="numbers decimal or 0x…, bools true or false, lists with commas, octets in hexadecimal",
    )
    sub.add_argument("--ref", default="0", help="the frame's ref (default 0)")
    sub.add_argument("--binary", action="store_true", help="write the octets themselves, to pipe them somewhere")

    sub = command("vectors", _vectors, "list the vectors, or check them", "", "--check")
    sub.add_argument("--check", action="store_true", help="check them against declarations, codec and clauses")

    sub = command("tables", _tables, "check or rewrite the generated tables in PROTOCOL.md", "--check", "--write")
    group = sub.add_mutually_exclusive_group(required=True)
    group.add_argument("--check", action="store_true", help="say which are out of date")
    group.add_argument("--write", action="store_true", help="bring them up to date, in place")
    sub.add_argument("file", nargs="?", metavar="FILE", help="another file than this installation's PROTOCOL.md")

    command("dissector", _dissector, "print the dissector for Wireshark, in Lua", "")
    return parser


def _examples(*lines: str) -> str:
    return "examples:\n" + "".join(f"  causerie-spec {line}\n" for line in lines)


# clauses


def _clauses(arguments: Any) -> int:
    known = clauses.load()
    chosen = list(known.values())
    if arguments.which:
        wanted = [name.upper().strip("[]") for name in arguments.which]
        topics = {clause.topic for clause in chosen}
        for name in wanted:
            if name not in known and name not in topics:
                raise UsageError(f"there is no clause or topic {name}{_like(name, [*known, *topics])}")
        chosen = [clause for clause in chosen if clause.id in wanted or clause.topic in wanted]
    if arguments.profile:
        chosen = [clause for clause in chosen if clause.profile == arguments.profile]
    if arguments.role:
        chosen = [clause for clause in chosen if clause.binds(arguments.role)]
    if arguments.level:
        chosen = [clause for clause in chosen if clause.level == arguments.level]
    if arguments.json:
        print(json.dumps([asdict(clause) for clause in chosen], ensure_ascii=False, indent=1))
        return 0
    for clause in chosen:
        print(f"{clause.id}  {clause.level}, {clause.role}, {clause.profile}  (line {clause.line})")
        print(textwrap.indent(textwrap.fill(clause.text, _WIDTH - 4), "    "))
    if not chosen:
        print("no clause is all of that", file=sys.stderr)
    return 0 if chosen else 1


def _like(name: str, known: Sequence[str]) -> str:
    """A guess at what was meant."""
    close = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


# frames


def _frames(arguments: Any) -> int:
    if arguments.frame is not None:
        _describe(_frame_called(arguments.frame))
        return 0
    for cls in MESSAGES.values():
        print(f"0x{cls.TYPE:02x}  {cls.NAME:14}  {cls.CAPABILITY or '':9} {tables.summary(cls)}".rstrip())
    return 0


def _frame_called(name: str) -> type[Message]:
    if name.upper() in MESSAGES_BY_NAME:
        return MESSAGES_BY_NAME[name.upper()]
    if name.lower().startswith("0x") and (type_ := _number(name)) in MESSAGES:
        return MESSAGES[type_]
    close = _like(name.upper(), list(MESSAGES_BY_NAME))
    raise UsageError(f"there is no frame {name!r}{close or '; causerie-spec frames lists them'}")


def _describe(cls: type[Message]) -> None:
    way = "client to server" if cls.TYPE in CLIENT_TYPES else "server to client"
    print(f"{cls.NAME}  0x{cls.TYPE:02x}, {way}")
    print(textwrap.indent(inspect.getdoc(cls) or "", "  "))
    if cls.CAPABILITY:
        print(f"  Needs the capability {cls.CAPABILITY}.")
    label = "Answer" if cls.TYPE in CLIENT_TYPES else "Stands as"
    print(f"  {label}: {tables.exchange(cls)}.")
    print()
    for field in fields_of(cls):
        print(f"  {field.name:14} {field.form:8} {field.doc}")
    if not fields_of(cls):
        print("  no fields")
    if cls.TYPE in CLIENT_TYPES:
        print()
        for state, row in TABLE.items():
            print(f"  in {state.value + ':':10} {row[cls.NAME].value}")


# decode


def _decode(arguments: Any) -> int:
    data = _octets(arguments.octets)
    if not data:
        raise UsageError("there are no octets")
    frames = annotate(data)
    print(render(frames))
    return 1 if any(frame.error for frame in frames) else 0


def _octets(given: Sequence[str]) -> bytes:
    """The octets that the arguments stand for."""
    joined = "".join(given)
    if joined != "-":
        try:
            return _from_hex(joined)
        except ValueError:
            # No hexadecimal at all, so perhaps a file.
            if len(given) > 1 or not Path(joined).exists():
                odd = set("".join(joined.split())) <= _HEX_DIGITS
                reason = "an odd number of digits" if odd else "neither hexadecimal nor a file"
                raise UsageError(f"{' '.join(given)!r} is {reason}") from None
    data = sys.stdin.buffer.read() if joined == "-" else Path(joined).read_bytes()
    try:
        # A frame's first octets are no digits: its length would be over a thousand million.
        return _from_hex(data.decode("ascii"))
    except ValueError:
        return data


def _from_hex(text: str) -> bytes:
    return bytes.fromhex(text.replace("0x", " ").replace(":", " "))


# encode


def _encode(arguments: Any) -> int:
    cls = _frame_called(arguments.frame)
    message = cls(**_values(cls, arguments.fields))
    try:
        octets = codec.encode(message, _number(arguments.ref))
    except codec.EncodeError as error:
        raise UsageError(str(error)) from None
    if arguments.binary:
        sys.stdout.buffer.write(octets)
    else:
        print(octets.hex())
    return 0


def _values(cls: type[Message], given: Sequence[str]) -> dict[str, object]:
    fields = {field.name: field for field in fields_of(cls)}
    values: dict[str, object] = {"magic": MAGIC} if "magic" in fields else {}
    for argument in given:
        name, sign, text = argument.partition("=")
        if not sign:
            raise UsageError(f"{argument!r} is not of the form FIELD=VALUE")
        if name not in fields:
            raise UsageError(f"{cls.NAME} has no field {name!r}; it has {', '.join(fields) or 'none at all'}")
        values[name] = _value(cls, fields[name], text)
    if missing := [f"{name}=…" for name in fields if name not in values]:
        raise UsageError(f"{cls.NAME} also needs {' '.join(missing)}")
    return values


def _value(cls: type[Message], field: Field, text: str) -> object:
    """A field's value as it is typed."""
    if field.form in ("u8", "u16", "u32", "u64"):
        return _number(text, f"{cls.NAME}.{field.name}: ")
    if field.form == "bool":
        known = {"true": True, "1": True, "false": False, "0": False}
        if text.lower() not in known:
            raise UsageError(f"{cls.NAME}.{field.name}: {text!r} is not true or false")
        return known[text.lower()]
    if field.form == "list8":
        return tuple(text.split(",")) if text else ()
    if field.form in ("bytes16", "magic"):
        try:
            return _from_hex(text)
        except ValueError:
            raise UsageError(f"{cls.NAME}.{field.name}: {text!r} is not hexadecimal") from None
    return text


def _number(text: str, where: str = "") -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"{where}{text!r} is not a number, such as 7 or 0x2a") from None


# vectors


def _vectors(arguments: Any) -> int:
    loaded = vectors.load()
    if arguments.check:
        problems = vectors.check(loaded, clauses.load())
        print("\n".join(problems) or f"{len(loaded.valid)} valid and {len(loaded.invalid)} invalid vectors are right")
        return 1 if problems else 0
    for valid in loaded.valid:
        print(f"{valid.id}  {valid.doc}")
    for invalid in loaded.invalid:
        print(f"{invalid.id}  {' '.join(invalid.outcome).strip()}  {invalid.doc}")
    return 0


# tables


def _tables(arguments: Any) -> int:
    path = files.protocol() if arguments.file is None else Path(arguments.file)
    text = path.read_text(encoding="utf-8")
    stale = tables.stale(text)
    if arguments.write and stale:
        path.write_text(tables.update(text), encoding="utf-8")
        print(f"written: {', '.join(stale)}")
        return 0
    if stale:
        print(f"out of date: {', '.join(stale)}; run causerie-spec tables --write", file=sys.stderr)
        return 1
    print("the tables are up to date")
    return 0


# dissector


def _dissector(_arguments: Any) -> int:
    print(dissector.text(), end="")
    return 0
