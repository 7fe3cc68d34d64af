"""How many requests to have in flight when nobody says how many the endpoint takes.

More in flight is worth it while throughput rises with it. So sizes are compared two at a time: each is held
for some hundred answers, and the larger one wins when the logarithm of throughput rises by more than WORTH
times that of the size. A comparison ends when it is clear against the noise, or as precise as need be.

1. Search: double while the larger size wins; if it never did, halve while the smaller wins.
2. Hold what won. Below the cap, try a larger and a smaller size at times, more rarely while they lose; at the
   cap do not, once it has won clearly. Search again when throughput at the same size has changed much.
3. Recover after a throttle: shrink at once, soon come close to where it was, linger there, go beyond it ever
   faster, and then search again.

Doubling at first is slow start, as in TCP and BBR; recovery is CUBIC's. Vegas and gradient limits take rising
latency for a queue; a batching server is slower with each request and yet does more, so that only throughput
decides here, as in the hill climbing of .NET's thread pool.
"""

from __future__ import annotations

import math
from typing import Literal

from nemo_sdg.limits.throughput import MEANT, Level, Spread

WORTH = 0.15
"""Percent that throughput must rise for one percent more in flight."""
CLEAR, LIKELY = 2.5, 1.0
"""Standard errors that end a comparison, as it is looked at often; and that suffice to grow, at its end."""
ROUGH, FINE = 0.07, 0.05
"""Standard error of the logarithm of a throughput that is precise enough: in a search, and in a probe."""
ROUNDS = 3
"""Answers per slot that show whether throughput has changed, at least."""
CHANGED = 1.4
"""Times the throughput, up or down, at which to search again."""
UP, FAR, NEAR = 1.5, 2.0, 1.25
"""Times the size, to probe: up; down at first, which shows soon; down when that has lost."""
FIRST_PROBE, RAREST_UP, RAREST_DOWN = 4.0, 30.0, 60.0
"""Seconds to the first probe, and between probes that go on losing: down costs throughput, up does not."""
SHRINK, LINGER, FORGET = 0.8, 0.95, 1.5
"""Shares of what was in flight at a throttle: to go on with, to return to soon, at which to forget it."""
RETURN, RECOVERY = 3.0, 15.0
"""Seconds from the one share to the other, and from there to the level of the throttle."""


class AdaptiveWindow:
    """Finds how many requests may be in flight, over all workers; pure: it is told the time and the results.

    `size` is how many may be now; `start` is what it is at first.
    """

    def __init__(self, start: int = 32) -> None:
        self.size = self._cap = max(1, start)
        self._least = 1
        self._lag, self._known_at = 0.0, -math.inf
        self._now: float | None = None
        self._spread = Spread()
        self._levels: dict[int, Level] = {}
        self._ceiling = 0  # in flight at the last throttle, 0 when recovered
        self._recovering = 0.0
        self._floor, self._floor_until = 0, 0.0  # a size known to be too small
        self._aim: Literal["grow", "halve", "up", "down"] | None = None  # of a comparison; two are of probes
        self._hold(self._level(self.size))
        self._at.unsettle(self.size)
        self._up_at = -math.inf

    def observe(
        self,
        now: float,
        *,
        completed: int,
        latency_sum: float,
        in_flight: int,
        cap: int,
        full: bool,
        least: int = 1,
        lag: float = 0.0,
    ) -> None:
        """Learn from the time since the last call.

        `completed` requests succeeded, with `latency_sum` seconds of latency together; `in_flight` are now,
        over all workers, who may have `cap`. `full` says that requests wait for nothing but the size; else
        what completed says nothing about it. The size is never below `least`, unless that is above `cap`. It
        takes `lag` seconds until all have heard of a new size.
        """
        passed = 0.0 if self._now is None else max(0.0, now - self._now)
        self._now = now
        self._set_cap(max(1, cap))
        self._least = max(1, min(least, self._cap))
        if self.size < self._least:
            self._levels.clear()
            self._hold(self._level(self._least))
            self._up_at = -math.inf
        self._lag = lag
        if now < self._known_at:
            return
        if not full:
            self._at.unsettle(self.size - in_flight)  # so many will start together
        elif self._ceiling:
            self._recover(min(1.0, passed))
        elif self._at.add(passed, completed, latency_sum, in_flight):
            if self._aim:
                self._compare()
            else:
                self._recent.add(passed, completed, latency_sum, in_flight)
                self._watch(now)

    def throttled(self, now: float, in_flight: int) -> None:
        """Shrink; call it once per burst, with what was in flight when the first was turned away."""
        self._now = now
        self._aim = None
        # More than the size only remains from a larger one.
        self._ceiling = max(self._least, min(self.size, in_flight))
        self._recovering = 0.0
        self.size = max(self._least, int(SHRINK * self._ceiling))

    # Recover

    def _recover(self, passed: float) -> None:
        self._recovering += passed
        if self._recovering < RETURN:
            share = SHRINK + (LINGER - SHRINK) * self._recovering / RETURN
        else:
            share = 1 + (1 - LINGER) * ((self._recovering - RETURN) / RECOVERY - 1) ** 3
        self.size = max(self._least, min(self._cap, round(self._ceiling * share)))
        if self.size >= min(self._cap, FORGET * self._ceiling):
            self._ceiling = 0
            self._hold(Level(self.size, self._spread))
            self._up_at = -math.inf

    # Hold

    def _hold(self, level: Level, *, proven: bool = True) -> None:
        """Stay at a level; `proven` when smaller ones need not be tried as long as it is at the cap."""
        self._proven = proven
        self._usual: float | None = None
        self._odd = 0
        self._down = FAR
        self._pause_up = self._pause_down = FIRST_PROBE
        now = self._now or 0.0
        self._up_at, self._down_at = now + 2 * FIRST_PROBE, now + FIRST_PROBE
        self._stay(level)

    def _stay(self, level: Level) -> None:
        """Go on holding a level after a probe, or begin to."""
        self._aim = None
        self._recent = Level(level.size, self._spread)
        self._move(level)

    def _watch(self, now: float) -> None:
        """Search when throughput has changed, probe when it is time."""
        at, recent = self._at, self._recent
        at.fade(2 * self._enough(FINE))
        if recent.completed >= self._enough(ROUGH):
            self._recent = Level(self.size, self._spread)
            if self._usual is None:
                self._usual = recent.log_rate
            change = recent.log_rate - self._usual
            self._odd = self._odd + 1 if abs(change) > math.log(CHANGED) else 0
            if self._odd > 1:  # the first one may be half of before the change
                self._search(recent, grow=change > 0)
                return
        if at.completed < max(MEANT, self.size):
            return
        self._levels = {at.size: at}
        if self._up_at == -math.inf:
            self._search(at, grow=True)
        elif at.error > FINE:
            return
        elif self.size < self._cap and now >= self._up_at:
            self._pair("up", at, self._level(math.ceil(UP * self.size)))
        elif now >= self._down_at and (low := self._lower(now)):
            self._pair("down", self._level(low), at)

    def _lower(self, now: float) -> int:
        """Return the smaller size to try, 0 for none."""
        if self._proven and self.size >= self._cap:
            return 0
        floor = max(self._least - 1, self._floor if now < self._floor_until else 0)
        return min((low for by in (self._down, NEAR) if (low := int(self.size / by)) > floor), default=0)

    # Compare

    def _search(self, level: Level, *, grow: bool) -> None:
        """Look for the best size from a level on."""
        self._floor = 0
        self._levels = {level.size: level}
        if grow and level.size < self._cap:
            self._pair("grow", level, self._level(2 * level.size))
        elif not grow and level.size > self._least:
            self._pair("halve", self._level(level.size // 2), level)
        else:
            self._hold(level)

    def _pair(self, aim: Literal["grow", "halve", "up", "down"], low: Level, high: Level) -> None:
        """Compare two levels, of which one has been measured."""
        self._aim, self._low, self._high = aim, low, high
        self._returned = False
        self._move(low if low.completed < high.completed else high)

    def _compare(self) -> None:
        low, high, at = self._low, self._high, self._at
        if at.completed < max(MEANT, at.size):
            return
        gain = high.log_rate - low.log_rate - WORTH * math.log(high.size / low.size)
        errors = gain / math.hypot(low.error, high.error)
        other = low if at is high else high
        precise = FINE if self._aim in {"up", "down"} else ROUGH
        if abs(errors) < CLEAR:
            if at.error > precise:
                return
            if other.error > precise and not self._returned:
                self._returned = True
                self._move(other)
                return
        if errors >= CLEAR:
            self._floor, self._floor_until = max(self._floor, low.size), (self._now or 0.0) + RAREST_DOWN
        self._decide(low, high, errors)

    def _decide(self, low: Level, high: Level, errors: float) -> None:
        """End a comparison in which the larger size is better by so many standard errors."""
        on, up = (LIKELY, 0.0) if self._aim == "grow" else (CLEAR, LIKELY)  # to go on, or only one step
        match self._aim:
            case "grow" | "up" if errors > on and high.size < self._cap:
                self._pair("grow", high, self._level(2 * high.size))
            case "grow" | "up" if errors > up:
                self._hold(high, proven=errors > CLEAR)
            case "grow" | "halve" if errors <= 0 and low.size == min(self._levels) and low.size > self._least:
                self._pair("halve", self._level(low.size // 2), low)
            case "grow" | "halve":
                best = max(self._levels.values(), key=lambda one: one.log_rate - WORTH * math.log(one.size))
                self._hold(best, proven=errors > CLEAR and best is high)
            case "up":
                self._pause_up = min(RAREST_UP, 2 * self._pause_up)
                self._up_at = (self._now or 0.0) + self._pause_up
                self._stay(low)
            case "down" if errors <= 0:
                self._hold(low, proven=False)
            case _:
                self._proven = self._proven or errors > CLEAR
                self._down = NEAR
                self._pause_down = min(RAREST_DOWN, 2 * self._pause_down)
                self._down_at = (self._now or 0.0) + self._pause_down
                self._stay(high)

    # Sizes

    def _level(self, size: int) -> Level:
        size = max(self._least, min(self._cap, size))
        return self._levels.setdefault(size, Level(size, self._spread))

    def _move(self, level: Level) -> None:
        if level.size != self.size:
            level.unsettle()
            self._known_at = (self._now or 0.0) + self._lag
        self._at = level
        self.size = level.size

    def _set_cap(self, cap: int) -> None:
        """Never be above the cap; search when it no longer binds."""
        before, self._cap = self._cap, cap
        if self._ceiling:
            self.size = min(self.size, cap)
        elif self.size > cap or (self._aim and self._high.size > cap):
            self._levels.clear()
            self._hold(self._level(self.size))
        elif cap > before == self.size and not self._aim:
            self._up_at = -math.inf

    def _enough(self, error: float) -> int:
        """Return the answers that make a throughput so precise."""
        return max(MEANT, ROUNDS * self.size, math.ceil(self._spread.relative / error**2))
