"""Broken servers that get time limits, load or shutdown wrong."""

from seams import instead, messages, with_limits

from causerie.core import connection as connections
from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie_spec.messages import Welcome
from causerie_spec.states import State
from mutants.registry import mutant


@mutant("KEEP-1")
def more_keepalive_than_asked():
    """Grants a longer keepalive than was asked."""
    messages(Welcome, keepalive=lambda message: message.keepalive + 1 if message.keepalive else 0)


@mutant("KEEP-2")
def idle_is_never_ended():
    """Never ends an idle connection."""
    connections.IDLE_FACTOR = 1e9


@mutant("KEEP-3")
def only_pings_count():
    """Only PING keeps a connection alive."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        PINGED.setdefault(self, now)
        if frame.type == 4:
            PINGED[self] = now
        original(self, now, frame)

    @instead(Connection, "due")
    def due(original, self):
        due = original(self)
        return min(due, PINGED[self] + 1.5 * self.keepalive) if self.state is State.READY and due else due


PINGED: dict[Connection, float] = {}


@mutant("KEEP-4")
def any_octet_counts():
    """Octets of a frame that is not complete keep a connection alive."""

    @instead(Connection, "receive_data")
    def receive_data(original, self, now, data):
        original(self, now, data)
        self._active_at = now


@mutant("KEEP-6")
def no_login_limit():
    """Waits for a login for ever."""
    with_limits(handshake_timeout=1e6)


@mutant("KEEP-7")
def keepalive_0_is_a_second():
    """Takes keepalive 0 for one second."""

    @instead(Connection, "become_ready")
    def become_ready(original, self, now, handle):
        self.keepalive = self.keepalive or 1
        original(self, now, handle)


@mutant("LOAD-3")
def everybody_waits_for_the_slowest():
    """Reads nobody while one reader has not taken its events."""
    reading = Connection.reading.fget
    Connection.reading = property(
        lambda self: reading(self) and not any(other.output.others > 2**18 for other in self.hub._connections)
    )


@mutant("LOAD-5")
def the_oldest_events_are_dropped():
    """Drops the oldest events of a slow reader instead of cutting it off."""

    @instead(Connection, "event")
    def event(original, self, now, data, own=0):
        while self.output.others > 2**20:
            chunk, _ = self.output._chunks.popleft()
            self.output.others -= len(chunk)
        original(self, now, data, own)


@mutant("LOAD-1")
def queues_without_bound():
    """Never cuts off a reader."""
    with_limits(queue_octets=2**40)


@mutant("LOAD-4")
def fast_senders_are_cut_off():
    """Cuts off a sender whose own echoes pile up."""
    with_limits(own_octets=2**40, queue_octets=64 * 1024)

    @instead(Connection, "event")
    def event(original, self, now, data, own=0):
        original(self, now, data)


@mutant("LOAD-8")
def fifty_connections():
    """Serves fifty connections at once."""
    with_limits(max_connections=50)


@mutant("LOAD-9")
def too_many_without_a_word():
    """Closes a connection over the limit without BYE."""
    with_limits(max_refused=-1)


@mutant("CLOSE-6")
def shutdown_without_bye():
    """Goes down without a word."""

    @instead(Hub, "shut_down")
    def shut_down(original, self, now):
        for connection in list(self._connections):
            connection.lost(now)


@mutant("CLOSE-7")
def all_come_back_at_once():
    """Gives everybody the same advice at shutdown."""
    with_limits(retry_spread_ms=0)


@mutant("CLOSE-8")
def a_reset_ends_everybody():
    """Ends every connection when one is reset."""

    @instead(Connection, "lost")
    def lost(original, self, now):
        abrupt = self.state is not State.CLOSING
        original(self, now)
        if abrupt:
            for other in list(self.hub._connections):
                original(other, now)


@mutant("CLOSE-6")
def goes_down_only_when_all_have_gone():
    """Waits for every peer to close before it goes down."""

    @instead(Connection, "due")
    def due(original, self):
        return None if self.state is State.CLOSING else original(self)
