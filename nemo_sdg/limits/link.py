"""The way to a budget in the same process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nemo_sdg.limits.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.limits.exchange import Grant, Report


class LocalLink:
    """Answers at once. `clock` returns seconds and does not go backwards."""

    def __init__(self, clock: Callable[[], float], budget: Budget | None = None) -> None:
        self._clock = clock
        self._budget = budget or Budget()
        self._lock = threading.Lock()

    def send(self, report: Report, reply: Callable[[Grant | None], None]) -> None:
        """See `Link.send`."""
        with self._lock:
            grant = self._budget.exchange(report, self._clock())
        reply(grant)
