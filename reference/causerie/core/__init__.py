"""The core: everything a Causerie peer decides, and no I/O.

Nothing in this package imports socket, asyncio, threading, time or a window system. Time is an argument (`now`, seconds
on a clock that never goes back); octets come in and go out as bytes. Shells move them.
"""
