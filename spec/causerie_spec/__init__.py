"""The Causerie protocol: declarations, messages, codec, clauses, vectors.

Imports neither the reference nor the suite.
"""
