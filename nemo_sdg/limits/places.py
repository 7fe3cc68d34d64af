"""The places in flight that a client has, whatever models it asks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from nemo_sdg.limits.limiter import Limiter


class Places:
    """At most `most` attempts in flight, over all limiters that share these places.

    Raises `ConfigError` for a number that is none.
    """

    def __init__(self, most: int) -> None:
        if not isinstance(most, int) or isinstance(most, bool) or most < 1:
            raise ConfigError(f"max_concurrent_requests is {most!r}: give a whole number of at least 1")
        self.most = most
        self.taken = 0
        self.lock = threading.RLock()
        """Of all these limiters."""
        self._limiters: list[Limiter] = []

    def join(self, limiter: Limiter) -> None:
        """Have `limiter` hear when a place becomes free."""
        self._limiters.append(limiter)

    def left_by(self, limiter: Limiter) -> None:
        """Offer what `limiter` left, and did not take again, to the others."""
        if len(self._limiters) > 1 and self.taken < self.most:
            for other in self._limiters:
                if other is not limiter:
                    other.tick()
