"""Numbers of limits as they can be shown: finite and not below zero."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nemo_sdg.report.numbers import EndpointUse, LimitUse, UseAt

if TYPE_CHECKING:
    from collections.abc import Iterable


def usable(endpoints: Iterable[EndpointUse]) -> list[EndpointUse]:
    """Return copies without limits whose use is no number; an allowance that is no number is not known."""
    return [
        EndpointUse(
            use.endpoint,
            use.model,
            [_limit(limit) for limit in use.limits if math.isfinite(limit.used)],
            _at_least_zero(use.pause),
        )
        for use in endpoints
    ]


def usable_history(moments: Iterable[UseAt]) -> list[UseAt]:
    """Return the moments that can be placed in time, in its order, each as `usable` makes it."""
    placed = [moment for moment in moments if math.isfinite(moment.elapsed) and moment.elapsed >= 0]
    return [
        UseAt(moment.elapsed, usable(moment.endpoints))
        for moment in sorted(placed, key=lambda moment: moment.elapsed)
    ]


def usable_reasons(seconds: dict[str, float]) -> dict[str, float]:
    """Return the reasons that took any time."""
    return {reason: value for reason, value in seconds.items() if math.isfinite(value) and value > 0}


def _limit(limit: LimitUse) -> LimitUse:
    known = limit.allowed is not None and math.isfinite(limit.allowed)
    allowed = max(0.0, limit.allowed) if known and limit.allowed is not None else None
    return LimitUse(limit.name, allowed, max(0.0, limit.used), limit.source)


def _at_least_zero(value: float) -> float:
    return max(0.0, value) if math.isfinite(value) else 0.0
