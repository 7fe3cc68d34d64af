"""The numbers of a run, as data: what workers count, what a person is shown, what `report.json` holds."""

from __future__ import annotations

from typing import Any

import msgspec


class Counts(msgspec.Struct):
    """What happened to rows and requests; adds up over shards, workers and resumed runs."""

    rows_read: int = 0
    """Rows of the source that are through, whatever became of them."""
    rows_written: int = 0
    """Rows in the dataset."""
    rejected: dict[str, int] = {}
    """Rows in `rejected/`, by "stage: error class"."""
    filtered: dict[str, int] = {}
    """Rows that a stage left out, by stage."""
    added: int = 0
    """Rows that stages made beside those that they got, such as segments of documents and further choices."""
    joined: int = 0
    """Rows that went into others, such as segments into documents: neither filtered nor rejected."""
    requests: int = 0
    """Questions to a model that were sent, each counted once; of all attempts at a shard, killed ones too."""
    attempts: int = 0
    """HTTP tries of those."""
    throttles: int = 0
    """Tries that the endpoint turned away because it was full (429, 503, 529)."""
    hedged: int = 0
    """Tries that were sent besides one that took long, to take the first answer."""
    failures: int = 0
    """Requests that failed in the end."""
    truncated: int = 0
    """Answers that were cut off at `max_tokens`, and are in use."""
    reused: int = 0
    """Answers found in the journal instead of being paid for again."""
    prompt_tokens: int = 0
    """Of all answers that were paid for, also those that were given up to ask again."""
    completion_tokens: int = 0
    """As `prompt_tokens`."""
    reasoning_tokens: int = 0
    """The part of `completion_tokens` that is reasoning, as far as servers say."""
    latencies: dict[str, int] = {}
    """Answers that were paid for, by bucket of their latency: its upper bound in seconds."""

    @property
    def rows_rejected(self) -> int:
        """Rows in `rejected/`."""
        return sum(self.rejected.values())

    @property
    def rows_filtered(self) -> int:
        """Rows that stages left out."""
        return sum(self.filtered.values())

    @property
    def retries(self) -> int:
        """Tries after transient failures."""
        return max(0, self.attempts - self.throttles - self.hedged - self.requests)

    def add(self, other: Counts) -> None:
        """Add `other` to these."""
        for field in msgspec.structs.fields(Counts):
            mine, its = getattr(self, field.name), getattr(other, field.name)
            if isinstance(mine, dict):
                for key, number in its.items():
                    mine[key] = mine.get(key, 0) + number
            else:
                setattr(self, field.name, mine + its)


class LimitUse(msgspec.Struct):
    """One limit of an endpoint: what is allowed and what is used, by all workers and jobs together."""

    name: str
    """"requests", "tokens", "prompt tokens", "completion tokens" (per minute), "in flight" (at a time)."""
    allowed: float | None
    """At this moment; None: nothing is known of a limit."""
    used: float
    """Over the last seconds; of "in flight" at this moment."""
    source: str = ""
    """Who says so: "configured", "headers", "throttles" (learnt from them), "latency" (of "in flight")."""


class EndpointUse(msgspec.Struct):
    """The limits of one endpoint and model."""

    endpoint: str
    """URL without credential; "" where it is not known."""
    model: str
    limits: list[LimitUse] = []
    pause: float = 0.0
    """Seconds for which nobody may send, after a throttle."""


class UseAt(msgspec.Struct):
    """The limits at one moment of a run."""

    elapsed: float
    """Seconds since the command."""
    endpoints: list[EndpointUse]


class Snapshot(msgspec.Struct):
    """The state of a run at one moment."""

    elapsed: float
    """Seconds since the command."""
    rows_total: int
    rows_before: int
    """Rows that earlier runs into the same folder had finished."""
    counts: Counts
    """Of this run and the earlier ones; rows of unfinished shards only as far as requests go."""
    in_flight: int = 0
    allowed: int = 0
    """Requests that may be in flight now, over all workers."""
    workers: int = 0
    workers_wanted: int = 0
    latency: list[float] = []
    """Recent latencies in seconds, a sample."""
    newest: str | None = None
    """The text of a row that has just been answered."""
    requests_before: int = 0
    """Of `counts.requests`, those of earlier runs."""
    tokens_before: int = 0
    """Of the tokens in `counts`, those of earlier runs."""
    stopping: bool = False
    """A stop was asked for: what is in flight is being finished."""
    stop_within: float | None = None
    """Seconds until what is still in flight is given up, once a stop was asked for."""
    endpoints: list[EndpointUse] = []
    """What each endpoint allows, and what of it is used."""
    cost: float | None = None
    """Money for all tokens, those of earlier runs included; None without prices."""
    held_back: dict[str, float] = {}
    """Seconds of workers by what kept them from sending more, such as "requests per minute", "pause after a
    throttle", "max_concurrent_requests of the workers" or "no rows at hand"."""


class Origin(msgspec.Struct):
    """What a run was started by, on the command line; without credentials."""

    command: str
    config: dict[str, Any]
    """All that was set, in the file or by options."""


class RunReport(msgspec.Struct):
    """What `report.json` holds."""

    pipeline: str
    state: str
    """"finished", "stopped" or "failed"; on a page that is made before the end "running"."""
    message: str
    """Why it stopped or failed, and what to do; of a finished one, that too many rows are rejected, or ""."""
    output: str
    rows_total: int
    counts: Counts
    seconds: float
    """Of this run, from the command to its end; 0: not known."""
    seconds_to_first_request: float | None
    requests_per_second: float | None
    """Between the first and the last request of this run."""
    workers: int
    engine: str
    """"ray" or "local"."""
    endpoints: list[str]
    simulated: bool
    """The rows were made by the simulated endpoint."""
    models: list[str]
    latency: dict[str, float]
    """Seconds: p50, p95, p99 of this run's requests."""
    settings: list[dict[str, Any]]
    """Of each step of the pipeline."""
    started: str
    """UTC, ISO 8601."""
    version: str
    samples: list[dict[str, Any]]
    """The first three rows of the dataset."""
    limits: list[UseAt] = []
    """What was allowed and used over time; at most some hundred moments, evenly spread over this run."""
    held_back: dict[str, float] = {}
    """As in `Snapshot`, of this run."""
    cost: float | None = None
    """Money for all tokens, those of earlier runs included; None without prices."""
    max_cost: float | None = None
    """The money at which the job was to stop, if any."""
    given_up: int = 0
    """Number of the signal after which what was in flight was given up; 0: it was not."""
    origin: Origin | None = None
    """None: a run that was started in Python."""
    languages: list[str] = []
    """ISO 639-1 codes of those that rows were asked for in, where that is known."""

    rejection: str = ""
    """Why one of the rejected rows was, for an example; "" when none is known."""

    def _repr_html_(self) -> str:
        """Return the summary as a notebook shows it."""
        from nemo_sdg.report.html_table import report_table  # noqa: PLC0415 - it needs what is here

        return report_table(self)


class RunTitle(msgspec.Struct, frozen=True):
    """What is known of a run before its first request."""

    pipeline: str
    output: str
    rows_total: int
    models: list[str]
    endpoints: list[str]
    """URLs."""
    simulated: bool
    """The simulated endpoint answers."""
    engine: str
    """"ray" or "local"."""
    workers: int
    max_cost: float | None = None
    """The money at which the job is to stop, if any."""
