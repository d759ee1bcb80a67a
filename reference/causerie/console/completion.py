"""What Tab offers: commands, conversations, people, themes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from causerie.client.session import Session
from causerie.console.commands import COMMANDS, THEMES

_CONVERSATIONS: Final = ("/msg", "/open", "/who")
_ROOMS: Final = ("/join", "/leave")


class Words(Completer):
    """Completes for one session; ``rooms`` are names of rooms that are known beside it."""

    def __init__(self, session: Session, rooms: Callable[[], Iterable[str]]) -> None:
        self._session = session
        self._rooms = rooms

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """As prompt_toolkit asks."""
        typed, words = self._words(document.text_before_cursor)
        for word in words:
            if word.startswith(typed) and word != typed:
                yield Completion(word, start_position=-len(typed))

    def _words(self, text: str) -> tuple[str, Iterable[str]]:
        command, space, rest = text.partition(" ")
        if text.startswith("/") and not space:
            return text, COMMANDS
        typed = text.rpartition(" ")[2]
        if command in _CONVERSATIONS and " " not in rest:
            return rest, sorted({*self._people(), *self._session.chats, *self._rooms()})
        if command in _ROOMS:
            return rest, sorted({*(name for name in self._session.chats if name[0] == "#"), *self._rooms()})
        if command == "/theme":
            return rest, THEMES
        if command == "/help":
            return rest, [name.lstrip("/") for name in COMMANDS]
        if not space and typed and not typed.startswith("@"):  # at the start of a line one speaks to somebody
            return typed, sorted(f"{name[1:]}: " for name in self._people())
        return typed, sorted(self._people()) if typed.startswith("@") else ()

    def _people(self) -> set[str]:
        directs = {name for name in self._session.chats if name[0] == "@"}
        return directs | {f"@{handle}" for handle in self._session.people.known if handle != self._session.handle}
