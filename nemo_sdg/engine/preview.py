"""A few rows through a pipeline in this process, each alone, with all that happens on the way."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from nemo_sdg.engine.heartbeat import BEAT
from nemo_sdg.engine.local import LocalLinks
from nemo_sdg.engine.preflight import preflight
from nemo_sdg.engine.shard_runner import ShardState
from nemo_sdg.engine.stage_host import StageHost
from nemo_sdg.engine.travel import copied
from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.redact import redacted
from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.traces import (
    Exchange,
    PreviewSummary,
    Refused,
    RowChange,
    RowTrace,
    Spent,
    StageTrace,
)
from nemo_sdg.stages.base import MemoryLedger
from nemo_sdg.stages.rows import REJECTION, ROW_ID, STATUS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import pyarrow as pa

    from nemo_sdg.client import Completion
    from nemo_sdg.engine.plan import Plan
    from nemo_sdg.stages.base import Stage
    from nemo_sdg.stages.rows import Rejection

_MOST_AT_ONCE = 64  # rows, each in a thread


class Preview:
    """The rows `first` to `first + rows - 1` of `plan`'s source; iterating takes them through its stages.

    A row comes as soon as it is through. Nothing is written, and answers are kept nowhere. Its stages get
    each row alone, also those that ask for resources or workers of their own.

    Raises `ConfigError` for rows that are not there, and `FatalRequestError` for an endpoint that cannot be
    used, which is looked at first; iterating raises what would end a job.
    """

    def __init__(self, plan: Plan, rows: int = 5, first: int = 0) -> None:
        for name, value, least in (("rows", rows, 1), ("first", first, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"{name} is {value!r}: give a whole number of at least {least}")
        self._plan = plan
        shards = plan.source.plan(plan.shard_rows)
        self.rows_total = sum(shard.rows for shard in shards)
        """Rows of the whole job."""
        if first >= self.rows_total:
            raise ConfigError(
                f"the first row to show is {first}, but the input has rows 0 to {self.rows_total - 1}: give "
                "one of these"
            )
        self._rows: list[pa.Table] = []
        for shard in shards:
            if shard.first_row + shard.rows > first and len(self._rows) < rows:
                table = plan.source.read(shard)
                begin = max(0, first - shard.first_row)
                end = min(table.num_rows, begin + rows - len(self._rows))
                self._rows += [table.slice(position, 1) for position in range(begin, end)]
        self.notes = preflight(plan.paid_stages)
        """What a person should know of the endpoints."""
        self._done: list[RowTrace] = []

    def __len__(self) -> int:
        """Return how many rows will come."""
        return len(self._rows)

    def __iter__(self) -> Generator[RowTrace]:
        """Yield what became of each row, as they come."""
        host = StageHost(copied(self._plan.stages), LocalLinks(), "preview")
        try:
            if host.broken is not None:
                raise host.broken
            yield from self._through(host)
        finally:
            host.close()

    def _through(self, host: StageHost) -> Generator[RowTrace]:
        stopped: RunStopped | None = None
        with ThreadPoolExecutor(min(len(self._rows), _MOST_AT_ONCE), "nemo-sdg-row") as threads:
            running: set[Future[RowTrace]] = {threads.submit(_traced, host, row) for row in self._rows}
            try:
                while running:
                    finished, running = wait(running, BEAT, FIRST_COMPLETED)
                    host.tick()
                    for future in finished:
                        try:
                            trace = future.result()
                        except RunStopped as error:  # by the error of another row, which says more
                            stopped = error
                            continue
                        self._done.append(trace)
                        yield trace
            except BaseException:  # nobody listens any more: threads must not wait for what is in flight
                for future in running:
                    future.cancel()
                host.abort()
                raise
        if stopped is not None:
            raise stopped

    def summary(self) -> PreviewSummary:
        """Return the numbers of the rows that have come so far."""
        filtered: dict[str, int] = {}
        rejected: dict[str, int] = {}
        for trace in self._done:
            for refused in trace.rejected:
                _count(rejected, f"{self._plan.source.name}: {refused.error}")
            for stage in trace.stages:
                _count(filtered, stage.stage, stage.filtered)
                for refused in stage.rejected:
                    _count(rejected, f"{stage.stage}: {refused.error}")
        return PreviewSummary(
            rows=len(self._done),
            kept=sum(trace.fate == "kept" for trace in self._done),
            filtered=filtered,
            rejected=rejected,
            spent=self._spent(1),
            rows_total=self.rows_total,
            projected=self._spent(self.rows_total / max(1, len(self._done))),
        )

    def _spent(self, times: float) -> Spent:
        asked = [exchange for trace in self._done for exchange in trace.exchanges]
        prompt = times * sum(exchange.prompt_tokens for exchange in asked)
        completion = times * sum(exchange.completion_tokens for exchange in asked)
        prices = self._plan.caps.prices
        cost = None if prices is None else prices.cost(prompt, completion)
        return Spent(times * len(asked), prompt, completion, cost)


class _Witness(MemoryLedger):
    """Keeps what is asked for one row."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: list[tuple[list[dict[str, Any]], Completion | Exception]] = []

    def exchanged(self, messages: list[dict[str, Any]], outcome: Completion | Exception) -> None:
        """See `Ledger.exchanged`."""
        self._heard.append((messages, outcome))

    def taken(self, stage: Stage) -> list[Exchange]:
        """Return what was heard since the last call, of `stage`."""
        heard, self._heard = self._heard, []
        return [_exchange(stage, messages, outcome) for messages, outcome in heard]


def _traced(host: StageHost, row: pa.Table) -> RowTrace:
    """Return what becomes of one row in all stages."""
    state = ShardState.of(row, [], Counts())
    (values,) = row.drop_columns(
        [name for name in (REJECTION, STATUS) if name in row.column_names]
    ).to_pylist()
    trace = RowTrace(values[ROW_ID], values, [], [], _refused(state.rejections))
    witness = _Witness()
    for stage, before in host.sequence.steps(state, witness):
        trace.stages.append(_stage_trace(stage, before, state, witness))
        state.rejections, state.counts = [], Counts()  # what is in them is told
    trace.made = state.rows.to_pylist()
    return trace


def _stage_trace(stage: Stage, before: pa.Table, state: ShardState, witness: _Witness) -> StageTrace:
    old, new = before.to_pylist(), state.rows.to_pylist()
    added = [name for name in state.rows.column_names if name not in before.column_names]
    same = [name for name in state.rows.column_names if name in before.column_names]
    filtered = sum(state.counts.filtered.values())
    return StageTrace(
        stage=stage.name,
        rows=len(old),
        exchanges=witness.taken(stage),
        made=[
            RowChange(
                {name: row[name] for name in added},
                {name: row[name] for name in same if repr(row[name]) != repr(was[name])},
            )
            for row, was in zip(new, _origins(old, new, same), strict=True)
        ],
        removed=[name for name in before.column_names if new and name not in state.rows.column_names],
        filtered=filtered,
        joined=state.counts.joined,
        rejected=_refused(state.rejections),
        settings=_looked_at(stage, old[0]) if filtered else {},
    )


def _origins(
    old: list[dict[str, Any]], new: list[dict[str, Any]], same: Sequence[str]
) -> list[dict[str, Any]]:
    """Return for each row behind a stage the row before it that it was, or that it comes nearest to."""
    if len(old) == len(new):
        return old
    return [max(old, key=lambda was: sum(row[name] == was[name] for name in same)) for row in new]


def _looked_at(stage: Stage, row: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of `stage`, and the values of the columns that it needs."""
    settings = {key: value for key, value in stage.settings().items() if key not in ("step", "code", "text")}
    given = {key: value for key, value in settings.items() if value not in (None, [], (), {}, "")}
    return {**redacted(given), **{name: row[name] for name in stage.requires if name in row}}


def _exchange(stage: Stage, messages: list[dict[str, Any]], outcome: Completion | Exception) -> Exchange:
    formatter = getattr(stage, "conversation_formatter", None)
    exchange = Exchange(
        model=str(getattr(stage, "model_name", "")),
        messages=messages,
        prompt=None if formatter is None else formatter.format_conversation(messages),
    )
    if isinstance(outcome, Exception):
        exchange.error = str(outcome)
        exchange.attempts = getattr(outcome, "attempts", 1)
        return exchange
    exchange.model = outcome.model or exchange.model
    exchange.texts, exchange.finish_reasons = outcome.texts, outcome.finish_reasons
    exchange.reasoning = outcome.reasoning
    exchange.prompt_tokens = outcome.usage.prompt_tokens
    exchange.completion_tokens = outcome.usage.completion_tokens
    exchange.latency, exchange.attempts = outcome.latency, outcome.attempts
    return exchange


def _refused(rejections: Sequence[Rejection]) -> list[Refused]:
    return [Refused(each.error, each.message) for each in rejections]


def _count(counts: dict[str, int], key: str, number: int = 1) -> None:
    if number:
        counts[key] = counts.get(key, 0) + number
