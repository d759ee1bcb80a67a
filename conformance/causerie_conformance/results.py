"""What a run found, as data: for the terminal, the reports, and whatever is built on them later.

In here: typed results, verdicts and exit statuses. Not in here: how they are shown (`report`), how they are
found (`runner`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from causerie_conformance.problems import Kind, Problem
from causerie_conformance.registry import Case
from causerie_conformance.transcript import Transcript
from causerie_spec.codes import PROFILES


class Status(str, Enum):
    """What became of a case. Values are stable: reports contain them."""

    PASSED = "passed"
    FAILED = "failed"
    """A MUST was broken."""
    BLOCKED = "blocked"
    """Something on the way is broken, and a case that is about it has failed. This is not a pass."""
    KNOWN = "known failure"
    """A MUST was broken, and the user's list says so."""
    WARNED = "warned"
    """A SHOULD was broken."""
    NOT_OFFERED = "not offered"
    """The server does not have what the case is about. This is not a pass."""
    NOT_JUDGED = "not judged"
    """It could not be found out in this run. This is not a pass."""
    NOT_RUN = "not run"
    """The run ended before it."""


class Exit(IntEnum):
    """Exit statuses of ``causerie-conformance``."""

    CONFORMANT = 0
    NOT_CONFORMANT = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


@dataclass(frozen=True)
class Finding:
    """What was wrong: the clause that was broken, what it expects, what came, and the offending octets.

    ``should`` is the frame as it should be, empty if there is more than one right answer. ``peer``
    names the connection. ``assumed``: it went wrong at a step on the way, not at what the case is about.
    """

    kind: Kind
    clause: str
    expected: str
    came: str
    octets: bytes = b""
    offset: int | None = None
    should: bytes = b""
    peer: str = ""
    assumed: bool = False

    @classmethod
    def of(cls, problem: Problem, case: Case) -> Finding:
        """From the exception that ended a case."""
        clause = problem.clause or case.clauses[0]
        return cls(
            *(problem.kind, clause, problem.expected, problem.came, problem.octets, problem.offset),
            *(problem.should, problem.peer, problem.assumed),
        )


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that was recognised: its stable name, and one or two sentences with what to do."""

    name: str
    text: str


@dataclass(frozen=True)
class Replay:
    """Where a failure was left to be repeated, and what to type for it; empty if it cannot be repeated so."""

    path: str
    command: str


@dataclass(frozen=True)
class Tries:
    """How often a case was run, and how often it failed."""

    ran: int
    failed: int

    @property
    def word(self) -> str:
        """What to say of it: flaky if it has passed once, else steady."""
        return f"{'flaky' if self.failed < self.ran else 'steady'} (failed {self.failed} of {self.ran})"


@dataclass(frozen=True)
class Result:
    """What became of one case. ``duration`` is in seconds; ``reason`` is for those that were not judged.

    ``missing`` is what the case needs and the server does not offer, or the clause of a step that does not work.
    ``blocked_by`` is the id of the case that failed at what this one needs. ``diagnosis`` is what the failure looks
    like, ``server_output`` what a server of ours printed meanwhile. ``tries`` is None if it was not run again.
    ``replay`` is None if nothing was left to repeat it.
    """

    case: Case
    status: Status
    duration: float = 0.0
    finding: Finding | None = None
    reason: str = ""
    transcript: Transcript | None = None
    missing: str = ""
    diagnosis: Diagnosis | None = None
    server_output: str = ""
    blocked_by: str = ""
    tries: Tries | None = None
    replay: Replay | None = None

    @property
    def message(self) -> str:
        """One line: why the case did not pass; empty if it did."""
        words = self.reason
        if self.finding is not None:
            words = f"{self.finding.clause}: expected {self.finding.expected}; came {self.finding.came}"
        return f"blocked by {self.blocked_by}: {words}" if self.blocked_by else words


class Verdict(str, Enum):
    """What may be said of a profile. Values are stable: reports contain them."""

    CONFORMANT = "conformant"
    PARTLY = "conformant as far as judged"
    NOT_CONFORMANT = "not conformant"
    KNOWN = "not conformant, as known"
    NOT_OFFERED = "not offered"
    UNKNOWN = "not judged"


@dataclass(frozen=True)
class ProfileVerdict:
    """The verdict on one profile, with the number of cases of each status."""

    profile: str
    verdict: Verdict
    counts: dict[Status, int]


@dataclass
class Run:
    """One run over a server. ``stopped`` says why it ended early, empty if it did not.

    ``stale`` says what is not true any more in the user's list of known failures. ``command`` is the command that
    judges the server again, without what it selects; empty if there is none.
    """

    target: str
    agent: str = ""
    command: str = ""
    selected: list[Case] = field(default_factory=list)
    total: int = 0
    results: list[Result] = field(default_factory=list)
    stopped: str = ""
    unreachable: bool = False
    interrupted: bool = False
    server_output: str = ""
    stale: list[str] = field(default_factory=list)
    round_trip: float = 0.0
    began: float = field(default_factory=time.time)
    _clock: float = field(default_factory=time.monotonic)
    duration: float = 0.0

    @property
    def duration_so_far(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._clock

    def finish(self) -> None:
        """Stop the clock; cases without a result were not run."""
        self.duration = self.duration_so_far
        known = {result.case.id for result in self.results}
        why = self.stopped or "the run was interrupted"
        self.results += [Result(case, Status.NOT_RUN, reason=why) for case in self.selected if case.id not in known]

    def of(self, *statuses: Status) -> list[Result]:
        """The results with one of these statuses, in order."""
        return [result for result in self.results if result.status in statuses]

    def verdicts(self) -> list[ProfileVerdict]:
        """One verdict for each profile that was selected, in the order of the text."""
        profiles = {result.case.profile for result in self.results}
        ordered = [profile for profile in PROFILES if profile in profiles]
        known = {result.case.id for result in self.of(Status.KNOWN)}
        return [
            _verdict(profile, [result for result in self.results if result.case.profile == profile], known)
            for profile in ordered
        ]

    @property
    def exit_status(self) -> Exit:
        """What to tell the shell."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.unreachable:
            return Exit.UNREACHABLE
        if self.stopped or self.stale or self.of(Status.FAILED, Status.NOT_RUN):
            return Exit.NOT_CONFORMANT
        if any(verdict.verdict is Verdict.NOT_CONFORMANT for verdict in self.verdicts()):  # by what is blocked
            return Exit.NOT_CONFORMANT
        return Exit.CONFORMANT


def _verdict(profile: str, results: list[Result], known: set[str]) -> ProfileVerdict:
    """The verdict; what is blocked by one of the *known* failures is as known as that."""
    counts = dict.fromkeys(Status, 0)
    for result in results:
        counts[result.status] += 1
    judged = counts[Status.PASSED] + counts[Status.WARNED]
    blocked = [result for result in results if result.status is Status.BLOCKED]
    if counts[Status.FAILED] or any(result.blocked_by not in known for result in blocked):
        verdict = Verdict.NOT_CONFORMANT
    elif counts[Status.KNOWN] or blocked:
        verdict = Verdict.KNOWN
    elif judged and not counts[Status.NOT_JUDGED] and not counts[Status.NOT_RUN]:
        verdict = Verdict.CONFORMANT
    elif judged:
        verdict = Verdict.PARTLY
    elif counts[Status.NOT_OFFERED]:
        verdict = Verdict.NOT_OFFERED
    else:
        verdict = Verdict.UNKNOWN
    return ProfileVerdict(profile, verdict, counts)
