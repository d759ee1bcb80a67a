"""What a run has learned of a server that is not finished: steps that fail whichever case takes them, and silence.

A case's way leads over steps that other cases are about: HELLO, LOGIN, PING, SEND. Where such a step has failed several
times in a row, the cases that need it are not run any more, except those that are about it: they could tell nothing,
and cost their time limits. A request that was never answered is waited for only shortly, for the same reason.

In here: counting. Not in here: what becomes of a case whose way is blocked (`session`).
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Final

from causerie_conformance.problems import Blocked, Problem
from causerie_conformance.transcript import frame_name

IN_A_ROW: Final = 3
"""Failures of a step, none of them better in between, that block it."""
MUTE_SHARE: Final = 5
"""By this patience is divided where a request has been waited for in vain so often."""


class Experience:
    """What all cases of a run share. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: Counter[str] = Counter()
        self._broken: dict[str, str] = {}
        self._in_vain: Counter[int] = Counter()
        self._answered: set[int] = set()

    def failed(self, clause: str, broken: str) -> None:
        """A step that is about that clause has failed on the way; *broken* is the clause that it broke."""
        with self._lock:
            self._failed[clause] += 1
            self._broken[clause] = broken

    def worked(self, clause: str) -> None:
        """It has not."""
        if clause in self._failed:
            with self._lock:
                del self._failed[clause]

    def blocks(self, clause: str) -> str:
        """What that step breaks, if it has failed so often that there is no use in trying it again; else nothing."""
        return self._broken[clause] if self._failed[clause] >= IN_A_ROW else ""

    def answered(self, type_: int) -> None:
        """A request of that type was answered, be it by ERROR."""
        self._answered.add(type_)

    def in_vain(self, type_: int) -> None:
        """A request of that type was not answered."""
        with self._lock:
            self._in_vain[type_] += 1

    def is_mute(self, type_: int) -> bool:
        """Has no request of that type ever been answered, however often it was waited for?"""
        return type_ not in self._answered and self._in_vain[type_] >= IN_A_ROW

    @property
    def unanswered(self) -> frozenset[str]:
        """The names of requests that were waited for in vain, and never answered."""
        with self._lock:
            return frozenset(frame_name(type_) for type_ in self._in_vain if type_ not in self._answered)


class Way:
    """One case's way: *about* are the clauses of the case, which never block it."""

    def __init__(self, experience: Experience | None = None, about: tuple[str, ...] = ()) -> None:
        self.experience = experience or Experience()
        self._about = about

    @contextlib.contextmanager
    def step(self, clause: str) -> Iterator[None]:
        """A step on the way, as with `assuming`; raises `Blocked` instead of taking a step that does not work."""
        broken = self.experience.blocks(clause)
        if broken and not {clause, broken} & set(self._about):
            raise Blocked(broken)
        try:
            yield
        except Problem as problem:
            if problem.clause is None:
                problem.clause, problem.assumed = clause, True
            self.experience.failed(clause, problem.clause)
            raise
        self.experience.worked(clause)
