"""The page about CI: its examples are simple YAML, and every command in them is run against the reference."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from causerie_conformance.process import Command, ServerProcess
from causerie_conformance.results import Exit

PAGE = Path(__file__).parents[2] / "conformance" / "CI.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n", TEXT, re.DOTALL)
NODE = re.compile(r""" *(- )*([\w./-]+:( .*)?|"[^"]*"|[^:]*|causerie-conformance .*)$""")

REFERENCE = f"{sys.executable} -c 'from causerie.server.cli import main; import sys; sys.exit(main())' --memory"
CHAT = f'{sys.executable} -m causerie.console "$1:$2" --handle "$3"'
SUITE = f"{sys.executable} -m causerie_conformance"
SHIMS = {
    # A case or two are enough to see that a command is right.
    "causerie-conformance": f"""
        echo "$@" >> "$LOG"
        if test "$1" = client; then shift; exec {SUITE} client --select greeting/hello "$@"; fi
        exec {SUITE} "$@" --select hello/ping-0""",
    "pip": 'test "$1 $2" = "install $CAUSERIE"',
    "make": "",
    "git": 'if test "$1" = worktree; then mkdir badges; fi',
    "docker": f'while test "$1" != -p; do shift; done; port="${{2%:*}}"; exec {REFERENCE} --port "${{port#*:}}"',
}


def scripts(example: str) -> list[str]:
    """What the steps of an example run, one after the other."""
    found = []
    lines = example.splitlines()
    for number, line in enumerate(lines):
        step = re.match(r"( *)(?:- )?run: (.*)$", line)
        if step is not None and step[2] == "|":
            block = []
            for inner in lines[number + 1 :]:
                if inner.strip() and len(inner) - len(inner.lstrip()) <= len(step[1]):
                    break
                block.append(inner)
            found.append(textwrap.dedent("\n".join(block)))
        elif step is not None:
            found.append(step[2])
    if "script:" in example:
        found += re.findall(r"^ +- ((?:pip|causerie-conformance) .*)$", example.partition("script:")[2], re.MULTILINE)
    return found


def commands(example: str) -> int:
    return sum(len(re.findall(r"causerie-conformance (?=[\d-]|client)", script)) for script in scripts(example))


def test_there_is_an_example_for_everything():
    assert len(EXAMPLES) >= 7
    for words in (
        "services:",
        "--spawn",
        "actions/cache",
        "--junit",
        "GITHUB_STEP_SUMMARY",
        "--known-failures",
        "--badge",
    ):
        assert any(words in example for example in EXAMPLES), words
    for words in ("--compare", "artifacts:", "setup-python"):
        assert any(words in example for example in EXAMPLES), words


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_simple_yaml(example):
    """Mappings and lists indented by two, plain values, blocks of text; expressions are closed."""
    block = None
    for line in example.splitlines():
        assert "\t" not in line
        assert line == line.rstrip()
        indent = len(line) - len(line.lstrip())
        assert indent % 2 == 0, line
        if block is not None and (indent > block or not line):
            continue
        block = indent if line.endswith("|") else None
        assert line.lstrip().startswith("#") or NODE.match(line), line
        assert line.count("${{") == line.count("}}"), line
        value = line.partition(": ")[2]
        assert value[:1] not in "{[&*!%@`" or value in ("[push, pull_request]", ""), line
        assert value.count('"') % 2 == 0, line


def test_the_table_has_every_exit_status():
    rows = re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)
    assert [int(row) for row in rows] == sorted(Exit)


@pytest.mark.uncounted
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="CI's machines are Linux")
def test_every_command_does_what_the_page_says(tmp_path):
    shims = tmp_path / "bin"
    shims.mkdir()
    for name, body in SHIMS.items():
        (shims / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (shims / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    (work / "server").write_text(f'#!/bin/sh\nexec {REFERENCE} "$@"\n', encoding="utf-8")
    (work / "server").chmod(0o755)
    (work / "chat").write_text(f'#!/bin/sh\nexec {CHAT} --data "$LOG.state"\n', encoding="utf-8")
    (work / "chat").chmod(0o755)
    (work / "known-failures.txt").write_text("# none\n", encoding="utf-8")
    log = tmp_path / "log"
    environment = os.environ | {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "LOG": str(log),
        "CAUSERIE": "the-kit",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    service = ServerProcess(Command.of_template(f"{REFERENCE} --port {{port}}"))
    try:
        for example in EXAMPLES:
            log.write_text("", encoding="utf-8")
            for script in scripts(example):
                here = script.replace("127.0.0.1:5000 ", f"127.0.0.1:{service.port} ")
                done = subprocess.run(
                    ["bash", "-eo", "pipefail", "-c", here],
                    cwd=work,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=100,
                    check=False,
                )
                assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
                assert "Traceback" not in done.stdout + done.stderr
            assert len(log.read_text(encoding="utf-8").splitlines()) == commands(example), example
            if not (work / "before.json").exists():
                shutil.copy(work / "report.json", work / "before.json")
    finally:
        service.stop()
    written = {path.name for path in work.iterdir()}
    assert written >= {"report.json", "report.xml", "report.html", "badge.svg", "report.txt", "badges"}
    assert "CORE" in (tmp_path / "summary").read_text(encoding="utf-8")
