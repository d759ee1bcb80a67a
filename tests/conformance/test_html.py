"""The HTML page as a text: what stands in it, that nothing a server says is markup, and that it needs nothing else."""

import base64
import hashlib
import html.parser
import json
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from reported import EVIL, case, document, failed, of_all_cases, of_every_status

from causerie_conformance.problems import Kind
from causerie_conformance.report import dump, html_report, json_report
from causerie_conformance.report.frames import structured
from causerie_conformance.report.headline import Mood, headline
from causerie_conformance.report.markup import Html, join, lines, tag, text
from causerie_conformance.results import Finding, Replay, Result, Status
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import encode
from causerie_spec.messages import Bye, Ping, Send

VOID = ("meta", "link", "input", "rect")
P, F, W, K = Status.PASSED, Status.FAILED, Status.WARNED, Status.KNOWN
NO, NJ, NR = Status.NOT_OFFERED, Status.NOT_JUDGED, Status.NOT_RUN


class Page(html.parser.HTMLParser):
    """A page, read strictly: every element that is opened is closed, in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, {key: value or "" for key, value in attributes}))
        if name not in VOID or name == "rect":
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, words: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(words)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def named(self, name: str, /, **wanted: str) -> list[dict[str, str]]:
        return [has for tag_, has in self.elements if tag_ == name and wanted.items() <= has.items()]


def page(*results: Result, **values: object) -> Page:
    return Page(html_report.page(document(*results, **values)))


# Markup


def test_text_is_no_markup():
    assert text("a < b & c") == "a &lt; b &amp; c"
    assert text("a\x1b[2J") == "a<i class=c>\\u{1b}</i>[2J"
    assert text("\u202e<") == "<i class=c>\\u{202e}</i>&lt;"
    assert text(Html("<b>")) == "<b>"
    assert lines("a\nb<") == "a\nb&lt;"
    assert join(["<", Html("<br>")], ", ") == "&lt;, <br>"


def test_elements():
    assert tag("p", "<", Html("<b>x</b>")) == "<p>&lt;<b>x</b></p>"
    assert tag("a", class_="x", data_s='"&\n', hidden=True, open=False, title=None) == (
        '<a class="x" data-s="&quot;&amp;\\u{a}" hidden></a>'
    )
    assert tag("input", name="q") == '<input name="q">'


# The whole page


def test_every_status_has_its_place():
    shown = page(*of_every_status())
    for status in Status:
        (element,) = [has for _, has in shown.elements if has.get("id") == f"lobby/{status.value.replace(' ', '-')}"]
        assert element["data-s"] == status.value
        assert element["data-p"] == "CORE"
        assert element["data-t"] == "lobby"
        (choice,) = shown.named("input", name="status", value=status.value)
        assert choice["type"] == "checkbox"
    assert len(shown.named("details", open="")) == 1  # the failure
    assert "Not conformant" in shown.text


def test_a_failure_is_told_whole():
    words = page(failed(case("lobby/text", "SEND-5"))).text
    for part in (
        *("SEND-5 MUST", "text is delivered octet for octet.", "White space is stripped from hello", "text 'hello'"),
        *("MESSAGE text=hello", "wrong value", "the first wrong octet", "← should be", "a line\nanother: hello"),
        "causerie-conformance 127.0.0.1:5000 --select lobby/text",
        "causerie-conformance replay failures/x.json 127.0.0.1:5000",
    ):
        assert part in words, part
    assert re.search(r"0030  68 65 6c 6c 6f +text +\"hello\"", words)
    assert re.search(r"→ 68 65 6c 6c 6f 20 20 +text +\"hello  \"  ← should be", words)
    assert "WELCOME ref 1 version\xa01 keepalive\xa00" in words
    assert 'capabilities\xa0"rooms", "history"' in words
    assert "payload\xa032 octets" in words  # the token is no secret worth keeping, but nobody wants to read it


def test_a_failure_that_cannot_be_repeated_octet_for_octet():
    result = replace(failed(case()), replay=Replay("failures/x.json", ""))
    assert "failures/x.json (it cannot be repeated octet for octet)" in page(result).text
    assert "Repeat its octets" not in page(replace(result, replay=None)).text


def test_what_is_no_failure_is_grouped_by_why():
    shown = page(*of_every_status())
    assert len(shown.named("details", **{"class": "group"})) == 5
    assert "why: hello" in shown.text


def test_flaky_and_steady_are_told_apart():
    shown = page(*of_every_status())
    assert "flaky: failed 1 of 3 times" in shown.text
    assert "steady: failed 3 of 3 times" in shown.text


def test_nothing_that_a_server_says_is_markup():
    stale = [f"list:1: {EVIL}"]
    source = html_report.page(
        document(*of_every_status(EVIL), agent=EVIL, server_output=EVIL, stopped=EVIL, stale=stale, target=EVIL)
    )
    shown = Page(source)
    assert [name for name, _ in shown.elements].count("script") == 1
    assert shown.named("img") == []
    assert not [has for _, has in shown.elements if any(name.startswith("on") for name in has)]
    assert [character for character in source if not character.isprintable() and character != "\n"] == []
    assert "alert(1)" in shown.text
    assert "\\u{1b}[2J\\u{0}\\u{202e}gnol\\u{2028}" in shown.text


def test_it_needs_nothing_but_itself():
    source = html_report.page(document(*of_every_status()))
    shown = Page(source)
    for name, has in shown.elements:
        for attribute in ("src", "href", "action", "srcset", "poster", "data", "style"):
            assert has.get(attribute, "#")[:1] == "#" or has[attribute] == "data:,", (name, has)
    style, script = ((files(json_report.__package__) / f"page.{end}").read_text("utf-8") for end in ("css", "js"))
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import|innerHTML|eval)\b", script)


def test_the_policy_lets_in_what_stands_in_it():
    source = html_report.page(document(*of_every_status()))
    (policy,) = Page(source).named("meta", **{"http-equiv": "Content-Security-Policy"})
    for kind in ("style", "script"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy["content"]
    assert policy["content"].startswith("default-src 'none';")


def test_the_top_says_why_a_run_ended():
    words = page(Result(case(), P), stopped="it died", server_output="out of cheese", unreachable=True).text
    assert "The server died" in words
    assert "Stopped early: it died" in words
    assert "out of cheese" in words
    assert "list:1: it passes" in page(Result(case(), P), stale=["list:1: it passes"]).text


def test_what_to_build_next():
    shown = page(*of_every_status())
    assert "Build this next" in shown.text
    assert re.search(r"Mend.*lobby/failed.*Then\s*lobby \(1 failed, 1 blocked\)", shown.text, re.DOTALL)
    assert (
        "all that the server offers works"
        in page(Result(case("hello/a"), P), Result(case("rooms/a", profile="rooms"), NO)).text
    )
    assert "Build this next" not in page(Result(case("hello/a"), P), Result(case("hello/b"), P)).text


def test_of_a_client():
    report = document(*of_every_status(), stopped="x", server_output="said", unreachable=True) | {"role": "client"}
    words = Page(html_report.page(report)).text
    assert "The client died" in words
    assert "What the client said last" in words
    assert "What the client printed meanwhile" in words


def test_a_report_without_any_case_is_a_page_too():
    assert "Nothing judged" in page().text


def test_a_report_without_a_command_and_an_agent():
    words = page(failed(case()), command="", agent="").text
    assert "Run it again" not in words
    assert "Calls itself–" in words


def test_what_a_later_version_may_report():
    report = json.loads(json.dumps(document(Result(case("zebra/one"), P), Result(case("zebra/two"), NJ))))
    report["cases"][0] |= {"status": "brilliant", "profile": "gold", "later": 1}
    report["profiles"][0] |= {"verdict": "splendid"}
    report["counts"]["brilliant"] = 1
    shown = Page(html_report.page(report))
    assert "Brilliant" in shown.text
    assert "splendid" in shown.text


def test_many_failures_are_not_many_megabytes():
    source = html_report.page(document(*of_all_cases(600)))
    assert len(source.encode()) < 5_000_000
    assert len(html_report.page(document(*of_all_cases(0))).encode()) < 1_000_000


# The head line


@pytest.mark.parametrize(
    ("statuses", "values", "mood", "words"),
    [
        ([P, W], {}, Mood.GOOD, "Conformant"),
        ([P, NO], {}, Mood.GOOD, "Conformant"),
        ([P, NJ], {}, Mood.GOOD, "Conformant as far as judged"),
        ([P], {"total": 99}, Mood.PARTLY, "Conformant in what was selected"),
        ([P, F], {}, Mood.BAD, "Not conformant"),
        ([P, F], {"interrupted": True}, Mood.BAD, "Not conformant"),
        ([P, K], {}, Mood.PARTLY, "Not conformant, as known"),
        ([P], {"stale": ["it passes"]}, Mood.PARTLY, "Better than known"),
        ([P, NR], {"interrupted": True}, Mood.NONE, "Interrupted"),
        ([P, NR], {"stopped": "x"}, Mood.BAD, "Stopped"),
        ([P, NR], {"stopped": "x", "unreachable": True}, Mood.BAD, "The server died"),
        ([NR], {"stopped": "x", "unreachable": True}, Mood.BAD, "No server"),
        ([NO, NJ], {}, Mood.NONE, "Nothing judged"),
    ],
)
def test_the_head_line(statuses, values, mood, words):
    results = [Result(case(f"hello/{number}"), status) for number, status in enumerate(statuses)]
    found = headline(document(*results, **values))
    assert (found.mood, found.words) == (mood, words)


def test_what_is_blocked_is_counted_apart():
    results = [Result(case("hello/a"), F), Result(case("hello/b"), Status.BLOCKED, blocked_by="hello/a")]
    assert headline(document(*results)).sentence == "1 of 1 judged cases failed; 1 more waits for that to work."


# Dumps


def finding(octets: bytes, offset: int | None, should: bytes = b"") -> str:
    made = {
        "octets": octets.hex(),
        "offset": offset,
        "frames": structured(octets),
        "should": should.hex(),
        "should_frames": structured(should),
    }
    return re.sub("<[^>]+>", "", dump.coloured(made))


def below(shown: str) -> tuple[str, str]:
    """The line with the mark and, in the one before, what stands at its place."""
    found = shown.splitlines()
    number = next(number for number, line in enumerate(found) if "▲" in line)
    return found[number].strip(), found[number - 1][found[number].index("▲") :]


def test_the_mark_stands_below_the_octet():
    words, at = below(finding(encode(Ping(258), 9), 15))
    assert words == "▲ the first wrong octet"
    assert at.startswith("02")


def test_an_octet_that_is_missing_is_marked_behind_the_last():
    for octets in (encode(Ping(258), 9)[:-1], encode(Ping(258), 9)[:8]):
        words, at = below(finding(octets, None))
        assert words.startswith("▲ the first wrong octet: the stream ends")
        assert at.split("token")[0].strip() in ("", "(not decoded)") or not at[:2].strip()


def test_a_long_field_is_shown_around_the_wrong_octet():
    octets = encode(Send("#lobby", 1, 0, "x" * 1_000), 2)
    shown = finding(octets, 500)
    assert "octets more" in shown
    assert below(shown)[1].startswith("78")
    assert len(shown.splitlines()) < 30
    assert "octets more" in dump.plain(octets, structured(octets))


def test_octets_that_are_no_frame():
    assert dump.plain(b"\x01\x02", []) == "0000  01 02"
    assert "▲" in finding(b"\xff\xff\xff\xff\x85\x00\x00\x00", None)


def test_a_plain_dump_has_every_field():
    octets = encode(Bye(100, 0, "so long"), 7)
    shown = dump.plain(octets, structured(octets)).splitlines()
    assert shown[0].startswith("0000  00 00 00 0e")
    assert re.search(r"^000f  73 6f 20 6c 6f 6e 67 +reason +\"so long\"$", shown[-1])


# Conversations


def said(transcript: Transcript, status: Status = F) -> str:
    found = Finding(Kind.TIMEOUT, "PING-1", "PONG", "nothing")
    return page(Result(case("hello/one"), status, finding=found, transcript=transcript)).text


def test_pieces_and_events_and_long_entries():
    transcript = Transcript()
    ping = encode(Ping(1), 9)
    transcript.sent("A", ping[:9], "the first half")
    transcript.sent("A", ping[9:])
    transcript.event("A", "end of stream (FIN)")
    transcript.sent("A", encode(Send("#lobby", 1, 0, "y" * 9_000), 2))
    words = said(transcript)
    assert "piece of 9 octets" in words
    assert "(the first half)" in words
    assert "end of stream (FIN)" in words
    assert "SEND ref 2 (a body of 9018 octets)" in words
    assert "6978 octets more" in words


def test_with_very_many_failures_only_the_last_entries_open(monkeypatch):
    monkeypatch.setattr(html_report, "DUMPS", 10)
    some = page(*(failed(case(f"lobby/{number}", "SEND-5")) for number in range(10)))
    entries = [has for name, has in some.elements if name == "details" and "e " in has.get("class", "")[:2]]
    assert len(entries) == 10 * html_report.LEAST_DUMPS
    assert sum("culprit" in has["class"] for has in entries) == 10


# Colours


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_every_text_can_be_read(theme):
    """By WCAG, 4.5 to 1."""
    style = (files(json_report.__package__) / "page.css").read_text("utf-8")
    found = {
        name: (light, dark)[theme] for name, light, dark in re.findall(r"--(\S+): light-dark\((\S+), (\S+)\)", style)
    }
    for ink in ("ink", "soft", "link", "good", "partly", "bad", "none"):
        for ground in ("page", "card", "sunk"):
            assert contrast(found[ink], found[ground]) >= 4.5, (ink, ground)
    for mood in ("good", "partly", "bad", "none"):
        for ink in (mood, "ink", "soft"):
            assert contrast(found[ink], found[f"{mood}-tint"]) >= 4.5, (ink, mood)
    assert contrast(found["card"], found["bad"]) >= 4.5
