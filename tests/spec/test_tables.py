"""The generated tables, and their places in the text."""

import pytest

from causerie_spec import codes, files, tables
from causerie_spec.messages import MESSAGES, Error, Hello, History, Ok
from causerie_spec.states import TABLE
from causerie_spec.tables import GENERATED, TABLES, TableError


def rows_of(table):
    head, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert set(rule) == {"---"}
    assert {len(row) for row in rows} == {len(head)}
    return rows


def empty_text():
    return "".join(f"## {name}\n\n<!-- generated: {name} -->\n<!-- end generated -->\n" for name in GENERATED)


@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("session", "scram")])
def test_every_table_is_well_formed(name):
    assert rows_of(TABLES[name]())
    assert TABLES[name]().endswith(" |\n")


def test_the_frames_table_has_every_frame_in_order_of_declaration():
    rows = rows_of(tables.frames())
    assert [(int(row[0], 16), row[1]) for row in rows] == [(cls.TYPE, cls.NAME) for cls in MESSAGES.values()]
    cells = {row[1]: row for row in rows}
    assert cells["HELLO"][2:4] == ["", "WELCOME"]
    assert cells["LOGIN"][3] == "READY or CHALLENGE"
    assert cells["HISTORY"][2:4] == ["history", "MESSAGE …, END"]
    assert cells["COMPOSE"][3] == "never answered"
    assert cells["MESSAGE"][3] == "item of HISTORY; event"
    assert cells["BYE"][3] == "answers QUIT; event"
    assert cells["CONVERSATION"][3] == "answers JOIN; item of CONVERSATIONS"
    assert cells["ERROR"][3] == "answers any request but COMPOSE"
    assert all(row[3] and row[4] for row in rows)


def test_the_fields_table_names_each_frame_once():
    rows = rows_of(tables.fields())
    assert [row[0] for row in rows if row[0]] == [f"0x{cls.TYPE:02X} {cls.NAME}" for cls in MESSAGES.values()]
    assert ["0x8D OK", "no fields", "", ""] in rows
    assert rows[0] == ["0x01 HELLO", "`magic`", "`magic`", "the octets `CAUS`"]
    assert rows[1][:3] == ["", "`min_version`", "`u8`"]


def test_the_code_tables_have_every_code():
    assert [(int(row[0]), row[1]) for row in rows_of(tables.error_codes())] == [
        (code.value, code.name) for code in codes.ErrorCode
    ]
    assert [(int(row[0]), row[1]) for row in rows_of(tables.bye_codes())] == [
        (code.value, code.name) for code in codes.ByeCode
    ]


def test_the_states_table_is_the_table_that_servers_run_on():
    rows = {row[0]: row[1:] for row in rows_of(tables.states())}
    for index, state in enumerate(TABLE):
        assert {name: cells[index] for name, cells in rows.items()} == {
            name: outcome.value for name, outcome in TABLE[state].items()
        }


def test_the_limits_table_has_every_number_with_its_value():
    rows = {row[0].strip("`"): row[1:] for row in rows_of(tables.limits())}
    numbers = {
        name: value
        for name, value in vars(codes).items()
        if name.isupper() and isinstance(value, int | float)
    }  # fmt: skip
    assert rows.keys() == numbers.keys()
    assert rows["MAX_BODY"] == ["65,535", "Octets in a body, at most"]
    assert rows["IDLE_FACTOR"][0] == "1.5"
    assert {name: row[0] for name, row in rows.items()} == {name: f"{value:,}" for name, value in numbers.items()}


@pytest.mark.parametrize("cls", [Hello, Ok, Error, History])
def test_a_frame_is_summed_up_in_a_sentence(cls):
    assert tables.summary(cls).endswith(".")
    assert "\n" not in tables.summary(cls)


def test_update_puts_every_table_in_its_place_and_nothing_else():
    text = empty_text()
    assert tables.stale(text) == list(GENERATED)
    updated = tables.update(text)
    assert tables.stale(updated) == []
    assert tables.update(updated) == updated
    for name, table in GENERATED.items():
        assert f"## {name}\n\n<!-- generated: {name} -->\n{table()}<!-- end generated -->\n" in updated


def test_a_table_that_was_edited_by_hand_is_stale():
    updated = tables.update(empty_text()).replace("| 0x05 | QUIT |", "| 0x06 | QUIT |")
    assert tables.stale(updated) == ["frames"]


WRONG = [
    ("<!-- generated: frames -->\n<!-- end generated -->", "", "no place for frames: add"),
    ("generated: fields", "generated: feilds", "line 7: no table 'feilds'; there are frames, "),
    ("generated: fields", "generated: frames", "line 7: the table 'frames' is there twice"),
    (
        "<!-- generated: frames -->\n<!-- end generated -->",
        "<!-- generated: frames -->",
        "line 3: the next marker is '<!-- generated: fields -->', not <!-- end generated -->",
    ),
    (
        "<!-- generated: frames -->\n<!-- end generated -->",
        "<!-- end generated -->",
        "line 3: the marker '<!-- end generated -->' is not one of a pair",
    ),
    ("<!-- generated: frames -->", " <!-- generated: frames -->", "line 3: the marker ' <!-- generated: frames"),
    ("<!-- end generated -->", "<!--end generated-->", "line 3: the next marker is '<!--end generated-->'"),
]


@pytest.mark.parametrize(("old", "new", "problem"), WRONG)
@pytest.mark.parametrize("function", [tables.update, tables.stale])
def test_wrong_markers_are_told_with_their_line(function, old, new, problem):
    with pytest.raises(TableError) as caught:
        function(empty_text().replace(old, new, 1))
    assert problem in str(caught.value)


def test_the_tables_in_the_protocol_are_up_to_date():
    stale = tables.stale(files.protocol().read_text(encoding="utf-8"))
    assert stale == [], "run: causerie-spec tables --write"
