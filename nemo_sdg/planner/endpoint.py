"""An endpoint in simulated time: the simulator's rules without its connections."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from nemo_sdg.limits import OK, HeaderReader, Kind, Verdict
from nemo_sdg.simulator.admission import Admission

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from nemo_sdg.limits import Seen
    from nemo_sdg.simulator import Latency, SimulatorSettings

_TRIP = 0.002
"""Seconds that a request takes besides the endpoint's own latency, or when it is turned away."""


def mean_latency(latency: Latency) -> float:
    """Return the mean in seconds: the slow answers of a lognormal latency draw it above the median."""
    return latency.median * math.exp(latency.sigma**2 / 2)


class ModelledEndpoint:
    """Admits, delays and tells its limits as `settings` say; faults are left out."""

    def __init__(
        self, settings: SimulatorSettings, clock: Callable[[], float], chance: random.Random
    ) -> None:
        self._latency = settings.latency
        self._style = settings.limits.headers
        self._admission = Admission(settings.limits, clock, clock)
        self._headers = HeaderReader()
        self._clock = clock
        self._chance = chance
        self._since = 0.0
        self.attempts = self.throttled = self.in_flight = 0
        self.request_seconds = 0.0
        """Sum over all requests of the time that they were in flight."""

    async def ask(self, tokens: int) -> tuple[Verdict, Seen | None]:
        """Answer a request of so many tokens after its latency, or turn it away."""
        self.attempts += 1
        self._step(1)
        try:
            admission, seen = self._admission, None
            if not admission.unlimited:
                refusal = admission.admit(tokens, self.in_flight)
                seen = self._seen()
                if refusal is not None:
                    self.throttled += 1
                    await asyncio.sleep(_TRIP)
                    return Verdict(Kind.THROTTLED, self._retry_after(refusal.wait)), seen
            await asyncio.sleep(_TRIP + self._delay())
            return OK, seen
        finally:
            self._step(-1)

    def _step(self, change: int) -> None:
        now = self._clock()
        self.request_seconds += self.in_flight * (now - self._since)
        self._since = now
        self.in_flight += change

    def _delay(self) -> float:
        latency = self._latency
        crowd = 1.0 if latency.capacity is None else max(1.0, self.in_flight / latency.capacity)
        return latency.median * crowd * math.exp(self._chance.gauss(0.0, latency.sigma))

    def _seen(self) -> Seen | None:
        if self._style == "none":
            return None
        lines = self._admission.headers().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        return self._headers.read(headers, self._clock())

    def _retry_after(self, wait: float) -> float | None:
        if self._style == "none":
            return None
        return wait if self._style == "openai" else float(math.ceil(wait))
