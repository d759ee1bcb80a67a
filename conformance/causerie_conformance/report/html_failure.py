"""One case that did not pass, unfolded: the clause, what was expected and what came, the octets, the conversation.

In here: the markup of that, made from one case of the JSON document. Not in here: the page around it (`html_report`).
"""

from __future__ import annotations

import shlex
from typing import Any, Final

from causerie_conformance.report import dump
from causerie_conformance.report.markup import Html, join, lines, tag, text
from causerie_spec.codes import HEADER_SIZE

_ARROWS: Final = {"sent": "→", "received": "←", "event": "·"}
_HEADER: Final = ("length", "type", "flags", "ref")


def unfolded(case: dict[str, Any], report: dict[str, Any], most_dumps: int) -> Html:
    """The body of a failure. The last *most_dumps* entries of the conversation can be opened as octets."""
    finding = case["finding"]
    parts = [tag("p", case["message"], class_="why")] if finding is None and case["message"] else []
    if finding is not None:
        parts.append(_clause(case, finding))
        parts.append(_diagnosis(case))
        parts.append(_difference(finding))
        parts.append(_octets(finding))
    parts.append(_conversation(case, finding, most_dumps))
    if case["server_output"]:
        parts.append(
            _section(
                f"What the {report['role']} printed meanwhile", tag("pre", lines(case["server_output"]), tabindex="0")
            )
        )
    if report["command"]:
        again = f"{report['command']} --select {shlex.quote(case['id'])}"
        parts.append(_section("Run it again", tag("pre", again, class_="cmd", tabindex="0")))
    if case["replay"] is not None:
        repeat = case["replay"]["command"] or f"{case['replay']['path']} (it cannot be repeated octet for octet)"
        parts.append(_section("Repeat its octets", tag("pre", repeat, class_="cmd", tabindex="0")))
    return join(parts)


def _section(title: str, *content: str) -> Html:
    return tag("section", tag("h4", title), *content)


def _clause(case: dict[str, Any], finding: dict[str, Any]) -> Html:
    about = ""
    if finding["clause"] not in case["clauses"]:
        about = tag("p", f"Broken on the way: the case is about {', '.join(case['clauses'])}.", class_="note")
    cite = tag("cite", finding["clause"], " ", tag("span", finding["level"], class_="level"))
    return tag("blockquote", cite, tag("p", _prose(finding["clause_text"])), about)


def _diagnosis(case: dict[str, Any]) -> Html:
    found = case["diagnosis"]
    return Html("") if found is None else tag("p", tag("b", "Looks like: "), found["text"], class_="diagnosis")


def _prose(clause: str) -> Html:
    """The text of a clause, in which `this` is code."""
    return join(tag("code", part) if odd % 2 else text(part) for odd, part in enumerate(clause.split("`")))


def _difference(finding: dict[str, Any]) -> Html:
    expected = tag("div", tag("dt", "Expected"), tag("dd", lines(finding["expected"])), class_="exp")
    came = tag(
        "div",
        tag("dt", "Came ", tag("span", finding["kind"], class_="kind")),
        tag("dd", lines(finding["came"])),
        class_="came",
    )
    return tag("dl", expected, came, class_="diff")


def _octets(finding: dict[str, Any]) -> Html:
    if not finding["octets"]:
        return Html("")
    return _section("The octets", tag("pre", dump.coloured(finding), class_="hex", tabindex="0"))


# The conversation


def _conversation(case: dict[str, Any], finding: dict[str, Any] | None, most_dumps: int) -> Html:
    entries = case["transcript"]
    if not entries:
        return Html("")
    culprit = _culprit(entries, finding)
    first_dump = len(entries) - most_dumps
    shown = [
        _entry(entry, opens=number >= first_dump or number == culprit, culprit=number == culprit)
        for number, entry in enumerate(entries)
    ]
    title = (
        f"The conversation: {len(entries)} entr{'y' if len(entries) == 1 else 'ies'}, → sent by the suite, ← received"
    )
    return _section(title, tag("div", *shown, class_="talk"))


def _culprit(entries: list[dict[str, Any]], finding: dict[str, Any] | None) -> int | None:
    """The entry with the offending octets: the last that was received so."""
    if finding is None or not finding["octets"]:
        return None
    found = [
        number
        for number, entry in enumerate(entries)
        if entry["direction"] == "received"
        and entry["peer"] == (finding["peer"] or entry["peer"])
        and entry["octets"] == finding["octets"][: len(entry["octets"])]
    ]
    return found[-1] if found else None


def _entry(entry: dict[str, Any], *, opens: bool, culprit: bool) -> Html:
    line = join(
        [
            tag("time", f"{entry['at'] * 1000:,.1f}"),
            tag("span", entry["peer"]),
            tag("i", _ARROWS[entry["direction"]]),
            tag("p", _said(entry)),
        ]
    )
    kind = f"e {entry['direction']}" + " culprit" * culprit
    if not opens or not entry["octets"]:
        return tag("div", line, class_=kind)
    octets = bytes.fromhex(entry["octets"])
    more = entry["size"] - len(octets)
    shown = dump.plain(octets, entry["frames"]) + (f"\n      …  {more} octets more" if more else "")
    return tag("details", tag("summary", line), tag("pre", lines(shown)), class_=kind)


def _said(entry: dict[str, Any]) -> Html:
    """The frames of an entry in words, field by field; whatever is no frame as the transcript has it."""
    frames = entry["frames"]
    whole = sum(frame["size"] for frame in frames) == entry["size"] == sum(map(_length, frames))
    if not frames or not whole or any(frame["error"] for frame in frames):
        return text(entry["text"])
    note = [Html(" "), tag("i", f"({entry['note']})")] if entry["note"] else []
    return join([join((_frame(frame) for frame in frames), ", "), *note])


def _length(frame: dict[str, Any]) -> int:
    """Octets that the frame should have, by its header; 0 if that is not whole."""
    first = frame["fields"][0]
    return HEADER_SIZE + int(first["value"]) if first["value"].isdecimal() else 0


def _frame(frame: dict[str, Any]) -> Html:
    values: dict[str, list[str]] = {}
    for field in frame["fields"]:
        of, _, what = field["name"].partition(" ")
        name, item, _ = of.partition("[")
        if what in ("length", "count"):  # an empty field has no other row
            if field["value"] == "0" and not item:
                values[name] = ['""' if what == "length" else "none"]
        elif name not in _HEADER:
            values.setdefault(name, []).append(dump.cut(field["value"]))
    parts: list[str] = [tag("b", frame["name"]), " ", tag("i", f"ref {frame['ref']}")]
    for name, found in values.items():
        parts += [" ", tag("i", name), Html("&nbsp;"), ", ".join(found)]
    return join(parts)
