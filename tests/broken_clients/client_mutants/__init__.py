"""Broken clients: each is the reference console with one clause broken, in a few lines.

In here, by subject: what each does wrong. `mutant` names the clause that it breaks and the cases that must catch it.
"""

from client_mutants import returns, screens, secrets_kept, wire
from client_mutants.registry import MUTANTS

__all__ = ["MUTANTS", "returns", "screens", "secrets_kept", "wire"]
