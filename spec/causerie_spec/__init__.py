"""The Causerie protocol: declarations, messages, codec, clauses, vectors.

Imports neither the reference nor the suite.
"""

__version__ = "0.1.0"
"""Of the distribution: the servers, the clients and the suite all say this one."""
