"""What must survive a sudden death besides messages: looked at in each life, straight at the server.

In here: one person who reads, marks and never writes. Epoch [DUR-3]; membership, reservations and cursors [DUR-2];
heads that do not fall [DUR-4].
"""

from people import token
from wire import Wire

from causerie_spec.codes import LOBBY, ErrorCode
from causerie_spec.messages import Join, Mark, Who

HANDLE = "auditor"
ROOM = "#ops"


class Auditor:
    """`look` is called once in each life; it returns what is wrong."""

    def __init__(self, rng):
        self._rng = rng
        self._epoch = None
        self._left = {}  # the conversations, as they were told before the server died

    def look(self, address, handles):
        """Compare with the life before, then move the cursors."""
        with Wire(address) as wire:
            ready = wire.login(HANDLE, token(HANDLE))
            if ready.NAME != "READY":
                return [f"{HANDLE} cannot log in again: {ready}"]
            found = list(self._compare(wire))
            if not self._left:
                wire.ask(Join(ROOM))
            for conversation in (LOBBY, ROOM):
                head = wire.conversations()[conversation].head
                [answer] = wire.ask(Mark(conversation, self._rng.randint(0, head), self._rng.randint(0, head)))
                if answer.NAME != "OK":
                    found.append(f"MARK was answered {answer}")
            self._left = wire.conversations()
            wire.quit()
        with Wire(address) as wire:
            for handle in handles:
                answer = wire.login(handle, b"somebody else's token".ljust(32, b"."))
                if answer.NAME != "ERROR" or answer.code != ErrorCode.HANDLE_TAKEN:
                    found.append(f"{handle} is not reserved any more: {answer}")
        return found

    @staticmethod
    def sees(address, handle):
        """Is that person online?"""
        with Wire(address) as wire:
            wire.login(HANDLE, token(HANDLE))
            presence, _ = wire.ask(Who(f"@{handle}", "", 1, False))
            return presence.online

    def _compare(self, wire):
        epoch, self._epoch = self._epoch, wire.welcome.epoch
        if epoch not in (None, wire.welcome.epoch):
            yield f"the epoch was {epoch} and is {wire.welcome.epoch}"
        told = wire.conversations()
        for conversation, before in self._left.items():
            now = told.get(conversation)
            if now is None:
                yield f"{HANDLE} is not in {conversation} any more"
            elif (now.delivered, now.read) != (before.delivered, before.read):
                yield f"the cursors in {conversation} were {before} and are {now}"
            elif now.head < before.head or now.first != before.first:
                yield f"the log of {conversation} was {before} and is {now}"
