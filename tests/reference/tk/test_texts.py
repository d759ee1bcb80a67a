"""What rows say, how texts are wrapped, links, emoji, colours, selections: without a display."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.client.model import WAITING, Chat, Entry, Tick
from causerie.core.client import SendState
from causerie.tk import texts
from causerie.tk.emoji import GROUPS, PLACEHOLDER, drawable, is_emoji
from causerie.tk.links import links
from causerie.tk.look import DARK, LIGHT, contrast
from causerie.tk.selection import Selection, selected_text, word_at
from causerie.tk.wrap import fitting, offset_at, wrap

FAMILY = "👨\u200d👩\u200d👧"


def entry(text="hi", sender="bob", seq=1, kind=0, **more):
    return Entry("#ops", (0, seq), 1_700_000_000_000, sender, kind, text, mine=sender == "alice", **more)


@given(st.text("ab c\n", max_size=60), st.integers(1, 12))
def test_lines_hold_all_of_the_text_and_are_not_too_wide(text, width):
    at = 0
    for begin, end in wrap(text, width, len):
        assert text[at:begin] in ("", " ", "\n", " \n")
        assert end - begin <= width
        at = end
    assert text[at:] in ("", " ", "\n", " \n")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("one two three", 20, ["one two three"]),
        ("one two three", 8, ["one two", "three"]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("ab cdefgh", 4, ["ab", "cdef", "gh"]),
    ],
)
def test_wrapping(text, width, lines):
    assert [text[begin:end] for begin, end in wrap(text, width, len)] == lines


def test_a_long_word_is_wrapped_with_few_measures():
    asked = []

    def measure(text):
        asked.append(len(text))
        return 8 * len(text)

    lines = wrap("x" * 16_384, 400, measure)
    assert len(lines) == 328
    assert sum(asked) < 400_000


def test_offsets_of_points():
    assert [offset_at("abcd", x, lambda text: 10 * len(text)) for x in (-5, 0, 4, 6, 14, 16, 99)] == [
        0,
        0,
        0,
        1,
        1,
        2,
        4,
    ]
    assert offset_at("", 10, len) == 0
    assert fitting("abc", 0, len) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://example.org.", ["https://example.org"]),
        ("(https://example.org/a_(b))", ["https://example.org/a_(b)"]),
        ("http://a.b/?q=1,2 and HTTPS://C.D!", ["http://a.b/?q=1,2", "HTTPS://C.D"]),
        ("https:// javascript:alert(1) ftp://x.y file:///etc/passwd", []),
        ("«https://a.b»", ["https://a.b"]),
    ],
)
def test_links(text, found):
    assert [text[begin:end] for begin, end in links(text)] == found


@given(
    st.text(alphabet=st.sampled_from(["a", "👋", "\u200d", "\ufe0f", "\U0001f3fb", "é"]), max_size=20), st.booleans()
)
def test_what_is_drawn_maps_back_to_what_was_sent(text, safe):
    drawn, offsets = drawable(text, safe=safe)
    assert not set(drawn) & {"\u200d", "\ufe0f", "\U0001f3fb"}
    assert safe or not any(map(is_emoji, drawn))
    if offsets is None:
        assert drawn == text
    else:
        assert len(offsets) == len(drawn) + 1
        assert offsets[-1] == len(text)
        assert all(text[at] == shown or shown == PLACEHOLDER for at, shown in zip(offsets, drawn, strict=False))


def test_the_picker_has_what_can_be_drawn():
    assert all(is_emoji(emoji) and drawable(emoji, safe=True) == (emoji, None) for group in GROUPS for emoji in group)
    assert sum(map(len, GROUPS)) > 100


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_can_be_read(look):
    for behind in (look.theirs, look.mine, look.panel, look.background):
        assert contrast(look.text, behind) >= 4.5
        assert contrast(look.muted, behind) >= 4.5
        assert contrast(look.failed, behind) >= 4.5
    for behind in (look.theirs, look.mine):
        assert contrast(look.link, behind) >= 4.5
    for name in look.names:
        assert contrast(name, look.theirs) >= 4.5
        assert contrast(name, look.panel) >= 4.5
    assert contrast(look.on_accent, look.accent) >= 4.5
    assert contrast(look.text, look.selection) >= 4.5
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_zoom_has_its_limits():
    assert LIGHT.zoomed(99).scale == 2.5
    assert LIGHT.zoomed(0).scale == 0.6
    assert LIGHT.zoomed(2).points() == 2 * LIGHT.points()


def test_days():
    today = date(2026, 11, 23)
    assert texts.day_name(today, today) == "Today"
    assert texts.day_name(date(2026, 11, 22), today) == "Yesterday"
    assert texts.day_name(date(2026, 3, 1), today) == "Sunday, March 1, 2026"
    assert texts.day_name(None, today) == "?"
    assert texts.clock(2**64 - 1) == "??:??"
    assert texts.day_of(2**64 - 1) == "????-??-??"
    old = 1_600_000_000_000
    assert texts.short_time(old, today) == texts.day(old).strftime("%d/%m/%y")
    assert texts.short_time(old, texts.day(old)) == texts.clock(old)


def display(handle):
    return {"bob": "Bob\x1b"}.get(handle, handle)


@pytest.mark.parametrize(
    ("last", "name", "said"),
    [
        (None, "#ops", ""),
        (entry(), "#ops", "Bob\\x1b: hi"),
        (entry(), "@bob", "hi"),
        (entry("a\nb", "alice"), "#ops", "You: a⏎b"),
        (entry("waves", kind=1), "#ops", "* Bob\\x1b waves"),
        (entry(kind=128), "#ops", "Bob\\x1b joined"),
        (entry(kind=129), "#ops", "Bob\\x1b left"),
        (entry(missing=2), "#ops", "2 messages are missing"),
    ],
)
def test_previews(last, name, said):
    assert texts.preview(Chat(name, last=last), display) == said


def test_titles_and_typing():
    assert texts.title(Chat("#lobby"), display) == "Lobby"
    assert texts.title(Chat("@bob"), display) == "Bob\\x1b"
    assert texts.title(Chat("#ops\n"), display) == "#ops⏎"
    assert texts.typing((), display) == ""
    assert texts.typing(("bob",), display) == "Bob\\x1b is writing…"
    assert texts.typing(("bob", "eve"), display) == "Bob\\x1b, eve are writing…"
    assert texts.typing(("a", "b", "c", "d"), display) == "several people are writing…"
    assert [texts.initials(name) for name in ("#ops", "Bob B.", "jean-luc picard", "@", "é")] == [
        "O",
        "BB",
        "JL",
        "?",
        "É",
    ]


def test_how_far_a_message_has_come():
    chat = Chat("#ops", era=1, all_delivered=5, all_read=3)
    mine = {"mine": True}
    ticks = [chat.tick(Entry("#ops", (1, seq), 0, "alice", 0, "x", **mine)) for seq in (3, 5, 6)]
    assert ticks == [Tick.READ, Tick.DELIVERED, Tick.SENT]
    assert chat.tick(Entry("#ops", (0, 1), 0, "alice", 0, "x", **mine)) is Tick.SENT
    assert chat.tick(entry()) is None
    for state, tick in ((SendState.DOUBTFUL, Tick.PENDING), (SendState.FAILED, Tick.FAILED)):
        assert chat.tick(Entry("#ops", (WAITING, 1), 0, "alice", 0, "x", state=state, **mine)) is tick


ROWS = [None, entry("waves at all", kind=1), entry(f"a {FAMILY} b", "eve", 2), None, entry("third", seq=3)]


@pytest.mark.parametrize(
    ("anchor", "head", "copied"),
    [
        ((1, 0), (1, 12), "* Bob\\x1b wa"),
        ((2, 2), (2, 2 + len(FAMILY)), FAMILY),
        ((2, 9), (2, 0), f"a {FAMILY} b"[:9]),
        ((0, 0), (0, 0), ""),
    ],
)
def test_a_part_of_one_message_is_copied_as_it_is(anchor, head, copied):
    assert selected_text(Selection(anchor, head), ROWS, display) == copied


def test_several_messages_are_copied_with_who_and_when():
    when = f"{texts.day_of(ROWS[1].timestamp)} {texts.clock(ROWS[1].timestamp)}"
    copied = selected_text(Selection((4, 3), (1, 7)), ROWS, display)
    assert copied == "\n".join(
        (f"[{when}] Bob\\x1b: 1b waves at all", f"[{when}] eve: a {FAMILY} b", f"[{when}] Bob\\x1b: thi")
    )


def test_parts_of_rows():
    selection = Selection((3, 2), (1, 4))
    assert [selection.part(row, 9) for row in range(5)] == [None, (4, 9), (0, 9), (0, 2), None]
    assert Selection((1, 1), (1, 1)).empty
    assert [word_at("say hello, you", at) for at in (0, 5, 9, 13)] == [(0, 3), (4, 9), (9, 10), (11, 14)]
    assert word_at("", 0) == (0, 0)
