"""The histograms of a page: latencies and tokens of requests, lengths of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.report.cells import cell
from nemo_sdg.report.formats import duration, short
from nemo_sdg.report.histogram import of_bins, of_values
from nemo_sdg.report.latencies import bins, percentiles

if TYPE_CHECKING:
    from nemo_sdg.report.analysis import Analysis
    from nemo_sdg.report.histogram import Histogram
    from nemo_sdg.report.numbers import Counts

_NAME = 60


def requests_spread(counts: Counts, analysis: Analysis) -> list[Histogram]:
    """Return how latencies and numbers of tokens are spread."""
    places = {int(name[1:]): value for name, value in percentiles(counts.latencies).items()}
    latency = of_bins("latency", bins(counts.latencies), places, duration)
    tokens = [of_values(_name(name), values, short) for name, values in analysis.tokens.items()]
    return [drawn for drawn in (latency, *tokens) if drawn is not None]


def texts_spread(analysis: Analysis) -> list[Histogram]:
    """Return how the lengths of texts are spread."""
    drawn = (of_values(_name(name), values, short) for name, values in analysis.lengths.items())
    return [one for one in drawn if one is not None]


def _name(column: str) -> str:
    return cell(column.replace("_tokens", " tokens"), _NAME).text
