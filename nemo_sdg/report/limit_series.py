"""The limits of a run over time: one series for each limit of each endpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.report.formats import share, short
from nemo_sdg.report.limit_phrases import endpoint_names, said_by, unit
from nemo_sdg.report.limit_values import usable_history

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import UseAt


class Point(NamedTuple):
    """A limit at one moment."""

    elapsed: float
    allowed: float | None = None
    used: float | None = None
    """None: nothing is known of this moment."""
    pause: float = 0.0


@dataclass
class Series:
    """One limit; it has a point for every moment of the run that was kept."""

    endpoint: str
    """"" when the run has only one."""
    name: str
    points: list[Point]
    sources: list[str] = field(default_factory=list)
    """Where it was known from, one after another."""

    @property
    def known(self) -> bool:
        """Whether anything was ever known of a limit."""
        return any(point.allowed is not None for point in self.points)

    @property
    def mean_share(self) -> float:
        """What was used of what was allowed, from the first use on; 0 where nothing was known or allowed."""
        used, allowed = self._sums()
        return used / allowed if allowed else 0.0

    @property
    def words(self) -> str:
        """What was used and allowed over the run."""
        per = unit(self.name)
        if not self.known:
            used = [point.used for point in self._busy() if point.used is not None]
            return f"mean {short(sum(used) / max(1, len(used)))}{per}, no limit known"
        limits = [point.allowed for point in self.points if point.allowed is not None]
        least, most = short(min(limits)), short(max(limits))
        allowed = most if least == most else f"{least} to {most}"
        sources = ", then ".join(filter(None, map(said_by, self.sources)))
        mean = f"mean {share(*self._sums())} of {allowed}{per}"
        return f"{mean}, {sources}" if sources else mean

    def _sums(self) -> tuple[float, float]:
        both = [
            (point.used, point.allowed)
            for point in self._busy()
            if point.used is not None and point.allowed is not None
        ]
        return sum(used for used, _ in both), sum(allowed for _, allowed in both)

    def _busy(self) -> list[Point]:
        """Return the points from the first use on: starting the cluster does not count."""
        first = next((index for index, point in enumerate(self.points) if point.used), 0)
        return self.points[first:]


def limit_series(moments: list[UseAt]) -> list[Series]:
    """Return the limits that were known or used at some moment, in the order in which they appeared."""
    moments = usable_history(moments)
    found: dict[tuple[str, str, int, str], Series] = {}
    for position, moment in enumerate(moments):
        seen: Counter[tuple[str, str]] = Counter()
        for use in moment.endpoints:
            place = (use.endpoint, use.model)
            seen[place] += 1  # two credentials for one model are two endpoints with the same name
            for limit in use.limits:
                key = (*place, seen[place], limit.name)
                if key not in found:
                    found[key] = Series("", limit.name, [Point(other.elapsed) for other in moments])
                series = found[key]
                series.points[position] = Point(moment.elapsed, limit.allowed, limit.used, use.pause)
                if limit.allowed is not None and limit.source and limit.source not in series.sources:
                    series.sources.append(limit.source)
    owners = list(dict.fromkeys(key[:3] for key in found))
    names = dict(zip(owners, endpoint_names([owner[:2] for owner in owners]), strict=True))
    for key, series in found.items():
        series.endpoint = names[key[:3]] if len(owners) > 1 else ""
    return [series for series in found.values() if series.known or any(point.used for point in series.points)]
