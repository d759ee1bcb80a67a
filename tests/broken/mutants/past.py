"""Broken servers that get wrong what of a log is told to whom."""

from dataclasses import replace

from seams import before, instead, instead_of

from causerie.core import sending
from causerie.core.connection import Connection
from causerie.core.refusal import Refused
from causerie.store.operations import FindPage
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, ErrorCode
from causerie_spec.messages import ChatMessage, Conversation, Presence, Ready
from causerie_spec.states import State
from mutants.registry import mutant


def _last_said():
    """The last MESSAGE of each conversation that anybody heard, by its name, as octets."""
    last = {}

    @instead(sending, "_view")
    def view(original, name, items):
        last[name] = encode(ChatMessage(name, *items[-1][1]))
        return original(name, items)

    return last


@mutant("MSG-12", "history/lobby-is-not-told-twice")
def newcomers_are_told_the_last_line():
    """Sends the last message of the lobby to whoever logs in."""
    last = _last_said()

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, ref)
        if isinstance(message, Ready) and LOBBY in last:
            self.put(last[LOBBY])


@mutant("MSG-12", "history/joiner-is-not-told-the-past")
def joiners_are_told_the_last_line():
    """Sends the last message of a room to whoever joins it."""
    last = _last_said()

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, ref)
        if isinstance(message, Conversation) and message.conversation in last:
            self.put(last[message.conversation])


@mutant("LOBBY-1", "lobby/not-before-login")
def the_lobby_is_for_all():
    """Sends what is said in the lobby to those who have not logged in, too."""

    @instead(sending, "fan_out")
    def fan_out(original, hub, now, key, items):
        original(hub, now, key, items)
        if key == LOBBY:
            for connection in list(hub._connections):
                if connection.state is State.LOGIN:
                    connection.put(sending._view(LOBBY, items)[0])


@mutant("CAP-2", "lobby/nothing-unnegotiated")
def presence_for_all():
    """Tells everybody who logs in, negotiated or not."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, ref)
        if isinstance(message, Ready):
            for connection in list(self.hub._connections):
                if connection.state is State.READY and connection is not self:
                    connection.put(encode(Presence(message.handle, message.display, True, 0)))


@mutant("HIST-5", "history/lobby")
def the_lobby_has_no_past():
    """Refuses HISTORY of the lobby."""

    @before("HISTORY")
    def history(peer, message):
        if message.conversation == LOBBY:
            raise Refused(ErrorCode.NO_SUCH_CONVERSATION, "the lobby has none")
        return message


@mutant("HIST-5", "history/on-another-connection")
def members_by_connection():
    """Lets only the connection that joined read a room."""
    joined = set()

    @before("JOIN")
    def join(peer, message):
        joined.add((peer, message.conversation))
        return message

    @before("HISTORY")
    def history(peer, message):
        if message.conversation.startswith("#") and (peer, message.conversation) not in joined:
            peer.hub.check_exists(message.conversation)
            raise Refused(ErrorCode.NOT_A_MEMBER, "not here")
        return message


@mutant("HIST-3", "history/after-*", "history/before-*")
def nothing_is_the_last_page():
    """Answers the last page where there is nothing on that side of the anchor."""

    @instead_of(FindPage)
    def find_page(original, archive, find):
        page = original(archive, find)
        if isinstance(page, ErrorCode) or page.first <= page.last:
            return page
        return original(archive, replace(find, before=True, anchor=2**64 - 1))
