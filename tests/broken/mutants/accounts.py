"""Broken servers that get logins with a password wrong: their states, their failures, and TOKEN beside them."""

from seams import before, instead

from causerie.core import login
from causerie.core.accounts import Challenge, ScramError
from causerie.core.connection import Connection
from causerie.core.refusal import Refused
from causerie.store.archive import Archive
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Error
from causerie_spec.states import State
from mutants.registry import mutant


@mutant("SCRAM-7")
def challenge_that_stays():
    """Stays in auth after a failure."""

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        state, pending = connection.state, connection.pending_login
        refusal = original(connection, now, handle, why)
        connection.state, connection.pending_login = state, pending
        return refusal


@mutant("SCRAM-7")
def challenge_that_any_refusal_discards():
    """Goes back to login at whatever it refuses."""

    @instead(Connection, "refuse")
    def refuse(original, self, refused, ref):
        if self.state is State.AUTH:
            self.state = State.LOGIN
        original(self, refused, ref)


@mutant("SCRAM-7")
def every_challenge_counts():
    """Takes a proof for any challenge that was ever out."""
    out = []

    @instead(Challenge, "__init__")
    def init(original, self, *args):
        original(self, *args)
        out.append(self)

    @instead(Challenge, "check")
    def check(original, self, payload):
        for each in reversed(out):
            try:
                return original(each, payload)
            except ScramError:
                pass
        return original(self, payload)


@mutant("SCRAM-7")
def no_second_login():
    """Takes no login after one that failed."""
    failed = set()

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        failed.add(connection)
        return original(connection, now, handle, why)

    @before("LOGIN")
    def change(peer, message):
        if peer in failed:
            raise Refused(ErrorCode.WRONG_STATE, "you have failed")
        return message


@mutant("LOGIN-7")
def failures_without_end():
    """Lets a connection fail as often as it likes."""
    login.MAX_LOGIN_FAILURES = 1_000


@mutant("LOGIN-7")
def ends_at_the_second():
    """Ends a connection at its second failure."""
    login.MAX_LOGIN_FAILURES = 2


@mutant("LOGIN-7")
def everything_is_a_failure():
    """Counts every refusal before READY."""

    @instead(Connection, "refuse")
    def refuse(original, self, refused, ref):
        self.failures += self.state is State.LOGIN and refused.code is not ErrorCode.AUTH_FAILED
        original(self, refused, ref)


@mutant("LOGIN-7")
def failures_of_all():
    """Counts the failures of all connections together."""
    count = []

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        count.append(why)
        connection.failures = len(count) - 1
        return original(connection, now, handle, why)


@mutant("LOGIN-7")
def error_before_the_bye():
    """Answers the third failure with ERROR, and then with BYE."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        if ended.code is ByeCode.TOO_MANY_FAILURES:
            self.answer(Error(ErrorCode.AUTH_FAILED, 0, "once more"), ref)
        original(self, now, ended, ref)


@mutant("TOKEN-9")
def token_opens_an_account():
    """Lets the first token in, account or not."""

    @instead(Archive, "_owns")
    def owns(original, self, handle, digest, row):
        return row is None or row.digest is None or original(self, handle, digest, row)


@mutant("LOGIN-5")
def one_connection_an_account():
    """Lets an account in once."""

    @before("AUTH")
    def change(peer, message):
        if peer.pending_login.handle in peer.hub.roster:
            raise Refused(ErrorCode.HANDLE_TAKEN, "in already")
        return message
