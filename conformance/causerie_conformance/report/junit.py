"""The run as JUnit XML, as the common CI readers take it.

One test suite for each topic. FAILED is a ``failure``; NOT_RUN is an ``error``; NOT_OFFERED and NOT_JUDGED
are ``skipped``, and so is KNOWN; WARNED passes, with the warning in ``system-out`` (JUnit has no word for it). What is
not true any more in the list of known failures is a ``failure`` each, in a suite of its own.

In here: that document. Not in here: anything that decides.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree as ET

from causerie_conformance.registry import TOPICS
from causerie_conformance.report.failure import describe
from causerie_conformance.results import Result, Run, Status

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(run: Run, path: Path) -> None:
    """Write the document to a file. Raises OSError."""
    tree = ET.ElementTree(document(run))
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def document(run: Run) -> ET.Element:
    """The root element, ``testsuites``."""
    root = ET.Element("testsuites", {"name": "causerie-conformance"} | _totals(run.results))
    root.set("time", f"{run.duration:.3f}")
    began = datetime.fromtimestamp(run.began, timezone.utc).replace(tzinfo=None)
    for topic in TOPICS:
        results = [result for result in run.results if result.case.topic == topic]
        if results:
            suite = ET.SubElement(root, "testsuite", {"name": f"causerie.{topic}"} | _totals(results))
            suite.set("time", f"{sum(result.duration for result in results):.3f}")
            suite.set("timestamp", began.isoformat(timespec="seconds"))
            suite.set("hostname", _clean(run.target))
            for result in results:
                _add(suite, result)
    _add_stale(root, run)
    return root


def _add_stale(root: ET.Element, run: Run) -> None:
    if not run.stale:
        return
    root.set("failures", str(int(root.get("failures", "0")) + len(run.stale)))
    root.set("tests", str(int(root.get("tests", "0")) + len(run.stale)))
    counts = {"tests": str(len(run.stale)), "failures": str(len(run.stale)), "errors": "0", "skipped": "0"}
    suite = ET.SubElement(root, "testsuite", {"name": "causerie.known-failures"} | counts)
    for words in run.stale:
        case = ET.SubElement(suite, "testcase", classname="causerie.known-failures", name=_clean(words), time="0.000")
        ET.SubElement(case, "failure", message=_clean(words), type="stale")


def _totals(results: list[Result]) -> dict[str, str]:
    def count(*statuses: Status) -> str:
        return str(sum(result.status in statuses for result in results))

    return {
        "tests": str(len(results)),
        "failures": count(Status.FAILED),
        "errors": count(Status.NOT_RUN),
        "skipped": count(Status.NOT_OFFERED, Status.NOT_JUDGED, Status.KNOWN),
    }


def _add(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"causerie.{result.case.topic}",
        name=result.case.id,
        time=f"{result.duration:.3f}",
    )
    message = _clean(result.message)
    if result.status is Status.FAILED:
        kind = result.finding.clause if result.finding is not None else ""
        ET.SubElement(case, "failure", message=message, type=kind).text = _clean("\n".join(describe(result)))
    elif result.status is Status.NOT_RUN:
        ET.SubElement(case, "error", message=message, type="not run")
    elif result.status in (Status.NOT_OFFERED, Status.NOT_JUDGED, Status.KNOWN):
        ET.SubElement(case, "skipped", message=f"{result.status.value}: {message}")
    elif result.status is Status.WARNED:
        ET.SubElement(case, "system-out").text = _clean("\n".join(describe(result)))


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("�", text)
