"""The names of what is measured and counted, and what they mean.

In here: tables. Not in here: values (`results`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WRONG: Final[Mapping[str, str]] = {
    "lost": "deliveries lost: ACKed, and never came",
    "undelivered": "deliveries not made, to connections that ended early",
    "duplicated": "deliveries that came again",
    "disordered": "deliveries that came after a later one of the same sender",
    "skipped": "numbers (seq) that were passed over",
    "unordered": "messages whose seq was not above the last",
    "altered": "texts that were not what was sent",
    "misdelivered": "messages in a conversation they were not sent to",
    "stray": "answers to no request",
    "refused": "SENDs refused",
    "unanswered": "SENDs without an answer",
    "ended": "connections that ended early",
}
"""What must not happen, and what it means."""
LATENCIES: Final[Mapping[str, str]] = {
    "delivery": "from when a message was due to when a reader had it",
    "ack": "from when a message was due to when its sender had the ACK",
    "connect": "until TCP, and TLS, is there",
    "login": "from HELLO to READY",
    "lag": "how late the generator's own timers came",
}
"""What is measured in time, and what it means."""


def latencies(*, closed_loop: bool) -> dict[str, str]:
    """The same for a run: where messages are sent as answers come, none is due."""
    sent = {name: meaning.replace("was due", "was sent") for name, meaning in LATENCIES.items()}
    return sent if closed_loop else dict(LATENCIES)
