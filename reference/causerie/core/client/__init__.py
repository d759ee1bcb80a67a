"""The client core: everything that a chat client decides, and nothing that it does with the outside.

::

    shell (console, window)          shows `events`, calls `Client`'s verbs, usually through the network runner
       │
    client       across connections: phases, what is shown, what is sent again, when to try again
       ├── checks, outbox, membership               what the user wants of the server
       ├── timeline, catchup                        what is shown, and the questions for what was missed
       ├── cursors, typing                          how far the user is (MARK), and who writes (COMPOSE)
       ├── asking                                   what the user asks for: rooms, people, older messages
       ├── saved                                    what an earlier run kept
       ├── backoff, endings                         when to try again, and whether
       └── connection                               one connection: greeting, login, requests, keepalive, QUIT
              └── requests, liveness, scram, signals

In this package: no socket, clock, thread, or randomness of its own, and nothing of any shell.
"""

from causerie.core.client.backoff import Backoff, Randomness
from causerie.core.client.checks import check_room, check_sendable
from causerie.core.client.client import Client, Phase
from causerie.core.client.connection import Identity
from causerie.core.client.endings import Cause, Ending, Next
from causerie.core.client.errors import (
    ClientError,
    ImpostorError,
    LocalProtocolError,
    NotSendable,
    RemoteProtocolError,
)
from causerie.core.client.events import (
    AllTold,
    AskRefused,
    Connected,
    Connecting,
    ConversationTold,
    Disconnected,
    Event,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    MessageWithdrawn,
    OlderCame,
    PeopleListed,
    PersonSeen,
    ReceiptTold,
    RoomJoined,
    RoomLeft,
    RoomRefused,
    RoomsListed,
    Stopped,
    Verb,
    WritingChanged,
)
from causerie.core.client.outbox import Entry, SendState
from causerie.core.client.saved import Saved
from causerie.core.client.scram import Password
from causerie.core.client.timeline import Gap

__all__ = [
    "AllTold",
    "AskRefused",
    "Backoff",
    "Cause",
    "Client",
    "ClientError",
    "Connected",
    "Connecting",
    "ConversationTold",
    "Disconnected",
    "Ending",
    "Entry",
    "Event",
    "Gap",
    "Identity",
    "ImpostorError",
    "LocalProtocolError",
    "LoggedIn",
    "MessageQueued",
    "MessageShown",
    "MessageState",
    "MessageWithdrawn",
    "MessagesMissed",
    "Next",
    "NotSendable",
    "OlderCame",
    "Password",
    "PeopleListed",
    "PersonSeen",
    "Phase",
    "Randomness",
    "ReceiptTold",
    "RemoteProtocolError",
    "RoomJoined",
    "RoomLeft",
    "RoomRefused",
    "RoomsListed",
    "Saved",
    "SendState",
    "Stopped",
    "Verb",
    "WritingChanged",
    "check_room",
    "check_sendable",
]
