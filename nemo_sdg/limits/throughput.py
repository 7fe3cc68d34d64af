"""How fast an endpoint answers with so many requests in flight, and how sure that is."""

from __future__ import annotations

import math

LEAST_SPREAD, MOST_SPREAD = 0.05, 2.0
"""Variance of latencies, relative to their mean squared, that is assumed at least: no endpoint is a clock."""
ALIKE = 0.1
"""Spread of latencies up to which answers come in waves."""
WAVE = 0.15
"""Share of a window's answers by which a count errs, as it begins and ends anywhere between two waves."""
LEAST_FULL, MOST_FULL = 0.8, 1.25
"""Shares of a window in flight, between which what is answered tells of it."""
MEANT = 48
"""Answers of which a mean means something."""
TINY = 1e-9
"""Seconds, for clocks that stand still."""
MEMORY, LEAST_KEPT = 1000, 0.98
"""Answers that replace what was known of the spread; a report leaves at least such a share of it."""


class Spread:
    """Learns how much latencies vary: the variance over the squared mean, from the sums in reports."""

    def __init__(self) -> None:
        self._sum = self._weight = 2.0  # until it is known: that of exponential latencies

    @property
    def relative(self) -> float:
        """The relative variance of one latency."""
        return min(MOST_SPREAD, max(LEAST_SPREAD, self._sum / self._weight))

    def learn(self, completed: int, latency_sum: float, before: Level) -> None:
        """Add one report; what came `before` says what to expect, with an error of its own."""
        surprise = (latency_sum / before.latency - completed) ** 2 / completed
        kept = max(LEAST_KEPT, 1 - completed / MEMORY)
        self._sum = kept * self._sum + surprise / (1 + completed / before.completed)
        self._weight = kept * self._weight + 1.0


class Level:
    """What was measured with a window of `size`."""

    def __init__(self, size: int, spread: Spread) -> None:
        self.size = size
        self.completed = 0.0
        self._skip = 0.0
        self._spread = spread
        self._seconds = 0.0
        self._latency_sum = 0.0
        self._in_flight_sum = 0.0

    def unsettle(self, skip: float | None = None) -> None:
        """Leave so many answers out: by default as many as were sent with another size, or feel it.

        Of what is sent all at once then, the short ones are answered first; the more latencies differ, the
        longer that shows.
        """
        self._skip = max(self._skip, (1 + self._spread.relative / 2) * self.size if skip is None else skip)

    def add(self, seconds: float, completed: int, latency_sum: float, in_flight: int) -> bool:
        """Count a report of so many seconds in, if it tells of this size."""
        if not LEAST_FULL * self.size <= in_flight <= MOST_FULL * self.size + 1:
            return False
        if self._skip > 0:
            self._skip -= completed
            return False
        self._seconds += seconds
        if completed > 0:
            if self.completed >= MEANT and self.latency > 0:
                self._spread.learn(completed, latency_sum, self)
            self.completed += completed
            self._latency_sum += latency_sum
            self._in_flight_sum += completed * in_flight
        return True

    def fade(self, most: int) -> None:
        """Give what was counted the weight of at most so many completions."""
        if self.completed > most:
            share = most / self.completed
            self.completed = most
            self._seconds *= share
            self._latency_sum *= share
            self._in_flight_sum *= share

    @property
    def latency(self) -> float:
        """Mean latency in seconds."""
        return self._latency_sum / self.completed

    @property
    def log_rate(self) -> float:
        """Logarithm of the requests answered per second.

        Counted, where latencies differ: after a change of size the first answers are the short ones, so that
        mean latency is too low for long. Where they are alike, answers come in waves, and a count depends on
        where in a wave it ends; there it is in flight / mean latency, by Little's law.
        """
        if self._spread.relative > ALIKE:
            return math.log(self.completed / max(self._seconds, TINY))
        return math.log(max(self._in_flight_sum, 1) / max(self._latency_sum, TINY))

    @property
    def error(self) -> float:
        """Standard error of `log_rate`."""
        if not self.completed:
            return math.inf
        spread = self._spread.relative
        wave = WAVE * self.size / self.completed if spread > ALIKE else 0.0
        return math.hypot(math.sqrt(spread / self.completed), wave)
