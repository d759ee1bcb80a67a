"""Runs the cases that are worth their time over one client, and says what they found."""

import sys
from pathlib import Path

from causerie_conformance.client_role.command import ClientCommand
from causerie_conformance.client_role.session import run_case
from causerie_conformance.client_role.stage import Setup
from causerie_conformance.registry import load_client_cases, matches
from causerie_spec.codes import HISTORY, MAGIC, ROOMS
from causerie_spec.messages import Hello

HERE = Path(__file__).parent


def declared(subject):
    """The cases that a client is judged by, in the order in which its patterns name them."""
    cases = load_client_cases()
    return [case for pattern in subject.cases for case in cases if matches(case, pattern)]


def judge(subject):
    """The results of all declared cases."""
    command = ClientCommand.of_reference().but(
        *(sys.executable, str(HERE / "run.py"), subject.name, "{host}:{port}"),
        *("--handle", "{handle}", "--data", "{state}"),
    )
    setup = Setup(command, Hello(MAGIC, 1, 1, 60, "", (HISTORY, ROOMS)))
    return [run_case(case, setup) for case in declared(subject)]
