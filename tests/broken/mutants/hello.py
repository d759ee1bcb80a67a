"""Broken servers that get HELLO, versions and capabilities wrong."""

import itertools
from dataclasses import replace

from seams import before, instead, messages, without_history

from causerie.core.hub import Hub
from causerie.core.refusal import Ended
from causerie_spec import codes
from causerie_spec.codes import ByeCode
from causerie_spec.messages import Pong, Welcome
from mutants.registry import mutant


@mutant("HELLO-2")
def greets_first():
    """Sends PONG as soon as a connection is accepted."""

    @instead(Hub, "connect")
    def connect(original, self, now, peer):
        connection = original(self, now, peer)
        connection.answer(Pong(0), 0)
        return connection


@mutant("HELLO-3")
def no_welcome_for_unknown_capabilities():
    """Ends the connection at a capability that it does not know."""

    @before("HELLO")
    def change(peer, message):
        if message.capabilities:
            raise Ended(ByeCode.MALFORMED, "what is that?")
        return message


@mutant("HELLO-4")
def the_clients_highest_version():
    """Answers with the highest version of the client."""
    highest = {}

    @before("HELLO")
    def change(peer, message):
        highest[0] = message.max_version
        return message

    messages(Welcome, version=lambda message: highest[0])


@mutant("HELLO-5")
def any_version():
    """Takes any range of versions."""

    @before("HELLO")
    def change(peer, message):
        return replace(message, min_version=1, max_version=1)


@mutant("HELLO-6")
def any_magic():
    """Takes any magic."""

    @before("HELLO")
    def change(peer, message):
        return replace(message, magic=codes.MAGIC)


@mutant("HELLO-7")
def an_epoch_for_each_connection():
    """Tells each connection another epoch."""
    epochs = itertools.count(1)
    messages(Welcome, epoch=lambda message: next(epochs))


@mutant("HELLO-8")
def offers_no_mechanism():
    """Lists no login mechanism."""
    messages(Welcome, mechanisms=())


@mutant("CAP-1")
def lists_what_it_has_not():
    """Lists a capability whose requests it does not know."""
    without_history()
    messages(Welcome, capabilities=("rooms",))
