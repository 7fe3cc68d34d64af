"""The way to a budget that takes time, as on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.limits.budget import Budget

if TYPE_CHECKING:
    import asyncio
    import random
    from collections.abc import Callable

    from nemo_sdg.limits.exchange import Grant, Report


class DelayedLink:
    """Leads all who use it to one budget, `delay` seconds away on average, each way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay: float, chance: random.Random) -> None:
        self._loop = loop
        self._delay = delay
        self._chance = chance
        self._budget = Budget()
        self.messages = 0

    def send(self, report: Report, reply: Callable[[Grant | None], None]) -> None:
        """See `Link.send`."""
        self.messages += 1
        if not self._delay:
            reply(self._budget.exchange(report, self._loop.time()))
            return

        def arrived() -> None:
            self._loop.call_later(self._way(), reply, self._budget.exchange(report, self._loop.time()))

        self._loop.call_later(self._way(), arrived)

    def _way(self) -> float:
        return 2 * self._delay * self._chance.random()
