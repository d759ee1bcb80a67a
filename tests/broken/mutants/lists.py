"""Broken servers that get CONVERSATIONS or ROOMS wrong: what is listed, in which order, how much at once."""

from dataclasses import replace

from seams import before, handlers, instead, instead_of

from causerie.core import rooms
from causerie.core.connection import Connection
from causerie.core.refusal import Refused
from causerie.store.memory import MemoryTables
from causerie.store.operations import Conversations, Listing, Rooms
from causerie_spec import names
from causerie_spec.codes import LOBBY, MAX_PAGE, ErrorCode
from causerie_spec.messages import Conversation
from mutants.registry import mutant


def _lists(change):
    """Change both lists: (listing, wanted) → listing."""
    for operation in (Conversations, Rooms):

        @instead_of(operation)
        def listed(original, self, wanted):
            return change(original(self, wanted), wanted)


@mutant("LIST-1")
def lists_as_people_sort():
    """Lists names in the order of their letters and digits, signs aside."""
    _lists(
        lambda listing, wanted: Listing(
            tuple(sorted(listing.items, key=lambda item: "".join(filter(str.isalnum, item.conversation)))), listing.more
        )
    )


@mutant("LIST-1")
def lists_backwards():
    """Lists names in descending order."""
    _lists(lambda listing, wanted: Listing(listing.items[::-1], listing.more))


@mutant("LIST-1")
def lists_of_512():
    """Lists up to 512 names at once."""
    rooms.MAX_PAGE = 512


@mutant("LIST-1")
def lists_whatever_the_limit():
    """Does not look at the limit."""
    for request in ("CONVERSATIONS", "ROOMS"):

        @before(request)
        def change(peer, message):
            return replace(message, limit=MAX_PAGE if message.limit else 0)


@mutant("LIST-1")
def lists_begin_with_after():
    """Lists the name in `after` too."""

    @instead(MemoryTables, "memberships")
    def memberships(original, self, handle, after, limit):
        mine = self._names.get(handle, {})
        return [mine[name] for name in sorted(name for name in mine if name >= after)[:limit]]

    @instead(MemoryTables, "rooms")
    def list_rooms(original, self, after, limit):
        return original(self, after[:-1] if after in self._conversations else after, limit)


@mutant("LIST-1")
def lists_of_nothing():
    """Answers lists with limit 0 with END."""
    for request in ("CONVERSATIONS", "ROOMS"):

        @before(request)
        def change(peer, message):
            return replace(message, limit=message.limit or 1)


@mutant("LIST-2")
def conversations_without_the_lobby():
    """CONVERSATIONS does not list the lobby."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        if not (isinstance(message, Conversation) and message.conversation == LOBBY):
            original(self, message, ref)


@mutant("LIST-2")
def conversations_of_those_who_wrote():
    """Lists a direct conversation to those who wrote in it only."""

    @instead(MemoryTables, "memberships")
    def memberships(original, self, handle, after, limit):
        keys = original(self, handle, after, limit)
        return [key for key in keys if key[0] == "#" or any(item.sender == handle for item in self._logs[key].messages)]


@mutant("LIST-2")
def conversations_that_were_left():
    """Lists rooms that were left."""

    @instead(MemoryTables, "remove_cursors")
    def remove_cursors(original, self, conversation, handle):
        pass


@mutant("LIST-2")
def rooms_for_those_who_know_them():
    """Lists rooms only to connections that negotiated `rooms`."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        of_a_room = isinstance(message, Conversation) and message.conversation[0] == "#"
        if of_a_room and message.conversation != LOBBY and "rooms" not in self.negotiated:
            return
        original(self, message, ref)


@mutant("LIST-3")
def lists_without_more():
    """Never says that a list goes on."""
    _lists(lambda listing, wanted: Listing(listing.items, more=False))


@mutant("LIST-3")
def full_pages_have_more():
    """Says that there is more whenever a page is full."""
    _lists(lambda listing, wanted: Listing(listing.items, more=len(listing.items) == wanted.limit))


@mutant("LIST-3")
def after_must_be_known():
    """Refuses an `after` that is not a conversation of the asker's."""
    request = handlers["CONVERSATIONS"]

    def ask(peer, now, ref, message):
        known = message.after in ("", LOBBY) or message.after in AFTERS.get(peer.handle, ())
        if names.is_conversation(message.after) and not known:
            peer.refuse(Refused(ErrorCode.NO_SUCH_CONVERSATION, "after"), ref)
        else:
            request(peer, now, ref, message)

    handlers["CONVERSATIONS"] = ask

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        if isinstance(message, Conversation):
            AFTERS.setdefault(self.handle, set()).add(message.conversation)
        original(self, message, ref)


AFTERS: dict[str | None, set[str]] = {}
