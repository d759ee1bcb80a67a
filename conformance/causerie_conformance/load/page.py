"""A run of the load as one page: the verdict, the figures, and plots. It needs no network and no script.

In here: what is on it, made from the document alone. Not in here: axes and lines (`plot`), the look of all reports
(``report/page.css``).
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from causerie_conformance.load import plot
from causerie_conformance.load.document import Document
from causerie_conformance.load.figures import WRONG, latencies
from causerie_conformance.load.plot import Line
from causerie_conformance.report.markup import Html, join, tag, text
from causerie_conformance.results import Exit

BINS: Final = 60
"""Bars of the distribution, about."""
_HERE: Final = Path(__file__).parent
_COLUMNS: Final = ("p50", "p90", "p99", "p99.9", "max")
_LINES: Final = (("p50", "l1"), ("p99", "l2"), ("p99.9", "l3"), ("max", "l4"))
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src '{hash}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def write(document: Document, path: Path) -> None:
    """Write the page to a file. Raises OSError."""
    path.write_text(page(document), encoding="utf-8")


def page(document: Document) -> str:
    """The page."""
    style = (_HERE.parent / "report" / "page.css").read_text("utf-8") + (_HERE / "page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    title = f"Load on {document['target']}"
    return _PAGE.format(hash=f"sha256-{digest}", title=text(title), style=style, body=join(_body(document), "\n"))


def _body(document: Document) -> Iterable[Html]:
    mood, sign, words, sentence = _headline(document)
    yield tag(
        "header",
        tag("p", "Causerie load report", class_="eyebrow"),
        tag("h1", tag("span", sign, class_="sign", aria_hidden="true"), f" {words}"),
        tag("p", sentence, class_="lede"),
        _facts(document),
        class_=f"top {mood}",
    )
    yield from _alerts(document)
    if document["series"]:
        yield from _plots(document)
    yield from _tables(document)
    version = document["causerie_load"]
    yield tag("footer", tag("p", f"Made by causerie-load {version}. The page needs no network and sends nothing."))


def _headline(document: Document) -> tuple[str, str, str, str]:
    rate = f"{document['deliveries_per_second']:,.0f} deliveries a second"
    wrong = [f"{count:,} {name}" for name, count in document["wrong"].items() if count]
    if document["exit_status"] == Exit.UNREACHABLE:
        return "bad", "✗", "No server", document["stopped"]
    if document["stopped"]:
        return "bad", "✗", "Stopped", document["stopped"]
    if wrong:
        return "bad", "✗", "Not everything came as it should", f"{', '.join(wrong)}; {rate}."
    if broken := [one["text"] for one in document["thresholds"] if one["failed"]]:
        return "bad", "✗", "Over the limit", f"{', '.join(broken)}; {rate}."
    sentence = f"{rate}, 99 of 100 within {_ms(document['latency']['delivery']['p99'])}."
    if document["interrupted"]:
        return "partly", "!", "Interrupted", f"So far all came, once and in order: {sentence}"
    return "good", "✓", "All came, once and in order", sentence


def _facts(document: Document) -> Html:
    plan = document["plan"]
    rooms = (
        f"{plan['rooms']} room{'s' * (plan['rooms'] > 1)}" if plan["rooms"] else "" if plan["pairs"] else "the lobby"
    )
    where = " and ".join(filter(None, (rooms, "pairs" if plan["pairs"] else "")))
    rate = f"{plan['rate']:,g} messages a second" if plan["rate"] else f"closed loop, window {plan['window']}"
    facts = {
        "Server": document["target"] + (", TLS" if plan["tls"] else ""),
        "Agent": document["agent"] or "not told",
        "Connections": f"{plan['connections']:,} in {where}",
        "Rate": rate,
        "Texts": f"{plan['size']:,} octets",
        "Measured": f"{document['measured']:g} s after {plan['warmup']:g} s",
        "Began": document["began"][:19].replace("T", " ") + " UTC",
    }
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items()), class_="facts")


def _alerts(document: Document) -> Iterable[Html]:
    wrong = [
        tag("li", tag("b", f"{count:,} {name}"), f": {WRONG[name]}")
        for name, count in document["wrong"].items()
        if count
    ]
    wrong += [tag("li", f"{count:,} × {why}") for part in ("ends", "answers") for why, count in document[part].items()]
    if wrong:
        yield tag("div", tag("p", tag("b", "What went wrong")), tag("ul", *wrong), class_="alert")
    if document["server_output"]:
        yield tag("div", tag("pre", document["server_output"]), class_="alert")
    bottlenecks = [tag("li", words) for words in document["generator"]["bottlenecks"]]
    if bottlenecks:
        words = tag("b", "The load generator may be the bottleneck")
        yield tag("div", tag("p", words), tag("ul", *bottlenecks), class_="alert partly")


def _plots(document: Document) -> Iterable[Html]:
    series, x = document["series"], plot.Axis(0, document["measured"])
    times = [piece["at"] for piece in series]
    how = "when they were due" if document["plan"]["rate"] else "when they were sent"
    lines = [Line(name, class_, [piece[name] for piece in series]) for name, class_ in _LINES]
    values = [value for line in lines for value in line.values if value is not None]
    yield tag("h2", "Latency of deliveries")
    yield tag("p", f"By {how}; the axis is logarithmic.", class_="note")
    y = plot.axis_of(values, logarithmic=True)
    yield _figure(plot.over_time(lines, times, x, y, label=_ms, title="Latency of deliveries over time"), lines)
    yield tag("h2", "Throughput")
    for name, class_ in (("deliveries", "l2"), ("sends", "l1")):
        line = Line(name, class_, [piece[name] for piece in series])
        y = plot.axis_of([piece[name] for piece in series], logarithmic=False)
        title = f"{name.capitalize()} over time"
        drawn = plot.over_time([line], times, x, y, label=lambda value: f"{value:,.0f}/s", title=title)
        yield _figure(drawn, [Line(f"{name} a second", class_, [])])
    if document["distribution"]:
        yield tag("h2", "How deliveries are distributed")
        yield tag("p", "Both axes are logarithmic: what is rare is seen.", class_="note")
        delivery = document["latency"]["delivery"]
        marks = [(name, delivery[name]) for name in ("p50", "p99", "p99.9")]
        yield _figure(plot.bars(_bins(document["distribution"]), marks, _ms, "Distribution of latencies"), [])


def _bins(distribution: Sequence[Sequence[Any]]) -> list[tuple[float, float, int]]:
    """Neighbouring buckets put together, so that bars are wide enough to be seen."""
    least = max(distribution[0][0], 1e-3)
    ratio = max((distribution[-1][1] / least) ** (1 / BINS), 1.02)
    counts: dict[int, int] = {}
    for lower, upper, count in distribution:
        middle = max((lower + upper) / 2, least)
        number = int(math.log(middle / least) / math.log(ratio))
        counts[number] = counts.get(number, 0) + count
    return [(least * ratio**number, least * ratio ** (number + 1), count) for number, count in sorted(counts.items())]


def _figure(drawn: Html, lines: Sequence[Line]) -> Html:
    legend = [tag("span", tag("i", class_=f"swatch {line.class_}"), line.name) for line in lines]
    return tag("figure", drawn, tag("figcaption", *legend) if legend else Html())


def _tables(document: Document) -> Iterable[Html]:
    yield tag("h2", "Latency")
    rows = []
    for name, meaning in latencies(closed_loop=not document["plan"]["rate"]).items():
        figures = document["latency"][name]
        cells = [_ms(figures[column]) if figures["count"] else "–" for column in _COLUMNS]
        rows.append([name, f"{figures['count']:,}", *cells, meaning])
    yield _table(["", "count", *_COLUMNS, "what it is"], rows)
    yield tag("h2", "Counts")
    counts = [
        ["deliveries", f"{document['deliveries']:,}", f"{document['deliveries_per_second']:,.1f} a second"],
        ["sends", f"{document['sends']:,}", f"{document['sends_per_second']:,.1f} a second"],
        ["owed", f"{document['owed']:,}", "deliveries that readers were owed, warm-up included"],
        *([name, f"{count:,}", WRONG[name]] for name, count in document["wrong"].items()),
        ["held", f"{document['held']:,}", "messages that waited because the server did not read"],
        ["foreign", f"{document['foreign']:,}", "messages of others in the same conversations"],
    ]
    yield _table(["", "count", "what it is"], counts)
    if document["thresholds"]:
        yield tag("h2", "Thresholds")
        yield _table(
            ["fails if", "so"], [[one["text"], "yes" if one["failed"] else "no"] for one in document["thresholds"]]
        )
    yield tag("h2", "The load generator")
    plan, generator = document["plan"], document["generator"]
    lag = _ms(document["latency"]["lag"]["p99"])
    processes = "One process; it" if plan["processes"] == 1 else f"{plan['processes']} processes; the busiest"
    yield tag(
        "p", f"{processes} had a CPU {generator['busy']:.0%} of the time. 99 of 100 of its timers came within {lag}."
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    head = tag("tr", *(tag("th", heading, scope="col") for heading in headings))
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll")


def _ms(value: float) -> str:
    if value >= 1_000:
        return f"{value / 1_000:.3g} s"
    return f"{value:.3g} ms" if value >= 1 else f"{value * 1_000:.3g} µs"
