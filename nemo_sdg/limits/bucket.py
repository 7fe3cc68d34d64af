"""The arithmetic of one rate limit, for whoever keeps to it."""

from __future__ import annotations

SLACK = 0.25
"""Seconds' worth of allowance that can be made up for, after nobody came to spend it in time."""
JITTER = 0.02
"""Seconds by which a request may be sooner or later at the endpoint than another."""
_BURST = 1.0
"""Seconds' worth of allowance that an endpoint is thought to let pass at once, when it is at rest."""


class Bucket:
    """Allowance that grows at `rate` a second and may be spent ahead of time.

    A request goes when the level is 0 or more and is paid off before the next one: so one that is larger than
    any endpoint's bucket is sent, when that is full, and the rate holds over time. `now` is in seconds of any
    clock that does not go backwards.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._level = SLACK * rate
        self._time = now

    def set_rate(self, rate: float, now: float) -> None:
        """Go on at another `rate`; what was spent ahead is still to be paid off."""
        self._advance(now)
        self.rate = rate
        self._level = min(self._level, SLACK * rate)

    def ready_at(self, cost: float, now: float) -> float:
        """Return when a request of `cost` may go.

        One that takes most of the endpoint's bucket goes when that is full again: when all was paid off that
        had been made up for.
        """
        self._advance(now)
        needed = max(0.0, min(cost, _BURST * self.rate) - (_BURST - SLACK) * self.rate)
        if needed > 0:
            needed = min(needed, SLACK * self.rate) + JITTER * self.rate - self._level
            return max(now, self._time + needed / self.rate)
        return max(now, self._time - self._level / self.rate)

    def take(self, cost: float, at: float) -> None:
        """Spend `cost` at a time that `ready_at` gave: allowance that would run over by then is lost."""
        self._advance(at)
        self._level -= cost

    def give_back(self, amount: float) -> None:
        """Undo spending; a negative `amount` is what was spent without having been estimated."""
        self._level += amount

    def empty(self, until: float) -> None:
        """Forget allowance that was not spent, and let none grow before `until`."""
        self._level = min(self._level, 0.0)
        self._time = max(self._time, until)

    def _advance(self, now: float) -> None:
        if now > self._time:
            self._level = min(self._level + (now - self._time) * self.rate, SLACK * self.rate)
            self._time = now
