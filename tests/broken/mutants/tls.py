"""Broken servers that get TLS wrong. What they serve is judged over TLS."""

import ssl

from seams import instead, with_limits

from causerie.server import cli
from causerie.server.tls_transport import TlsTransport
from causerie.tls import layer
from causerie.tls.layer import TlsError, TlsLayer
from causerie_spec.codec import Decoder, encode, frame
from causerie_spec.codes import MAX_BODY
from causerie_spec.messages import Bye
from mutants.registry import mutant


def context_with(change):
    """Have the server's context changed after it was made."""

    @instead(cli, "server_context")
    def server_context(original, *files):
        context = original(*files)
        change(context)
        return context


def cut_off_everybody(transport):
    """End the connections of all."""
    for peer in list(transport._above._server.peers):
        peer._transport.abort()


@mutant("TLS-1")
def other_alpn():
    """Has an ALPN of its own."""
    context_with(lambda context: context.set_alpn_protocols(["causerie/2"]))
    layer.offered_protocols = lambda octets: None


@mutant("TLS-6")
def alpn_of_others_is_taken():
    """Takes clients that want to speak something else."""
    layer.offered_protocols = lambda octets: None


@mutant("TLS-7")
def alpn_is_demanded():
    """Refuses clients that offer no ALPN."""

    @instead(layer, "offered_protocols")
    def offered_protocols(original, octets):
        return original(octets) or []


@mutant("TLS-3")
def old_versions_are_spoken():
    """Speaks TLS 1.1."""

    def change(context):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("DEFAULT@SECLEVEL=0")

    context_with(change)


@mutant("TLS-4")
def the_newest_version_is_not_spoken():
    """Does not speak TLS 1.3, which is worth a warning."""

    def change(context):
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    context_with(change)


@mutant("TLS-8")
def fin_without_close_notify():
    """Ends its stream with FIN alone."""

    def finish(self):
        self.ended = True

    TlsLayer.finish = finish


@mutant("TLS-8")
def close_notify_without_fin():
    """Does not send FIN behind close_notify."""

    @instead(TlsTransport, "__init__")
    def init(original, self, *arguments):
        original(self, *arguments)
        self._sent_fin = True


@mutant("TLS-8")
def close_notify_goes_unnoticed():
    """Waits for FIN."""
    TlsLayer.peer_ended = property(lambda self: False, lambda self, value: None)


@mutant("TLS-9")
def fin_goes_unnoticed():
    """Waits for close_notify."""

    @instead(TlsTransport, "eof_received")
    def eof_received(original, self):
        return not self._layer.peer_ended or original(self)


@mutant("TLS-10")
def a_record_holds_whole_frames():
    """Forgets a piece of a frame at the end of a record."""

    class WholeFrames:
        def __init__(self, tls):
            self._tls = tls

        def __getattr__(self, name):
            return getattr(self._tls, name)

        def read(self, size):
            while record := self._tls.read(size):
                decoder = Decoder(MAX_BODY)
                decoder.feed(record)
                if whole := b"".join(frame(raw.type, raw.body, raw.ref, raw.flags) for raw in decoder):
                    return whole
            return b""

    @instead(TlsLayer, "__init__")
    def init(original, self, *args):
        original(self, *args)
        self._tls = WholeFrames(self._tls)


@mutant("TLS-10")
def a_segment_holds_whole_records():
    """Takes a piece of a record for a broken one."""

    @instead(TlsTransport, "data_received")
    def data_received(original, self, data):
        rest = data
        while len(rest) >= 5:
            rest = rest[5 + int.from_bytes(rest[3:5], "big") :]
        original(self, data)
        if rest:
            self.abort()


@mutant("TLS-11")
def no_limit_for_handshakes():
    """Waits for handshakes for ever."""
    with_limits(handshake_timeout=1e6)


@mutant("TLS-12")
def a_failed_handshake_harms_others():
    """Ends all connections when a handshake fails."""

    @instead(TlsTransport, "_fail")
    def fail(original, self, error):
        original(self, error)
        cut_off_everybody(self)


@mutant("TLS-12")
def plain_frames_are_answered():
    """Answers what is no TLS in plain text."""

    @instead(TlsTransport, "_fail")
    def fail(original, self, error):
        self._below.write(encode(Bye(102, 0, "speak TLS")))
        original(self, error)


@mutant("TLS-12")
def forged_records_are_passed_over():
    """Goes on after a record that cannot be decrypted."""

    @instead(TlsLayer, "receive")
    def receive(original, self, octets):
        try:
            return original(self, octets)
        except TlsError:
            if not self.established:
                raise
            self._outgoing.read()
            return b""


@mutant("TLS-12", "tls/handshake-broken-off")
def a_handshake_given_up_harms_others():
    """Ends all connections when one is reset or ended amid its handshake."""

    @instead(TlsTransport, "connection_lost")
    def connection_lost(original, self, exc):
        broken_off = not self._layer.established
        original(self, exc)
        if broken_off:
            cut_off_everybody(self)
