"""The contract with clients says what the suite does: its placeholders, its options, its limits, its links."""

import re
from pathlib import Path

from causerie_conformance.client_role import command, stage
from causerie_conformance.client_role.cli import parser

PAGE = Path(__file__).parents[3] / "spec/CLIENTS.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_placeholder_is_told():
    there = {*command.NEEDED, "{host}", command.STATE, command.PASSWORD_FILE, command.CA_FILE}
    assert set(re.findall(r"\{[a-z_]+\}", TEXT)) == there


def test_the_limits_are_those_of_the_suite():
    assert f"{stage.PATIENCE:.0f} s for what is done at once" in TEXT
    assert f"{stage.START:.0f} s for the first connection" in TEXT
    assert f"{stage.COMES_BACK:.0f} s for coming back" in TEXT


def test_every_option_exists():
    known = parser().format_help()
    for option in set(re.findall(r"`(--[a-z-]+)`", TEXT)):
        assert option in known, option


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_the_sketch_is_python():
    (sketch,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    compile(sketch, "sketch", "exec")
