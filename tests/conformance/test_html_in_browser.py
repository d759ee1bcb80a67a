"""The HTML page in a real browser: filter, search, folds, keyboard, themes, a narrow screen, paper, no network."""

import pytest
from browser import browser, why_not
from reported import EVIL, document, of_all_cases, of_every_status

from causerie_conformance.cli import main
from causerie_conformance.registry import load_cases
from causerie_conformance.report import html_report
from causerie_conformance.results import Exit, Status

pytestmark = [pytest.mark.uncounted, pytest.mark.skipif(bool(why_not()), reason=why_not() or "none")]

FAILING = 600
SHOWN = "[...document.querySelectorAll('.case')].filter((e) => e.checkVisibility()).length"
MATCHING = "[...document.querySelectorAll('.case')].filter((e) => !e.hidden).map((e) => e.id)"
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
TOO_WIDE = """
[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && !e.closest('pre, svg')
  && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.tagName + '.' + e.className)
"""
COLOUR = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(247, 246, 243)", "rgb(20, 22, 26)"


@pytest.fixture(scope="module")
def page():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A report with a case of every status, from a server that means harm."""
    path = tmp_path_factory.mktemp("small") / "report.html"
    html_report.write(document(*of_every_status(EVIL), agent=EVIL, server_output=EVIL, stopped="it died"), path)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A report with every case, very many of them failures."""
    path = tmp_path_factory.mktemp("large") / "report.html"
    html_report.write(document(*of_all_cases(FAILING)), path)
    return path


@pytest.fixture(autouse=True)
def as_it_was(page):
    """Each test leaves the browser as it found it, and has a page that complains of nothing and asks for nothing."""
    page.media(prefers_color_scheme="light")
    yield
    page.script(True)
    assert page.complaints == []
    assert [address for address in page.requests if not address.startswith(("file:", "about:", "data:"))] == []


def test_it_asks_for_one_file_alone(page, small):
    page.open(small)
    assert page.requests == [small.as_uri()]
    assert page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)") in ([], ["data:,"])


def test_no_script_and_no_style_but_its_own_is_let_in(page, small):
    """The policy is tried, not trusted: what a server could have smuggled in does nothing."""
    page.open(small)
    page.evaluate("""(() => {
        const script = document.createElement('script');
        script.textContent = 'document.title = "smuggled"';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="http://127.0.0.1:9/x"><p style="color: red">x</p>');
    })()""")
    assert page.evaluate("document.title") != "smuggled"
    assert page.evaluate("getComputedStyle(document.querySelector('body > p:last-child')).color") != "rgb(255, 0, 0)"
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.complaints
    assert all("Content Security Policy" in words for words in page.complaints), page.complaints
    page.complaints.clear()
    page.requests.clear()


def test_the_filter_by_status(page, small):
    page.open(small)
    assert len(page.evaluate(MATCHING)) == len(Status)
    page.click("input[value=failed]")
    assert page.evaluate(MATCHING) == ["lobby/failed"]
    assert page.evaluate("location.hash") == "#status=failed"
    assert page.evaluate("document.getElementById('found').textContent") == f"1 of {len(Status)} cases"
    page.click("input[value=passed]")
    assert page.evaluate(MATCHING) == ["lobby/failed", "lobby/passed"]
    page.click("button[type=reset]")
    assert len(page.evaluate(MATCHING)) == len(Status)
    assert page.evaluate("location.hash") == ""


def test_the_filter_by_profile_and_topic(page, large):
    topic = next(case.topic for case in reversed(load_cases()) if case.profile == "rooms" and case.topic != "rooms")
    page.open(large, f"#profile=rooms&topic={topic}")
    wanted = [case.id for case in load_cases() if case.profile == "rooms" and case.topic == topic]
    assert page.evaluate(MATCHING) == wanted
    assert page.evaluate("document.querySelector('.chosen').dataset.profile") == "rooms"
    assert page.evaluate(SHOWN) == len(wanted)  # groups are unfolded by it
    page.click(".profiles [data-profile=rooms] button")
    assert page.evaluate("document.forms[0].elements.profile.value") == ""
    assert set(page.evaluate(MATCHING)) == {case.id for case in load_cases() if case.topic == topic}


def test_the_search(page, large):
    page.open(large)
    page.press("/")
    page.press(*"send-5 SPACES")
    found = page.evaluate(MATCHING)
    assert found
    assert set(found) == {
        case.id for case in load_cases() if "spaces" in f"{case.id} {case.title}".lower() and "SEND-5" in case.clauses
    }
    page.press("Escape")
    assert len(page.evaluate(MATCHING)) == len(load_cases())
    page.press(*"zebra?")
    assert page.evaluate(MATCHING) == []
    assert page.evaluate("document.getElementById('none').checkVisibility()")
    page.click("#none button")
    assert len(page.evaluate(MATCHING)) == len(load_cases())


def test_its_state_stands_in_its_address(page, large):
    page.open(large, "#status=passed&q=quit")
    before = page.evaluate(MATCHING)
    assert 0 < len(before) < 50
    assert page.evaluate("document.forms[0].elements.q.value") == "quit"
    page.evaluate("location.hash = '#status=passed&q=cluster'")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert page.evaluate(MATCHING) != before


def test_an_address_names_a_case(page, large):
    last = load_cases()[FAILING - 1].id
    page.open(large, f"#{last}")
    assert page.evaluate(f"document.getElementById('{last}').open")
    assert 0 <= page.evaluate(f"document.getElementById('{last}').getBoundingClientRect().top") < 200


def test_folds(page, large):
    opened = "document.querySelectorAll('.failure[open]').length"
    page.open(large)
    assert page.evaluate(opened) == html_report.OPEN_AT_FIRST
    page.click(".failure:nth-of-type(5) > summary")
    assert page.evaluate(opened) == html_report.OPEN_AT_FIRST + 1
    page.click("#fold")
    assert page.evaluate(opened) == FAILING
    page.click("#fold")
    assert page.evaluate(opened) == 0


def test_a_line_of_the_conversation_unfolds_its_octets(page, small):
    page.open(small)
    visible = "document.querySelector('.culprit pre').checkVisibility()"
    assert page.evaluate(visible) is False
    page.click(".culprit > summary")
    assert page.evaluate(visible) is True


def test_the_keyboard_reaches_everything(page, small):
    page.open(small)
    seen = []
    for _ in range(80):
        page.press("Tab")
        now = page.evaluate(
            "(({tagName, name, id, className}) => [tagName, name || id || className])(document.activeElement)"
        )
        if seen and now[0] == "BODY":
            break
        seen.append(tuple(now))
    assert ("BUTTON", "theme") in seen
    assert ("INPUT", "q") in seen
    assert ("INPUT", "status") in seen
    assert ("SELECT", "topic") in seen
    assert ("PRE", "hex") in seen
    assert sum(name == "SUMMARY" for name, _ in seen) > 5
    page.open(small)
    page.evaluate("document.querySelector('.failure.s-warned > summary').focus()")
    page.press("Enter")
    assert page.evaluate("document.querySelector('.failure.s-warned').open")
    page.evaluate("document.querySelector('input[value=passed]').focus()")
    page.press(" ")
    assert page.evaluate(MATCHING) == ["lobby/passed"]


def test_what_is_focused_is_seen(page, small):
    page.open(small)
    page.press("/")
    page.evaluate("document.querySelector('input[value=passed]').focus()")
    outline = "getComputedStyle(document.querySelector('input[value=passed] + span')).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_light_and_dark(page, small):
    page.open(small)
    page.evaluate("localStorage.clear()")
    for scheme, colour in (("light", LIGHT), ("dark", DARK)):
        page.media(prefers_color_scheme=scheme)
        page.open(small)
        assert page.evaluate(COLOUR) == colour
    page.click("#theme")
    assert page.evaluate(COLOUR) == LIGHT
    page.open(small)
    assert page.evaluate(COLOUR) == LIGHT  # it is remembered
    assert page.evaluate("document.getElementById('theme').textContent") == "Dark"
    page.evaluate("localStorage.clear()")


@pytest.mark.parametrize("width", [360, 320, 768])
def test_a_narrow_screen_never_scrolls_sideways(page, small, width):
    page.open(small, width=width, height=740)
    page.click("#fold")
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true })")
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(TOO_WIDE) == []
    wide = page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('.hex'))")
    assert wide > 0  # a long text in a dump: it scrolls in its box


def test_without_scripts_all_of_it_can_be_read(page, small):
    page.script(False)
    page.open(small)
    assert page.evaluate("document.getElementById('filter').checkVisibility()") is False
    assert page.evaluate("document.getElementById('theme').checkVisibility()") is False
    assert page.evaluate("document.querySelector('.failure[open] .hex').checkVisibility()") is True
    page.click(".group > summary")
    assert page.evaluate("document.querySelector('.group').open") is True


def test_of_a_real_server(page, serve, step_1, tmp_path, capsys):
    """The stub of step 1: all that a run tells of it is told on a narrow screen too."""
    path = tmp_path / "report.html"
    assert main([serve(step_1).name, "--select", "hello", "--html", str(path)]) == Exit.NOT_CONFORMANT
    page.open(path, width=360, height=740)
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true })")
    assert page.evaluate("document.querySelectorAll('.failure').length") > 5
    assert page.evaluate("document.querySelectorAll('.hex mark').length") > 0
    assert page.evaluate("document.querySelectorAll('.likely li').length") > 0
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(TOO_WIDE) == []


def test_paper(page, small):
    page.media("print", prefers_color_scheme="dark")
    page.open(small)
    assert page.evaluate("document.getElementById('filter').checkVisibility()") is False
    assert page.evaluate("document.querySelector('.top h1').checkVisibility()") is True
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('.failure:not([open])').length") == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('.failure:not([open])').length") == 2


def test_a_command_is_copied_or_selected(page, small):
    page.open(small)
    clipboard = "{writeText: async (words) => { window.copied = words }}"
    page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{value: {clipboard}}})")
    page.click(".failure .copy")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert page.evaluate("window.copied").startswith("causerie-conformance 127.0.0.1:5000 --select lobby/failed")
    assert page.evaluate("document.querySelector('.failure .copy').textContent") == "Copied"
    page.evaluate("navigator.clipboard.writeText = async () => { throw new Error('no') }")
    page.click(".facts .copy")
    page.evaluate("new Promise((done) => setTimeout(done))")
    assert page.evaluate("String(getSelection())") == "causerie-conformance 127.0.0.1:5000"


def test_a_large_page_is_there_soon_and_filters_at_once(page, large):
    """Generous: it is about hundreds of milliseconds, and must not become tens of seconds."""
    page.open(large)
    assert page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") < 15_000
    taken = page.evaluate("""(() => {
        const began = performance.now();
        document.forms[0].elements.q.value = 'ping';
        document.forms[0].dispatchEvent(new Event('input'));
        return performance.now() - began;
    })()""")
    assert taken < 2_000
