"""Reading clauses from the text, and this installation's own text."""

import re
from pathlib import Path

import pytest

import causerie_spec
from causerie_spec import clauses, files
from causerie_spec.clauses import Clause, ClauseError, dangling, load, parse

GOOD = """\
# Title

- An item that is no clause.
- **[FRAME-1] (MUST, both, CORE)** First.
- **[FRAME-2] (SHOULD, server, rooms)** Second,
  with more,

  and more still.
- **[FRAME-3] (MAY, client, SCRAM)** Third.

Prose, not of the clause.

## 2. Section *two*

```
- **[FRAME-99] (MUST, both, CORE)** An example in a fence.
```

- **[A-10] (MUST, server, cluster)** Tenth; see [FRAME-1].
## 3. Next
"""


def test_clauses_are_read_in_order_with_all_they_say():
    assert list(parse(GOOD).values()) == [
        Clause("FRAME-1", "MUST", "both", "CORE", "First.", "Title", 4),
        Clause(
            "FRAME-2", "SHOULD", "server", "rooms", "Second, with more, and more still.", "Title", 5
        ),
        Clause("FRAME-3", "MAY", "client", "SCRAM", "Third.", "Title", 9),
        Clause("A-10", "MUST", "server", "cluster", "Tenth; see [FRAME-1].", "2. Section *two*", 19),
    ]  # fmt: skip


def test_a_clause_knows_its_topic_and_whom_it_binds():
    both, server, client, _ = parse(GOOD).values()
    assert both.topic == "FRAME"
    assert [(c.binds("server"), c.binds("client")) for c in (both, server, client)] == [
        (True, True),
        (True, False),
        (False, True),
    ]


def test_a_text_without_clauses_has_none():
    assert parse("") == {}
    assert parse("# Title\n\nProse [1] and - **bold** text.\n- [link](x)\n- **bold** item\n") == {}


BAD = [
    ("- **[X-1] (SHALL, server, CORE)** Text.", "X-1: 'SHALL' is none of MUST, SHOULD, MAY"),
    ("- **[X-1] (MUST, peer, CORE)** Text.", "X-1: 'peer' is none of server, client, both"),
    ("- **[X-1] (MUST, server, core)** Text.", "X-1: 'core' is none of CORE, ROBUST, rooms, "),
    ("- **[X-1]** (MUST, server, CORE) Text.", "not of the form"),
    ("- **[X-1] (MUST, server)** Text.", "not of the form"),
    ("- **[X-1] (MUST, server, CORE)**", "not of the form"),
    ("- **[X-1] (MUST, server, CORE)** ", "not of the form"),
    ("- **[x-1] (MUST, server, CORE)** Text.", "not of the form"),
    ("- **[X1] (MUST, server, CORE)** Text.", "not of the form"),
    ("- **[X-0] (MUST, server, CORE)** Text.", "not of the form"),
    ("- **[X-01] (MUST, server, CORE)** Text.", "not of the form"),
    ("- [X-1] (MUST, server, CORE) Text.", "not of the form"),
    ("  - **[X-1] (MUST, server, CORE)** Text.", "not of the form"),
    ("* **[X-1] (MUST, server, CORE)** Text.", "not of the form"),
    ("-  **[X-1] (MUST, server, CORE)** Text.", "not of the form"),
    ("- **[X-1] (MUST, server, CORE)** Text\nthat goes on.", "X-1: the line 'that goes on.' below it is not"),
]


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_what_only_looks_like_a_clause_is_an_error_with_its_line(text, problem):
    with pytest.raises(ClauseError) as caught:
        parse("# T\n\n" + text + "\n")
    [(line, found)] = caught.value.problems
    assert line == 3
    assert problem in found
    assert str(caught.value).startswith("line 3: ")


def test_all_problems_are_told_at_once():
    text = "- **[X-1] (MUST, server, CORE)** A.\n- **[X-1] (WILL, nobody, CORE)** B.\n- **[X\n"
    with pytest.raises(ClauseError) as caught:
        parse(text)
    assert [line for line, _ in caught.value.problems] == [2, 2, 2, 3]
    assert "X-1: is in line 1 already" in str(caught.value)


def test_dangling_references_are_found():
    assert dangling(GOOD + "see [FRAME-4], [A-10] and [RFC]\n", parse(GOOD)) == [(16, "FRAME-99"), (21, "FRAME-4")]


# This installation's own text


def test_the_protocol_has_clauses_of_every_profile_and_role():
    found = load()
    assert load() is found
    assert {clause.profile for clause in found.values()} == set(causerie_spec.codes.PROFILES)
    assert {clause.role for clause in found.values()} == set(clauses.ROLES)
    assert {clause.level for clause in found.values()} == set(clauses.LEVELS)
    assert all(clause.section and clause.text.endswith((".", ")", "*", ":")) for clause in found.values())


def test_the_numbers_of_a_topic_have_no_gaps():
    # Ids are never reused, so a gap would have to be explained here.
    topics: dict[str, list[int]] = {}
    for clause in load().values():
        topics.setdefault(clause.topic, []).append(int(clause.id.rpartition("-")[2]))
    assert {topic: sorted(found) for topic, found in topics.items()} == {
        topic: list(range(1, len(found) + 1)) for topic, found in topics.items()
    }


def test_every_reference_in_the_protocol_leads_somewhere():
    assert dangling(files.protocol().read_text(encoding="utf-8"), load()) == []


def test_every_clause_cited_in_the_code_exists():
    package = Path(causerie_spec.__file__).parent
    cited = {
        id_
        for path in package.rglob("*.py")
        for id_ in re.findall(r"\[([A-Z]{2,}-[1-9][0-9]*)\]", path.read_text(encoding="utf-8"))
    }
    assert cited - load().keys() == set()
