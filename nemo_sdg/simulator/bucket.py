"""One token bucket: the arithmetic of a rate limit."""

from __future__ import annotations


class TokenBucket:
    """Allowance that fills at a steady rate up to a burst and is spent by requests.

    In any window of w seconds the costs taken stay within rate x w + burst, plus what the last
    request cost above the burst: a request larger than the burst is let in when the bucket is
    full, and leaves a debt, since otherwise it could never be served.
    """

    def __init__(self, per_minute: float, burst_seconds: float, now: float) -> None:
        """Start full at time `now`, in seconds of the caller's clock."""
        self.per_minute = per_minute
        self.rate = per_minute / 60
        # A burst below one request would let none in.
        self.burst = max(1.0, self.rate * burst_seconds)
        self._level = self.burst
        self._time = now

    def level(self, now: float) -> float:
        """Return the allowance at `now`; negative while a large request is being paid off."""
        if now > self._time:
            self._level = min(self.burst, self._level + (now - self._time) * self.rate)
            self._time = now
        return self._level

    def wait(self, cost: float, now: float) -> float:
        """Return the seconds until `cost` would be let in; 0 if it would be now."""
        missing = min(cost, self.burst) - self.level(now)
        # Rounding must not keep a bucket that is full for all purposes closed.
        return missing / self.rate if missing > self.burst * 1e-12 else 0.0

    def take(self, cost: float, now: float) -> None:
        """Spend `cost`, which `wait` let in."""
        self._level = self.level(now) - cost

    def seconds_to_full(self, now: float) -> float:
        """Return the seconds until the whole burst is there again."""
        return (self.burst - self.level(now)) / self.rate
