"""What must be true in the end, whatever happened.

In here: the comparison of what was written and what is shown with the logs that the server has. Each finding is a
line for people. Not in here: how the logs were got (`wire`).
"""

from collections import Counter
from itertools import pairwise

from causerie.core.client import SendState
from causerie_spec.codes import LOBBY, Kind


def same(handle, conversation):
    """One name for the two that a direct conversation has."""
    return conversation if conversation[0] == "#" else "@" + " ".join(sorted((handle, conversation[1:])))


def fields(message):
    """What must be the same in the log and on the screen."""
    return message.seq, message.timestamp, message.sender, message.txn, message.kind, message.text


def findings(devices, logs, listed):
    """Everything that is wrong. ``logs`` and ``listed`` (CONVERSATION): by handle, then by conversation."""
    shared = {}
    for handle, own in logs.items():
        for conversation, log in own.items():
            name = same(handle, conversation)
            said = [fields(message) for message in log]
            if shared.setdefault(name, said) != said:
                yield f"{name} is not the same for all: {differs(shared[name], said)}"
            head = listed[handle][conversation].head
            if [message.seq for message in log] != list(range(1, head + 1)):
                yield f"{name} has a head of {head}, and HISTORY from 1 gives {seqs(log)}"
    for name, log in shared.items():
        if any(before[1] > after[1] for before, after in pairwise(log)):
            yield f"{name}: timestamps fall"
    yield from _members(shared, listed)
    yield from _views(devices, logs, shared)
    yield from _written(devices, shared)


def _views(devices, logs, shared):
    """Every device shows what the server has, once and in order [CLIENT-6]."""
    for device in devices:
        yield from (f"{device.name}: {trouble}" for trouble in device.troubles)
        for conversation, log in logs[device.handle].items():
            want = [fields(message) for message in log]
            have = [fields(message) for message in device.view.get(conversation, [])]
            if have != want:
                yield f"{device.name} does not show {conversation} as it is: {differs(want, have)}"
        for conversation in device.view.keys() - logs[device.handle].keys():  # a room that was left
            have = [fields(message) for message in device.view[conversation]]
            want = shared.get(same(device.handle, conversation), [])[: len(have)]
            if have != want:
                yield f"{device.name} did not show {conversation} as it was: {differs(want, have)}"


def _written(devices, shared):
    """What was ACKed is there once, what was not sent is not, and each device's messages are in the order written.

    The order may differ for who left: a refusal that was lost is no refusal when asked again as a member [TXN-5].
    """
    places = {}
    left = {(name, sender) for name, log in shared.items() for _, _, sender, _, kind, _ in log if kind == Kind.LEFT}
    for name, log in shared.items():
        for place, (_, _, sender, txn, kind, text) in enumerate(log):
            if kind < Kind.JOINED:
                places.setdefault((name, sender, txn), []).append((place, kind, text))
    known = Counter()
    for device in devices:
        last = {}
        for txn, (conversation, kind, text, state, _) in device.written.items():
            name = same(device.handle, conversation)
            key = (name, device.handle, txn)
            known[key] += 1
            found = places.get(key, [])
            if state is SendState.SENT and [each[1:] for each in found] != [(kind, text)]:
                times = f"{len(found)} times"
                yield f"{device.name} has an ACK for txn {txn} {text[:30]!r} in {name}, which holds it {times}"
            elif state is not SendState.SENT and found:
                yield f"{device.name} has no ACK for txn {txn} ({state.value}) in {name}, which holds it"
            elif found:
                if found[0][0] < last.get(name, -1) and (name, device.handle) not in left:
                    yield f"{device.name}: {text[:30]!r} in {name} stands before what was written before it"
                last[name] = found[0][0]
    for key in places:
        if known[key] != 1:
            yield f"{key[0]} holds txn {key[2]} of {key[1]}, which {known[key]} devices wrote"


def _members(shared, listed):
    """The rooms that each is in are those that the logs tell of."""
    for name, log in shared.items():
        if name[0] == "#" and name != LOBBY:
            members = set()
            for _, _, sender, _, kind, _ in log:
                if kind in (Kind.JOINED, Kind.LEFT):
                    if (sender in members) == (kind == Kind.JOINED):
                        yield f"{name}: {sender} joined or left twice"
                    (members.add if kind == Kind.JOINED else members.discard)(sender)
            have = {handle for handle, own in listed.items() if name in own}
            counts = {own[name].members for own in listed.values() if name in own}
            if have != members or counts != {len(members)}:
                told = f"{sorted(have)} by CONVERSATIONS, counted {sorted(counts)}"
                yield f"{name} has members {sorted(members)} by its log, {told}"


def differs(want, have):
    """Where two lists of messages part."""
    for place, (one, other) in enumerate(zip(want, have, strict=False)):
        if one != other:
            return f"at place {place + 1}: {short(one)} should be there, {short(other)} is"
    return f"{len(have)} messages instead of {len(want)}"


def short(message):
    """A message, on a line."""
    return f"seq {message[0]} {message[2]} txn {message[3]} kind {message[4]} {message[5][:30]!r}"


def seqs(log):
    """Seqs, in short."""
    return f"{len(log)} messages from {log[0].seq} to {log[-1].seq}" if log else "nothing"
