"""What one connection says, in both directions: octets to frames, each told and judged.

In here: decoding that never fails. Not in here: sockets (`proxy`), words for people (`show`).

What cannot be decoded is told as octets from there on: TLS, which looks like no frame at all, and what stands behind
a header with an impossible length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from causerie_conformance.problems import Kind, Violation
from causerie_conformance.tap.events import Event, Way, What, Witness
from causerie_conformance.tap.judge import House, Judge
from causerie_conformance.transcript import describe_frame
from causerie_spec.codec import Decoder, RawFrame, frame
from causerie_spec.codes import MAX_BODY
from causerie_spec.errors import FrameTooLarge

_TLS: Final = (b"\x16\x03", b"\x15\x03")
"""How a handshake of TLS begins, and an alert: as a length that would be over 350 MB."""
_SHOWN: Final = 24


class Conversation:
    """Follows one connection; *tell* is told of all that happens, *clock* gives seconds since the tap began."""

    def __init__(self, number: int, house: House, tell: Witness, clock: Callable[[], float]) -> None:
        self._number = number
        self._judge = Judge(number, house)
        self._witness = tell
        self._clock = clock
        self._decoders: dict[Way, Decoder | None] = {way: Decoder(limit=MAX_BODY) for way in Way}
        self._began: set[Way] = set()
        self._over: set[Way] = set()

    def tell(self, what: What, text: str, way: Way | None = None) -> None:
        """Tell of something that has no octets."""
        self._witness(Event(self._clock(), self._number, what, way, text=text))

    def heard(self, way: Way, octets: bytes) -> None:
        """Octets came in that direction."""
        decoder = self._decoders[way]
        if decoder is None:
            self._tell_octets(way, octets)
            return
        if way is Way.UP:
            self._judge.sent(octets)
        decoder.feed(octets)
        try:
            for raw in decoder:
                self._began.add(way)
                self._frame(way, raw)
        except FrameTooLarge as error:
            self._no_frame(way, decoder.rest, error)

    def ended(self, way: Way) -> None:
        """That direction was ended in order."""
        self.tell(What.END, f"end of stream (FIN){self._rest(way)}", way)
        self._over.add(way)
        if len(self._over) == len(Way):
            self._judge.over()

    def reset(self, way: Way | None, text: str) -> None:
        """All is over, and not in order; *way* is the direction of whoever did it."""
        rests = "".join(self._rest(each) for each in Way if each not in self._over)
        self.tell(What.RESET, text + rests, way)
        self._judge.over()

    def _rest(self, way: Way) -> str:
        decoder = self._decoders[way]
        if decoder is None or not decoder.rest:
            return ""
        rest = decoder.rest
        self._decoders[way] = None
        self._tell_octets(way, rest)
        return f", after {len(rest)} octets of an incomplete frame of the {way.speaker}"

    def _frame(self, way: Way, raw: RawFrame) -> None:
        octets = frame(raw.type, raw.body, raw.ref, raw.flags)
        words = describe_frame(raw.type, raw.ref, raw.body, raw.flags)
        self._witness(Event(self._clock(), self._number, What.FRAME, way, octets, words, raw))
        if way is Way.UP:
            self._broken(way, self._judge.from_client(raw, octets))
            return
        self._broken(way, self._judge.from_server(raw, octets))
        if self._judge.began_anew:
            self.tell(What.NOTE, "the server has another epoch than before: it was started anew")

    def _broken(self, way: Way, violation: Violation | None) -> None:
        if violation is not None:
            text = f"expected {violation.expected}; came {violation.came}"
            self._witness(
                Event(self._clock(), self._number, What.BROKEN, way, violation.octets, text, violation=violation)
            )

    def _no_frame(self, way: Way, rest: bytes, error: FrameTooLarge) -> None:
        self._decoders[way] = None
        if way not in self._began and rest[:2] in _TLS:
            self._decoders[way.other] = None
            self.tell(What.NOTE, "this is TLS: passed on as it is, not decoded", way)
            self._tell_octets(way, rest)
            return
        self._tell_octets(way, rest)
        came = f"a length of {error.length}: {rest[:_SHOWN].hex(' ')}"
        wanted = f"a frame with a body of at most {MAX_BODY} octets"
        violation = Violation(Kind.UNDECODABLE, wanted, came, clause="FRAME-3", octets=rest[:64], offset=0)
        self._broken(way, violation)
        self.tell(What.NOTE, f"not decoded from here on: what the {way.speaker} sends", way)

    def _tell_octets(self, way: Way, octets: bytes) -> None:
        more = " …" if len(octets) > _SHOWN else ""
        text = f"{len(octets)} octets: {octets[:_SHOWN].hex(' ')}{more}"
        self._witness(Event(self._clock(), self._number, What.OCTETS, way, octets, text))
