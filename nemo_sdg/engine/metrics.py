"""The numbers of a run as metrics of Ray, which each node of a cluster shows to Prometheus.

The driver counts them out of its snapshots once a second; workers and requests do nothing for them. Where Ray
was installed without `ray[default]` it takes them and shows them nowhere.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from nemo_sdg.redact import shown_url
from nemo_sdg.report.latencies import bins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nemo_sdg.report.numbers import Snapshot

PERIOD = 1.0
"""Seconds between two looks."""
PREFIX = "nemo_sdg_"
_COUNTERS = {
    "rows_written": "Rows in the dataset",
    "rows_rejected": "Rows rejected, by stage and error",
    "rows_filtered": "Rows that a stage left out",
    "requests": "Questions to a model",
    "requests_failed": "Requests that failed in the end",
    "attempts": "HTTP tries",
    "throttles": "Tries that an endpoint turned away because it was full",
    "retries": "Tries after transient failures",
    "answers_reused": "Answers that were kept, and not paid for again",
    "prompt_tokens": "Tokens of prompts that were paid for",
    "completion_tokens": "Tokens of answers that were paid for",
    "cost": "Money for those tokens, where prices are given",
    "held_back_seconds": "Seconds of workers by what kept them from sending more",
}
_GAUGES = {
    "rows_planned": "Rows of the source",
    "in_flight": "Requests in flight",
    "allowed_in_flight": "Requests that may be in flight",
    "workers": "Workers that are alive",
    "limit_allowed": "What an endpoint allows, a minute or at a time",
    "limit_used": "What is used of it, by all jobs of the cluster",
}
_LATENCY = "request_latency_seconds"
_BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600]
_LIMIT = ("endpoint", "model", "limit")
_TAGS = {
    "rows_rejected": ("reason",),
    "rows_filtered": ("stage",),
    "held_back_seconds": ("reason",),
    "limit_allowed": _LIMIT,
    "limit_used": _LIMIT,
}
"""Beside the pipeline's name. All of them take few values: stages, kinds of errors, endpoints."""


class Reading(NamedTuple):
    """The value of one series."""

    name: str
    tags: tuple[str, ...]
    """In the order of their keys."""
    value: float


def totals(snapshot: Snapshot) -> Iterator[Reading]:
    """Yield what only grows."""
    counts = snapshot.counts
    plain = {
        "rows_written": counts.rows_written,
        "requests": counts.requests,
        "requests_failed": counts.failures,
        "attempts": counts.attempts,
        "throttles": counts.throttles,
        "retries": counts.retries,
        "answers_reused": counts.reused,
        "prompt_tokens": counts.prompt_tokens,
        "completion_tokens": counts.completion_tokens,
        "cost": snapshot.cost or 0.0,
    }
    yield from (Reading(name, (), value) for name, value in plain.items())
    for name, by_reason in (
        ("rows_rejected", counts.rejected),
        ("rows_filtered", counts.filtered),
        ("held_back_seconds", snapshot.held_back),
    ):
        yield from (Reading(name, (reason,), value) for reason, value in by_reason.items())


def levels(snapshot: Snapshot) -> Iterator[Reading]:
    """Yield what goes up and down."""
    yield Reading("rows_planned", (), snapshot.rows_total)
    yield Reading("in_flight", (), snapshot.in_flight)
    yield Reading("allowed_in_flight", (), snapshot.allowed)
    yield Reading("workers", (), snapshot.workers)
    for endpoint in snapshot.endpoints:
        for use in endpoint.limits:
            tags = (shown_url(endpoint.endpoint), endpoint.model, use.name)
            yield Reading("limit_used", tags, use.used)
            if use.allowed is not None:
                yield Reading("limit_allowed", tags, use.allowed)


class Metrics:
    """Publishes what `look` returns of the run of `pipeline`, as long as the context is entered.

    To be entered when Ray is up, and left before it ends. What earlier runs had counted is left out.
    """

    def __init__(self, pipeline: str, look: Callable[[], Snapshot]) -> None:
        self._pipeline = {"pipeline": pipeline}
        self._look = look
        self._series: dict[str, Any] = {}
        self._published: dict[tuple[str, tuple[str, ...]], float] = {}
        self._answers: dict[float, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._publish_until_ended, name="nemo-sdg-metrics", daemon=True
        )

    def __enter__(self) -> Self:
        """Begin: what is counted by now was before this run."""
        from ray.util.metrics import Counter, Gauge, Histogram  # noqa: PLC0415 - Ray is up, so it is imported

        for kind, names in ((Counter, _COUNTERS), (Gauge, _GAUGES)):
            for name, description in names.items():
                keys = ("pipeline", *_TAGS.get(name, ()))
                self._series[name] = kind(PREFIX + name, description, keys)
        self._series[_LATENCY] = Histogram(
            PREFIX + _LATENCY, "Time of the attempts that succeeded", _BOUNDS, ("pipeline",)
        )
        snapshot = self._look()
        self._published = {(name, tags): value for name, tags, value in totals(snapshot)}
        self._answers = _answers(snapshot)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Publish how it ended."""
        self._ended.set()
        self._thread.join()
        snapshot = self._look()
        snapshot.in_flight = snapshot.allowed = snapshot.workers = 0
        self._publish(snapshot)

    def _publish_until_ended(self) -> None:
        while not self._ended.wait(PERIOD):
            self._publish(self._look())

    def _publish(self, snapshot: Snapshot) -> None:
        with suppress(Exception):  # whatever became of Ray: metrics are no reason for a job to end
            for name, tags, value in totals(snapshot):
                more = value - self._published.get((name, tags), 0.0)
                if more > 0:  # open shards are left out for a moment when they close
                    self._series[name].inc(more, self._tags(name, tags))
                    self._published[name, tags] = value
            for name, tags, value in levels(snapshot):
                self._series[name].set(value, self._tags(name, tags))
            answers = _answers(snapshot)
            for seconds, number in answers.items():
                for _ in range(number - self._answers.get(seconds, 0)):
                    self._series[_LATENCY].observe(seconds, self._pipeline)
                self._answers[seconds] = max(number, self._answers.get(seconds, 0))

    def _tags(self, name: str, values: tuple[str, ...]) -> dict[str, str]:
        return {**self._pipeline, **dict(zip(_TAGS.get(name, ()), values, strict=True))}


def _answers(snapshot: Snapshot) -> dict[float, int]:
    """Return the answers by latency in seconds, as far as their buckets tell."""
    return {(low * high) ** 0.5: number for low, high, number in bins(snapshot.counts.latencies)}
