"""Requests that wait for their answers, by ref.

In here: choosing refs [FRAME-12], and judging whether what came with a ref is an answer, or an item of one,
that its request may have (from the messages' own ``ANSWERS`` and ``ITEMS``). Not in here: what an answer
means.
"""

from __future__ import annotations

from causerie.core.client.errors import LocalProtocolError, RemoteProtocolError
from causerie_spec.codes import MAX_REF
from causerie_spec.messages import Bye, Error, Message


class Requests:
    """The refs in use on one connection."""

    __slots__ = ("_last", "_waiting")

    def __init__(self) -> None:
        self._last = 0
        self._waiting: dict[int, Message] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, request: Message) -> int:
        """A ref for the request: 1..65535, none that waits for an answer [FRAME-12].

        Raises `LocalProtocolError` when all refs are in use.
        """
        if len(self._waiting) >= MAX_REF:
            raise LocalProtocolError("all 65535 refs are in use")
        ref = self._last % MAX_REF + 1
        while ref in self._waiting:
            ref = ref % MAX_REF + 1
        self._last = ref
        self._waiting[ref] = request
        return ref

    def match(self, ref: int, message: Message) -> tuple[Message, bool]:
        """The request that the message belongs to, and whether it ends the answer.

        Raises `RemoteProtocolError` when no request waits with that ref, or it cannot be answered so.
        """
        request = self._waiting.get(ref)
        if request is None:
            raise RemoteProtocolError(f"{message.NAME} answers ref {ref}, which nothing was asked with")
        asked, told = getattr(request, "conversation", None), getattr(message, "conversation", None)
        if asked is not None and told is not None and asked != told:
            raise RemoteProtocolError(f"{request.NAME} of {asked} was answered with {message.NAME} of {told}")
        if message.NAME in request.ITEMS:
            return request, False
        if isinstance(message, (Error, Bye)) or message.NAME in request.ANSWERS:
            del self._waiting[ref]
            return request, True
        raise RemoteProtocolError(f"{request.NAME} was answered with {message.NAME}")
