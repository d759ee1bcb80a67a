"""What a client kept from an earlier run, for `Client` to go on from.

In here: the dataclass. Not in here: where it was kept (a shell's local store).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from causerie.core.client.outbox import Entry


@dataclass(frozen=True, slots=True)
class Saved:
    """All of it is of one server and one handle.

    ``epoch`` is the server's at the last login, None if there was none; ``shown`` the highest seq kept of each
    conversation, in that epoch; ``read`` the highest that the user read. ``listed`` says that the server has told of
    all conversations in it: another is new. ``entries`` are the messages of the outbox, in the order in which they were
    written: PENDING if they were never handed to a connection, else DOUBTFUL or UNCONFIRMED.
    """

    epoch: int | None = None
    shown: Mapping[str, int] = field(default_factory=dict)
    read: Mapping[str, int] = field(default_factory=dict)
    listed: bool = False
    entries: tuple[Entry, ...] = ()
