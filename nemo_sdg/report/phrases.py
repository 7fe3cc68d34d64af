"""What the panel, the log lines and the summary say in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.report.formats import duration, number, plural, share
from nemo_sdg.report.rates import percentile
from nemo_sdg.report.redact import shown_url
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import Counts

MARK = "[simulated endpoint] "
"""Begins every line about a run whose rows are made up."""
BANNER = "SIMULATED ENDPOINT — rows are made up, no model is asked"
GO_ON = "run the same command again: finished rows are kept"


def stopping(in_flight: int) -> str:
    """Return what to expect after a stop was asked for."""
    return f"stopping: finishing {plural(in_flight, 'request')} in flight (Ctrl-C again stops now)"


def rows_done(done: int, total: int) -> str:
    """Return how far a run is."""
    return f"{number(done)} of {plural(total, 'row')} ({share(done, total)})" if total else "no rows"


def outcome(counts: Counts) -> str:
    """Return what became of the rows."""
    return (
        f"{number(counts.rows_written)} written, {number(counts.rows_rejected)} rejected, "
        f"{number(counts.rows_filtered)} filtered"
    )


def flow(in_flight: int, allowed: int) -> str:
    """Return the requests in flight against those that may be."""
    return f"{number(in_flight)} of {number(allowed)} allowed in flight"


def trouble(counts: Counts) -> str:
    """Return what the endpoint turned away and what went wrong."""
    return (
        f"{plural(counts.throttles, 'throttle')}, "
        f"{number(counts.retries)} {'retry' if counts.retries == 1 else 'retries'}, "
        f"{number(counts.failures)} failed"
    )


def spread(latency: list[float]) -> str:
    """Return the percentiles of latencies in seconds."""
    return ", ".join(f"p{percent} {duration(percentile(latency, percent))}" for percent in (50, 95, 99))


def asked(models: list[str], endpoints: list[str]) -> str:
    """Return which models are asked where, without credentials."""
    names = ", ".join(map(one_line, models)) or "no model"
    places = ", ".join(one_line(shown_url(url)) for url in endpoints)
    return f"{names} at {places}" if places else names
