"""The cases of the client role, one file a topic, in learning order.

A case is a function of one `Stage`. It starts the client, plays the server to it, and asks what it shows.
"""

MODULES = (
    *("greeting", "stream", "showing", "screen", "sending", "leaving", "refusals", "faults"),
    *("alive", "returning", "resending", "repairing", "password", "secure"),
)
"""Modules of cases, in learning order."""
