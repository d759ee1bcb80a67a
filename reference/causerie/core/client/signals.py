"""What one connection tells its owner (`client`), in order: frozen dataclasses, made in `connection`."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.core.client.endings import Ending
from causerie_spec.messages import Message, Ready, Welcome


@dataclass(frozen=True, slots=True)
class Greeted:
    """WELCOME came."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Admitted:
    """READY came."""

    ready: Ready


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to the request with that ref: complete, unless ``last`` is False (an item of a stream)."""

    ref: int
    request: Message
    answer: Message
    last: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event of the server's."""

    message: Message


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over; nothing follows."""

    ending: Ending


Signal = Greeted | Admitted | Answered | Arrived | Closed
