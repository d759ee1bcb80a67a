"""What is shown: the terminal, and the page with plots."""

import html.parser
import io
import json
import re
import xml.etree.ElementTree as ET

import pytest

from causerie_conformance.load import page
from causerie_conformance.load.cli import main
from causerie_conformance.load.document import document
from causerie_conformance.load.measures import Measures
from causerie_conformance.load.plan import SECOND, Plan
from causerie_conformance.load.plot import Axis, axis_of
from causerie_conformance.load.results import Results
from causerie_conformance.load.terminal import Terminal
from causerie_conformance.load.thresholds import parse
from causerie_conformance.load.worker import Progress

PLAN = Plan("127.0.0.1", 5000, duration=4.0)


def results_of(*, stall=False, plan=PLAN, **how):
    """50 deliveries a second of about 1 ms; in one second nothing happened if there was a stall."""
    measures = Measures.of(plan)
    measures.agent, measures.owed, measures.busy = "a server\x1b[31m", 250, 0.25
    for slot in range(plan.slots):
        if not (stall and slot == 2):
            measures.delivered.counts[slot] = measures.written.counts[slot] = 50
            for k in range(50):
                measures.latencies[slot].record(1_000_000 + 10_000 * k)
                measures.acks.record(900_000)
    return Results(plan, measures, measured=plan.duration, **how)


class Page(html.parser.HTMLParser):
    """Its text, and what it refers to."""

    def __init__(self, text):
        super().__init__()
        self.text, self.tags, self.outside = "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.outside += [value for name, value in attributes if name in ("src", "href") and value != "data:,"]

    def handle_data(self, data):
        self.text += data


def shown(results):
    text = page.page(document(results))
    for drawn in re.findall(r"<svg.*?</svg>", text):
        ET.fromstring(drawn)
    made = Page(text)
    assert not made.outside
    assert "script" not in made.tags
    assert "\x1b" not in text
    return made


def test_the_page_has_plots_and_the_numbers() -> None:
    made = shown(results_of())
    assert made.tags.count("svg") == 4
    assert "All came, once and in order" in made.text
    assert "50 deliveries a second, 99 of 100 within 1.48 ms." in made.text
    assert "a server\\u{1b}[31m" in made.text
    assert "p50 1.24 ms, p99 1.48 ms, p99.9 1.48 ms, max 1.48 ms" in made.text


def test_a_stall_is_a_gap_in_the_lines() -> None:
    text = page.page(document(results_of(stall=True)))
    assert "2 s: nothing" in text
    paths = [part.split('"')[1] for part in text.split(" d=")[1:]]
    assert [path.count("M") for path in paths] == [2, 2, 2, 2, 1, 1]  # of the latencies; the rates fall to 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thresholds": parse("p99>1us,lost>0")}, ["Over the limit", "p99>1us; 50 deliveries a second."]),
        ({"stopped": "the connection was refused", "reached": False}, ["No server", "the connection was refused"]),
        ({"stopped": "2 of 3 got in: <i>"}, ["Stopped", "2 of 3 got in: <i>"]),
        ({"interrupted": True}, ["Interrupted", "So far all came, once and in order"]),
        ({"server_output": "its last words:\n  oh\x07"}, ["its last words:", "oh\\u{7}"]),
    ],
)
def test_the_top_of_the_page_says_the_worst(change, words) -> None:
    made = shown(results_of(**change))
    for word in words:
        assert word in made.text


def test_what_went_wrong_is_on_the_page() -> None:
    results = results_of()
    results.measures.wrong.lost = 1_234
    results.measures.ends["BYE SLOW_CONSUMER"] = 2
    results.measures.busy = 0.97
    made = shown(results)
    assert "Not everything came as it should" in made.text
    assert "1,234 lost, 2 ended; 50 deliveries a second." in made.text
    assert "1,234 lost: deliveries lost: ACKed, and never came" in made.text
    assert "2 × BYE SLOW_CONSUMER" in made.text
    assert "it was busy 97% of the time: the server may be faster than this; try --processes 2" in made.text


def test_a_run_without_figures_has_a_page_all_the_same() -> None:
    results = Results(PLAN, Measures.of(PLAN), stopped="nobody", reached=False)
    assert shown(results).tags.count("svg") == 0
    assert document(results)["series"] == []


def test_a_run_in_which_nothing_came() -> None:
    made = shown(Results(PLAN, Measures.of(PLAN), measured=4.0))
    assert made.tags.count("svg") == 3


def test_pages_of_all_shapes_of_load() -> None:
    for plan in (
        Plan("::1", 5000, rooms=3, rate=0, window=4),
        Plan("h", 1, pairs=True, rooms=2),
        Plan("h", 1, pairs=True),
    ):
        shown(results_of(plan=plan))
    assert "[::1]:5000" in shown(results_of(plan=Plan("::1", 5000))).text


def test_the_generator_says_when_it_was_late() -> None:
    results = results_of()
    assert results.bottlenecks == []
    results.measures.lag.record(2_000_000)
    results.machine_load = 99.0
    late, busy = results.bottlenecks
    assert late.startswith("its own timers came up to 2.0 ms late (p99)")
    assert "99.0 processes wanted its" in busy


def test_figures_by_name() -> None:
    results = results_of()
    results.measures.wrong.lost = 3
    assert results.figure("delivery.p50") == pytest.approx(0.00124, rel=0.01)
    assert results.figure("ack.max") == pytest.approx(0.0009, rel=0.01)
    assert results.figure("ack.mean") == pytest.approx(0.0009, rel=0.01)
    assert results.figure("deliveries/s") == results.figure("sends/s") == 50
    assert results.figure("busy") == 0.25
    assert results.figure("lost") == 3
    assert results.exit_status == 1


def test_axes() -> None:
    assert Axis(0, 10).ticks(5) == [0, 2, 4, 6, 8, 10]
    assert Axis(0.9, 120, logarithmic=True).ticks(0) == [1, 2, 5, 10, 20, 50, 100]
    assert Axis(0.9, 12_000, logarithmic=True).ticks(0) == [1, 10, 100, 1_000, 10_000]
    assert axis_of([], logarithmic=False).most == 1
    assert axis_of([5, 5], logarithmic=True).least < 5 < axis_of([5, 5], logarithmic=True).most
    assert axis_of([0], logarithmic=True).least > 0


# The terminal


class Tty(io.StringIO):
    def isatty(self):
        return True


def seconds(terminal):
    terminal.step("connecting")
    terminal.progress(PLAN, Progress(50, 50, 2_500))
    recent = results_of().measures.latencies[0]
    terminal.progress(PLAN, Progress(100, 90, 4_500, outstanding=10, ended=1, recent=recent))


def test_progress_is_one_line_on_a_terminal(monkeypatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = Tty()
    seconds(Terminal(out))
    assert out.getvalue().count("\r") == 3
    assert "\n" not in out.getvalue()
    last = out.getvalue().rpartition("\x1b[2K")[2]
    assert last.startswith("   2 s  50 sent  2,000 delivered  p50 1.24 ms, p99 1.48 ms  10 without an answer")
    assert "\x1b[31;1m1 connections ended" in last


def test_progress_is_plain_lines_elsewhere() -> None:
    out = io.StringIO()
    seconds(Terminal(out))
    lines = out.getvalue().splitlines()
    assert lines[0] == "connecting"
    assert lines[1] == "   1 s (warm-up)  50 sent  2,500 delivered"
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()


def test_no_color_is_obeyed(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    out = Tty()
    terminal = Terminal(out)
    seconds(terminal)
    terminal.summary(results_of())
    assert "\x1b[3" not in out.getvalue()


def test_quiet_says_what_was_found_alone() -> None:
    out = io.StringIO()
    terminal = Terminal(out, quiet=True)
    seconds(terminal)
    assert out.getvalue() == ""
    terminal.summary(results_of())
    assert "All 250 deliveries came, once and in order." in out.getvalue()
    assert "a server�[31m" in out.getvalue()


def test_long_times_and_short_ones_have_their_units() -> None:
    results = results_of(thresholds=parse("busy>20%,sends/s<60"))
    results.measures.login.record(3 * SECOND)
    results.measures.connecting.record(1_500 * SECOND)
    results.measures.lag.record(1_500)
    out = io.StringIO()
    Terminal(out).summary(results)
    said = out.getvalue()
    assert "3 s" in said
    assert "1,5" in said
    assert "1.5 us" in said
    assert "fails busy>20%: it is 25%" in said
    assert "fails sends/s<60: it is 50" in said
    results.measures.held, results.measures.foreign = 7, 8
    Terminal(out).summary(results)
    assert "messages that waited because the server did not read" in out.getvalue()


def test_nothing_sent() -> None:
    out = io.StringIO()
    Terminal(out).summary(Results(PLAN, Measures.of(PLAN), measured=1.0))
    assert "Nothing was sent." in out.getvalue()


def test_both_reports_are_written_and_one_that_cannot_be_is_told(lobby, tmp_path, capsys) -> None:
    quick = ["--duration", "0.1", "--warmup", "0", "--rate", "100", "--connections", "2", "--quiet"]
    arguments = [lobby().name, *quick, "--html", str(tmp_path / "a.html"), "--json", str(tmp_path / "a.json")]
    assert main(arguments) == 0
    capsys.readouterr()
    made = json.loads((tmp_path / "a.json").read_text())
    assert page.page(made) == (tmp_path / "a.html").read_text()
    assert main([lobby().name, *quick, "--json", f"{tmp_path}/{'x' * 300}"]) == 1
    assert "causerie-load: cannot write" in capsys.readouterr().err
