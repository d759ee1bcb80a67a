"""Broken servers that change texts, or take some for what they are not."""

import html
import unicodedata

from seams import before

from causerie.core.refusal import Refused
from causerie_spec.codes import ErrorCode
from mutants.registry import mutant


def changed(change):
    """Have the text of every SEND changed before it is taken."""

    @before("SEND")
    def send(peer, message):
        text = change(message.text)
        return message if text == message.text else type(message)(message.conversation, message.txn, message.kind, text)


@mutant("SEND-5", "lobby/text-*")
def texts_are_taken_apart():
    """Stores texts in Normalization Form KD: accents apart from their letters, ligatures dissolved."""
    changed(lambda text: unicodedata.normalize("NFKD", text))


@mutant("SEND-5", "lobby/text-*")
def texts_of_one_plane():
    """Keeps no character above U+FFFF, and none of the private or reserved ones."""
    changed(lambda text: "".join("?" if ord(char) > 0xFFFF or char in "\ufffd\ufffe\uffff" else char for char in text))


@mutant("SEND-5", "lobby/text-*")
def texts_of_latin_1():
    """Keeps the characters of Latin-1 only."""
    changed(lambda text: text.encode("latin-1", "replace").decode("latin-1"))


@mutant("SEND-5", "lobby/text-*")
def texts_end_at_nul():
    """Takes U+0000 for the end of a text, and drops the other control characters."""
    changed(lambda text: "".join(char for char in text.partition("\0")[0] if char >= " " or char == "\n") or "-")


@mutant("SEND-5", "lobby/text-*")
def white_space_is_nothing():
    """Refuses a text of white space only, as if it were empty."""

    @before("SEND")
    def send(peer, message):
        if message.text.isspace():
            raise Refused(ErrorCode.BAD_FIELD, "the text is empty")
        return message


@mutant("SEND-5", "lobby/text-*")
def texts_are_escaped():
    """Stores texts as they would be written in HTML."""
    changed(html.escape)


@mutant("SEND-5", "lobby/text-*")
def slashes_are_commands():
    """Takes a text that begins with a slash for a command, and does not deliver it as it is."""
    changed(lambda text: text.lstrip("/") or "-" if text.startswith("/") else text)


@mutant("SEND-7", "SEND-7")
def texts_are_cut():
    """Cuts a text at 16,000 octets."""
    changed(lambda text: text.encode()[:16_000].decode(errors="ignore"))
