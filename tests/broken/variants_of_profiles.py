"""Unusual servers, as in `variants`: what receipts, typing and presence leave open."""

from dataclasses import replace

from seams import before, handlers, instead, without_history
from variants import VARIANTS, variant

from causerie.core import hub, presence
from causerie.core.hub import Hub
from causerie.store.operations import Append, Join, Leave, Mark
from causerie_spec.messages import Presence

__all__ = ["VARIANTS"]


@variant("MARK-6", "--profile", "receipts")
def every_receipt_by_itself():
    """Tells of every request by itself, and skips no RECEIPT: MARK-6 is a MAY."""
    hub._RUN, hub._ALONE = (), (Append, Mark, Join, Leave)


@variant("TYPE-3", "--profile", "typing")
def nobody_types_in_rooms():
    """Drops COMPOSING in rooms and in the lobby."""
    compose = handlers["COMPOSE"]

    def only_direct(peer, now, ref, message):
        if message.conversation[:1] != "#":
            compose(peer, now, ref, message)

    handlers["COMPOSE"] = only_direct


@variant("WHO-7", "--profile", "presence")
def one_on_each_page():
    """Lists one person on each page of WHO, whatever the limit: at least one while any remain."""

    before("WHO")(lambda peer, message: replace(message, limit=min(message.limit, 1)))


@variant("WHO-4", "--profile", "presence")
def who_leaves_hears_of_it():
    """Tells a connection that watches itself of its own logout too."""

    @instead(Hub, "logout")
    def logout(original, self, peer, now):
        handle = peer.handle
        last = handle is not None and len(self.roster.connections_of(handle)) == 1
        if last and peer in self.roster.watchers_of(handle):
            presence.tell(self, now, [peer], Presence(handle, "Gone", False, self.wall_ms()))
        original(self, peer, now)


@variant("MARK-9", "--profile", "receipts", "--profile", "typing", "--profile", "presence", "--profile", "CORE")
def no_history():
    """Has all but history: messages to people offline are refused, and cursors of direct conversations forgotten."""
    without_history(hub.CAPABILITIES)
