"""What waits to be written to one peer, in order, and who caused it.

In here: the queue and its two counts. Events that others cause may pile up only so far, then the reader is cut off;
what a peer causes itself (its answers, and the echoes of what it sends) slows it down instead, and never cuts it off
[LOAD-1, LOAD-4]. Not in here: what is done when a count is too high (`connection`).
"""


class Output:
    """The frames queued for one connection: whole frames, in the order in which they will arrive."""

    __slots__ = ("_chunks", "in_flight", "others", "own")

    def __init__(self) -> None:
        self._chunks: list[tuple[bytes, int]] = []  # an empty deque is ten times as large
        self.own = 0
        """Octets queued that this peer caused itself."""
        self.others = 0
        """Octets queued that others caused."""
        self.in_flight = 0
        """Octets that the shell took and that are not written yet."""

    def put(self, data: bytes, own: int) -> None:
        """Queue whole frames, of which the peer caused *own* octets."""
        self._chunks.append((data, own))
        self.own += own
        self.others += len(data) - own

    def take(self, at_least: int) -> bytes:
        """The next octets to write: about *at_least*, or what there is. Nothing while some are in flight."""
        chunks = self._chunks
        if not chunks or self.in_flight:
            return b""
        if self.own + self.others <= at_least:
            taken, self._chunks = chunks, []
            self.own = self.others = 0
        else:
            size = count = 0
            while count < len(chunks) and size < at_least:
                chunk, own = chunks[count]
                size += len(chunk)
                count += 1
                self.own -= own
                self.others -= len(chunk) - own
            taken = chunks[:count]
            del chunks[:count]
        data = taken[0][0] if len(taken) == 1 else b"".join([chunk for chunk, _ in taken])
        self.in_flight = len(data)
        return data

    def written(self, count: int) -> None:
        """*count* of the octets in flight were taken by the transport."""
        self.in_flight -= count

    def drop(self) -> None:
        """Forget what is queued, not what is in flight: a cut-off reader gets whole frames, then BYE [LOAD-5]."""
        self._chunks.clear()
        self.own = self.others = 0

    def __bool__(self) -> bool:
        return bool(self._chunks) or self.in_flight > 0
