"""A recording as the engine takes it: octets with words beside them, and masks over what differs by its nature.

By their nature differ, between two runs on a server: times and the epoch; what a CHALLENGE holds; in the lobby, which
is everybody's, numbers of messages and of members; and all but the beginning of a frame of an unknown type. A value
that is wrong and differs by its nature is known again by what it should have been equal to then, by how far from now
it lies, or by itself: 0, for one, is never right where messages are numbered from 1.

In here: which octets. Not in here: comparing them (`engine`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from causerie_conformance.replay import engine
from causerie_conformance.replay.recording import Recording
from causerie_conformance.replay.tape import CAME, What
from causerie_conformance.transcript import KEEP_OCTETS, describe_octets
from causerie_spec.annotate import Row, annotate
from causerie_spec.codec import Decoder, FrameTooLarge, decode
from causerie_spec.codes import LOBBY, MAX_BODY
from causerie_spec.errors import PeerError
from causerie_spec.messages import MESSAGES, Send

Masks: TypeAlias = tuple[tuple[int, int | None], ...]
TIMES: Final = ("timestamp", "server_time", "last_seen", "epoch")
"""Fields that differ wherever they stand."""
OF_THE_LOBBY: Final = ("seq", "first", "head", "members", "delivered", "read", "all_delivered", "all_read")
"""Fields that differ in frames about the lobby."""
NEVER_0: Final = ("timestamp", "server_time", "last_seen", "seq", "first")
"""Fields whose 0 says something."""
UNKNOWN: Final[Masks] = ((0, 4), (16, None))
"""Of a frame of an unknown type, which may be text in truth: its length, and all but its beginning."""


def lines(recording: Recording) -> list[tuple[str, int]]:
    """The connections: name, and number of the address."""
    return list(recording.connections)


def steps(recording: Recording) -> list[engine.Step]:
    """The steps, with masks and words."""
    to_the_lobby = _to_the_lobby(recording)
    made = []
    for step in recording.steps:
        masks: Masks = ()
        if step.what is What.FRAME:
            masks = tuple(_masks(step.octets, (step.line, step.octets[6:8]) in to_the_lobby))
        made.append(engine.Step(step.at, step.line, step.what.value, step.octets, masks))
    return with_words(made)


def with_words(made: list[engine.Step]) -> list[engine.Step]:
    """The same, with the words for the octets as they are."""
    return [step._replace(words=_words(step.octets)) if step.octets else step for step in made]


def _words(octets: bytes) -> str:
    return describe_octets(octets[:KEEP_OCTETS], cut=len(octets) > KEEP_OCTETS)


def _to_the_lobby(recording: Recording) -> set[tuple[int, bytes]]:
    """Connection and ref of what was sent to the lobby: the number in the ACK is the lobby's."""
    found = set()
    for line in range(len(recording.connections)):
        decoder = Decoder(limit=MAX_BODY)
        octets = [step.octets for step in recording.steps if step.line == line and step.what is What.SEND]
        decoder.feed(b"".join(octets))
        try:
            for raw in decoder:
                if raw.type == Send.TYPE and _is_to_the_lobby(raw.body):
                    found.add((line, raw.ref.to_bytes(2, "big")))
        except FrameTooLarge:
            continue
    return found


def _is_to_the_lobby(body: bytes) -> bool:
    try:
        message = decode(Send.TYPE, body)
    except PeerError:
        return False
    return isinstance(message, Send) and message.conversation == LOBBY


def _masks(octets: bytes, to_the_lobby: bool) -> Iterator[tuple[int, int | None]]:
    if octets[4] not in MESSAGES:
        yield from UNKNOWN
        return
    for frame in annotate(octets)[:1]:
        of_the_lobby = to_the_lobby or any(
            row.field == "conversation" and row.octets == LOBBY.encode() for row in frame.rows
        )
        for row in frame.rows:
            if row.field in NEVER_0 and not any(row.octets):
                continue
            if row.field in TIMES or (row.field in OF_THE_LOBBY and of_the_lobby) or _is_nonce(frame.name, row):
                yield row.offset, row.offset + len(row.octets)


def _is_nonce(name: str, row: Row) -> bool:
    return name == "CHALLENGE" and row.field == "payload"


def finding(recording: Recording, made: list[engine.Step]) -> engine.Finding:
    """What was wrong, and how it is known again; takes the mask from a value that nothing else tells."""
    wrong = recording.wrong
    line = -1 if wrong.connection is None else wrong.connection
    places = [number for number, step in enumerate(made) if step.line == line and step.what == What.FRAME.value]
    frames = [frame for frame, place in enumerate(places) if made[place].octets == wrong.octets]
    frame = frames[-1] if frames else -1
    rule: tuple[object, ...] = ()
    mask = _mask_over(wrong.offset, made[places[frame]]) if frame >= 0 else None
    if mask is not None:
        then = made[places[frame]]
        rule = _rule(recording, made, then, mask)
        if not rule:
            made[places[frame]] = then._replace(masks=tuple(each for each in then.masks if each != mask))
    return engine.Finding(wrong.kind.value, line, frame, wrong.octets, f"{wrong.came} [{wrong.clause}]", rule)


def _mask_over(offset: int | None, step: engine.Step) -> tuple[int, int] | None:
    """The mask over the wrong octet."""
    if offset is None:
        return None
    return next(((start, end) for start, end in step.masks if end is not None and start <= offset < end), None)


def _rule(
    recording: Recording, made: list[engine.Step], then: engine.Step, mask: tuple[int, int]
) -> tuple[object, ...]:
    """How a wrong value is known again that is under a mask."""
    start, end = mask
    should = recording.wrong.should
    if should and (places := _places(made, _field(then.octets, start), should[start:end])):
        return start, end, "differs", places
    value = engine.number_at(then.octets, start, end)
    if _is_time(then.octets, start) and abs(value - recording.began * 1000) > engine.DAY:
        return start, end, "far", ()
    return ()


def _is_time(octets: bytes, offset: int) -> bool:
    return _field(octets, offset) in set(TIMES) - {"epoch"}


def _field(octets: bytes, offset: int) -> str:
    """The name of the field that begins there."""
    return next((row.field for row in annotate(octets)[0].rows if row.offset == offset), "")


def _places(made: list[engine.Step], field: str, value: bytes) -> tuple[tuple[int, int, int], ...]:
    """Where that value came under a mask: connection, frame, offset; by chance in a field of another name too."""
    counts: dict[int, int] = {}
    named: dict[bool, list[tuple[int, int, int]]] = {True: [], False: []}
    for step in made:
        if step.what != What.FRAME.value:
            continue
        number = counts[step.line] = counts.get(step.line, -1) + 1
        for start, end in step.masks:
            if end is not None and step.octets[start:end] == value:
                named[_field(step.octets, start) == field].append((step.line, number, start))
    return tuple(named[True] or named[False])


def is_the_servers(step: engine.Step) -> bool:
    """Did it come?"""
    return step.what in {what.value for what in CAME}
