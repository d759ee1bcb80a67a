"""Broken servers that get the end of a connection wrong."""

from seams import handlers, instead

from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie_spec.codes import ByeCode
from causerie_spec.states import State
from mutants.registry import mutant


@mutant("CLOSE-1")
def quit_without_bye():
    """Closes at QUIT without BYE."""

    def quit_(peer, now, ref, message):
        peer.hub.logout(peer, now)
        peer._begin_closing(now)

    handlers["QUIT"] = quit_


@mutant("CLOSE-2")
def bye_overtakes_answers():
    """QUIT drops the answers that were not sent yet."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        if ended.code is ByeCode.NORMAL:
            self.output.drop()
        original(self, now, ended, ref)


@mutant("CLOSE-3")
def bye_is_lost_to_a_reset():
    """Closes right after BYE, while octets of the peer are unread."""
    reading = Connection.reading.fget
    Connection.reading = property(lambda self: self.state is not State.CLOSING and reading(self))

    @instead(Connection, "_settle")
    def settle(original, self):
        original(self)
        if self.finished:
            self._close()


@mutant("CLOSE-4")
def the_end_of_the_stream_goes_unnoticed():
    """Does not notice that the client half-closed."""
    Connection.receive_eof = lambda self, now: None


@mutant("CLOSE-4")
def a_piece_of_a_frame_counts():
    """Takes a frame that was cut off by the end of the stream, filled up with zeros."""

    @instead(Connection, "receive_eof")
    def receive_eof(original, self, now):
        if self.decoder.buffered > 8:
            self.receive_data(now, b"z" * 8)
        original(self, now)


@mutant("CLOSE-5")
def ghosts():
    """A handle stays online when its connection ends without QUIT."""

    @instead(Hub, "logout")
    def logout(original, self, connection, now):
        if connection._eof:
            connection.handle = None
        else:
            original(self, connection, now)
