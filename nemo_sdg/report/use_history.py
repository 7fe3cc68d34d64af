"""The limits of a run over time, in bounded memory however long the run is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nemo_sdg.report.numbers import UseAt

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import EndpointUse

MOST = 240
"""Moments: about as many as a chart can show apart."""
_FIRST_INTERVAL = 0.25
"""Seconds between two moments, at first."""


class UseHistory:
    """Keeps at most `MOST` moments, evenly spread over the run so far; the newest is always one of them.

    Time is cut into intervals, of each of which the first moment is kept; when there are too many, the
    intervals become twice as long.
    """

    def __init__(self) -> None:
        self._interval = _FIRST_INTERVAL
        self._kept: list[UseAt] = []
        self._newest: UseAt | None = None

    def add(self, elapsed: float, endpoints: list[EndpointUse]) -> None:
        """Take in the limits at `elapsed` seconds; a moment that is older than the one before is left out."""
        if not math.isfinite(elapsed) or (self._newest and elapsed < self._newest.elapsed):
            return
        self._newest = UseAt(elapsed, endpoints)
        if self._kept and self._place(self._newest) == self._place(self._kept[-1]):
            return
        self._kept.append(self._newest)
        while len(self._kept) >= MOST:
            self._interval *= 2
            firsts: dict[int, UseAt] = {}
            for moment in self._kept:
                firsts.setdefault(self._place(moment), moment)
            self._kept = list(firsts.values())

    def samples(self) -> list[UseAt]:
        """Return the moments, the oldest first."""
        if self._newest and self._newest.elapsed > self._kept[-1].elapsed:
            return [*self._kept, self._newest]
        return [*self._kept]

    def _place(self, moment: UseAt) -> int:
        return int(moment.elapsed // self._interval)
