"""Which language is spoken, and when texts are looked up."""

import pytest

from causerie import language
from causerie.client import wording
from causerie.client.address import Address, parse_address
from causerie.core.client import Cause, Ending, NotSendable, check_room, check_sendable
from causerie.language import N_, _, ngettext
from causerie_spec.codes import ByeCode, ErrorCode

VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
MARKED = N_("the text is too long")
FRENCH = "le texte est trop long"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Nothing is asked for but what a test sets; what is spoken goes back to English."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(language.locale, "getlocale", lambda: (None, None))
    yield
    language.use("en")


@pytest.mark.parametrize(
    ("settings", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_CA.UTF-8"}, "fr"),
        ({"LANG": "fr_BE@euro"}, "fr"),
        ({"LANG": "en_GB"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "xx_XX.UTF-8"}, "en"),
        ({"LANG": "../../fr"}, "en"),
        ({"LC_MESSAGES": "fr_FR.UTF-8", "LANG": "en_GB.UTF-8"}, "fr"),
        ({"LC_ALL": "en_GB.UTF-8", "LC_MESSAGES": "fr_FR.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "fr_FR.UTF-8"}, "en"),
        ({"LC_ALL": "fr_FR.UTF-8", "LANG": "C"}, "fr"),
        ({"LC_ALL": "", "LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANGUAGE": "fr", "LC_ALL": "en_GB.UTF-8"}, "fr"),
        ({"LANGUAGE": "xx:fr:en"}, "fr"),
        ({"LANGUAGE": "en:fr"}, "en"),
        ({"LANGUAGE": "xx", "LANG": "fr_FR.UTF-8"}, "en"),
    ],
    ids=str,
)
def test_the_environment_chooses(monkeypatch, settings, spoken):
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    assert language.use() == spoken
    assert language.spoken() == spoken
    assert _(MARKED) == (FRENCH if spoken == "fr" else MARKED)


@pytest.mark.parametrize(("found", "spoken"), [("fr_FR", "fr"), ("en_US", "en"), (None, "en")])
def test_the_system_is_asked_where_the_environment_is_silent(monkeypatch, found, spoken):
    monkeypatch.setattr(language.locale, "getlocale", lambda: (found, "UTF-8"))
    assert language.use() == spoken


def test_a_locale_that_nobody_knows_is_english(monkeypatch):
    def getlocale():
        raise ValueError("unknown locale: UTF-8")

    monkeypatch.setattr(language.locale, "getlocale", getlocale)
    assert language.use() == "en"


def test_the_program_chooses(monkeypatch):
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert language.use("fr") == "fr"
    assert _(MARKED) == FRENCH
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert language.use("en") == "en"
    assert language.use("xx") == "en"
    assert _(MARKED) == MARKED


def test_marked_texts_are_looked_up_late():
    table = {"long": N_("the text is too long")}
    assert table["long"] == "the text is too long"
    language.use("fr")
    assert _(table["long"]) == FRENCH
    language.use("en")
    assert _(table["long"]) == "the text is too long"


def test_what_has_no_translation_stays():
    language.use("fr")
    assert _("no such text {here}") == "no such text {here}"
    assert _("") == ""  # not the header of the catalogue
    assert [ngettext("{count} no", "{count} nos", count) for count in (1, 2)] == ["{count} no", "{count} nos"]


# What both shells say


ADDRESS = Address("::1", 5001)


@pytest.mark.parametrize("cause", Cause)
def test_every_ending_has_a_sentence_in_french(cause):
    codes = [None]
    if cause is Cause.BYE:
        codes = [*ByeCode, 199]
    elif cause in (Cause.LOGIN_REFUSED, Cause.LOGIN_DELAYED):
        codes = [*ErrorCode, 99, None]
    for code in codes:
        ending = Ending(cause, code, 0, "de\x1btail")
        language.use("en")
        english = wording.sentence(ending, ADDRESS, "bob")
        language.use("fr")
        french = wording.sentence(ending, ADDRESS, "bob")
        assert french != english
        assert "\x1b" not in french
        assert "{" not in french
        assert not french.endswith(".")


def test_advice_follows_a_colon():
    language.use("fr")
    listens = Ending(Cause.NOBODY_LISTENS)
    assert wording.sentence(listens, ADDRESS, "bob", advise=False) == "rien n’écoute à l’adresse [::1]:5001"
    assert wording.sentence(listens, ADDRESS, "bob") == (
        "rien n’écoute à l’adresse [::1]:5001\u00a0: lancez un serveur avec `causerie-server`"
    )


def test_refusals_in_french():
    language.use("fr")
    assert wording.refusal(ErrorCode.NO_SUCH_CONVERSATION, "x", "@bob") == "@bob n’est pas là"
    assert wording.refusal(ErrorCode.NOT_A_MEMBER, "x", "#ops") == "vous n’êtes pas dans #ops"
    assert wording.refusal(ErrorCode.TEXT_TOO_LONG, "", "#ops") == FRENCH
    assert wording.refusal(ErrorCode.INTERNAL, "o\x1bops", "#ops") == "o\\x1bops"
    assert wording.refusal(99, "", "#ops") == "code 99"
    for code in ErrorCode:
        language.use("fr")
        french = wording.refusal(code, "", "#ops")
        language.use("en")
        assert french != wording.refusal(code, "", "#ops")


@pytest.mark.parametrize(
    ("conversation", "text", "kind", "english", "french"),
    [
        ("lo\x1bbby", "x", 0, r"'lo\x1bbby' is no conversation: write #room or @handle",
         "'lo\\x1bbby' n’est pas une conversation\u00a0: écrivez #salon ou @pseudo"),
        ("{x}", "x", 0, "'{x}' is no conversation: write #room or @handle",
         "'{x}' n’est pas une conversation\u00a0: écrivez #salon ou @pseudo"),
        ("#lobby", "x", 128, "kind 128 is not for clients",
         "les programmes clients n’envoient pas de messages de genre 128"),
        ("#lobby", "", 0, "a text has 1 to 16384 octets, this one has 0",
         "un texte compte de 1 à 16384 octets, celui-ci en a 0"),
        ("#lobby", "\ud800", 0, "the text holds half a character, which UTF-8 cannot carry",
         "le texte contient une moitié de caractère, que l’UTF-8 ne peut pas transporter"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_says_why_in_both(conversation, text, kind, english, french):
    with pytest.raises(NotSendable) as raised:
        check_sendable(conversation, text, kind)
    assert str(raised.value) == english
    assert wording.not_sendable(raised.value) == english
    language.use("fr")
    assert str(raised.value) == english
    assert wording.not_sendable(raised.value) == french


def test_what_is_no_room_says_why_in_both():
    with pytest.raises(NotSendable, match="'@bob' is no room to join or leave: write #room") as raised:
        check_room("@bob")
    language.use("fr")
    assert wording.not_sendable(raised.value).endswith("à rejoindre ou à quitter\u00a0: écrivez #salon")


def test_a_reason_without_values_may_hold_braces():
    error = NotSendable("no {such} thing\x1b")
    assert str(error) == "no {such} thing\x1b"
    assert wording.not_sendable(error) == "no {such} thing\\x1b"


def test_errors_speak_the_language_of_when_they_are_raised():
    language.use("fr")
    with pytest.raises(ValueError, match="n’est pas une adresse"):
        parse_address("a:0")
    assert wording.seconds(7.6) == "8\u00a0s"
