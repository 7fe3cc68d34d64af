"""How fast a run goes and how long it will take: arithmetic over its snapshots, with no clock."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.report.numbers import Snapshot

WINDOW = 10.0
"""Seconds that "now" looks back."""
_LEAST_FOR_RATE = 0.5
"""Seconds; over less, one request more or less would be a different rate."""
_LEAST_FOR_ETA = 5.0
"""Seconds."""
_LEAST_STEPS = 3
"""Rows are counted by the shard: fewer advances than these say little about the next one."""
_MOST_MARKS = 256


class _Mark(NamedTuple):
    """What this run had done by a moment."""

    elapsed: float
    requests: int
    tokens: int
    rows: int
    cost: float = 0.0
    """Money."""


class Rates:
    """Requests and tokens in a second, now and on average, and the seconds left.

    What earlier runs into the same folder did is left out. Averages begin when the first request was sent, so
    starting the cluster does not count. A value is None while too little is known to say it.
    """

    def __init__(self) -> None:
        self._start = _Mark(0.0, 0, 0, 0)
        self._last = self._start
        self._recent: deque[_Mark] = deque([self._start])
        self._advances: list[_Mark] = []
        """The moments at which rows were finished."""
        self._rows_left = 0
        self._stopping = False
        self._cost: float | None = None

    def add(self, snapshot: Snapshot) -> None:
        """Take in `snapshot`, which must not be older than the one before."""
        counts = snapshot.counts
        # What a killed worker had done is missing until another takes its shard: no new work when it is back.
        mark = _Mark(
            snapshot.elapsed,
            max(self._last.requests, counts.requests - snapshot.requests_before),
            max(
                self._last.tokens,
                counts.prompt_tokens + counts.completion_tokens - snapshot.tokens_before,
            ),
            max(0, counts.rows_read - snapshot.rows_before),
            max(self._last.cost, _cost_of_this_run(snapshot)),
        )
        self._cost = snapshot.cost
        self._rows_left = max(0, snapshot.rows_total - counts.rows_read)
        self._stopping = snapshot.stopping
        if mark.requests == 0:
            self._start = mark
        if mark.rows > self._last.rows:
            self._advances.append(mark)
            if len(self._advances) > _MOST_MARKS:
                self._advances = self._advances[::2]
        self._last = mark
        self._recent.append(mark)
        # One mark of the window's age or more stays: it is what "now" is counted from.
        while len(self._recent) > 1 and self._recent[1].elapsed <= mark.elapsed - WINDOW:
            self._recent.popleft()

    @property
    def requests_now(self) -> float | None:
        """Requests in a second, over the last seconds."""
        return _per_second(self._base, self._last, "requests")

    @property
    def tokens_now(self) -> float | None:
        """Prompt and completion tokens in a second, over the last seconds."""
        return _per_second(self._base, self._last, "tokens")

    @property
    def requests_mean(self) -> float | None:
        """Requests in a second, since the first one."""
        return _per_second(self._start, self._last, "requests")

    @property
    def tokens_mean(self) -> float | None:
        """Prompt and completion tokens in a second, since the first request."""
        return _per_second(self._start, self._last, "tokens")

    @property
    def eta(self) -> float | None:
        """Seconds until the last row, at the pace of the later half of the run.

        None when it would be a guess: near the beginning, when no row has been finished for long, when
        stopping, and when nothing is left.
        """
        base = self._half_way
        if base is None:
            return None
        now = self._last.elapsed
        steps = sum(mark.elapsed > base.elapsed for mark in self._advances)
        if not steps or now - base.elapsed < _LEAST_FOR_ETA:
            return None
        latest = self._advances[-1]
        seconds, waited = latest.elapsed - base.elapsed, now - latest.elapsed
        usual = seconds / steps
        late = max(0.0, waited - 2 * usual)
        pace = (seconds + late) / (latest.rows - base.rows)
        left = self._rows_left * pace - min(waited, usual)
        return left if left > 0 else None

    @property
    def cost_in_the_end(self) -> float | None:
        """What all rows will have cost, as those of the later half of the run did.

        None without prices, and while it would be a guess.
        """
        base = self._half_way
        if base is None or self._cost is None or self._advances[-1].rows == base.rows:
            return None
        latest = self._advances[-1]
        # Shards that are open have cost something already: all rows are counted, not those that are left.
        rows = self._last.rows + self._rows_left
        before = self._cost - self._last.cost
        return max(self._cost, before + rows * (latest.cost - base.cost) / (latest.rows - base.rows))

    @property
    def _half_way(self) -> _Mark | None:
        """The last advance of the first half of this run; None when too little is known to look ahead."""
        if self._stopping or not self._rows_left or len(self._advances) < _LEAST_STEPS:
            return None
        middle = (self._start.elapsed + self._last.elapsed) / 2
        return next((mark for mark in reversed(self._advances) if mark.elapsed <= middle), self._start)

    @property
    def _base(self) -> _Mark:
        return max(self._recent[0], self._start)


def _per_second(base: _Mark, last: _Mark, field: str) -> float | None:
    seconds = last.elapsed - base.elapsed
    if seconds < _LEAST_FOR_RATE:
        return None
    done: int = getattr(last, field) - getattr(base, field)
    return max(0, done) / seconds


def _cost_of_this_run(snapshot: Snapshot) -> float:
    tokens = snapshot.counts.prompt_tokens + snapshot.counts.completion_tokens
    new = max(0, tokens - snapshot.tokens_before)
    return (snapshot.cost or 0.0) * new / tokens if tokens else 0.0


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the smallest of `values` that `percent` % of them do not exceed; None of no values."""
    if not values:
        return None
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(0, rank - 1)]
