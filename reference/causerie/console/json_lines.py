"""The JSON shell's form: one object a line, both ways, for programs.

In here: a change of the model to an object, and an object to an action. Not in here: reading and writing (`plain`).
Strings are as received, with JSON's own escapes: nothing in a line controls a terminal.
"""

from __future__ import annotations

import json
from typing import Any, Final

from causerie.client import model
from causerie.client.model import WAITING, Entry
from causerie.console.commands import Action, Hint, JoinRoom, Leave, LeaveRoom, say
from causerie.core.client import Ending
from causerie.language import _
from causerie_spec.codes import LOBBY, Kind

DO: Final = ("send", "join", "leave", "quit")
"""What can be done: the values of the key ``do``."""


EXAMPLE: Final = '{"do":"send","conversation":"#lobby","text":"hello"}'


def line(change: model.Change) -> str | None:
    """The line that tells of a change; None for what programs have no use for."""
    told = _told(change)
    return None if told is None else dumps(told)


def dumps(told: dict[str, Any]) -> str:
    """The object on one line of ASCII."""
    return json.dumps(told, separators=(",", ":"))


def entry_line(entry: Entry) -> dict[str, Any]:
    """A message of a log: ``era`` and ``seq`` tell it from all others of its conversation."""
    era, seq = entry.place
    if entry.missing:
        return {"event": "gap", "conversation": entry.conversation, "missing": entry.missing, "era": era, "seq": seq}
    named = {Kind.JOINED: "joined", Kind.LEFT: "left"}.get(Kind(entry.kind)) if entry.kind in set(Kind) else None
    return {
        "event": named or "message",
        "conversation": entry.conversation,
        "era": era,
        "seq": seq,
        "time": entry.timestamp,
        "sender": entry.sender,
        "mine": entry.mine,
        **({} if named else {"kind": entry.kind, "text": entry.text, "txn": str(entry.txn)}),
    }


def trouble_line(text: str) -> str:
    """Something went wrong here."""
    return dumps({"event": "error", "text": text})


def understand(text: str) -> Action | None:
    """What a line means: an object with ``do``, one of `DO`; ``conversation`` (the lobby, if it is left out) and
    ``text`` with send, ``room`` with join and leave. None for a blank line."""
    if not text.strip():
        return None
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or not all(isinstance(value, str) for value in asked.values()):
        return Hint(_("no JSON object of strings: write {example}").format(example=EXAMPLE))
    match asked.get("do"):
        case "send":
            kind = Kind.ACTION if asked.get("kind") == "action" else Kind.TEXT
            return say(asked.get("conversation", LOBBY), asked.get("text", ""), kind)
        case "join":
            return JoinRoom(asked.get("room", ""))
        case "leave":
            return LeaveRoom(asked.get("room", ""))
        case "quit":
            return Leave()
        case _other:
            return Hint(_('"do" is one of: {verbs}').format(verbs=", ".join(DO)))


def _told(change: model.Change) -> dict[str, Any] | None:
    match change:
        case model.EntryAdded(entry) if entry.place[0] != WAITING:
            return entry_line(entry)
        case model.EntryAdded(entry) | model.EntryChanged(entry):
            state = entry.state.value if entry.state is not None else "sent"
            told = {"event": "state", "state": state, "txn": str(entry.txn), "conversation": entry.conversation}
            return told | ({"reason": entry.reason} if entry.reason else {}) | {"text": entry.text}
        case model.StatusChanged(link=link, ending=ending):
            return {"event": "status", "link": link.value} | _why(ending)
        case model.Joined(name, members):
            return {"event": "in", "conversation": name, "members": members}
        case model.Left(name):
            return {"event": "out", "conversation": name}
        case model.Refused(name, verb, code, reason):
            return {"event": "refused", "what": verb, "conversation": name, "code": code, "reason": reason}
        case model.TypingChanged(name):
            return None
        case model.KeepingFailed(reason):
            return {"event": "error", "text": reason}
        case model.Ended(ending, unsent, unconfirmed):
            return {"event": "end", "unsent": unsent, "unconfirmed": unconfirmed} | _why(ending)
        case _other:
            return None


def _why(ending: Ending | None) -> dict[str, Any]:
    if ending is None:
        return {}
    return {"cause": ending.cause.value} | ({} if ending.code is None else {"code": ending.code})
