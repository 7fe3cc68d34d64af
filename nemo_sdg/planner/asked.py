"""What the stages of a pipeline ask."""

from __future__ import annotations

import msgspec

from nemo_sdg.limits import Limits, Tokens
from nemo_sdg.planner.measured import Measured


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage asks."""

    stage: str
    model: str
    endpoint: str
    """Its URL, or those of several; "" where that is not known."""
    requests_per_row: float
    tokens: list[Tokens]
    """Of some requests, such as all of them will be."""
    places: int
    """Requests that one worker may have in flight."""
    limits: Limits
    """As configured, those of several endpoints together."""
    endpoints: int = 1
    hedged: bool = False
    """Some requests are sent twice."""
    guessed: bool = False
    """Its prompts depend on answers that nobody has given yet."""

    @property
    def prompt(self) -> float:
        """Mean tokens of a prompt."""
        return sum(each.prompt for each in self.tokens) / len(self.tokens)

    @property
    def completion(self) -> float:
        """Mean tokens of an answer."""
        return sum(each.completion for each in self.tokens) / len(self.tokens)


class Job(msgspec.Struct, frozen=True):
    """A pipeline's work: its rows, and what is asked for each."""

    rows: int
    shard_rows: int
    asked: list[Asked]
    measured: Measured | None
