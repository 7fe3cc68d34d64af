"""A run to show: its title, snapshots and report, with what a test does not care about filled in."""

from __future__ import annotations

import io

import pytest

from nemo_sdg.report.numbers import Counts, EndpointUse, LimitUse, RunReport, RunTitle, Snapshot, UseAt


class Terminal(io.StringIO):
    """A stream that says a person looks at it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    """Make a terminal of 80x24 without colour."""
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    return Terminal()


@pytest.fixture
def title():
    """Make a title."""

    def make(**changes) -> RunTitle:
        fields = {
            "pipeline": "multilingual_qa",
            "output": "out/qa",
            "rows_total": 1000,
            "models": ["small"],
            "endpoints": ["https://user:hunter2@host.example/v1?key=hunter2"],
            "simulated": False,
            "engine": "local",
            "workers": 2,
        }
        return RunTitle(**{**fields, **changes})

    return make


@pytest.fixture
def snapshot():
    """Make a snapshot at a moment, with a number of rows done and ten times as many requests."""

    def make(elapsed: float, rows: int = 0, **changes) -> Snapshot:
        counts = Counts(rows_read=rows, rows_written=rows, requests=10 * rows, completion_tokens=100 * rows)
        fields = {
            "elapsed": elapsed,
            "rows_total": 1000,
            "rows_before": 0,
            "counts": counts,
            "in_flight": 64,
            "allowed": 128,
            "workers": 2,
            "workers_wanted": 3,
            "latency": [0.5, 1.0, 4.0],
        }
        return Snapshot(**{**fields, **changes})

    return make


@pytest.fixture
def report():
    """Make a report."""

    def make(**changes) -> RunReport:
        fields = {
            "pipeline": "multilingual_qa",
            "state": "finished",
            "message": "",
            "output": "out/qa",
            "rows_total": 1000,
            "counts": Counts(
                rows_read=1000,
                rows_written=980,
                rejected={"generate: ContextLengthError": 5, "parse: ParseError": 10},
                filtered={"language": 5},
                requests=1100,
                attempts=1150,
                throttles=25,
                failures=5,
                reused=30,
                prompt_tokens=812_000,
                completion_tokens=1_234_567,
            ),
            "seconds": 200.3,
            "seconds_to_first_request": 3.42,
            "requests_per_second": 12.34,
            "workers": 2,
            "engine": "local",
            "endpoints": ["https://user:hunter2@host.example/v1?key=hunter2"],
            "simulated": False,
            "models": ["small"],
            "latency": {"p50": 0.84, "p95": 1.93, "p99": 3.2},
            "settings": [{"step": "some.module:Generate", "name": "generate", "temperature": 0.7}],
            "started": "2026-01-02T03:04:05Z",
            "version": "0.1.0",
            "samples": [{"question": "How?", "answer": "So."}],
        }
        return RunReport(**{**fields, **changes})

    return make


@pytest.fixture
def use():
    """Make an endpoint's limits; each limit is (name, allowed, used, source)."""

    def make(*limits, endpoint="https://user:hunter2@host.example/v1", model="small", pause=0.0):
        chosen = limits or (
            ("requests", 6000.0, 5870.0, "configured"),
            ("tokens", 2e6, 1.2e6, "headers"),
            ("in flight", 512.0, 300.0, "latency"),
        )
        return EndpointUse(endpoint, model, [LimitUse(*limit) for limit in chosen], pause)

    return make


@pytest.fixture
def moments(use):
    """Make moments a second apart with one limit; each is (allowed, used), or None where it is missing."""

    def make(*values, name="requests", source="configured"):
        return [
            UseAt(float(second), [use((name, *value, source))] if value else [])
            for second, value in enumerate(values)
        ]

    return make
