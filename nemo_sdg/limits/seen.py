"""What an answer said about the endpoint's limits."""

from __future__ import annotations

from typing import Literal, NamedTuple

LimitKind = Literal["requests", "tokens", "prompt_tokens", "completion_tokens"]
"""What a rate limit counts; "tokens" are those of prompt and completion together."""


class SeenLimit(NamedTuple):
    """One limit as an answer's headers tell it; None where they are silent."""

    limit: float | None = None
    """How many the endpoint allows in its period, mostly a minute."""
    remaining: float | None = None
    """How many of them are left."""
    reset: float | None = None
    """Seconds until all of them are there again."""


Seen = dict[LimitKind, SeenLimit]
