"""Broken servers that get watches wrong: what starts and ends them, and whom they cover."""

from dataclasses import replace

from seams import before, handlers, instead, with_limits

from causerie.core import presence
from causerie.core.refusal import Refused
from causerie.core.roster import Roster
from causerie.store.keys import key_of
from causerie_spec.codes import LOBBY, PRESENCE
from mutants.presence_told import tells
from mutants.registry import mutant


def _who(change):
    """Change what is done with WHO: (original, connection, now, ref, message)."""
    original = handlers["WHO"]
    handlers["WHO"] = lambda *request: change(original, *request)


# What WHO sets


@mutant("WHO-2")
def watches_never_end():
    """Ends no watch by WHO with watch 0."""
    _watched(lambda roster, connection, key: key in roster._watches.get(connection, ()))


def _watched(change):
    """Change what WHO sets: (roster, connection, key) → watch although it says 0?"""

    def who(original, connection, now, ref, message):
        if connection.handle and not message.watch and message.limit and message.conversation[:1] in ("#", "@"):
            key = key_of(message.conversation, connection.handle)
            message = replace(message, watch=change(connection.hub.roster, connection, key))
        original(connection, now, ref, message)

    _who(who)


@mutant("WHO-2")
def who_always_watches():
    """Sets a watch whatever WHO says."""
    _watched(lambda roster, connection, key: True)


@mutant("WHO-2")
def who_ends_all_watches():
    """Ends all watches of a connection by WHO with watch 0."""

    def who(original, connection, now, ref, message):
        if not message.watch:
            for key in list(connection.hub.roster._watches.get(connection, ())):
                connection.hub.roster.unwatch(connection, key)
        original(connection, now, ref, message)

    _who(who)


@mutant("WHO-2")
def a_watch_begins_late():
    """Starts a watch with the connection's next request."""
    late, start = {}, Roster.watch
    Roster.watch = lambda self, connection, key: late.setdefault(connection, []).append(key)
    for name in ("PING", "SEND", "WHO", "JOIN", "LEAVE"):
        handler = handlers[name]

        def first(peer, *request, handler=handler):
            for key in late.pop(peer, ()):
                start(peer.hub.roster, peer, key)
            handler(peer, *request)

        handlers[name] = first


# What a watch covers


@mutant("WHO-9")
def refused_watches():
    """Sets the watch of a WHO that it refuses."""

    def who(original, connection, now, ref, message):
        try:
            original(connection, now, ref, message)
        except Refused:
            if message.conversation == LOBBY:
                connection.hub.roster.unwatch(connection, LOBBY)
                if message.watch:
                    connection.hub.roster.watch(connection, LOBBY)
            raise

    _who(who)


@mutant("WHO-9")
def watches_of_strangers():
    """Sets the watch of a room by WHO of somebody who is not a member."""

    def who(original, connection, now, ref, message):
        room = message.conversation[:1] == "#" and message.conversation != LOBBY
        if room and message.watch and not connection.hub.roster.is_member(connection.handle, message.conversation):
            connection.hub.roster.watch(connection, message.conversation)
        original(connection, now, ref, message)

    _who(who)


@mutant("WHO-9")
def a_page_is_watched():
    """Watches those on the page, and nobody else."""
    pages = {}

    @instead(presence, "_answer")
    def answer(original, connection, ref, key, *rest):
        pages.setdefault(connection, {})[key] = {person.handle for person in rest[-1].items}
        original(connection, ref, key, *rest)

    def change(original, hub, now, watchers, event):
        kept = [each for each in watchers if any(event.handle in page for page in pages.get(each, {}).values())]
        original(hub, now, kept, event)

    tells(change)


@mutant("WHO-10")
def a_watch_of_a_person_ends_with_them():
    """Ends the watch of a person when that person goes offline."""
    _once(lambda key: key[0] == "@")


@mutant("WHO-10")
def a_watch_tells_once():
    """Ends every watch with its first event."""
    _once(lambda key: True)


def _once(which):
    def change(original, hub, now, watchers, event):
        original(hub, now, watchers, event)
        for watcher in watchers:
            for key in list(hub.roster._watches.get(watcher, ())):
                if which(key) and not event.online:
                    hub.roster.unwatch(watcher, key)

    tells(change)


@mutant("WHO-10")
def a_watch_of_a_person_covers_the_lobby():
    """Watches everybody for who watches one person."""

    @instead(Roster, "watch")
    def watch(original, self, connection, key):
        original(self, connection, key)
        if key[0] == "@":
            original(self, connection, LOBBY)


@mutant("WHO-10")
def a_watch_covers_who_is_there():
    """Covers only those who were members when the watch began."""
    members = {}

    @instead(Roster, "watch")
    def watch(original, self, connection, key):
        original(self, connection, key)
        members.setdefault(connection, {})[key] = set(self.members(key))

    def change(original, hub, now, watchers, event):
        kept = [each for each in watchers if any(event.handle in of for of in members.get(each, {}).values())]
        original(hub, now, kept, event)

    tells(change)


@mutant("WHO-10")
def who_left_is_still_covered():
    """Covers who has left the watched room."""
    left = {}

    @instead(Roster, "leave")
    def leave(original, self, handle, room):
        original(self, handle, room)
        if handle in self and self.connections_of(handle):
            left.setdefault(handle, set()).add(room)

    @instead(Roster, "watchers_of")
    def watchers_of(original, self, handle):
        more = {watcher: None for room in left.get(handle, ()) for watcher in self._watchers.get(room, ())}
        return tuple({**dict.fromkeys(original(self, handle)), **more})


@mutant("WHO-11")
def who_elsewhere_ends_a_watch():
    """Ends the watch of all connections of a handle by a WHO with watch 0 on one."""

    def who(original, connection, now, ref, message):
        if not message.watch and message.conversation == LOBBY:
            for other in connection.hub.roster.connections_of(connection.handle):
                connection.hub.roster.unwatch(other, LOBBY)
        original(connection, now, ref, message)

    _who(who)


@mutant("WHO-11")
def watches_outlive_connections():
    """Gives who comes back the watch of the lobby that was there before."""
    watched = set()

    @instead(Roster, "exit")
    def exit_(original, self, connection, handle):
        if LOBBY in self._watches.get(connection, ()):
            watched.add(handle)
        return original(self, connection, handle)

    @instead(Roster, "enter")
    def enter(original, self, connection, handle, *more):
        first = original(self, connection, handle, *more)
        if handle in watched and PRESENCE in connection.negotiated:
            self.watch(connection, LOBBY)
        return first


def _leaving(change):
    """Change whose watch LEAVE ends: (roster, handle, connection that watches) → end it?"""

    @instead(Roster, "leave")
    def leave(original, self, handle, room):
        keep = [
            each
            for each in self.connections_of(handle)
            if room in self._watches.get(each, ()) and not change(self, handle, each)
        ]
        original(self, handle, room)
        for connection in keep:
            self.watch(connection, room)


@mutant("WHO-11")
def leave_ends_no_watch():
    """Ends no watch with LEAVE."""
    _leaving(lambda roster, handle, connection: False)


@mutant("WHO-11")
def leave_ends_one_watch():
    """Ends the watch of the connection that sent LEAVE alone."""
    leavers = set()
    before("LEAVE")(lambda peer, message: leavers.add(peer) or message)
    _leaving(lambda roster, handle, connection: connection in leavers)


@mutant("WHO-11")
def join_brings_the_watch_back():
    """Starts the watch of a room again when who had one joins again."""
    had = set()

    @instead(Roster, "leave")
    def leave(original, self, handle, room):
        had.update((each, room) for each in self.connections_of(handle) if room in self._watches.get(each, ()))
        original(self, handle, room)

    @instead(Roster, "join")
    def join(original, self, handle, room):
        original(self, handle, room)
        for connection in self.connections_of(handle):
            if (connection, room) in had:
                self.watch(connection, room)


@mutant("WHO-11")
def any_leave_ends_the_watch():
    """Ends everybody's watch of a room when anybody leaves it."""

    @instead(Roster, "leave")
    def leave(original, self, handle, room):
        original(self, handle, room)
        for watcher in list(self._watchers.get(room, ())):
            self.unwatch(watcher, room)


@mutant("WHO-12")
def fifteen_watches():
    """Takes fifteen watches, and no more."""
    with_limits(watches=15)
