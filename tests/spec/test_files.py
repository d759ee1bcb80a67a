"""Where the specification's files are found, in a wheel and in a checkout."""

import pytest

from causerie_spec import files


@pytest.mark.parametrize("where", ["package", "."])
def test_a_file_is_found_inside_the_package_or_beside_it(tmp_path, where):
    (tmp_path / "package").mkdir()
    expected = tmp_path / where / "PROTOCOL.md"
    expected.write_text("")
    assert files.find("PROTOCOL.md", tmp_path / "package").samefile(expected)


def test_inside_the_package_comes_first(tmp_path):
    (tmp_path / "package" / "vectors").mkdir(parents=True)
    (tmp_path / "vectors").mkdir()
    assert files.find("vectors", tmp_path / "package") == tmp_path / "package" / "vectors"


def test_a_file_that_is_nowhere_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"PROTOCOL\.md is neither in"):
        files.find("PROTOCOL.md", tmp_path)


def test_this_installation_has_its_files():
    assert files.protocol().read_text(encoding="utf-8").startswith("# The Causerie protocol")
