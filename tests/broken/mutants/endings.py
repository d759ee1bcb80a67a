"""Broken servers that get wrong what is left when a connection ends, or how long one may be silent."""

from seams import instead

from causerie.core.connection import IDLE_FACTOR, Connection
from causerie_spec.codes import ByeCode
from causerie_spec.messages import Ping
from causerie_spec.states import State
from mutants.registry import mutant


@mutant("CLOSE-5", "closing/offline-*")
def who_was_sent_away_stays_online():
    """Counts a handle as online for ever if its last connection was ended by BYE."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        logout, self.hub.logout = self.hub.logout, lambda *_: None
        try:
            original(self, now, ended, ref)
        finally:
            self.hub.logout = logout


@mutant("CLOSE-4", "closing/whole-frames-count")
def the_end_undoes():
    """Waits with what a connection sends until it sends more, and drops it at the end of the stream."""

    @instead(Connection, "receive_data")
    def receive_data(original, self, now, data):
        waiting = unprocessed.pop(self, b"")
        if self.state is State.READY:
            unprocessed[self] = data
            data = b"" if b"\x04" in data[4:5] else data
            if not data:
                original(self, now, waiting + unprocessed.pop(self))
                return
        original(self, now, waiting)

    unprocessed = {}


@mutant("LOAD-2", "load/slow-reader-told")
def slow_readers_are_dropped():
    """Closes the connection of a slow reader without a word."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        if ended.code is ByeCode.SLOW_CONSUMER:
            self.lost(now)
        else:
            original(self, now, ended, ref)


@mutant("KEEP-3", "keepalive/kept-alive-by-*")
def pings_do_not_count():
    """Counts a connection that sends nothing but PING as silent."""

    @instead(Connection, "_next")
    def next_(original, self, now):
        active = self._active_at
        frame = original(self, now)
        if getattr(frame, "type", 0) == Ping.TYPE and self.keepalive:
            self._active_at = active
        return frame


@mutant("KEEP-6", "keepalive/login-limit-*")
def the_login_limit_goes_on():
    """Ends a connection when the time for its login is over, though it has logged in."""

    @instead(Connection, "due")
    def due(original, self):
        when = original(self)
        limit = self._accepted_at + self.hub.limits.handshake_timeout
        return limit if self.state is State.READY and not self.keepalive and when is None else when


@mutant("KEEP-5", "keepalive/while-not-read")
def a_full_queue_is_silence():
    """Counts the time in which it does not read a connection as that connection's silence."""

    @instead(Connection, "_idle_limit")
    def idle_limit(original, self):
        return IDLE_FACTOR * self.keepalive

    @instead(Connection, "written")
    def written(original, self, now, count):
        active = self._active_at
        original(self, now, count)
        self._active_at = active
