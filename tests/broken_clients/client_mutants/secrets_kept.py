"""Broken clients that get passwords and TLS wrong."""

import secrets
import ssl
import warnings

from causerie.client import command_line
from causerie.client.tokens import TokenStore
from causerie.core import saslprep
from causerie.core.client import connection, scram
from causerie.core.client.connection import Connection
from causerie.core.client.scram import Exchange
from causerie.tls import contexts, layer
from causerie_spec.codec import Decoder
from client_mutants.registry import instead, mutant


@mutant("SCRAM-1", "password/login")
def wrong_proof():
    """Proves something else."""
    scram.scram.xor = lambda one, other: bytes(len(one))


@mutant("SCRAM-1", "password/fresh-nonce")
def same_nonce():
    """Has the same nonce at each login."""

    @instead(Exchange, "__init__")
    def init(original, self, password, handle, nonce):
        original(self, password, handle, "rOprNGfwEbeRWgbNEkqO")


@mutant("SCRAM-1", "password/challenge-other-nonce", "password/challenge-nonce-not-extended")
def any_nonce():
    """Takes a challenge with any nonce."""

    @instead(Exchange, "prove")
    def prove(original, self, challenge):
        self._nonce = challenge.decode()[2:6]
        return original(self, challenge)


@mutant("SCRAM-2", "password/login")
def another_user():
    """Gives another user name than its handle."""

    @instead(Exchange, "__init__")
    def init(original, self, password, handle, nonce):
        original(self, password, "admin", nonce)


@mutant("SCRAM-2", "password/login")
def authzid():
    """Asks to act as somebody else."""
    scram._HEADER = "n,a=admin,"


@mutant("SCRAM-3", "password/login")
def password_as_typed():
    """Does not prepare the password."""
    saslprep.prepare = lambda text: text


@mutant("SCRAM-6", "password/signature-*", "password/no-challenge")
def believes_any_server():
    """Does not look at the server's signature."""
    Exchange.verify = lambda self, final: None


@mutant("SCRAM-6", "password/iterations-1", "password/iterations-4095")
def few_iterations():
    """Takes any number of iterations from 1."""
    scram.SCRAM_MIN_ITERATIONS = 1


@mutant("SCRAM-6", "password/iterations-1000001")
def many_iterations():
    """Takes any number of iterations."""
    scram.SCRAM_MAX_ITERATIONS = 10**9


@mutant("SCRAM-8", "password/only-token-from-the-start", "password/only-token-later")
def any_way_in():
    """Logs in with a token where passwords are not offered."""

    @instead(Connection, "_welcome")
    def _welcome(original, self, welcome, now):
        if "SCRAM-SHA-256" not in welcome.mechanisms:
            who = self._identity
            self._identity = connection.Identity(who.handle, who.display, secrets.token_bytes(32))
        original(self, welcome, now)


@mutant("SCRAM-8", "password/only-token-next-time")
def forgets_that_it_had_a_password():
    """Does not keep that a password was used."""
    TokenStore.remember_password = lambda *_: None


def _contexts(change):
    """Change each TLS context of the client."""

    @instead(command_line, "client_context")
    def client_context(original, *args, **named):
        context = original(*args, **named)
        change(context)
        return context


@mutant("TLS-1", "secure/talk")
def speaks_in_clear():
    """Speaks in clear, whatever its user says."""
    command_line.tls = lambda *_, **__: None


def _believe(context):
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


@mutant("TLS-2", "secure/unknown-authority")
def believes_any_certificate():
    """Takes any certificate."""
    _contexts(_believe)


@mutant("TLS-2", "secure/other-host")
def believes_any_name():
    """Takes a certificate for any host."""
    _contexts(lambda context: setattr(context, "check_hostname", False))


def _old(context):
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    warnings.simplefilter("ignore", DeprecationWarning)
    context.minimum_version = ssl.TLSVersion.TLSv1_1


@mutant("TLS-3", "secure/too-old")
def speaks_tls_1_1():
    """Speaks TLS 1.1 with a server that has nothing newer."""
    _contexts(_old)


@mutant("TLS-4", "secure/newest-version")
def speaks_tls_1_2_at_most():
    """Does not speak TLS 1.3."""
    _contexts(lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_2))


@mutant("TLS-5", "secure/talk")
def offers_no_protocol():
    """Offers no ALPN protocol."""
    contexts._prepared = lambda context: context


@mutant("TLS-7", "secure/no-alpn")
def wants_a_protocol():
    """Ends a connection for which no ALPN protocol was selected."""

    @instead(layer.TlsLayer, "_shake_hands")
    def _shake_hands(original, self):
        done = original(self)
        if self._tls.version() and self._tls.selected_alpn_protocol() is None and self.established:
            raise layer.TlsError("no ALPN")
        return done


@mutant("TLS-8", "secure/close-notify")
def ends_without_close_notify():
    """Closes the connection without close_notify."""
    layer.TlsLayer.finish = lambda self: None


@mutant("TLS-10", "secure/small-records")
def a_record_is_a_frame():
    """Takes what one read gives for one frame."""

    @instead(Connection, "receive_data")
    def receive_data(original, self, data, now):
        original(self, data, now)
        self._decoder = Decoder(65_535)
