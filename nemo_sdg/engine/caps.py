"""When a job ends before its work is done: its money or tokens are spent, or too many rows are rejected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from nemo_sdg.engine.prices import Prices
    from nemo_sdg.report.numbers import Counts

_SURE = 3.0
"""Standard deviations: by chance alone, one job in a thousand would be ended wrongly."""
_COUNTED_IN = ", with what was in flight counted in"


@dataclass(frozen=True)
class Caps:
    """What a job may spend and how many of its rows may be rejected."""

    max_rejected: float = 0.5
    """Share of rows, 0 to 1; 1: however many."""
    max_cost: float | None = None
    """Money, over all runs into the same folder."""
    max_tokens_total: int | None = None
    """Prompt and completion tokens, over all runs into the same folder."""
    prices: Prices | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        if not _number(self.max_rejected) or not 0 <= self.max_rejected <= 1:
            raise ConfigError(
                f"max_rejected is {self.max_rejected!r}: give a share between 0 and 1, such as 0.05 or 5%"
            )
        if self.max_cost is not None:
            if not _number(self.max_cost) or not 0 < self.max_cost < math.inf:
                raise ConfigError(f"max_cost is {self.max_cost!r}: give an amount of money above 0")
            if self.prices is None:
                raise ConfigError(
                    "max_cost is given and prices is not: say what a million tokens cost, "
                    "as prices: {prompt: 0.15, completion: 0.60}"
                )
        tokens = self.max_tokens_total
        if tokens is not None and (not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1):
            raise ConfigError(f"max_tokens_total is {tokens!r}: give a whole number of at least 1")

    def cost(self, counts: Counts) -> float | None:
        """Return the money for the tokens in `counts`; None without prices."""
        if self.prices is None:
            return None
        return self.prices.cost(counts.prompt_tokens, counts.completion_tokens)

    def spent(self, paid: Counts, coming: float) -> str | None:
        """Return in words which cap is reached, if any.

        `paid` is all that was paid for, in all runs; `coming` the answers that arrive even if sending ends
        now, thought to be like those before.
        """
        whole = 1 + coming / max(1, paid.requests)
        cost = self.cost(paid)
        if self.max_cost is not None and cost is not None and cost * whole >= self.max_cost:
            return f"max_cost {self.max_cost:g} is reached{_COUNTED_IN}: raise it to go on"
        tokens = paid.prompt_tokens + paid.completion_tokens
        if self.max_tokens_total is not None and tokens * whole >= self.max_tokens_total:
            return f"max_tokens_total {self.max_tokens_total:,} is reached{_COUNTED_IN}: raise it to go on"
        return None

    def passed(self, paid: Counts) -> str | None:
        """Return in words that a job which has finished has spent more than a cap; None if it has not."""
        cost, tokens = self.cost(paid), paid.prompt_tokens + paid.completion_tokens
        if self.max_cost is not None and cost is not None and cost > self.max_cost:
            over = f"max_cost {self.max_cost:g}: {cost:.4g} is"
        elif self.max_tokens_total is not None and tokens > self.max_tokens_total:
            over = f"max_tokens_total {self.max_tokens_total:,}: {tokens:,} tokens are"
        else:
            return None
        return f"the job has passed {over} spent; it was done before that was noticed, which takes a second"

    def wrong(self, rejected: int, rows: int) -> str | None:
        """Return in words that too many of `rows` are rejected; None while that may be chance."""
        if self.max_rejected >= 1 or not rows or _at_least(rejected, rows) <= self.max_rejected:
            return None
        return (
            f"{rejected:,} of {rows:,} rows were rejected, more than max_rejected allows "
            f"({100 * self.max_rejected:.3g} %): see why in rejected/, then ask these again with "
            "--retry rejected, or raise it"
        )


def _at_least(hits: int, of: int) -> float:
    """Return the least share that would make `hits` in `of` tries likely (Wilson, JASA 22, 1927)."""
    share, square = hits / of, _SURE**2
    middle = share + square / (2 * of)
    spread = _SURE * math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    return (middle - spread) / (1 + square / of)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
