"""The `case` decorator for cases of the client role.

In here: nothing but that; what a case is stands in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from causerie_conformance import registry

F = TypeVar("F", bound=Callable[..., None])


def case(
    id_: str,
    *cited: str,
    needs: tuple[str, ...] = (),
    beside: bool = False,
    over: Mapping[str, Any] | None = None,
) -> Callable[[F], F]:
    """Register a case of the client role; the first clause that it cites is the one that it is about."""
    return registry.case(id_, *cited, needs=needs, beside=beside, over=over, role=registry.CLIENT)
