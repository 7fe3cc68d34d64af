"""A run as JSON lines, for whoever reads a log with a program; `docs/log_format.md` describes the fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.redact import redacted, shown_url
from nemo_sdg.report.log_lines import INTERVAL
from nemo_sdg.report.rates import Rates, percentile
from nemo_sdg.report.stream import SteadyStream
from nemo_sdg.report.text import without_surrogates

if TYPE_CHECKING:
    from typing import TextIO

    from nemo_sdg.report.numbers import RunReport, RunTitle, Snapshot

_IN_THE_REPORT = ("settings", "samples", "limits")
"""What the last line leaves to `report.json`: it would be long."""


class JsonLines:
    """Writes a run to `stream`, one JSON object a line; each has `time`, `event` and `simulated`.

    The events are "begin", "progress" (each ten seconds, and when a stop is asked for), "note" and "end".
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = SteadyStream(stream)
        self._simulated = False
        self._rates = Rates()
        self._next = INTERVAL
        self._stopping = False

    def begin(self, title: RunTitle) -> None:
        """Write what runs, where to, and who is asked."""
        self._simulated = title.simulated
        endpoints = [shown_url(url) for url in title.endpoints]
        self._line("begin", {**msgspec.structs.asdict(title), "endpoints": endpoints})

    def update(self, snapshot: Snapshot) -> None:
        """Write the state when ten seconds are over, and at once that a stop was asked for."""
        self._rates.add(snapshot)
        news = snapshot.stopping and not self._stopping
        self._stopping = snapshot.stopping
        if news or snapshot.elapsed >= self._next:
            self._next = (snapshot.elapsed // INTERVAL + 1) * INTERVAL
            self._line("progress", _state(snapshot, self._rates))

    def note(self, text: str) -> None:
        """Write `text` as `message`."""
        self._line("note", {"message": text})

    def end(self, report: RunReport) -> None:
        """Write how the run ended, and its sums."""
        fields = msgspec.to_builtins(report, enc_hook=str, str_keys=True)  # rows hold values of any type
        self._simulated = report.simulated
        endpoints = [shown_url(url) for url in report.endpoints]
        rest = {name: value for name, value in fields.items() if name not in _IN_THE_REPORT}
        self._line("end", {**rest, "endpoints": endpoints})

    def _line(self, event: str, fields: dict[str, Any]) -> None:
        line = json_line(event, {**fields, "simulated": self._simulated})
        self._stream.write(line)
        self._stream.flush()


def json_line(event: str, fields: dict[str, Any]) -> str:
    """Return one line of such a log, without credentials."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whole = {"time": time, "event": event, **redacted(_plain(msgspec.to_builtins(fields)))}
    return msgspec.json.encode(whole).decode() + "\n"


def _state(snapshot: Snapshot, rates: Rates) -> dict[str, Any]:
    counts = snapshot.counts
    return {
        "elapsed": round(snapshot.elapsed, 3),
        "seconds_left": rates.eta,
        "rows_done": counts.rows_read,
        "rows_total": snapshot.rows_total,
        "rows_written": counts.rows_written,
        "rejected": counts.rejected,
        "filtered": counts.filtered,
        "requests": counts.requests,
        "requests_per_second": rates.requests_now,
        "requests_per_second_mean": rates.requests_mean,
        "prompt_tokens": counts.prompt_tokens,
        "completion_tokens": counts.completion_tokens,
        "tokens_per_second": rates.tokens_now,
        "tokens_per_second_mean": rates.tokens_mean,
        "in_flight": snapshot.in_flight,
        "allowed": snapshot.allowed,
        "throttles": counts.throttles,
        "retries": counts.retries,
        "hedged": counts.hedged,
        "failures": counts.failures,
        "truncated": counts.truncated,
        "reused": counts.reused,
        "latency": {f"p{share}": percentile(snapshot.latency, share) for share in (50, 95, 99)},
        "cost": snapshot.cost,
        "cost_in_the_end": rates.cost_in_the_end,
        "limits": snapshot.endpoints,
        "held_back": snapshot.held_back,
        "workers": snapshot.workers,
        "workers_wanted": snapshot.workers_wanted,
        "stopping": snapshot.stopping,
    }


def _plain(value: Any) -> Any:
    """Return a copy of `value` that JSON can hold: no half characters."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
