"""Legal clients pass, however unusual: one that was written from the text alone, and has no capability."""

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from causerie_conformance import cli
from causerie_conformance.results import Exit

SIMPLE = Path(__file__).parent / "simple_client.py"


def test_a_simple_client_passes(tmp_path):
    shown = io.StringIO()
    with redirect_stdout(shown):
        status = cli.main(["client", "--", sys.executable, str(SIMPLE), "{host}", "{port}", "{handle}", "{state}"])
    assert status == Exit.CONFORMANT, shown.getvalue()
    assert "Not judged" not in shown.getvalue()
    assert "CORE      CONFORMANT" in shown.getvalue()
    assert "SCRAM     NOT OFFERED" in shown.getvalue()
