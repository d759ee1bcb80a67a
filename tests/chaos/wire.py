"""A blocking client, a request at a time, straight to the server: what the checks ask it with.

In here: frames by the declarations of `causerie_spec`, nothing of the reference's client.
"""

import socket

from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import CAPABILITIES, MAGIC, MAX_BODY
from causerie_spec.messages import Conversations, Hello, History, Login, Quit

PATIENCE = 60.0
"""Seconds that anything may take."""


class Wire:
    """One connection."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, PATIENCE)
        self._decoder = Decoder(MAX_BODY)
        [self.welcome] = self.ask(Hello(MAGIC, 1, 1, 0, "chaos", CAPABILITIES))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, request):
        """The answer: its items, if it has any, and what ends it. Events are passed over."""
        self.socket.sendall(encode(request, 1))
        answer = []
        while True:
            frame = self._decoder.next_frame()
            if frame is None:
                data = self.socket.recv(262_144)
                if not data:
                    raise ConnectionError(f"the server closed instead of answering {request.NAME}")
                self._decoder.feed(data)
            elif frame.ref:
                message = decode(frame.type, frame.body)
                answer.append(message)
                if message.NAME not in request.ITEMS:
                    return answer

    def login(self, handle, token):
        """READY, or ERROR."""
        return self.ask(Login("TOKEN", handle, handle, token))[-1]

    def conversations(self):
        """All, by name, read in small pages."""
        return {
            each.conversation: each for each in self._pages(lambda last: Conversations(last, 3), "", "conversation")
        }

    def history(self, conversation):
        """The whole log, read from 1 on."""
        return list(self._pages(lambda last: History(conversation, 0, last, 256), 0, "seq"))

    def _pages(self, request, last, name):
        more = True
        while more:
            *items, end = self.ask(request(last))
            assert end.NAME == "END", end
            yield from items
            more = end.more
            last = getattr(items[-1], name) if items else last

    def quit(self):
        """Leave."""
        self.ask(Quit(""))
