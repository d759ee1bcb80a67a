"""Broken clients that let a server draw on the screen, or do not tell their users."""

from dataclasses import replace

from causerie.client import visible, wording
from causerie.console import cli, view
from causerie.core.client.connection import Connection
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Error, Login
from client_mutants.registry import instead, mutant


@mutant("CLIENT-7", "screen/texts")
def prints_what_comes():
    """Prints texts as they came."""
    visible._line = lambda text: text


@mutant("CLIENT-7", "screen/texts")
def knows_of_escape_only():
    """Replaces ESC, and no other character."""
    visible._line = lambda text: text.replace("\x1b", "^[")


@mutant("CLIENT-7", "screen/texts")
def forgets_c1():
    """Lets C1 controls through."""
    original = visible.is_forbidden_character
    visible.is_forbidden_character = lambda char: original(char) and not "\x80" <= char <= "\x9f"


@mutant("CLIENT-7", "screen/texts")
def forgets_bidi():
    """Lets bidirectional overrides through."""
    original = visible.is_forbidden_character
    visible.is_forbidden_character = lambda char: original(char) and char < "\u202a"


@mutant("CLIENT-7", "screen/forged-lines")
def lines_of_their_own():
    """Prints each line of a text on a line of its own."""

    def flat(self):
        return "".join(span.text for span in self.head) + "\n".join(self.body)

    view.Line.flat = property(flat)


@mutant("CLIENT-7", "screen/detail", "screen/reason-malformed", "screen/detail-of-login")
def trusts_reasons():
    """Prints reasons and details as they came."""
    wording.visible = lambda text: text


@mutant("CLIENT-7", "screen/names")
def trusts_names():
    """Prints names as they came."""
    view.visible = lambda text: text


@mutant("CLIENT-11", "refusals/handle-taken")
def tries_another_handle():
    """Logs in with another handle when its own is taken."""

    @instead(Connection, "_login")
    def _login(original, self, answer, now):
        if isinstance(answer, Error) and answer.code == ErrorCode.HANDLE_TAKEN:
            who = self._identity = replace(self._identity, handle=self._identity.handle + "_")
            self._ask(Login("TOKEN", who.handle, who.display, who.token), now)
        else:
            original(self, answer, now)


@mutant("CLIENT-11", "refusals/handle-taken")
def keeps_it_to_itself():
    """Ends without a word when its handle is taken."""
    cli._fail = lambda text, code: code
