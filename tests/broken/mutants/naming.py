"""Broken servers that get names wrong."""

from seams import messages

from causerie_spec import names
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import ChatMessage, Error
from mutants.registry import mutant


@mutant("NAME-1")
def newline_ends_a_handle():
    """Lets a newline through at the end of a handle."""
    original = names.is_handle
    names.is_handle = lambda text: original(text.removesuffix("\n"))


@mutant("NAME-1")
def handles_in_capitals():
    """Takes handles with capital letters."""
    original = names.is_handle
    names.is_handle = lambda text: original(text.lower())


@mutant("NAME-2")
def any_display_name():
    """Takes any display name."""
    names.is_display = lambda text: True


@mutant("NAME-3")
def any_conversation_name():
    """Looks for ill-formed conversations instead of refusing them."""
    names.is_conversation = lambda text: True


@mutant("NAME-4")
def unknown_conversations_are_bad_fields():
    """Answers BAD_FIELD for a conversation that does not exist."""
    messages(
        Error, code=lambda error: ErrorCode.BAD_FIELD if error.code == ErrorCode.NO_SUCH_CONVERSATION else error.code
    )


@mutant("NAME-5")
def display_names_count_characters():
    """Refuses display names of more than 20 octets."""
    original = names.is_display
    names.is_display = lambda text: original(text) and len(text.encode()) <= 20


@mutant("NAME-6")
def sender_with_a_sign():
    """Writes the sender with a sign."""
    messages(ChatMessage, sender=lambda message: "@" + message.sender)
