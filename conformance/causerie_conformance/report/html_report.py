"""The report as one HTML page that needs nothing else: no network, no other file, and no JavaScript to be read.

It is made from the JSON document alone. Whatever a server sent is text to it (`markup`), and a content security policy
lets no style and no script in but those that stand in ``page.css`` and ``page.js``.

In here: the page, from its top to its end. Not in here: a failure unfolded (`html_failure`), how it looks and what it
does when it is used.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

from causerie_conformance.registry import GREETINGS
from causerie_conformance.report import headline
from causerie_conformance.report.headline import SIGNS, VERDICT_MOODS, Mood
from causerie_conformance.report.html_failure import unfolded
from causerie_conformance.report.json_report import Document
from causerie_conformance.report.markup import Html, join, lines, tag, text

OPEN_AT_FIRST: Final = 3
"""Failures that are unfolded when the page is opened."""
DUMPS: Final = 1_500
"""Entries of conversations that can be opened as octets: with many failures, the last few of each."""
LEAST_DUMPS: Final = 2
"""Such entries of one conversation, at least."""
GIST: Final = 160
"""Characters of why a case failed that are shown of one that is folded."""

Case = dict[str, Any]
_HEADINGS: Final = {
    "failed": "Failed",
    "blocked": "Blocked by a failure",
    "warned": "Warned: a SHOULD was not kept",
    "known failure": "Failed, as known",
    "not run": "Not run",
    "not judged": "Not judged",
    "not offered": "Not offered",
    "passed": "Passed",
}
"""What stands above the cases of a status, and in which order; of a status that is not here, its own name."""
_UNFOLDED: Final = ("failed", "warned", "known failure")
_STATUS_SIGNS: Final = {"failed": "✗", "warned": "!", "known failure": "!", "passed": "✓", "not run": "✗"}


def write(report: Document, path: Path) -> None:
    """Write the page to a file. Raises OSError."""
    path.write_text(page(report), encoding="utf-8")


def page(report: Document) -> str:
    """The page."""
    style, script = _part("page.css"), _part("page.js")
    top = headline.headline(report)
    values: dict[str, str] = {
        "version": report["causerie_conformance"],
        "protocol": str(report["protocol_version"]),
        "title": f"{top.words}: {report['target']}",
        "mood": top.mood.value,
        "sign": SIGNS[top.mood],
        "words": top.words,
        "sentence": top.sentence,
        "facts": _facts(report),
        "alerts": _alerts(report),
        "profiles": _profiles(report),
        "next": _next(report),
        "likely": _likely(report),
        "filter": _filter(report),
        "sections": _sections(report),
    }
    raw = {"style": style, "script": script, "style_hash": _hash(style), "script_hash": _hash(script)}
    return Template(_part("page.html")).substitute({name: str(text(value)) for name, value in values.items()} | raw)


def _part(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8").strip()


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


# The top


def _facts(report: Document) -> Html:
    began = datetime.fromisoformat(report["began"])
    facts: list[tuple[str, str]] = [
        (report["role"].capitalize(), report["target"]),
        ("Calls itself", report["agent"] or "–"),
        ("Judged", tag("time", f"{began:%Y-%m-%d %H:%M} UTC", datetime=report["began"])),
        ("In", f"{report['duration']:.1f} s"),
        ("Round trip", f"{report['round_trip'] * 1000:.2f} ms" if report["round_trip"] else "–"),
        ("Cases", f"{len(report['cases']):,} of {report['total']:,}"),
    ]
    if report["command"]:
        facts.append(("Command", tag("code", report["command"], class_="cmd")))
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), class_="facts")


def _alerts(report: Document) -> Html:
    parts = []
    if report["stopped"]:
        parts.append(tag("p", tag("b", "Stopped early: "), report["stopped"]))
    if report["server_output"]:
        parts += [
            tag("p", f"What the {report['role']} said last:"),
            tag("pre", lines(report["server_output"]), tabindex="0"),
        ]
    if report["stale_known_failures"]:
        parts.append(tag("p", tag("b", "Not true any more in the list of known failures, which fails this run:")))
        parts.append(tag("ul", *(tag("li", words) for words in report["stale_known_failures"])))
    return tag("section", *parts, class_="alert") if parts else Html("")


def _profiles(report: Document) -> Html:
    cards = [_profile(each) for each in report["profiles"]]
    return tag("section", tag("h2", "Verdict by profile"), tag("ul", *cards, class_="profiles")) if cards else Html("")


def _profile(verdict: dict[str, Any]) -> Html:
    mood = VERDICT_MOODS.get(verdict["verdict"], Mood.NONE)
    counts = {status: count for status, count in verdict["counts"].items() if count}
    return tag(
        "li",
        tag("b", verdict["profile"], class_="name"),
        tag(
            "span",
            tag("span", SIGNS[mood], class_="sign", aria_hidden="true"),
            f" {verdict['verdict']}",
            class_="verdict",
        ),
        _bar(counts),
        tag("span", ", ".join(f"{count:,} {status}" for status, count in counts.items()), class_="counts"),
        class_=mood.value,
        data_profile=verdict["profile"],
    )


def _bar(counts: dict[str, int]) -> Html:
    """How the cases divide, drawn so that a few among many are seen; what it says stands beside it in words."""
    widths = {status: max(2.0, 100 * count / sum(counts.values())) for status, count in counts.items()}
    x, parts = 0.0, []
    for status, width in widths.items():
        parts.append(tag("rect", x=f"{x:.2f}", width=f"{width:.2f}", height="6", class_=_class(status)))
        x += width
    return tag("svg", *parts, class_="share", viewBox=f"0 0 {x:.2f} 6", preserveAspectRatio="none", aria_hidden="true")


def _class(status: str) -> str:
    return "s-" + status.replace(" ", "-")


def _offered(capability: str, role: str) -> str:
    return f"{capability}, then list it in {GREETINGS[role]}: all that the {role} offers works"


def _next(report: Document) -> Html:
    """What to build next."""
    plan = report["next"]
    if plan is None:
        return Html("")
    steps: list[tuple[str, str]] = [("Works", ", ".join(plan["works"]) or "nothing yet")]
    for case in report["cases"]:
        if case["id"] == plan["case"]:
            link = tag("a", case["id"], href=f"#{case['id']}")
            steps.append(("Build" if plan["is_new"] else "Mend", join([case["title"], " ", link])))
    if plan["capability"]:
        steps.append(("Build", _offered(plan["capability"], report["role"])))
    waits = []
    for each in plan["open"]:
        blocked = f", {each['blocked']} blocked" if each["blocked"] else ""
        waits.append(f"{each['topic']} ({each['failed']} failed{blocked})")
    if waits:
        steps.append(("Then", ", ".join(waits)))
    items = [tag("div", tag("dt", name), tag("dd", words)) for name, words in steps]
    return tag("section", tag("h2", "Build this next"), tag("dl", *items, class_="steps"))


def _likely(report: Document) -> Html:
    """What the failures look like, the most frequent first."""
    found: dict[str, list[Case]] = {}
    for case in report["cases"]:
        if case["diagnosis"] is not None:
            found.setdefault(case["diagnosis"]["name"], []).append(case)
    items = [
        tag(
            "li",
            tag("b", f"{len(cases):,}", class_="n"),
            tag("p", cases[0]["diagnosis"]["text"], " ", tag("a", cases[0]["id"], href=f"#{cases[0]['id']}")),
        )
        for cases in sorted(found.values(), key=len, reverse=True)
    ]
    return (
        tag("section", tag("h2", "What the failures look like"), tag("ul", *items, class_="likely"))
        if items
        else Html("")
    )


def _filter(report: Document) -> Html:
    counts = {status: count for status, count in _in_order(report["counts"]) if count}
    chips = [
        tag(
            "label",
            tag("input", type="checkbox", name="status", value=status),
            tag("span", f"{status} ", tag("b", f"{count:,}")),
            class_=_class(status),
        )
        for status, count in counts.items()
    ]
    words = "id, title or clause ( / )"
    search = tag("input", type="search", name="q", placeholder=words, autocomplete="off", spellcheck="false")
    profiles = [verdict["profile"] for verdict in report["profiles"]]
    topics = list(dict.fromkeys(case["topic"] for case in report["cases"]))
    return tag(
        "form",
        tag("label", tag("span", "Search", class_="label"), search, class_="search"),
        _choice("profile", "Profile", profiles),
        _choice("topic", "Topic", topics),
        tag("fieldset", tag("legend", "Status", class_="label"), *chips),
        tag(
            "p",
            tag("output", "", id="found", aria_live="polite"),
            tag("button", "Reset", type="reset"),
            tag("button", "Unfold all", type="button", id="fold"),
            class_="state",
        ),
        id="filter",
        role="search",
        hidden=True,
    )


def _choice(name: str, label: str, values: Iterable[str]) -> Html:
    options = [tag("option", "all", value=""), *(tag("option", value, value=value) for value in values)]
    return tag("label", tag("span", label, class_="label"), tag("select", *options, name=name))


# The cases


def _in_order(counts: dict[str, int]) -> list[tuple[str, int]]:
    ordered = [status for status in _HEADINGS if status in counts]
    # What a later version counts is no pass either: it stands before those that passed.
    later = [status for status in counts if status not in _HEADINGS]
    return [(status, counts[status]) for status in [*ordered[:-1], *later, *ordered[-1:]]]


def _sections(report: Document) -> Html:
    by_status: dict[str, list[Case]] = {}
    for case in report["cases"]:
        by_status.setdefault(case["status"], []).append(case)
    found = sum(len(by_status.get(status, ())) for status in _UNFOLDED)
    most_dumps = max(LEAST_DUMPS, DUMPS // max(1, found))
    parts = []
    for status, _ in _in_order({status: len(cases) for status, cases in by_status.items()}):
        cases = by_status[status]
        if status in _UNFOLDED:
            shown = [
                _failure(case, report, most_dumps, is_open=number < OPEN_AT_FIRST and status == "failed")
                for number, case in enumerate(cases)
            ]
        else:
            shown = _groups(status, cases)
        heading = tag("h2", _HEADINGS.get(status, status.capitalize()), " ", tag("span", f"{len(cases):,}", class_="n"))
        parts.append(tag("section", heading, *shown, class_=f"cases {_class(status)}"))
    return join(parts, "\n")


def _failure(case: Case, report: Document, most_dumps: int, *, is_open: bool) -> Html:
    head = tag(
        "summary",
        tag("span", _STATUS_SIGNS.get(case["status"], "–"), class_="sign", aria_label=case["status"], role="img"),
        tag("h3", case["title"]),
        tag("p", tag("code", case["id"]), " ", _tried(case), _cites(case), class_="id"),
        tag("p", _gist(case), class_="gist"),
    )
    body = tag("div", unfolded(case, report, most_dumps), class_="body")
    return tag("details", head, body, open=is_open, **_marks(case, "failure"))


def _gist(case: Case) -> str:
    """One line, for a failure that is folded."""
    words = f"looks like {case['diagnosis']['text']}" if case["diagnosis"] else case["message"] or ""
    return words if len(words) <= GIST else words[:GIST] + "…"


def _tried(case: Case) -> Html:
    """Flaky or steady, if it was run again."""
    tries = case["tries"]
    if tries is None:
        return Html("")
    flaky = tries["failed"] < tries["ran"]
    words = f"{'flaky' if flaky else 'steady'}: failed {tries['failed']} of {tries['ran']} times"
    return tag("span", words, class_="flaky" if flaky else "steady")


def _cites(case: Case) -> Html:
    return tag("span", f"{case['profile']} · {' '.join(case['clauses'])}", class_="cites")


def _marks(case: Case, kind: str) -> dict[str, str | bool | None]:
    """What the filter goes by."""
    return {
        "class_": f"case {kind} {_class(case['status'])}",
        "id": case["id"],
        "data_s": case["status"],
        "data_p": case["profile"],
        "data_t": case["topic"],
    }


def _groups(status: str, cases: list[Case]) -> list[Html]:
    """Those that passed by topic, the others by why."""
    by = {"passed": "topic", "blocked": "blocked_by"}.get(status, "message")
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case[by] or "for no reason given", []).append(case)
    return [
        tag(
            "details",
            tag("summary", tag("span", name), " ", tag("span", f"{len(of_group):,}", class_="n")),
            tag("ul", *map(_line, of_group)),
            class_="group",
        )
        for name, of_group in groups.items()
    ]


def _line(case: Case) -> Html:
    marks = _marks(case, "line") | {"class_": "case"}
    return tag("li", tag("code", case["id"]), " ", tag("span", case["title"]), " ", _cites(case), **marks)
