"""What users read can be translated, and is: the texts in the code, and the catalogues of each language."""

import ast
import gettext
import re
import shutil
import string
import sys
from pathlib import Path

import pytest

from causerie import language

sys.path.insert(0, str(Path(__file__).parent))  # the script is a program of its own, not part of the tests' package
import catalogue

MODULES = sorted(catalogue.SOURCES.rglob("*.py"))
CORE = catalogue.SOURCES / "core"
#: How many of the first arguments are texts.
TEXTS = {"_": 1, "N_": 1, "ngettext": 2, "NotSendable": 1}
PATHS = catalogue.sources_of_translations()


@pytest.fixture(params=PATHS, ids=[path.parent.parent.name for path in PATHS])
def path(request):
    return request.param


@pytest.fixture
def messages(path):
    return list(catalogue.messages(catalogue.load(path)))


def calls(tree, *names):
    """Calls of these functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SCOPES = (ast.Module, *FUNCTIONS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def bound(scope):
    """The variables and parameters of a module, a function or a comprehension, not of those inside it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        if not isinstance(node, (*SCOPES, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def hidden_calls(tree):
    """The lines where ``_`` is called and is a variable."""
    scopes = [node for node in ast.walk(tree) if isinstance(node, SCOPES) and "_" in bound(node)]
    return sorted({call.lineno for scope in scopes for call in calls(scope, "_")})


def forms(message):
    """Each translation of a message, with the English text that it says."""
    if isinstance(message.id, str):
        return [(message.id, message.string)]
    return [(message.id[min(index, 1)], form) for index, form in enumerate(message.string)]


def placeholders(text):
    """What stands in braces, with how it is shown."""
    return {
        (name, conversion, spec) for _, name, spec, conversion in string.Formatter().parse(text) if name is not None
    }


# The texts in the code


def is_a_text_made_here(node):
    """Whether it puts a text together, where only one that is whole can be found in a catalogue."""
    if isinstance(node, ast.Constant):
        return False
    inside = list(ast.walk(node))
    made = any(isinstance(part, (ast.JoinedStr, ast.BinOp)) for part in inside)
    filled_in = any(isinstance(part, ast.Attribute) and part.attr == "format" for part in inside)
    chosen = any(
        isinstance(branch, ast.Constant)
        for part in inside
        if isinstance(part, (ast.IfExp, ast.BoolOp))
        for branch in ast.iter_child_nodes(part)
    )
    return made or filled_in or chosen


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(catalogue.SOURCES).as_posix())
def test_texts_are_looked_up_whole_and_when_shown(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = TEXTS if CORE in module.parents else TEXTS.keys() - {"NotSendable"}
    for call in calls(tree, *names):
        for argument in call.args[: TEXTS[call.func.id]]:
            assert not is_a_text_made_here(argument), f"{module}:{argument.lineno}: format it after it is looked up"
    for string_ in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        for call in calls(string_, "_", "N_", "ngettext"):
            raise AssertionError(f"{module}:{call.lineno}: before Python 3.12 nothing is found inside an f-string")
    functions = [
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    bodies = [part for node in functions for part in (node.body if isinstance(node.body, list) else [node.body])]
    late = {call for body in bodies for call in calls(body, "_", "ngettext")}
    for call in calls(tree, "_", "ngettext"):
        assert call in late, f"{module}:{call.lineno}: looked up when the module is loaded; mark it with N_"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(catalogue.SOURCES).as_posix())
def test_no_variable_hides_the_function(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    lines = hidden_calls(tree)
    assert not lines, f"{module}:{lines}: _ is a variable there; name that otherwise"


@pytest.mark.parametrize(
    ("code", "hidden"),
    [
        ("def a():\n  for x, _ in y: _('b')", True),
        ("def a(_): return lambda: _('b')", True),
        ("def a(): return [_('b') for x, _ in y]", True),
        ("_ = a\n_('b')", True),
        ("def a(): return _('b'), [x for x, _ in y]", False),
        ("def a():\n  def c(_): return _\n  return _('b')", False),
    ],
)
def test_which_variables_hide_the_function(code, hidden):
    assert bool(hidden_calls(ast.parse(code))) is hidden


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("'whole'", False),
        ("TABLE[key]", False),
        ("error.template", False),
        ("f'{name} left'", True),
        ("name + ' left'", True),
        ("'%s left' % name", True),
        ("'{} left'.format(name)", True),
        ("'one' if well else 'other'", True),
        ("text or 'other'", True),
    ],
)
def test_which_texts_are_made_here(argument, wrong):
    assert is_a_text_made_here(ast.parse(argument, mode="eval").body) is wrong


@pytest.mark.parametrize("text", catalogue.extracted(), ids=lambda text: repr(text)[:60])
def test_placeholders_have_names(text):
    for form in (text,) if isinstance(text, str) else text:
        for name, _, _ in placeholders(form):
            assert name.isidentifier(), form


# The catalogues


def test_there_are_catalogues():
    assert PATHS
    assert len(catalogue.extracted()) > 50
    assert "kind {kind} is not for clients" in catalogue.extracted()  # the core's, which looks nothing up


def test_what_is_installed_speaks_them_all():
    assert language.available() == ("en", *(path.parent.parent.name for path in PATHS))


def test_files_are_up_to_date_and_all_is_translated(capsys):
    assert catalogue.main(["--check"]) == 0, capsys.readouterr().out


def test_translations_have_the_same_placeholders(messages):
    for message in messages:
        for english, translation in forms(message):
            assert placeholders(translation) == placeholders(english), translation


def test_translations_begin_and_end_alike(messages):
    for message in messages:
        for english, translation in forms(message):
            for end in (0, -1):
                assert translation[end].isspace() == english[end].isspace(), translation
            assert translation.endswith((".", "…")) == english.endswith((".", "…")), translation
            assert translation.count("\n") == english.count("\n"), translation


def test_what_is_compiled_says_the_same(path, messages):
    with path.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in messages:
        if isinstance(message.id, str):
            assert compiled.gettext(message.id) == message.string
            continue
        said = {compiled.ngettext(*message.id, count) for count in range(200)}
        assert said == set(message.string)


def test_plural_forms_are_those_of_french():
    french = catalogue.load(catalogue.CATALOGUES / "fr" / "LC_MESSAGES" / "causerie.po")
    assert french.num_plurals == 2
    with (catalogue.CATALOGUES / "fr" / "LC_MESSAGES" / "causerie.mo").open("rb") as file:
        chosen = gettext.GNUTranslations(file).plural
    assert [chosen(count) for count in (0, 1, 2, 100)] == [0, 0, 1, 1]


def test_french_typography():
    french = catalogue.load(catalogue.CATALOGUES / "fr" / "LC_MESSAGES" / "causerie.po")
    for message in catalogue.messages(french):
        for _, text in forms(message):
            assert not re.search(r"\w'\w", text), f"an apostrophe is ’: {text}"
            assert not re.search(r" [:;!?»]|« ", text), f"that space would break the line: {text}"
            assert not re.search(r"[\w})»][:;!?](\s|$)|«[^\u00a0]|[^\u00a0]»", text), f"a space is missing: {text}"
            assert not re.search(r"\b(tu|toi|ton|tes)\b", text), f"«\u00a0vous\u00a0»: {text}"


# The script


@pytest.fixture
def copies(tmp_path):
    """The catalogues, to be changed."""
    return shutil.copytree(catalogue.CATALOGUES, tmp_path / "locale")


def change(copies, change):
    path = copies / "fr" / "LC_MESSAGES" / "causerie.po"
    before = path.read_bytes()
    after = change(before.decode()).encode()
    assert after != before
    path.write_bytes(after)
    return path


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda text: text.replace('msgstr "ajoutez --tls"', 'msgstr ""'), "not translated: add --tls"),
        (lambda text: text.replace('msgid "add --tls"', '#, fuzzy\nmsgid "add --tls"'), "not translated: add --tls"),
        (lambda text: text.replace("ajoutez --tls", "mettez --tls"), "causerie.mo: out of date"),
        (lambda text: text.replace('msgid "add --tls"', 'msgid "add --ssl"'), "causerie.po: out of date"),
    ],
    ids=["empty", "fuzzy", "not compiled", "not extracted"],
)
def test_the_check_says_what_is_to_be_done(copies, capsys, changed, said):
    path = change(copies, changed)
    before = path.read_bytes(), path.with_suffix(".mo").read_bytes()
    assert catalogue.main(["--check"], copies) == 1
    assert said in capsys.readouterr().out
    assert (path.read_bytes(), path.with_suffix(".mo").read_bytes()) == before


def test_translations_stay_while_their_text_is_away(copies, capsys):
    path = change(copies, lambda text: text.replace('msgid "add --tls"', 'msgid "add --ssl"'))
    assert catalogue.main([], copies) == 0
    assert '\n#~ msgid "add --ssl"\n#~ msgstr "ajoutez --tls"\n' in path.read_text("utf-8")
    assert "not translated: add --tls" in capsys.readouterr().out
    change(copies, lambda text: text.replace('#~ msgid "add --ssl"', '#~ msgid "add --tls"'))
    assert catalogue.main([], copies) == 0
    assert path.read_bytes() == (catalogue.CATALOGUES / "fr/LC_MESSAGES/causerie.po").read_bytes()


def test_what_is_gone_can_be_forgotten(copies):
    path = change(copies, lambda text: text + '\n#~ msgid "gone"\n#~ msgstr "parti"\n')
    assert catalogue.main([], copies) == 0
    assert '#~ msgid "gone"' in path.read_text("utf-8")
    assert catalogue.main(["--forget"], copies) == 0
    assert path.read_bytes() == (catalogue.CATALOGUES / "fr/LC_MESSAGES/causerie.po").read_bytes()


def test_a_new_language_begins_with_a_header(tmp_path):
    path = tmp_path / "pl" / "LC_MESSAGES" / "causerie.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        '# Glossary:\n#   room  pokój\nmsgid ""\nmsgstr ""\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);\\n"\n',
        "utf-8",
    )
    assert catalogue.main([], tmp_path) == 0
    text = path.read_text("utf-8")
    assert text.startswith("# Glossary:\n#   room  pokój\nmsgid")
    assert 'msgid "add --tls"' in text
    assert path.with_suffix(".mo").is_file()
    assert catalogue.load(path).num_plurals == 3


def test_texts_are_found_with_their_plurals_and_comments(tmp_path):
    (tmp_path / "module.py").write_text(
        "# Translators: a count\nngettext('{count} new', '{count} news', 2)\nN_('marked')\n_('a ' 'b')\n"
        "_(f'{not_a} text')\nNotSendable('no {room}', room=1)\n"
    )
    assert catalogue.extracted(tmp_path) == {
        ("{count} new", "{count} news"): ["Translators: a count"],
        "marked": [],
        "a b": [],
        "no {room}": [],
    }
