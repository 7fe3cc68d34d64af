"""What is published of a run, and that Ray takes it."""

from __future__ import annotations

import time
import urllib.request
from collections import defaultdict

import pytest

from nemo_sdg.engine.metrics import _COUNTERS, _GAUGES, _LATENCY, Metrics
from nemo_sdg.report.latencies import bucket_of
from nemo_sdg.report.numbers import Counts, EndpointUse, LimitUse, Snapshot

URL = "https://user:hunter2@host.example/v1?key=hunter2"


def snapshot(number, **changes):
    """Return a snapshot with so many of everything."""
    counts = Counts(
        rows_written=number,
        rejected={"ask: ServerError": number},
        filtered={"short": number},
        requests=number,
        attempts=3 * number,
        throttles=number,
        prompt_tokens=10 * number,
        latencies={bucket_of(0.2): number, bucket_of(7.0): 2 * number},
    )
    limits = [LimitUse("requests", 600.0, 1.0 * number), LimitUse("tokens", None, 5.0)]
    fields = {
        "elapsed": 1.0,
        "rows_total": 100,
        "rows_before": 0,
        "in_flight": number,
        "endpoints": [EndpointUse(URL, "m", limits)],
        "held_back": {"no rows at hand": 0.5 * number},
        "cost": 0.25 * number,
    }
    return Snapshot(counts=counts, **{**fields, **changes})


class Kept:
    """A series that keeps what it is told, by the values of its tags."""

    def __init__(self):
        self.values = defaultdict(list)

    def inc(self, value, tags):
        """Keep it."""
        self.values[*tags.values()].append(value)

    set = inc

    def observe(self, value, tags):
        """Keep it."""
        self.values[*tags.values()].append(value)


@pytest.fixture
def published():
    """Return a function that publishes snapshots and returns what each series was told."""

    def publish(*snapshots):
        metrics = Metrics("qa", lambda: snapshots[0])
        metrics._series = {name: Kept() for name in (*_COUNTERS, *_GAUGES, _LATENCY)}
        for each in snapshots:
            metrics._publish(each)
        return {name: dict(kept.values) for name, kept in metrics._series.items()}

    return publish


def test_counters_grow_by_what_is_new(published):
    """A counter gets the difference to the highest so far, by its reason; nothing when it has not grown."""
    told = published(snapshot(2), snapshot(2), snapshot(1), snapshot(5))

    assert told["rows_written"] == {("qa",): [2, 3]}
    assert told["rows_rejected"] == {("qa", "ask: ServerError"): [2, 3]}
    assert told["rows_filtered"] == {("qa", "short"): [2, 3]}
    assert (told["attempts"], told["retries"]) == ({("qa",): [6, 9]}, {("qa",): [2, 3]})
    assert told["cost"] == {("qa",): [0.5, 0.75]}
    assert told["held_back_seconds"] == {("qa", "no rows at hand"): [1.0, 1.5]}
    assert told["requests_failed"] == {}


def test_gauges_say_what_is_now(published):
    """Gauges take each value; limits go by endpoint, model and name, without credentials."""
    told = published(snapshot(5), snapshot(3))

    assert told["in_flight"] == {("qa",): [5, 3]}
    place = ("qa", "https://host.example/v1", "m")
    assert told["limit_used"] == {(*place, "requests"): [5.0, 3.0], (*place, "tokens"): [5.0, 5.0]}
    assert told["limit_allowed"] == {(*place, "requests"): [600.0, 600.0]}


def test_each_answer_is_observed_once(published):
    """The histogram gets each new answer, within a tenth of its latency."""
    told = published(snapshot(2), snapshot(1), snapshot(3))[_LATENCY]["qa",]

    assert len(told) == 9
    assert sorted(told) == pytest.approx([0.2] * 3 + [7.0] * 6, rel=0.1)


@pytest.mark.ray
def test_ray_takes_them(ray_instance):
    """In a Ray all series are made and take values; one with `ray[default]` shows them at its export port."""
    state = [snapshot(1)]
    with Metrics("scraped", lambda: state[0]) as metrics:
        state[0] = snapshot(5)
        for each in metrics._series.values():
            assert each.info["name"].startswith("nemo_sdg_")
    assert metrics._published["requests", ()] == 5
    node = ray_instance.nodes()[0]
    if node["MetricsExportPort"] > 0:
        url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
        shown = ""
        while "nemo_sdg_in_flight{" not in shown:  # Ray collects every ten seconds
            time.sleep(0.5)
            with urllib.request.urlopen(url) as answer:
                shown = answer.read().decode()
        line = next(line for line in shown.splitlines() if line.startswith("ray_nemo_sdg_requests_total{"))
        assert 'pipeline="scraped"' in line
        assert line.endswith(" 4.0")
        assert "hunter2" not in shown
