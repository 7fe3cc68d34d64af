"""What tells one budget from another."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

_FORM = "1"
"""Of what limiters and budgets tell each other; raise it with each change of `Report` or `Grant`, so that
jobs which would not understand each other share nothing."""


class BudgetName(NamedTuple):
    """Whose limits a budget divides: the same only for the same limits."""

    endpoint: str
    """URL without credential; of a client that has none, its class."""
    credential: str
    """A digest of what identifies the sender, from which it cannot be found."""
    model: str

    @property
    def digest(self) -> str:
        """A short form, for names that must be short and plain."""
        text = "\n".join((*self, _FORM))
        return hashlib.blake2b(text.encode(), digest_size=10, person=b"nemo_sdg budget").hexdigest()
