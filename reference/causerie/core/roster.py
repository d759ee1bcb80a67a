"""Who is online, in which rooms, and who watches whom: what the hub must know at once, without asking a store.

In here: memberships of those who are online, as the store told them, and watches. Not in here: what anybody is told
(`presence`, `sending`), members who are offline (`causerie.store`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from causerie.store.keys import handles_of
from causerie_spec.codes import LOBBY

if TYPE_CHECKING:
    from causerie.core.connection import Connection

Connections = dict["Connection", None]
"""A set that keeps its order."""


class Roster:
    """The people online, and the watches of their connections."""

    def __init__(self) -> None:
        self._online: dict[str, Connections] = {}
        self._displays: dict[str, str] = {}
        self._rooms: dict[str, dict[str, None]] = {}
        """The members of each room who are online."""
        self._rooms_of: dict[str, set[str]] = {}
        self._watchers: dict[str, Connections] = {}
        """By what they watch: a conversation that has members who come and go, or `@` and one person's handle."""
        self._watches: dict[Connection, dict[str, tuple[str, ...]]] = {}
        """By the conversation's key: what is watched for it."""

    # Who is online.

    def enter(self, connection: Connection, handle: str, display: str, rooms: Iterable[str]) -> bool:
        """A connection belongs to *handle* from now on. Returns whether that is its first."""
        self._displays[handle] = display
        mine = self._online.get(handle)
        if mine is not None:
            mine[connection] = None
            return False
        self._online[handle] = {connection: None}
        self._rooms_of[handle] = set()
        for room in rooms:
            self.join(handle, room)
        return True

    def exit(self, connection: Connection, handle: str) -> bool:
        """It does so no more. Returns whether that was its last; if so, `forget` is called next."""
        for key in list(self._watches.get(connection, ())):
            self.unwatch(connection, key)
        mine = self._online[handle]
        del mine[connection]
        return not mine

    def forget(self, handle: str) -> None:
        """The handle is not online any more."""
        del self._online[handle]
        del self._displays[handle]
        for room in list(self._rooms_of[handle]):
            self.leave(handle, room)
        del self._rooms_of[handle]

    def __contains__(self, handle: str) -> bool:
        return handle in self._online

    def __len__(self) -> int:
        return len(self._online)

    def display(self, handle: str) -> str:
        """The display name of somebody online [LOGIN-6]."""
        return self._displays[handle]

    def online(self) -> Iterable[str]:
        """Everybody's handles."""
        return self._online.keys()

    def connections_of(self, handle: str) -> Iterable[Connection]:
        """The logged-in connections of a handle. (A copy: a slow one may be cut off on the way.)"""
        return tuple(self._online.get(handle, ()))

    # Who is where.

    def join(self, handle: str, room: str) -> None:
        """Somebody, if online, is a member of a room."""
        if handle in self._online:
            self._rooms.setdefault(room, {})[handle] = None
            self._rooms_of[handle].add(room)

    def leave(self, handle: str, room: str) -> None:
        """Somebody is not, and so cannot watch it [WHO-3]."""
        members = self._rooms.get(room)
        if members is None or handle not in members:
            return
        del members[handle]
        if not members:
            del self._rooms[room]
        self._rooms_of[handle].discard(room)
        for connection in self._online.get(handle, ()):
            self.unwatch(connection, room)

    def is_member(self, handle: str, key: str) -> bool:
        """Is somebody who is online a member of a conversation?"""
        return key == LOBBY or key[0] == "@" or handle in self._rooms.get(key, ())

    def members(self, key: str) -> Iterable[str]:
        """The handles of a conversation's members, of those of a room the ones online [LOBBY-1]. (A copy, likewise.)"""
        if key[0] == "@":
            return handles_of(key)
        return tuple(self._online) if key == LOBBY else tuple(self._rooms.get(key, ()))

    # Who watches whom.

    def watch(self, connection: Connection, key: str) -> None:
        """A connection watches a conversation [WHO-2]."""
        subjects = (key,) if key[0] == "#" else tuple(f"@{handle}" for handle in handles_of(key))
        self._watches.setdefault(connection, {})[key] = subjects
        for subject in subjects:
            self._watchers.setdefault(subject, {})[connection] = None

    def unwatch(self, connection: Connection, key: str) -> None:
        """It does so no more."""
        watches = self._watches.get(connection, {})
        for subject in watches.pop(key, ()):
            if any(subject in others for others in watches.values()):
                continue
            watchers = self._watchers[subject]
            del watchers[connection]
            if not watchers:
                del self._watchers[subject]
        if not watches:
            self._watches.pop(connection, None)

    def watches(self, connection: Connection) -> int:
        """How many conversations a connection watches."""
        return len(self._watches.get(connection, ()))

    def watchers_of(self, handle: str) -> Iterable[Connection]:
        """Who watches a conversation of which somebody online is a member, each once [WHO-3]."""
        subjects = (LOBBY, f"@{handle}", *self._rooms_of[handle])
        return tuple({watcher: None for subject in subjects for watcher in self._watchers.get(subject, ())})
