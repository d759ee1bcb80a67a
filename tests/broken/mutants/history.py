"""Broken servers that get HISTORY wrong: which messages, how many, for whom, and what waits for people offline."""

import unicodedata
from dataclasses import replace

from seams import before, instead, instead_of, messages

from causerie.core import history
from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.store import archive
from causerie.store.archive import Archive
from causerie.store.operations import Enter, Exit, FindPage, Join, Page, Read
from causerie_spec.codec import encode
from causerie_spec.codes import MAX_PAGE, ErrorCode, Kind
from causerie_spec.messages import ChatMessage, Conversation, Conversations, End, History, Ready
from mutants.registry import mutant


def _pages(change):
    """Change what a page holds: (page, find, conversation) → page."""

    @instead_of(FindPage)
    def find_page(original, self, find):
        page = original(self, find)
        return change(page, find, self._find(find.conversation)) if isinstance(page, Page) else page


@mutant("HIST-1")
def the_anchor_is_included():
    """HISTORY after an anchor begins with the anchor."""

    @instead_of(FindPage)
    def find_page(original, self, find):
        return original(self, find if find.before else replace(find, anchor=max(0, find.anchor - 1)))


@mutant("HIST-1")
def before_begins_at_the_beginning():
    """HISTORY before an anchor gives the first messages of the log, not the last ones below the anchor."""
    _pages(
        lambda page, find, log: (
            replace(page, first=log.first, last=log.first + page.last - page.first)
            if find.before and page.last >= page.first
            else page
        )
    )


@mutant("HIST-1")
def newest_first():
    """Items come newest first."""

    @instead(history._Answer, "_came")
    def came(original, self, now, result):
        items = (encode(ChatMessage(self._name, *item), self._ref) for item in reversed(result))
        self._connection.put(b"".join(items))
        self._next = result[-1].seq + 1
        self._connection.when_read(self.go_on)


@mutant("HIST-2")
def no_message_at_the_limit():
    """An answer holds one message more than the limit, up to 256."""

    @instead_of(FindPage)
    def find_page(original, self, find):
        return original(self, replace(find, limit=find.limit + (find.limit < MAX_PAGE)))


@mutant("HIST-2")
def pages_of_512():
    """An answer holds up to 512 messages."""
    history.MAX_PAGE = 512


@mutant("HIST-2")
def pages_of_a_mib():
    """An answer holds up to 1 MiB."""
    archive.MAX_PAGE_OCTETS = 2**20


@mutant("HIST-2")
def pages_without_anything():
    """A long message is never given."""
    fitting = Archive._fitting

    def fit(sizes, limit):
        sizes = list(sizes)
        return 0 if sizes and sizes[0] > 16_000 else fitting(sizes, limit)

    Archive._fitting = staticmethod(fit)


@mutant("HIST-3")
def never_more():
    """END never says that there are more."""
    messages(End, more=False)


@mutant("HIST-3")
def always_more_than_nothing():
    """END says that there are more whenever the answer holds something."""
    _pages(lambda page, find, log: replace(page, more=page.last >= page.first))


@mutant("HIST-3")
def anchors_beyond_the_log():
    """An anchor beyond the log is BAD_FIELD."""

    @instead_of(FindPage)
    def find_page(original, self, find):
        if find.anchor > self._find(find.conversation).head + 1:
            return ErrorCode.BAD_FIELD
        return original(self, find)


@mutant("HIST-4")
def limit_0_is_nothing():
    """HISTORY with limit 0 is answered END."""

    @before("HISTORY")
    def change(peer, message):
        return replace(message, limit=message.limit or 1)


@mutant("HIST-4")
def any_direction():
    """Takes every direction above 1 for after."""

    @before("HISTORY")
    def change(peer, message):
        return replace(message, direction=message.direction if message.direction < 2 else 0)


@mutant("HIST-5")
def history_is_public():
    """Everybody reads every log."""

    @instead_of(FindPage)
    def find_page(original, self, find):
        log = self._find(find.conversation)
        if log.is_room and log.cursors:
            find = replace(find, handle=next(iter(log.cursors)))
        return original(self, find)


@mutant("HIST-5")
def from_where_one_joined():
    """A member of a room reads only what was said since it joined."""
    joined = {}

    @instead_of(Join)
    def join(original, self, join):
        result = original(self, join)
        if result.message is not None:
            joined[join.conversation, join.handle] = result.message.seq
        return result

    @instead_of(FindPage)
    def find_page(original, self, find):
        conversation = self._find(find.conversation)
        first = conversation.first
        conversation.first = max(first, joined.get((find.conversation, find.handle), 0))
        page = original(self, find)
        conversation.first = first
        return page


@mutant("HIST-6")
def history_counts_as_events():
    """What HISTORY gives counts toward SLOW_CONSUMER, and is made at once."""
    history._Answer.go_on = _at_once

    @instead(history._Answer, "_came")
    def came(original, self, now, result):
        for item in result:
            self._connection.event(now, encode(ChatMessage(self._name, *item), self._ref))
        self._connection.answer(End(self._page.more), self._ref)


def _at_once(self, now):
    if self._page.first > self._page.last:
        self._connection.answer(End(self._page.more), self._ref)
    else:
        read = Read(self._key, self._page.first, self._page.last, 2**30)
        self._connection.ask_or_refuse(read, self._ref, self._came)


@mutant("HIST-7")
def first_is_0():
    """CONVERSATION says first 0."""
    messages(Conversation, first=0)


@mutant("HIST-7")
def first_is_the_head():
    """CONVERSATION says the head for first."""
    messages(Conversation, first=lambda place: place.head)


@mutant("HIST-9")
def history_is_normalized():
    """Texts are normalized when they are read again."""
    _items(lambda item: item._replace(text=unicodedata.normalize("NFC", item.text)))


@mutant("HIST-9")
def history_without_kinds():
    """Every item of HISTORY is of kind 0."""
    _items(lambda item: item._replace(kind=0))


@mutant("HIST-9")
def history_without_joined():
    """JOINED and LEFT are not in HISTORY."""

    @instead_of(Read)
    def read(original, self, read):
        return tuple(item for item in original(self, read) if item.kind < Kind.JOINED)


@mutant("HIST-9")
def history_is_cut():
    """HISTORY gives no more than 1,000 characters of a text."""
    _items(lambda item: item._replace(text=item.text[:1_000]))


def _items(change):
    @instead_of(Read)
    def read(original, self, read):
        return tuple(change(item) for item in original(self, read))


# What waits


@mutant("DIRECT-5")
def nothing_waits():
    """Refuses messages to somebody who is not online."""

    @instead(Hub, "why_not")
    def why_not(original, self, name):
        if name[0] == "@" and name[1:] not in self.roster:
            return ErrorCode.NO_SUCH_CONVERSATION
        return original(self, name)


@mutant("DIRECT-5")
def read_once():
    """Forgets a direct message as soon as its reader has asked for it."""

    @instead_of(Read)
    def read(original, self, read):
        found = original(self, read)
        log = self._find(read.conversation)
        if log.key[0] == "@" and found and found[-1].seq == log.head:
            log.first = log.head + 1
        return found


@mutant("DIRECT-6")
def waits_for_anybody():
    """Takes messages to handles that nobody ever had."""

    @instead(Archive, "_is_known")
    def is_known(original, self, handle):
        return True


@mutant("MSG-12")
def the_last_message_at_login():
    """Sends the last message of a conversation when one of its people logs in."""
    last = {}

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, ref)
        for item in last.get(self.handle, {}).values() if isinstance(message, Ready) else ():
            self.event(0, encode(item, 0), 0)

    @instead(Archive, "_write")
    def write(original, self, conversation, *message):
        stored = original(self, conversation, *message)
        for handle in conversation.cursors:
            name = archive.name_for(conversation.key, handle)
            last.setdefault(handle, {})[name] = ChatMessage(name, *stored)
        return stored


@mutant("MSG-10")
def live_once_history_was_asked():
    """Begins to deliver live only when a client has asked for something else than CONVERSATIONS."""
    began = set()

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if self.handle is not None and frame.type not in (Conversations.TYPE, History.TYPE):
            began.add(self)
        original(self, now, frame)

    @instead(Connection, "event")
    def event(original, self, now, data, own=0):
        if self in began:
            original(self, now, data, own)


@mutant("TOKEN-5")
def handles_are_freed():
    """Frees a handle when it goes offline, though its messages are kept."""
    freed = set()

    @instead_of(Exit)
    def exit_(original, self, exited):
        freed.add(exited.handle)
        return original(self, exited)

    @instead_of(Enter)
    def enter(original, self, enter):
        if enter.handle in freed:
            freed.discard(enter.handle)
            self._tables.remove_person(enter.handle)
        return original(self, enter)
