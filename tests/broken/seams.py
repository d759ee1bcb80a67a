"""Where a broken server is broken: the few places of the reference at which mutants change what it does.

In here: patches of the reference core, for one process that does nothing else. Not in here: any mutant.
"""

import dataclasses
from collections.abc import Callable

from causerie.core import connection, history, hub, presence, receipts, sending, typing
from causerie.server import cli, storage
from causerie.store import archive
from causerie_spec.codec import encode
from causerie_spec.messages import Ack, ChatMessage, Message

_ENCODERS = (connection, sending, history, presence, receipts, typing)
"""The modules that encode frames."""


def _pack_by_encoding(module, name: str, kind: type[Message]) -> None:
    setattr(module, name, lambda ref, *values: module.encode(kind(*values), ref))


# Where the reference is quick, a broken server goes the common way, in which there are more places to break it.
history.encode = encode
_pack_by_encoding(history, "pack_message", ChatMessage)
_pack_by_encoding(sending, "pack_message", ChatMessage)
_pack_by_encoding(sending, "pack_ack", Ack)
connection.Connection._take_sends = lambda self, now: False

handlers = dict(hub.HANDLERS)
hub.Hub.handlers = handlers


def frames(change: Callable[[bytes, Message, int], bytes]) -> None:
    """Change the octets of every frame that the server sends: (octets, message, ref) → octets."""
    for module in _ENCODERS:
        original = module.encode

        def encode(message, ref=0, original=original):
            return change(original(message, ref), message, ref)

        module.encode = encode


def messages(kind: type[Message], /, **fields: object) -> None:
    """Change fields of every message of that kind that the server sends: a value, or a function of the message."""

    def change(message, ref):
        if isinstance(message, kind):
            new = {name: value(message) if callable(value) else value for name, value in fields.items()}
            message = dataclasses.replace(message, **new)
        return message

    for module in _ENCODERS:
        original = module.encode

        def encode(message, ref=0, original=original):
            return original(change(message, ref), ref)

        module.encode = encode


def instead(owner: object, name: str) -> Callable[[Callable], Callable]:
    """Decorator: the function stands in place of `owner.name`, and gets the original as first argument."""

    def replace(function):
        original = getattr(owner, name)

        def patched(*args, **kwargs):
            return function(original, *args, **kwargs)

        setattr(owner, name, patched)
        return function

    return replace


def instead_of(operation: type) -> Callable[[Callable], Callable]:
    """Decorator: the function (original, archive, operation) → result stands in place of what the archive does."""

    def replace(function):
        original = archive._DO[operation]
        archive._DO[operation] = lambda self, asked: function(original, self, asked)
        return function

    return replace


def before(request: str) -> Callable[[Callable], Callable]:
    """Decorator: the function (connection, message) may change the message of a request before it is handled."""

    def replace(function):
        original = handlers[request]

        def patched(peer, now, ref, message):
            return original(peer, now, ref, function(peer, message))

        handlers[request] = patched
        return function

    return replace


def without_history(capabilities=frozenset()):
    """Have a server that keeps no message, and offers these capabilities."""
    original = storage.MemoryStore
    storage.MemoryStore = lambda *settings, **named: original(*settings, **{**named, "history": False})
    cli.CAPABILITIES = capabilities


def with_limits(**broken):
    """Have the server started with these limits, whatever its options say."""
    original = cli.Limits
    cli.Limits = lambda **settings: original(**{**settings, **broken})
