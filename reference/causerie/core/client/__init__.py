"""The client core: everything that a chat client decides, and nothing that it does with the outside.

::

    shell (console, window)          shows `events`, calls `Client`'s verbs, usually through the network runner
       │
    client       across connections: phases, what is shown, what is sent again, when to try again
       ├── checks, outbox, membership               what the user wants of the server
       ├── timeline, catchup                        what is shown, and the questions for what was missed
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
    Connected,
    Connecting,
    Disconnected,
    Event,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    RoomJoined,
    RoomLeft,
    RoomRefused,
    Stopped,
)
from causerie.core.client.outbox import SendState
from causerie.core.client.scram import Password
from causerie.core.client.timeline import Gap

__all__ = [
    "Backoff",
    "Cause",
    "Client",
    "ClientError",
    "Connected",
    "Connecting",
    "Disconnected",
    "Ending",
    "Event",
    "Gap",
    "Identity",
    "ImpostorError",
    "LocalProtocolError",
    "LoggedIn",
    "MessageQueued",
    "MessageShown",
    "MessageState",
    "MessagesMissed",
    "Next",
    "NotSendable",
    "Password",
    "Phase",
    "Randomness",
    "RemoteProtocolError",
    "RoomJoined",
    "RoomLeft",
    "RoomRefused",
    "SendState",
    "Stopped",
    "check_room",
    "check_sendable",
]
