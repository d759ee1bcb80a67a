"""What is wrong with what passes: the suite's checks of servers and of clients, for connections that go on.

In here: how the checks are kept going where a case would end at the first broken clause, and what must agree between
connections. Not in here: any check (`passive` has those of servers, `client_role.conduct` those of clients).
"""

from __future__ import annotations

import contextlib
from typing import Final

from causerie_conformance.client_role.conduct import Conduct
from causerie_conformance.logs import Logs, Shared
from causerie_conformance.passive import Observer
from causerie_conformance.problems import Violation
from causerie_spec.codec import RawFrame, decode
from causerie_spec.codes import HISTORY
from causerie_spec.errors import PeerError
from causerie_spec.messages import MESSAGES, Hello, Message, Ready, Welcome

FACTS_KEPT: Final = 20_000
"""Messages that are remembered to be held against each other; a tap may run for days."""


class House:
    """What all connections to one server must agree on, as long as it is not started anew."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.welcomed: set[int] = set()
        """Connections that are open and were told an epoch."""

    def begin_anew(self, epoch: int) -> None:
        """The server was started anew, and says so: nothing that was said before binds it."""
        self.shared.epoch = epoch
        self.shared.facts.clear()

    def forget_the_oldest(self) -> None:
        """Hold memory bounded."""
        facts = self.shared.facts
        while len(facts) > FACTS_KEPT:
            del facts[next(iter(facts))]


class _Lasting(Observer):
    """An observer that goes on after a broken clause: it believes the frame, so that the next is judged by itself."""

    def believe(self, raw: RawFrame) -> None:
        """Take a frame that broke a clause for what it says."""
        self._take_answer(raw)
        with contextlib.suppress(PeerError):
            message = decode(raw.type, raw.body)
            if isinstance(message, Welcome):
                self._welcome = message
            elif isinstance(message, Ready):
                self.handle = message.handle
        self._logs = Logs(self._shared)  # numbers are followed from the next message on
        self._logs.handle = self.handle or ""
        self._logs.kept = self._welcome is not None and HISTORY in self._welcome.capabilities

    def _take_answer(self, raw: RawFrame) -> None:
        """It is the answer to the request with its ref, if none was found for it, and those before go without one."""
        if self.answered is not None or raw.ref not in (request.ref for request in self.open):
            return
        first = MESSAGES.get(self.open[0].type)
        kind = MESSAGES.get(raw.type)
        if raw.ref == self.open[0].ref and first is not None and kind is not None and kind.NAME in first.ITEMS:
            return
        while self.answered is None or self.answered.ref != raw.ref:
            self.answered = self.open.popleft()
            self._answered.add(self.answered.ref)
        self._stream = None


class Judge:
    """Judges both sides of one connection. Each frame is judged once; the first clause that it breaks is told."""

    def __init__(self, number: int, house: House) -> None:
        self._number = number
        self._house = house
        self._observer = _Lasting(house.shared)
        self._conduct = Conduct()
        self.began_anew = False
        """Did the last frame tell that the server was started anew?"""

    def sent(self, octets: bytes) -> None:
        """Note octets of the client, as they come: an answer may come before the frame is whole."""
        self._observer.sent(octets)

    def from_client(self, raw: RawFrame, octets: bytes) -> Violation | None:
        """What is wrong with a frame of the client's."""
        try:
            self._conduct.received(raw, octets)
        except Violation as violation:
            with contextlib.suppress(PeerError):
                message = decode(raw.type, raw.body)
                if isinstance(message, Hello) and self._conduct.hello is None:
                    self._conduct.hello = message
            return violation
        return None

    def from_server(self, raw: RawFrame, octets: bytes) -> Violation | None:
        """What is wrong with a frame of the server's."""
        found: Violation | None = None
        self.began_anew = False
        try:
            message: Message | None = self._observer.received(raw, octets)
        except Violation as violation:
            found = violation
            self._observer.believe(raw)
            message = self._decoded(raw)
            if violation.clause == "HELLO-7" and isinstance(message, Welcome) and not self._house.welcomed:
                self._house.begin_anew(message.epoch)
                self.began_anew, found = True, None
        if isinstance(message, Welcome):
            self._house.welcomed.add(self._number)
            self._conduct.welcome = message
        elif isinstance(message, Ready):
            self._conduct.ready = True
        if self._observer.answered is not None:
            self._conduct.answered(self._observer.answered.ref)
        self._house.forget_the_oldest()
        return found

    def over(self) -> None:
        """The connection is no more."""
        self._house.welcomed.discard(self._number)

    @staticmethod
    def _decoded(raw: RawFrame) -> Message | None:
        try:
            return decode(raw.type, raw.body)
        except PeerError:
            return None
