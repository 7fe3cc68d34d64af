"""What the page shows of limits: a chart and a few moments of each, and what held the job back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.chart import chart
from nemo_sdg.report.formats import duration, share, short
from nemo_sdg.report.limit_phrases import reasons_held_back, unit
from nemo_sdg.report.limit_series import limit_series
from nemo_sdg.report.limit_values import usable_reasons
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from nemo_sdg.report.chart import Chart
    from nemo_sdg.report.limit_series import Point, Series
    from nemo_sdg.report.numbers import RunReport, UseAt

_MOST_CHARTS = 12
_MOST_REASONS = 8
_MOMENTS = 8


class LimitChart(NamedTuple):
    """One limit on the page."""

    title: str
    endpoint: str
    words: str
    chart: Chart
    moments: list[tuple[str, str, str]]
    """Time, used and allowed at a few moments."""


class Reason(NamedTuple):
    """What held the job back, on the page."""

    name: str
    share: str
    percent: float
    time: str
    """Of workers."""


def limit_charts(moments: list[UseAt]) -> tuple[list[LimitChart], int]:
    """Return the charts, and how many limits have none because there would be too many: the least used."""
    series = limit_series(moments)
    ordered = sorted(range(len(series)), key=lambda index: -series[index].mean_share)
    shown = sorted(ordered[:_MOST_CHARTS])
    return [_chart(series[index]) for index in shown], len(series) - len(shown)


def held_back(report: RunReport) -> list[Reason]:
    """Return the reasons, the most important first; the least important ones together."""
    whole = sum(usable_reasons(report.held_back).values())
    reasons = reasons_held_back(report.held_back)
    rest = reasons[_MOST_REASONS:]
    if rest:
        reasons = [*reasons[:_MOST_REASONS], (f"{len(rest)} more reasons", sum(part for _, part in rest))]
    return [
        Reason(name, share(part, 1), round(100 * part, 2), duration(part * whole)) for name, part in reasons
    ]


def _chart(series: Series) -> LimitChart:
    title = one_line(without_credentials(series.name)) + (" per minute" if unit(series.name) else "")
    return LimitChart(title, series.endpoint, series.words, chart(series.points), _moments(series.points))


def _moments(points: list[Point]) -> list[tuple[str, str, str]]:
    known = [point for point in points if point.used is not None]
    last = len(known) - 1
    indices = sorted({round(last * step / (_MOMENTS - 1)) for step in range(_MOMENTS)}) if known else []
    return [
        (
            duration(known[index].elapsed),
            short(known[index].used or 0),
            "-" if (allowed := known[index].allowed) is None else short(allowed),
        )
        for index in indices
    ]
