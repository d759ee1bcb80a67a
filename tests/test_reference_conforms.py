"""The claim of the whole kit: the suite passes on both reference servers, with everything judged that they offer."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize("engine", ["asyncio", "threaded"])
def test_the_reference_conforms(engine, tmp_path):
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "causerie_conformance", "--reference", engine, "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {each["profile"]: each for each in json.loads(report.read_text(encoding="utf-8"))["profiles"]}
    for profile in ("CORE", "ROBUST"):
        assert found[profile]["verdict"] == "conformant", done.stdout
        assert {status for status, count in found[profile]["counts"].items() if count} == {"passed"}


@pytest.mark.parametrize("engine", ["asyncio", "threaded"])
def test_the_reference_conforms_over_tls(engine, tmp_path):
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "causerie_conformance", "--reference", engine, "--tls", "--json", str(report)]
    profiles = ("CORE", "ROBUST", "TLS")
    for profile in profiles:
        command += ["--profile", profile]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {each["profile"]: each for each in json.loads(report.read_text(encoding="utf-8"))["profiles"]}
    for profile in profiles:
        assert found[profile]["verdict"] == "conformant", done.stdout
        assert {status for status, count in found[profile]["counts"].items() if count} == {"passed"}
