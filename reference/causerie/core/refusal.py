"""How a request is refused, as exceptions.

    Refusal
    ├── Refused    understood but not done: ERROR, and the connection lives on
    └── Ended      the connection ends: BYE

In here: these two, which are the one rule of errors [ERR-1, ERR-2]. Raised by whatever checks a request, caught at the
one place where a connection dispatches.
"""

from causerie_spec.codes import ByeCode, ErrorCode


class Refusal(Exception):
    """A request that is not done."""


class Refused(Refusal):
    """ERROR: *code* for programs, *detail* for people, *retry_ms* of advice (0 none)."""

    def __init__(self, code: ErrorCode, detail: str, retry_ms: int = 0) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_ms = retry_ms


class Ended(Refusal):
    """BYE: *code* for programs, *reason* for people, *retry_ms* of advice (0 none)."""

    def __init__(self, code: ByeCode, reason: str, retry_ms: int = 0) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason
        self.retry_ms = retry_ms


def bad_field(field: str, rule: str) -> Refused:
    """The refusal of a value outside its field's domain [ERR-6]."""
    return Refused(ErrorCode.BAD_FIELD, f"{field}: {rule}")
