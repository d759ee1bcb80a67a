"""Broken servers that get SCRAM-SHA-256 wrong: its proofs, its messages, and who has no account."""

import base64
import dataclasses
import re
import secrets

from seams import before, instead, messages, with_limits

from causerie.core import accounts, login, saslprep
from causerie.core.accounts import Challenge, ScramError
from causerie.core.connection import Connection
from causerie.core.login import Gate
from causerie.core.refusal import Ended, Refused
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Ready
from mutants.registry import mutant


def _challenge(change):
    """Change the text of every CHALLENGE, which the server believes that it said."""

    @instead(Challenge, "__init__")
    def init(original, self, client, keys, nonce):
        original(self, client, keys, nonce)
        self.first = change(self.first)


def _read(name, old, new):
    """Change the grammar of a client's message."""
    pattern = getattr(accounts, name).pattern
    assert old in pattern, pattern
    setattr(accounts, name, re.compile(pattern.replace(old, new)))


def _unchecked(part):
    """Do not compare that part of client-final with what it should be."""

    @instead(Challenge, "check")
    def check(original, self, payload):
        found = accounts._FINAL.fullmatch(payload.decode(errors="replace"))
        if found is not None and part == "nonce":
            self._nonce = found["nonce"]
        elif found is not None:
            header = base64.b64decode(found["binding"] + "==").decode(errors="replace")
            self._client = dataclasses.replace(self._client, header=header)
        return original(self, payload)


# Proofs


@mutant("SCRAM-1")
def any_proof():
    """Lets anybody in who knows how to form a message."""

    @instead(Challenge, "check")
    def check(original, self, payload):
        try:
            return original(self, payload)
        except ScramError as error:
            if "wrong password" in str(error):
                return b"v=" + base64.b64encode(bytes(32))
            raise


@mutant("SCRAM-1")
def one_bit_off():
    """Takes a proof that has one wrong bit."""

    @instead(Challenge, "check")
    def check(original, self, payload):
        try:
            return original(self, payload)
        except ScramError:
            head, _, text = payload.rpartition(b",p=")
            try:
                proof = int.from_bytes(base64.b64decode(text, validate=True), "big")
            except ValueError:
                raise ScramError("no") from None
            for bit in range(256):
                try:
                    near = (proof ^ 1 << bit).to_bytes(32, "big")
                    return original(self, head + b",p=" + base64.b64encode(near))
                except (ScramError, OverflowError):
                    pass
            raise


@mutant("SCRAM-1")
def no_signature():
    """Proves nothing itself."""
    messages(Ready, payload=b"")


@mutant("SCRAM-1")
def signed_with_the_wrong_key():
    """Signs with StoredKey."""

    @instead(accounts, "keys_of")
    def keys_of(original, *args):
        keys = original(*args)
        return dataclasses.replace(keys, server_key=keys.stored_key)

    from causerie.server import accounts as command

    command.keys_of = accounts.keys_of


@mutant("SCRAM-1")
def salt_in_hex():
    """Tells the salt in hexadecimal."""
    _challenge(lambda text: re.sub(r"s=([^,]+)", lambda found: f"s=#{base64.b64decode(found[1]).hex()}", text))


@mutant("SCRAM-9")
def own_nonce():
    """Does not begin its nonce with the client's."""
    _challenge(lambda text: f"r={secrets.token_hex(20)},{text.partition(',')[2]}")


@mutant("SCRAM-9")
def same_nonce():
    """Adds the same to every client's nonce."""
    Gate.nonce = lambda self: "the-same-again"


@mutant("SCRAM-5")
def nonce_unchecked():
    """Does not look at the nonce in client-final."""
    _unchecked("nonce")


@mutant("SCRAM-10")
def few_iterations():
    """Asks for 1,000 iterations of users who have no account."""
    with_limits(scram_iterations=1_000)


@mutant("SCRAM-10")
def very_many_iterations():
    """Asks for a million and one."""
    with_limits(scram_iterations=1_000_001)


# Names and passwords


@mutant("SCRAM-2")
def any_name():
    """Does not compare the SCRAM user name with the handle."""

    @instead(accounts, "read_first")
    def read_first(original, payload, handle):
        return original(re.sub(rb"n=[^,]*", b"n=" + handle.encode(), payload, count=1), handle)


@mutant("SCRAM-2")
def name_in_any_case():
    """Compares the SCRAM user name with the handle whatever its case."""

    @instead(accounts, "read_first")
    def read_first(original, payload, handle):
        return original(payload.replace(handle.upper().encode(), handle.encode()), handle)


@mutant("SCRAM-3")
def no_saslprep():
    """Keeps passwords as they were typed."""
    saslprep.prepare = lambda password, stored=False: password


# Who has no account


@mutant("SCRAM-4")
def no_such_user():
    """Refuses who has no account at LOGIN."""

    @instead(Connection, "ask_or_refuse")
    def ask_or_refuse(original, self, operation, ref, done):
        def known(now, keys):
            if keys is None and operation.__class__.__name__ == "Credentials":
                self.refuse(Refused(ErrorCode.AUTH_FAILED, "no such user"), ref)
            else:
                done(now, keys)

        original(self, operation, ref, known)


def _made_up(change):
    @instead(accounts, "made_up")
    def made_up(original, secret, handle, iterations):
        return change(original(secret, handle, iterations))


@mutant("SCRAM-4")
def salt_at_random():
    """Makes another salt up at every try."""
    _made_up(lambda keys: dataclasses.replace(keys, salt=secrets.token_bytes(16)))


@mutant("SCRAM-4")
def one_salt():
    """Has one salt for everybody who has no account."""
    _made_up(lambda keys: dataclasses.replace(keys, salt=b"made up for all!"))


@mutant("SCRAM-4")
def longer_salt():
    """Makes salts up that are longer than those of accounts."""
    _made_up(lambda keys: dataclasses.replace(keys, salt=keys.salt * 2))


@mutant("SCRAM-4")
def other_iterations():
    """Has another iteration count for who has no account."""
    with_limits(scram_iterations=5_000)


@mutant("SCRAM-4")
def says_who_has_no_account():
    """Has other words for a handle without an account than for a wrong password."""

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        pending = connection.pending_login
        unknown = pending is not None and pending.challenge._keys == connection.hub.gate.made_up(handle)
        return original(connection, now, handle, "no such user" if unknown else why)


@mutant("SCRAM-4")
def tried_is_taken():
    """Takes a handle away from everybody after a login with a password that failed."""
    tried = set()

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        tried.add(handle)
        return original(connection, now, handle, why)

    @before("LOGIN")
    def change(peer, message):
        if message.handle in tried and message.mechanism == "TOKEN":
            raise Refused(ErrorCode.HANDLE_TAKEN, "somebody tried a password")
        return message


# Messages


@mutant("SCRAM-5")
def malformed_scram_ends():
    """Ends the connection at a malformed SCRAM message."""

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        return Ended(ByeCode.MALFORMED, why) if "wrong password" not in why else original(connection, now, handle, why)


@mutant("SCRAM-5")
def malformed_scram_is_bad_field():
    """Answers a malformed SCRAM message with BAD_FIELD."""

    @instead(login, "_failure")
    def failure(original, connection, now, handle, why):
        wrong = "wrong password" in why
        return original(connection, now, handle, why) if wrong else Refused(ErrorCode.BAD_FIELD, why)


@mutant("SCRAM-5")
def channel_binding():
    """Takes `p=` for `n`."""
    _read("_FIRST", "[ny],,", "(?:[ny]|p=[^,]*),,")


@mutant("SCRAM-5")
def authzid():
    """Ignores an authzid."""
    _read("_FIRST", "[ny],,", "[ny],[^,]*,")


@mutant("SCRAM-5")
def mandatory_extension_in_first():
    """Ignores `m=` in client-first."""
    _read("_FIRST", "(?!m=)", "")


@mutant("SCRAM-5")
def mandatory_extension_in_final():
    """Ignores `m=` in client-final."""
    _read("_FINAL", "(?!m=)", "")


@mutant("SCRAM-5")
def any_nonce():
    """Takes whatever characters a nonce has."""
    _read("_FIRST", r"[\x21-\x2b\x2d-\x7e]+", "[^,]*")


@mutant("SCRAM-5")
def no_extension_in_first():
    """Refuses extensions of client-first."""
    _read("_FIRST", accounts.EXTENSIONS, "")


@mutant("SCRAM-5")
def no_extension_in_final():
    """Refuses extensions of client-final."""
    _read("_FINAL", accounts.EXTENSIONS, "")


@mutant("SCRAM-5")
def no_flag_y():
    """Refuses clients that could do channel binding."""
    _read("_FIRST", "[ny]", "n")


@mutant("SCRAM-5")
def short_nonces():
    """Refuses nonces of more than 64 characters."""
    _read("_FIRST", r"\x7e]+", r"\x7e]{1,64}")


@mutant("SCRAM-5")
def long_nonces():
    """Refuses nonces of fewer than 8 characters."""
    _read("_FIRST", r"\x7e]+", r"\x7e]{8,}")


@mutant("SCRAM-5")
def nonces_of_letters():
    """Refuses nonces with anything but letters and digits."""
    _read("_FIRST", r"[\x21-\x2b\x2d-\x7e]+", "[A-Za-z0-9]+")


@mutant("SCRAM-5")
def something_behind():
    """Does not look behind the end of client-final."""

    @instead(Challenge, "check")
    def check(original, self, payload):
        found = re.match(rb"(.*,p=[A-Za-z0-9+/]{43}=)", payload, re.DOTALL)
        return original(self, found[1] if found else payload)


@mutant("SCRAM-5")
def header_unchecked():
    """Does not look at `c=` in client-final."""
    _unchecked("binding")


@mutant("LOGIN-3")
def payloads_of_any_length():
    """Takes payloads of more than 1,024 octets."""
    login.MAX_PAYLOAD = 4_096
