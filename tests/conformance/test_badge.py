"""The badge: its words by what a run found, well-formed, readable, and as wide as its text."""

from xml.etree import ElementTree as ET

import pytest
from browser import browser, why_not
from reported import case, document

from causerie_conformance.report import badge
from causerie_conformance.report.headline import Mood
from causerie_conformance.results import Result, Status

SVG = "{http://www.w3.org/2000/svg}"
P, F, W, K = Status.PASSED, Status.FAILED, Status.WARNED, Status.KNOWN
NO, NJ, NR = Status.NOT_OFFERED, Status.NOT_JUDGED, Status.NOT_RUN
ALL = ("CORE", "ROBUST", "rooms", "history", "durable", "receipts", "typing", "presence", "SCRAM")


def results(**statuses: Status) -> list[Result]:
    return [Result(case(f"hello/{profile.lower()}", profile=profile), status) for profile, status in statuses.items()]


@pytest.mark.parametrize(
    ("statuses", "values", "words", "mood"),
    [
        ({"CORE": P}, {}, "✓ CORE", Mood.GOOD),
        ({"CORE": P, "ROBUST": W, "rooms": P, "history": P}, {}, "✓ CORE, ROBUST, rooms, history", Mood.GOOD),
        (dict.fromkeys(ALL, P), {}, "✓ CORE, ROBUST, rooms +6", Mood.GOOD),
        ({"CORE": P, "rooms": NO}, {}, "✓ CORE", Mood.GOOD),
        ({"CORE": P, "ROBUST": NJ}, {}, "✓ CORE", Mood.GOOD),
        ({"CORE": F, "ROBUST": P}, {}, "not conformant", Mood.BAD),
        ({"CORE": K}, {}, "not conformant, as known", Mood.PARTLY),
        ({"CORE": P}, {"total": 9}, "conformant in what was selected", Mood.PARTLY),
        ({"CORE": NR}, {"stopped": "x", "unreachable": True}, "no server", Mood.BAD),
        ({"CORE": NJ}, {}, "nothing judged", Mood.NONE),
        ({"CORE": NR}, {"interrupted": True}, "interrupted", Mood.NONE),
    ],
)
def test_what_it_says(statuses, values, words, mood):
    report = document(*results(**statuses), **values)
    assert badge.words(report) == words
    root = ET.fromstring(badge.svg(report))
    assert [text.text for text in root.iter(f"{SVG}text")] == ["causerie", words]
    assert badge.COLOURS[mood] in [rect.get("fill") for rect in root.iter(f"{SVG}rect")]


def test_conformant_only_in_part_of_each_profile_names_none():
    report = document(Result(case("hello/a"), P), Result(case("hello/b"), NJ))
    assert badge.words(report) == "conformant as far as judged"


def test_it_is_told_to_those_who_do_not_see_it():
    root = ET.fromstring(badge.svg(document(*results(CORE=P, rooms=P))))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == "causerie: conformant: CORE, rooms"
    assert root.get("aria-labelledby") == title.get("id")


def test_of_a_client():
    assert "causerie client: conformant: CORE<" in badge.svg(document(*results(CORE=P)) | {"role": "client"})


def test_the_texts_fit():
    for statuses in (dict.fromkeys(ALL, P), {"CORE": F}, {"CORE": K}):
        root = ET.fromstring(badge.svg(document(*results(**statuses))))
        width = float(root.get("width", ""))
        texts = list(root.iter(f"{SVG}text"))
        for text in texts:
            assert text.get("lengthAdjust") == "spacingAndGlyphs"
        ends = [float(text.get("x", "")) + float(text.get("textLength", "")) for text in texts]
        assert ends[0] < float(texts[1].get("x", ""))
        assert ends[1] + 4 < width


def test_white_on_every_colour_can_be_read():
    for colour in (*badge.COLOURS.values(), badge.GROUND):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5


@pytest.mark.uncounted
@pytest.mark.skipif(bool(why_not()), reason=why_not() or "none")
def test_it_is_about_as_wide_as_a_browser_draws_it(tmp_path):
    """The length that is set is near the natural one, so that the letters are neither squeezed nor torn apart."""
    with browser() as page:
        for number, statuses in enumerate((dict.fromkeys(ALL, P), {"CORE": F}, {"CORE": K}, {"CORE": P})):
            file = tmp_path / f"{number}.svg"
            badge.write(document(*results(**statuses)), file)
            page.open(file, width=400, height=40)
            drawn = page.evaluate("""[...document.querySelectorAll('text')].map((e) => {
                const set = e.getComputedTextLength();
                e.removeAttribute('textLength');
                return set / e.getComputedTextLength();
            })""")
            assert page.requests == [file.as_uri()]
            assert all(0.8 < ratio < 1.25 for ratio in drawn), drawn
