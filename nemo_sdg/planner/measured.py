"""What a few real requests tell of an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.errors import NothingSucceedsError
from nemo_sdg.stages.base import MemoryLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nemo_sdg.client import Completion
    from nemo_sdg.limits import Limiter, Tokens


class Measured(msgspec.Struct, frozen=True):
    """Latencies, tokens and limits, as they were met."""

    latencies: list[float]
    """In seconds, of the attempts that succeeded."""
    failures: int
    limits: dict[str, float]
    """By `LimitKind`, per minute, from headers."""
    learnt: float | None
    """Requests a minute that the endpoint bears, from being turned away."""


class Recorder(MemoryLedger):
    """Takes note of `number` requests as they are answered; `told(done, number)` hears of each."""

    def __init__(self, number: int, told: Callable[[int, int], None] | None = None) -> None:
        super().__init__()
        self.number = number
        """Requests that there will be."""
        self._told = told or (lambda _done, _number: None)
        self._limits: dict[str, float] = {}
        self._learnt: float | None = None

    @property
    def tokens(self) -> list[Tokens]:
        """What the requests took, where the server said so."""
        used = (each.usage.tokens for each in self.completions.values())
        return [each for each in used if each is not None]

    def record(self, key: str, completion: Completion) -> None:
        """See `Ledger.record`."""
        super().record(key, completion)
        for kind, seen in (completion.limits or {}).items():
            if seen.limit is not None:
                self._limits[kind] = seen.limit
        self._tell()

    def record_failure(self, error: Exception) -> None:
        """See `Ledger.record_failure`."""
        super().record_failure(error)
        self._tell()

    def finish(self, limiters: Iterable[Limiter]) -> None:
        """Take in what `limiters` have learnt; raises `NothingSucceedsError` when nothing was answered."""
        if not self.completions:
            why = f": the last one failed with {self.failures[-1]}" if self.failures else ""
            raise NothingSucceedsError(
                f"none of {self.number} requests was answered{why}; check the model, the generation "
                "parameters and base_url, or plan without --measure"
            )
        learnt = [
            use.allowed
            for limiter in limiters
            for use in limiter.uses
            if use.source == "throttles" and use.allowed
        ]
        self._learnt = min(learnt, default=None)

    def measured(self) -> Measured:
        """Return what was learnt."""
        latencies = [each.latency for each in self.completions.values()]
        return Measured(latencies, len(self.failures), dict(self._limits), self._learnt)

    def _tell(self) -> None:
        self._told(len(self.completions) + len(self.failures), self.number)
