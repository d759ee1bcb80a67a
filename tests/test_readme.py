"""The README's two commands are those that CI runs, word for word; the commands it names exist."""

import re
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def command(name):
    """The command that stands in the README under the marker of that name."""
    (found,) = re.findall(rf"<!-- command: {name} -->\n```sh\n(.+)\n```", README)
    return found


def test_ci_runs_the_two_commands_of_the_readme():
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if ".venv/" in line] == [command("main"), command("tests")]


def test_every_command_that_the_readme_names_is_installed():
    named = set(re.findall(r"\bcauserie-[a-z]+\b(?!/)", README))  # causerie-replays/ is a folder
    groups = ("console_scripts", "gui_scripts")
    installed = {point.name for group in groups for point in entry_points(group=group)}
    installed = {name for name in installed if name.startswith("causerie-")}
    assert named == installed


def test_every_file_that_the_readme_links_to_exists():
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
