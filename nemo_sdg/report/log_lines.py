"""A run as lines of a log: one at the beginning, one each ten seconds, and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.formats import duration, plural, rate
from nemo_sdg.report.limit_lines import held_back, limit_parts
from nemo_sdg.report.phrases import MARK, asked, cut_off, flow, outcome, rows_done, spread, stopping, trouble
from nemo_sdg.report.rates import Rates
from nemo_sdg.report.spent import spent_so_far
from nemo_sdg.report.stream import SteadyStream
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from typing import TextIO

    from nemo_sdg.report.numbers import RunReport, RunTitle, Snapshot

INTERVAL = 10.0
"""Seconds of a run between two lines."""


class LogLines:
    """Writes a run to `stream` as plain lines; each says so when the endpoint is simulated."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = SteadyStream(stream)
        self._mark = ""
        self._title: RunTitle | None = None
        self._rates = Rates()
        self._next = INTERVAL
        self._stopping = False

    def begin(self, title: RunTitle) -> None:
        """Write what runs, where to, and who is asked."""
        self._mark = MARK if title.simulated else ""
        self._title = title
        self._line(
            f"{title.pipeline} -> {title.output}: {plural(title.rows_total, 'row')}, "
            f"{asked(title.models, title.endpoints)}; "
            f"{plural(title.workers, 'worker')}, engine {title.engine}"
        )

    def update(self, snapshot: Snapshot) -> None:
        """Write the state when ten seconds are over, and at once that a stop was asked for."""
        self._rates.add(snapshot)
        if snapshot.stopping and not self._stopping:
            self._stopping = True
            self._line(f"{duration(snapshot.elapsed)}: {stopping(snapshot.in_flight, snapshot.stop_within)}")
        if snapshot.elapsed >= self._next:
            self._next = (snapshot.elapsed // INTERVAL + 1) * INTERVAL
            self._line(self._state(snapshot))

    def note(self, text: str) -> None:
        """Write `text` as one line."""
        self._line(text)

    def end(self, report: RunReport) -> None:
        """Write how the run ended and its summary."""
        from nemo_sdg.report.summary import write_summary  # noqa: PLC0415 - only needed once, at the end

        write_summary(report, self._stream)

    def _state(self, snapshot: Snapshot) -> str:
        counts, rates = snapshot.counts, self._rates
        reasons, cut = held_back(snapshot), cut_off(counts)
        spent = spent_so_far(self._title, snapshot, rates.cost_in_the_end) if self._title else ""
        parts = [
            f"{rows_done(counts.rows_read, snapshot.rows_total)}"
            + (f", {duration(rates.eta)} left" if rates.eta is not None else ""),
            outcome(counts),
            f"{rate(rates.requests_now)} requests (mean {rate(rates.requests_mean)})",
            f"{rate(rates.tokens_now)} tokens (mean {rate(rates.tokens_mean)})",
            *([f"spent {spent}"] if spent else []),
            flow(snapshot.in_flight, snapshot.allowed),
            *limit_parts(snapshot),
            *([f"held back: {reasons}"] if reasons else []),
            trouble(counts),
            *([cut] if cut else []),
            "latency " + spread(snapshot.latency),
            f"{snapshot.workers} of {plural(snapshot.workers_wanted, 'worker')}",
        ]
        return f"{duration(snapshot.elapsed)}: {'; '.join(parts)}"

    def _line(self, text: str) -> None:
        self._stream.write(f"{self._mark}{one_line(without_credentials(text))}\n")
        self._stream.flush()
