"""Failures that can be repeated: what was sent is kept, and sent again.

tape        what goes over a case's connections, octet for octet
recording   a failure as a file, and back
engine      repeats it: connections, pauses, what comes now beside what came then, the verdict
script      the engine and one failure as a Python program that needs nothing else
cli         ``causerie-conformance replay``
"""
