"""Sums over the last seconds."""

from __future__ import annotations

from collections import deque


class Recent:
    """Sums of what was added within the last `seconds`, each number by its position."""

    def __init__(self, seconds: float, numbers: int = 1) -> None:
        self._seconds = seconds
        self._added: deque[tuple[float, tuple[int, ...]]] = deque()
        self._sums = [0] * numbers
        self._since: float | None = None

    def add(self, now: float, *numbers: int) -> None:
        """Add `numbers` at `now`."""
        if self._since is None:
            self._since = now
        if any(numbers):
            self._added.append((now, numbers))
            self._sums = [held + number for held, number in zip(self._sums, numbers, strict=True)]

    def age(self, now: float) -> float:
        """Return the seconds since something was added first."""
        return 0.0 if self._since is None else now - self._since

    def sums(self, now: float) -> list[int]:
        """Return the sums at `now`."""
        while self._added and self._added[0][0] < now - self._seconds:
            _, numbers = self._added.popleft()
            self._sums = [held - number for held, number in zip(self._sums, numbers, strict=True)]
        return self._sums

    def per_second(self, now: float) -> list[float]:
        """Return the sums by the time over which they were added, at least a second."""
        sums = self.sums(now)
        seconds = max(1.0, min(self._seconds, self.age(now)))
        return [held / seconds for held in sums]
