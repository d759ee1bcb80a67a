"""Broken servers that get what WHO lists wrong."""

from dataclasses import replace

from seams import before, handlers, instead, instead_of, messages

from causerie.core import presence
from causerie.core.hub import Hub
from causerie.core.refusal import Refused
from causerie.core.requests import check_conversation
from causerie.core.roster import Roster
from causerie.store.operations import Enter, FindPerson, Listing, Members, Person
from causerie_spec.codes import LOBBY, ErrorCode
from causerie_spec.messages import Presence
from mutants.registry import mutant


def _listed(change):
    """Change what a WHO lists: (connection, key, items) → items."""

    @instead(presence, "_answer")
    def answer(original, connection, ref, key, *rest):
        watch, people = rest
        items = tuple(change(connection, key, people.items))
        original(connection, ref, key, watch, replace(people, items=items))


@mutant("WHO-1")
def who_leaves_oneself_out():
    """Does not list who asks."""
    _listed(lambda connection, key, items: [item for item in items if item.handle != connection.handle])


@mutant("WHO-1")
def who_lists_the_first_alone():
    """Lists one person of each page."""
    _listed(lambda connection, key, items: items[:1])


@mutant("WHO-1")
def who_was_ever_in_the_lobby():
    """Lists in the lobby who was ever there."""
    ever = {}

    @instead(Hub, "login")
    def login(original, self, connection, now, *who):
        ever[who[0]] = Person(who[0], who[1], 0)
        original(self, connection, now, *who)

    _listed(
        lambda connection, key, items: (
            sorted(ever.values(), key=lambda person: person.handle)[:256] if key == LOBBY else items
        )
    )


@mutant("WHO-1")
def who_of_a_person_lists_both():
    """Lists who asks beside the person asked for."""
    _listed(
        lambda connection, key, items: (
            sorted({*items, Person(connection.handle, "", 0)}, key=lambda person: person.handle)
            if key[0] == "@"
            else items
        )
    )


@mutant("WHO-1")
def who_of_a_room_lists_those_online():
    """Lists of a room who is online."""
    _listed(
        lambda connection, key, items: (
            items if key[0] == "@" else [item for item in items if item.handle in connection.hub.roster]
        )
    )


@mutant("WHO-1")
def who_for_strangers():
    """Lists the members of a room for everybody."""

    @instead_of(Members)
    def members(original, archive, wanted):
        result = original(archive, wanted)
        if result != ErrorCode.NOT_A_MEMBER:
            return result
        return original(archive, replace(wanted, handle=next(iter(archive._find(wanted.conversation).cursors))))


# Times and names


@mutant("WHO-5")
def last_seen_at_login():
    """Says when somebody logged in, not that they are seen now."""
    _changed(lambda hub, found, since: replace(found, last_seen=since) if found.online else found)


def _changed(change):
    """Change PRESENCE, in lists and events: (hub, PRESENCE, time of login or 0) → PRESENCE."""
    since = {}

    @instead(Hub, "login")
    def login(original, self, connection, now, handle, *more):
        if handle not in self.roster:
            since[handle] = self.wall_ms()
        original(self, connection, now, handle, *more)

    @instead(presence, "_presence")
    def item(original, hub, person):
        return change(hub, original(hub, person), since.get(person.handle, 0))

    @instead(presence, "tell")
    def tell(original, hub, now, watchers, event):
        original(hub, now, watchers, change(hub, event, since.get(event.handle, 0)))


@mutant("WHO-5")
def last_seen_now_of_all():
    """Says of those offline that they are seen now."""
    _changed(lambda hub, found, since: replace(found, last_seen=hub.wall_ms() + 5_000 * (not found.online)))


@mutant("WHO-5")
def last_seen_is_unknown():
    """Never says when somebody offline was seen."""
    messages(Presence, last_seen=lambda message: message.last_seen if message.online else 0)


@mutant("TIME-1", "presence")
def last_seen_in_seconds():
    """Says in seconds when somebody was seen."""
    messages(Presence, last_seen=lambda message: message.last_seen // 1_000)


@mutant("WHO-8")
def handles_for_display_names():
    """Shows handles where display names belong."""
    messages(Presence, display=lambda message: message.handle)


@mutant("WHO-8")
def the_first_display_name_stays():
    """Shows the display name of the first login."""

    @instead(Roster, "enter")
    def enter(original, self, connection, handle, *who):
        display, rooms = who
        return original(self, connection, handle, self._displays.get(handle, display), rooms)


@mutant("WHO-8", "presence/somebody-gone")
def stores_the_first_display_name():
    """Shows the display name of the first login of those who are offline."""

    @instead_of(Enter)
    def enter(original, archive, entering):
        row = archive._tables.person(entering.handle)
        display = entering.display if row is None else row.display
        return original(archive, replace(entering, display=display))


@mutant("WHO-8")
def no_display_name_of_those_offline():
    """Shows nobody's display name but of those online, though it keeps history."""
    messages(Presence, display=lambda message: message.display if message.online else message.handle)


@mutant("WHO-5")
def everybody_is_online():
    """Says of all whom it lists that they are online."""
    messages(Presence, online=True, last_seen=lambda message: message.last_seen or 1_700_000_000_000)


# Pages


@mutant("WHO-7")
def who_descends():
    """Lists from the last to the first."""
    _listed(lambda connection, key, items: reversed(items))


@mutant("WHO-7")
def who_forgets_after():
    """Lists from the start, whatever `after` is."""
    before("WHO")(lambda peer, message: replace(message, after="") if len(message.after) < 33 else message)


@mutant("WHO-7")
def who_includes_after():
    """Lists the handle named by `after` again."""

    before("WHO")(lambda peer, message: replace(message, after=message.after[:-1]) if message.after else message)


@mutant("WHO-7")
def who_has_always_more():
    """Says that there is more behind the last one."""
    _ends(lambda more: True)


@mutant("WHO-7")
def who_has_never_more():
    """Says that there is no more, though there is."""
    _ends(lambda more: False)


def _ends(change):
    @instead(presence, "_answer")
    def answer(original, connection, ref, *rest):
        key, watch, people = rest
        original(connection, ref, key, watch, Listing(people.items, change(people.more)))


@mutant("WHO-7")
def who_has_no_limit():
    """Lists all at once, whatever the limit."""
    presence.MAX_PAGE = 10_000
    before("WHO")(lambda peer, message: replace(message, limit=min(message.limit, 1) * 10_000))


@mutant("WHO-7")
def who_takes_limit_0():
    """Takes limit 0 for no limit."""
    before("WHO")(lambda peer, message: message if message.limit else replace(message, limit=256))


@mutant("WHO-7")
def who_takes_any_after():
    """Takes any `after`."""
    before("WHO")(lambda peer, message: replace(message, after=message.after if message.after.isalnum() else ""))


@mutant("WHO-7")
def who_wants_after_to_exist():
    """Refuses an `after` that nobody has."""

    def check(peer, message):
        if message.after and message.after not in peer.hub.roster:
            raise Refused(ErrorCode.BAD_FIELD, "nobody is called that")
        return message

    before("WHO")(check)


@mutant("ERR-7")
def who_looks_before_it_checks():
    """Looks for the conversation before it checks the other fields."""
    who = handlers["WHO"]

    def checked(peer, now, ref, message):
        if message.conversation in ("#no-such-room", "nowhere"):
            raise Refused(ErrorCode.NO_SUCH_CONVERSATION, "there is none")
        who(peer, now, ref, message)

    handlers["WHO"] = checked


@mutant("WHO-13")
def strangers_are_offline():
    """Says of a handle that nobody has that it is offline."""

    @instead_of(FindPerson)
    def find(original, archive, wanted):
        person = original(archive, wanted)
        return person if isinstance(person, Person) else Person(wanted.handle, wanted.handle, 0)


@mutant("WHO-13")
def no_such_room_is_empty():
    """Lists nobody in a room that there is not."""

    @instead_of(Members)
    def members(original, archive, wanted):
        result = original(archive, wanted)
        return Listing((), more=False) if result == ErrorCode.NO_SUCH_CONVERSATION else result


@mutant("WHO-13")
def those_offline_are_unknown():
    """Knows nobody who is offline, though it keeps history."""
    who = handlers["WHO"]

    def known(peer, now, ref, message):
        check_conversation(message.conversation)
        if message.conversation[0] == "@" and message.conversation[1:] not in peer.hub.roster:
            raise Refused(ErrorCode.NO_SUCH_CONVERSATION, "not online")
        who(peer, now, ref, message)

    handlers["WHO"] = known


@mutant("REQ-2")
def who_is_answered_last():
    """Answers WHO of a person after a WHO of another that came later."""
    held = {}

    @instead(presence, "_answer")
    def answer(original, connection, *who):
        first = held.pop(connection, None)
        if first is None and connection.decoder.buffered:
            held[connection] = who
            return
        original(connection, *who)
        if first is not None:
            original(connection, *first)
