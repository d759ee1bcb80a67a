"""Record the failures of broken servers, for the tests of the diagnosis: `python tests/broken/record.py [NAME…]`.

Without names: of all in `diagnoses.DIAGNOSES`, and of those that are in the file already. Each stands on a line of its
own in `RECORDED`; what it looks like is not in there, but in `diagnoses`.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
RECORDED = HERE.parent / "conformance" / "failures.jsonl"


def recorded():
    """What is in the file, by name."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines() if RECORDED.exists() else []
    return {each["name"]: each for each in map(json.loads, lines)}


def failure(name, report):
    """The first failure in a report, as short as it goes."""
    case = next(case for case in report["cases"] if case["status"] in ("failed", "warned"))
    finding = {key: case["finding"][key] for key in ("kind", "clause", "expected", "came")}
    finding |= {key: case["finding"][key] for key in ("octets", "offset", "should", "peer")}
    entries = [
        [entry["at"], entry["peer"], entry["direction"], entry["octets"], entry["size"], entry["note"] or ""]
        for entry in case["transcript"]
        if entry["peer"] != "bystander" or finding["peer"] == "bystander"
    ]
    said = case["server_output"] or ""
    return {"name": name, "case": case["id"], "finding": finding, "said": said, "entries": entries}


def main(names):
    """Judge the servers, and write the file."""
    from diagnoses import DIAGNOSES
    from judging import judging
    from mutants import MUTANTS

    kept = recorded()
    names = names or [*DIAGNOSES, *(name for name in kept if name not in DIAGNOSES)]
    with tempfile.TemporaryDirectory() as folder:
        _, futures = judging([MUTANTS[name] for name in names], Path(folder))
        for name, future in futures.items():
            kept[name] = failure(name, future.result()[0])
    lines = (json.dumps(kept[name], ensure_ascii=False, separators=(",", ":")) for name in sorted(kept))
    RECORDED.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main(sys.argv[1:])
