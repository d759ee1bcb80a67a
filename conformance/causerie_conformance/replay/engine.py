"""Repeats a recorded conversation with a server, and tells whether the same wrong thing comes again.

Standard library alone, Python 3.8 or newer, and nothing imported from beside it: this text is part of the programs
that ``causerie-conformance replay FILE --script`` writes.

In here: connections, pauses, frames as octets, the comparison. Not in here: what frames mean; which octets of them
differ by their nature (clocks, numbers of shared logs) is said by their masks.
"""

from __future__ import annotations

import random
import re
import selectors
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

OTHERWISE, AGAIN, USAGE, UNREACHABLE = range(4)
MOST_BODY = 65_535
START = 16  # octets of what is no frame by which it is known again
PAUSE = 0.25  # seconds: a longer silence before a step was meant, and is kept
RANDOM_NAME = re.compile(rb"(?<=-)[0-9a-f]{15}")  # what follows in a frame may look like more of it
CUT_NAME = re.compile(rb"(?<=-)[0-9a-f]{14}(?![0-9a-f])")  # without its last character: right before it in a list
DAY = 86_400_000  # ms
OF_ITSELF = (0x81, 0x82, 0x83)  # WELCOME, READY, CHALLENGE: what a server says of itself may change


class Step(NamedTuple):
    """``at`` in seconds, the connection (from 0), what was done or came, octets, those that say nothing, words."""

    at: float
    line: int
    what: str
    octets: bytes = b""
    masks: Any = ()
    words: str = ""


class Finding(NamedTuple):
    """What was wrong: its kind, on which connection (-1: not known), its frame there (-1: none), its octets.

    ``rule`` tells a wrong value that differs by its nature: its start and end in the frame, how it is known again
    (``differs`` from the values at the places, ``far`` from now), and the places: connection, frame, start of each.
    """

    kind: str
    line: int = -1
    frame: int = -1
    octets: bytes = b""
    came: str = ""
    rule: Any = ()


class Unreachable(Exception):
    """There is no connection to be had; ``str`` says why."""


def with_fresh_names(steps: list[Step], finding: Finding) -> tuple[list[Step], Finding]:
    """The same with other random names of the same length and order, so that the server has not met them."""
    sent = streams_sent(steps)
    found = sorted({name for octets in [*sent.values(), *(s.octets for s in steps)] for name in names_in(octets)})
    fresh = sorted(b"%015x" % random.getrandbits(60) for _ in found)
    names = {old: fresh[number] for number, old in enumerate(found)}
    names.update({old[:-1]: names[old][:-1] for old in found})

    def renamed(octets: bytes) -> bytes:
        octets = CUT_NAME.sub(lambda match: names.get(match.group(), match.group()), octets)
        return RANDOM_NAME.sub(lambda match: names.get(match.group(), match.group()), octets)

    streams = {line: renamed(octets) for line, octets in sent.items()}
    used = dict.fromkeys(streams, 0)
    made = []
    for step in steps:
        octets = renamed(step.octets)
        if step.what == "send":
            start = used[step.line]
            used[step.line] = end = start + len(step.octets)
            octets = streams[step.line][start:end]
        made.append(step._replace(octets=octets))
    return made, finding._replace(octets=renamed(finding.octets))


def streams_sent(steps: list[Step]) -> dict[int, bytes]:
    """All that is sent on each connection: a name may be cut over several writes."""
    return {
        line: b"".join(step.octets for step in steps if step.line == line and step.what == "send")
        for line in {step.line for step in steps}
    }


def names_in(octets: bytes) -> set[bytes]:
    """The random names in it."""
    return set(RANDOM_NAME.findall(octets))


def same(then: Step, now: bytes) -> bool:
    """Is it the same, but for what differs by its nature?"""
    return masked(then.octets, then.masks) == masked(now, then.masks)


def masked(octets: bytes, masks: Any) -> bytes:
    """The octets with zeros for those that say nothing; without them, if even their number says nothing."""
    made = bytearray(octets)
    for start, end in masks:
        if end is None:
            del made[start:]
            continue
        made[start:end] = bytes(len(made[start:end]))
    return bytes(made)


def number_at(octets: bytes, start: int, end: int) -> int:
    """The number that stands there."""
    return int.from_bytes(octets[start:end], "big")


class Line:
    """One connection now, and what came on it then."""

    def __init__(self, name: str, address: int, then: list[Step], names: set[bytes]) -> None:
        self.name = name
        self.names = names  # those of all who take part
        self.address = address
        self.then = [step for step in then if step.what == "frame"]
        self.ended_then = next((step.what for step in then if step.what in ("fin", "rst")), "")
        self.socket = None  # type: Any
        self.frames = []  # type: list[bytes]
        self.rest = b""
        self.end = ""  # how it has ended now
        self.excused = 0

    @property
    def came(self) -> int:
        """Frames that came, without what others caused."""
        return len(self.frames)

    @property
    def live(self) -> bool:
        """May anything come?"""
        return self.socket is not None and not self.end

    def is_of_others(self, octets: bytes) -> bool:
        """Is it an event that has to do with nobody here?"""
        if not self.names or not is_event(octets) or names_in(octets) & self.names:
            return False
        return not any(same(then, octets) for then in self.then)

    def has_again(self, then: list[Step]) -> bool:
        """Has all of that come again, whatever else has come?"""
        left = list(self.frames)
        for step in then:
            place = next((number for number, octets in enumerate(left) if same(step, octets)), None)
            if place is None:
                return False
            del left[place]
        return True


def is_event(octets: bytes) -> bool:
    """Is this frame an event? They may overtake answers, and come whether this client did anything or not."""
    return octets[4] & 0xF0 == 0xA0 and octets[6:8] == b"\0\0"


def place_among_answers(frames: list[bytes], number: int) -> int:
    """How many answers stand before that frame."""
    return sum(not is_event(octets) for octets in frames[:number])


def last_answer(frames: list[bytes]) -> int:
    """Where the last answer stands; -1 if there is none."""
    return max((place for place, octets in enumerate(frames) if not is_event(octets)), default=-1)


class Player:
    """Plays one recording. ``connect`` makes a connection that does not block; ``say`` takes each line of text."""

    def __init__(
        self,
        lines: list[tuple[str, int]],
        steps: list[Step],
        finding: Finding,
        connect: Callable[[int], Any],
        say: Callable[[str], Any],
        describe: Callable[[bytes], str],
        patience: float,
    ) -> None:
        self.steps = steps
        self.finding = finding
        names = {name for octets in streams_sent(steps).values() for name in names_in(octets)}
        self.lines = [
            Line(name, address, [step for step in steps if step.line == number], names)
            for number, (name, address) in enumerate(lines)
        ]
        self.connect = connect
        self.say = say
        self.describe = describe
        self.patience = patience
        self.began = time.monotonic()

    def play(self) -> int:
        """All of it; the exit status."""
        had = [0] * len(self.lines)
        ended = [False] * len(self.lines)
        before = done = self.steps[0].at if self.steps else 0.0
        try:
            for step in self.steps:
                if step.what == "frame":
                    had[step.line] += 1
                elif step.what in ("fin", "rst"):
                    ended[step.line] = True
                elif step.what != "piece":
                    self._await(had, ended, before - done)
                    self._pause(step.at - before)
                    self._do(step)
                    done = step.at
                before = step.at
            self._last_wait(before - done)
        finally:
            for line in self.lines:
                if line.socket is not None:
                    line.socket.close()
        self._what_did_not_come()
        return self._verdict()

    # What was done

    def _do(self, step: Step) -> None:
        line = self.lines[step.line]
        if step.what == "connect":
            self._connect(line)
        elif line.socket is None:
            return
        elif step.what == "send":
            self._tell(line, "->", step.words)
            self._send(line, step.octets)
        else:
            self._tell(line, "--", f"{step.what} by the suite")
            self._end(line, step.what)

    def _connect(self, line: Line) -> None:
        try:
            line.socket = self.connect(line.address)
        except OSError as error:
            if line is self.lines[0] and self.finding.kind != "refused":
                raise Unreachable(error.strerror or str(error)) from None
            line.end = "refused"
            self._tell(line, "--", f"no connection: {error.strerror or error}")
        else:
            self._tell(line, "--", "connected")

    def _send(self, line: Line, octets: bytes) -> None:
        deadline = time.monotonic() + self.patience
        view = memoryview(octets)
        while view:
            try:
                view = view[line.socket.send(view) :]
            except BlockingIOError:
                if not self._pump(deadline, line):
                    return self._tell(line, "--", f"no room to send for {self.patience:.1f} s")
            except OSError as error:
                return self._tell(line, "--", f"could not send: {error.strerror or error}")
        return None

    def _end(self, line: Line, how: str) -> None:
        try:
            if how == "half-close":
                line.socket.shutdown(socket.SHUT_WR)
                return
            if how == "reset":
                line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError as error:
            self._tell(line, "--", f"could not {how}: {error.strerror or error}")
        if how != "half-close":
            line.socket.close()
            line.socket = None

    # What comes

    def _await(self, had: list[int], ended: list[bool], took: float) -> None:
        """Wait until as much has come on each connection as had come then, which *took* so many seconds."""
        deadline = time.monotonic() + took + self.patience
        while self._missing(had, ended):
            if self._pump(deadline):
                continue
            for line, frames in self._missing(had, ended):
                what = f"{frames} frame{'s'[: frames != 1]}" if frames > 0 else "the end of the stream"
                self._tell(line, "--", f"waited {took + self.patience:.1f} s for {what}, in vain")
                line.excused += max(0, frames)
                ended[self.lines.index(line)] = False
            return

    def _missing(self, had: list[int], ended: list[bool]) -> list[tuple[Line, int]]:
        """Connections on which less has come than had come then, and how many frames less."""
        lacks = [(line, had[number] - line.excused - line.came) for number, line in enumerate(self.lines)]
        return [each for each in lacks if each[0].live and (each[1] > 0 or ended[self.lines.index(each[0])])]

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while seconds > PAUSE and time.monotonic() < deadline and self._pump(deadline):
            pass

    def _last_wait(self, took: float) -> None:
        """Until what was wrong has come again, or something else instead; then it *took* so many seconds."""
        if self.finding.kind == "timeout":
            took = 0.0  # that was the suite's own patience
        deadline = time.monotonic() + took + self.patience
        watched = [self.lines[self.finding.line]] if self.finding.line >= 0 else self.lines
        if self.finding.kind in ("timeout", "end of stream", "reset"):
            while any(line.live and line.came <= len(line.then) for line in watched) and self._pump(deadline):
                pass
        else:
            while any(line.live and line.came < len(line.then) for line in watched) and self._pump(deadline):
                pass
            while self._is_a_piece() and any(line.live for line in watched) and not self._piece_again(watched):
                if not self._pump(deadline):
                    break

    def _pump(self, deadline: float, writes: Any = None) -> bool:
        """Take in what comes until then; did anything happen?"""
        live = [line for line in self.lines if line.live]
        if not live:
            return False
        with selectors.DefaultSelector() as selector:
            for line in live:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line is writes else 0)
                selector.register(line.socket, events, line)
            ready = selector.select(max(0.0, deadline - time.monotonic()))
        for key, events in ready:
            if events & selectors.EVENT_READ:
                self._take(key.data)
        return bool(ready)

    def _take(self, line: Line) -> None:
        try:
            octets = line.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError as error:
            line.end = "rst"
            self._tell(line, "<-", f"connection reset ({error.strerror or error})")
            self._then(line, line.ended_then != "rst")
            return
        if not octets:
            line.end = "fin"
            self._tell(line, "<-", "end of stream (FIN)")
            self._then(line, line.ended_then != "fin")
            return
        line.rest += octets
        self._cut(line)

    def _cut(self, line: Line) -> None:
        while len(line.rest) >= 8:
            size = 8 + int.from_bytes(line.rest[:4], "big")
            if size > 8 + MOST_BODY or len(line.rest) < size:
                return
            octets, line.rest = line.rest[:size], line.rest[size:]
            self._tell(line, "<-", self.describe(octets))
            if line.is_of_others(octets):
                continue
            line.frames.append(octets)
            number = line.came - 1
            self._then(line, number < len(line.then) and not same(line.then[number], octets))

    def _then(self, line: Line, differs: bool) -> None:
        """Show what came then, if it is not what has come now."""
        if not differs:
            return
        number = line.came - 1 + bool(line.end)
        ended = {"fin": "end of stream (FIN)", "rst": "connection reset"}.get(line.ended_then, "nothing more")
        words = line.then[number].words if number < len(line.then) else ended
        self.say(f"{'then':>12}  {line.name:<9} <- {words}")

    def _tell(self, line: Line, arrow: str, words: str) -> None:
        at = (time.monotonic() - self.began) * 1000
        self.say(f"{at:9.1f} ms  {line.name:<9} {arrow} {words}")

    # What it means

    def _what_did_not_come(self) -> None:
        for line in self.lines:
            for step in line.then[line.came :] if not line.end else ():
                self.say(f"{'then':>12}  {line.name:<9} <- {step.words} (did not come now)")

    def _verdict(self) -> int:
        if self.came_again():
            self.say(f"The same wrong thing came again: {self.finding.came}")
            return AGAIN
        self.say("It behaves otherwise now: what was wrong did not come again.")
        return OTHERWISE

    def came_again(self) -> bool:
        """Has the same wrong thing come?"""
        finding = self.finding
        if finding.kind == "refused":
            return any(line.end == "refused" for line in self.lines)
        watched = [self.lines[finding.line]] if finding.line >= 0 else self.lines
        if finding.kind == "timeout":
            return all(line.came <= len(line.then) and line.end in ("", line.ended_then) for line in watched)
        if finding.kind in ("end of stream", "reset"):
            kind = {"end of stream": "fin", "reset": "rst"}[finding.kind]
            return any(line.end == kind and line.came <= len(line.then) for line in watched)
        if finding.frame >= 0:
            return self._frame_again(watched[0]) and self._context_again(watched[0])
        if self._is_a_piece():
            return self._piece_again(watched)
        return all(self._all_again(line) for line in watched)

    def _is_a_piece(self) -> bool:
        return self.finding.frame < 0 and bool(self.finding.octets)

    def _piece_again(self, watched: list[Line]) -> bool:
        """Octets that are no frame: their beginning is told by the program, what follows may be a clock."""
        return any(line.rest.startswith(self.finding.octets[:START]) for line in watched)

    def _all_again(self, line: Line) -> bool:
        """Has come what had come then, and nothing between it?"""
        came = line.frames[: len(line.then)]
        answers = [step for step in line.then if not is_event(step.octets)]
        others = [octets for octets in came if not is_event(octets)]
        in_order = len(answers) == len(others) and all(map(same, answers, others))
        if self.finding.kind == "unexpected frame":  # or it is an event that comes too late
            in_order = in_order and last_answer([step.octets for step in line.then]) == last_answer(came)
        return len(came) == len(line.then) and in_order and line.has_again(line.then)

    def _frame_again(self, line: Line) -> bool:
        """An answer stands where it stood then; an event may have been overtaken, but comes as often."""
        number = self.finding.frame
        wrong = line.then[number]
        then = [step.octets for step in line.then]
        before = sum(same(wrong, octets) for octets in then[:number])
        alike = [place for place, octets in enumerate(line.frames) if same(wrong, octets)]
        if self.finding.kind == "unexpected frame" or not is_event(wrong.octets):
            rank = place_among_answers(then, number)
            alike = [place for place in alike if place_among_answers(line.frames, place) == rank]
            before = 0
        if len(alike) <= before or not self._item_before_again(line, number):
            return False
        return self._by_rule(line.frames[alike[before]])

    def _item_before_again(self, line: Line, number: int) -> bool:
        """Of a list, what is wrong may be the place of an item: the one before it must have come again, before it."""
        ref = line.then[number].octets[6:8]
        then = [step for step in line.then[: number + 1] if step.octets[6:8] == ref]
        now = [octets for octets in line.frames if octets[6:8] == ref]
        if len(then) < 2 or is_event(line.then[number].octets):
            return True
        return len(now) >= len(then) and same(then[-2], now[len(then) - 2])

    def _context_again(self, wrong: Line) -> bool:
        """A frame may be wrong only beside others: all on its connection come again, elsewhere what came after it."""
        offending, count = -1, -1
        for index, step in enumerate(self.steps):
            if self.lines[step.line] is wrong and step.what == "frame":
                count += 1
                if count == self.finding.frame:
                    offending = index
        for line in self.lines:
            beside = [
                step
                for index, step in enumerate(self.steps)
                if step.what == "frame" and self.lines[step.line] is line and (line is wrong or index > offending)
            ]
            if not line.has_again([step for step in beside if step.octets[4] not in OF_ITSELF]):
                return False
        return True

    def _by_rule(self, octets: bytes) -> bool:
        """Is a value wrong again that no comparison with then can tell?"""
        if not self.finding.rule:
            return True
        start, end, rule, places = self.finding.rule
        value = number_at(octets, start, end)
        if rule == "far":
            return abs(value - time.time() * 1000) > DAY
        came = [(self.lines[line].frames[frame:], place) for line, frame, place in places]
        return all(value != number_at(frames[0], place, place + end - start) for frames, place in came if frames)
