"""What the panel, the log lines and the summary say in the same words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nemo_sdg.redact import shown_url
from nemo_sdg.report.formats import duration, number, plural, share
from nemo_sdg.report.rates import percentile
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import Counts

MARK = "[simulated] "
"""Begins every line about a run whose rows are made up."""
BANNER = "SIMULATED ENDPOINT — rows are made up, no model is asked"
_MINUTE = 60


def stopping(in_flight: int, within: float | None = None) -> str:
    """Return what to expect after a stop was asked for; `within` seconds later nothing is waited for."""
    wait = ""
    if within is not None and math.isfinite(within):
        seconds = max(0, math.ceil(within))
        wait = f", at most {duration(seconds) if seconds >= _MINUTE else f'{seconds} s'}"
    return f"stopping: finishing {number(in_flight)} in flight{wait}; Ctrl-C stops at once"


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


def cut_off(counts: Counts) -> str:
    """Return how many answers were cut off; "" when none was."""
    if not counts.truncated:
        return ""
    return f"{plural(counts.truncated, 'answer')} cut off at max_tokens ({cut_off_share(counts)})"


def cut_off_share(counts: Counts) -> str:
    """Return the share of answers that were cut off."""
    # Kept answers can be more than were paid for: the job that paid may be another one.
    answers = max(counts.requests - counts.failures, counts.reused, counts.truncated)
    return share(counts.truncated, answers)


def spread(latency: list[float]) -> str:
    """Return the percentiles of latencies in seconds."""
    return ", ".join(f"p{percent} {duration(percentile(latency, percent))}" for percent in (50, 95, 99))


def asked(models: list[str], endpoints: list[str]) -> str:
    """Return which models are asked where, without credentials."""
    names = ", ".join(map(one_line, models)) or "no model"
    places = ", ".join(one_line(shown_url(url)) for url in endpoints)
    return f"{names} at {places}" if places else names
