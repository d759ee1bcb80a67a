"""The JSON Schema of the document that `json_report` makes (draft 2020-12): strict, and shipped as a file.

In here: reading it. Not in here: anything that checks a document by it; the tests do, and whoever reads reports can.
"""

from __future__ import annotations

from importlib.resources import files


def schema_text() -> str:
    """The schema, as it stands in ``schema.json``."""
    return (files(__package__) / "schema.json").read_text(encoding="utf-8")
