"""Broken servers that tell of comings and goings at the wrong time, or the wrong people."""

from seams import before, handlers, instead

from causerie.core import presence
from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, PRESENCE
from causerie_spec.messages import Presence
from mutants.registry import mutant


def tells(change):
    """Change how PRESENCE is told: (original, hub, now, watchers, event)."""

    @instead(presence, "tell")
    def tell(original, hub, now, watchers, event):
        change(original, hub, now, tuple(watchers), event)


# When it is told


@mutant("WHO-3")
def logins_are_not_events():
    """Does not tell of logins."""
    tells(lambda original, hub, now, watchers, event: None if event.online else original(hub, now, watchers, event))


@mutant("WHO-4")
def logouts_are_not_events():
    """Does not tell of logouts."""
    tells(lambda original, hub, now, watchers, event: original(hub, now, watchers, event) if event.online else None)


def _told_of_each(name, online):
    """Tell of each login or logout, not only of the first or last."""

    @instead(Hub, name)
    def each(original, self, connection, now, *more):
        handle = more[0] if more else connection.handle
        others = len([other for other in self.roster.connections_of(handle) if other is not connection])
        if handle is not None and others:
            event = Presence(handle, self.roster.display(handle), online, self.wall_ms())
            presence.tell(self, now, self.roster.watchers_of(handle), event)
        original(self, connection, now, *more)


@mutant("WHO-3")
def each_login_is_told():
    """Tells of the second login of a handle too."""
    _told_of_each("login", online=True)


@mutant("WHO-3")
def each_logout_is_told():
    """Tells of each logout, not of the last alone."""
    _told_of_each("logout", online=False)


@mutant("WHO-3")
def once_for_each_watch():
    """Tells a connection as often as it has watches."""

    def change(original, hub, now, watchers, event):
        for watcher in watchers:
            for _ in range(hub.roster.watches(watcher)):
                original(hub, now, [watcher], event)

    tells(change)


@mutant("WHO-3")
def joins_are_logins():
    """Tells those who watch a room that somebody joined, and that somebody left."""

    def tell(hub, handle, room):
        if handle in hub.roster:
            event = Presence(handle, hub.roster.display(handle), True, hub.wall_ms())
            presence.tell(hub, 0.0, hub.roster._watchers.get(room, ()), event)

    for name in ("JOIN", "LEAVE"):
        handler = handlers[name]

        def changed(peer, now, ref, message, handler=handler):
            handler(peer, now, ref, message)
            tell(peer.hub, peer.handle, message.conversation)

        handlers[name] = changed


@mutant("WHO-3")
def refused_logins_are_told():
    """Tells of a LOGIN before it is known whether it succeeds."""
    login = handlers["LOGIN"]

    def told(peer, now, ref, message):
        if message.handle not in peer.hub.roster and message.handle.islower():
            event = Presence(message.handle, "Somebody", True, peer.hub.wall_ms())
            presence.tell(peer.hub, now, peer.hub.roster._watchers.get(LOBBY, ()), event)
        login(peer, now, ref, message)

    handlers["LOGIN"] = told


@mutant("WHO-4")
def presence_behind_bye():
    """Tells of a logout when the connection is closed, not when BYE is queued."""
    late = {}

    @instead(Hub, "logout")
    def logout(original, self, connection, now):
        late[connection] = None

        def keep(original, hub, now, watchers, event):
            late[connection] = (hub, tuple(watchers), event)

        told, presence.tell = presence.tell, lambda *args: keep(None, *args)
        original(self, connection, now)
        presence.tell = told

    @instead(Hub, "forget")
    def forget(original, self, connection):
        original(self, connection)
        kept = late.pop(connection, None)
        if kept is not None:
            hub, watchers, event = kept
            presence.tell(hub, 0.0, watchers, event)


@mutant("WHO-4")
def only_quit_is_a_logout():
    """Tells of those who QUIT, and of nobody who just disconnects or is sent away."""
    quitting = set()
    before("QUIT")(lambda peer, message: quitting.add(peer.handle) or message)
    tells(
        lambda original, hub, now, watchers, event: (
            original(hub, now, watchers, event) if event.online or event.handle in quitting else None
        )
    )


@mutant("REQ-7")
def presence_behind_ready():
    """Tells of a login after the next PONG."""
    late = {}

    def change(original, hub, now, watchers, event):
        if not event.online:
            original(hub, now, watchers, event)
            return
        for watcher in watchers:
            late.setdefault(watcher, []).append(encode(event))

    tells(change)
    ping = handlers["PING"]

    def ping_first(peer, now, ref, message):
        ping(peer, now, ref, message)
        for data in late.pop(peer, ()):
            peer.event(now, data, own=0)

    handlers["PING"] = ping_first


# Who is told


@mutant("WHO-6")
def everybody_watches():
    """Tells everybody who negotiated presence."""

    def change(original, hub, now, watchers, event):
        everybody = [each for handle in hub.roster.online() for each in hub.roster.connections_of(handle)]
        original(hub, now, everybody, event)

    tells(change)


@mutant("WHO-11")
def handles_watch():
    """Tells all connections of a handle of which one watches."""

    def change(original, hub, now, watchers, event):
        handles = dict.fromkeys(watcher.handle for watcher in watchers)
        original(hub, now, [each for handle in handles for each in hub.roster.connections_of(handle)], event)

    tells(change)


@mutant("CAP-2")
def presence_not_negotiated():
    """Tells connections of those who watch that did not negotiate presence."""

    def change(original, hub, now, watchers, event):
        original(hub, now, watchers, event)
        for watcher in watchers:
            for other in hub.roster.connections_of(watcher.handle):
                if PRESENCE not in other.negotiated:
                    other.event(now, encode(event), own=0)

    tells(change)


@mutant("WHO-3")
def one_watches_oneself():
    """Tells who watches itself of its own other devices."""

    @instead(Connection, "become_ready")
    def become_ready(original, self, now, handle):
        original(self, now, handle)
        for other in self.hub.roster.connections_of(handle):
            if other is not self and self.hub.roster.watches(other):
                other.event(now, encode(Presence(handle, "Me", True, self.hub.wall_ms())), own=0)
