"""The run as JUnit XML, as the common CI readers take it.

One test suite for each topic. FAILED is a ``failure``; NOT_RUN is an ``error``; WARNED passes, with the warning in
``system-out`` (JUnit has no word for it); what else is no pass is ``skipped``, with its status in the message. What is
not true any more in the list of known failures is a ``failure`` each, in a suite of its own. The last words of a server
that died are the ``system-err`` of the topic in which it did.

There is no standard; this is what Jenkins, GitLab and the readers for GitHub have in common, and it is held
against a schema of that in the tests.

In here: that document. Not in here: anything that decides.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from causerie_conformance.report.failure import describe
from causerie_conformance.results import Result, Run, Status

_ELEMENTS: Final = {Status.FAILED: "failure", Status.NOT_RUN: "error", Status.PASSED: "", Status.WARNED: "system-out"}
_SKIPPED: Final = "skipped"
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(run: Run, path: Path) -> None:
    """Write the document to a file. Raises OSError."""
    tree = ET.ElementTree(document(run))
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def document(run: Run) -> ET.Element:
    """The root element, ``testsuites``."""
    root = ET.Element("testsuites", {"name": "causerie-conformance"} | _totals(run.results))
    del root.attrib["skipped"]  # Jenkins has it in a suite only
    root.set("time", f"{run.duration:.3f}")
    began = datetime.fromtimestamp(run.began, timezone.utc).replace(tzinfo=None)
    suites = {}
    for topic in dict.fromkeys(result.case.topic for result in run.results):
        results = [result for result in run.results if result.case.topic == topic]
        suites[topic] = suite = ET.SubElement(root, "testsuite", {"name": f"causerie.{topic}"} | _totals(results))
        suite.set("time", f"{sum(result.duration for result in results):.3f}")
        suite.set("timestamp", began.isoformat(timespec="seconds"))
        suite.set("hostname", _clean(run.target))
        for result in results:
            _add(suite, result)
    if run.server_output:
        judged = [result for result in run.results if result.status is not Status.NOT_RUN] or run.results[:1]
        for last in judged[-1:]:
            ET.SubElement(suites[last.case.topic], "system-err").text = _clean(run.server_output)
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
    found = [_ELEMENTS.get(result.status, _SKIPPED) for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(found.count("failure")),
        "errors": str(found.count("error")),
        "skipped": str(found.count(_SKIPPED)),
    }


def _add(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"causerie.{result.case.topic}",
        name=result.case.id,
        time=f"{result.duration:.3f}",
    )
    tag = _ELEMENTS.get(result.status, _SKIPPED)
    if not tag:
        return
    element = ET.SubElement(case, tag)
    if tag != "system-out":
        message = _clean(result.message)
        element.set("message", f"{result.status.value}: {message}" if tag == _SKIPPED else message)
    if tag in ("failure", "error"):
        element.set("type", result.finding.clause if result.finding is not None else result.status.value)
    if tag in ("failure", "system-out"):
        element.text = _clean("\n".join(describe(result)))


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("�", text)
