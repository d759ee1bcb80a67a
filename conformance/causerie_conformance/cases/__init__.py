"""The cases, one file a topic (or a generated family), in learning order.

A case has one subject and one fault. It raises nothing itself: it asks, through
`causerie_conformance.client`, for what the clause demands. What it looks for is in PROTOCOL.md; what it takes
for granted was shown by the cases before it.
"""

MODULES = (
    *("hello", "errors", "states", "wire", "vectors", "login", "lobby"),
    *("sending", "direct", "closing", "keepalive", "load", "shutdown", "scram", "scram_messages"),
    *("rooms", "rooms_audience", "history", "txn"),
    *("waiting", "history_load", "lists", "durable"),
    *("receipts", "receipts_in_rooms", "typing", "presence", "presence_watch"),
    *("tls", "cluster"),
)
"""Modules of cases, in learning order."""
