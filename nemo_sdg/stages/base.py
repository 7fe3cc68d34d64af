"""The contracts that the engine drives: Source, Stage, PaidStage, CompositeStage, Sink."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec

from nemo_sdg import hooks
from nemo_sdg.errors import ConfigError, FatalRequestError, OutputError, RunStopped
from nemo_sdg.stages.step import Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from nemo_sdg.client import Completion
    from nemo_sdg.limits import BudgetName, Limiter

ENDS_THE_JOB = (FatalRequestError, RunStopped, ConfigError, OutputError)
"""What a stage may raise that is no row's fault; anything else rejects the rows for which it is raised."""


@dataclass(frozen=True)
class Resources:
    """What one worker of a stage takes of a node; a stage that asks for any gets workers of its own."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0
    """Bytes."""

    def __post_init__(self) -> None:
        """Check every value."""
        for key in ("cpus", "gpus", "memory"):
            if getattr(self, key) < 0:
                raise ConfigError(f"resources.{key} is {getattr(self, key)!r}: give a number of at least 0")

    def as_ray(self) -> dict[str, float]:
        """Return the amounts under the names that a cluster counts them by, without those of 0 but CPU."""
        amounts = {"GPU": self.gpus, "memory": float(self.memory)}
        return {"CPU": self.cpus, **{name: amount for name, amount in amounts.items() if amount}}


class Shard(msgspec.Struct, frozen=True):
    """Consecutive rows of the source: the unit of scheduling, commit and resume."""

    index: int
    first_row: int
    rows: int
    place: dict[str, Any] = {}
    """Where the source finds the rows; JSON values."""


class Source(Step):
    """Where rows come from. Rows have a `row_id`: their position in the job's input, counted from 0."""

    @abstractmethod
    def plan(self, shard_rows: int | None) -> list[Shard]:
        """Return the shards of all rows, about `shard_rows` each (None: as suits the number of rows)."""

    @abstractmethod
    def read(self, shard: Shard) -> pa.Table:
        """Return the rows of `shard`, with their `row_id` (int64); the same rows each time."""

    def changes(self, shards: Sequence[Shard]) -> list[str]:  # noqa: ARG002 - sources that read say more
        """Return in words what is different from when `shards` were planned; nothing by default."""
        return []

    def grown(
        self,
        settings: Mapping[str, Any],  # noqa: ARG002 - sources that can grow use it
        shards: Sequence[Shard],  # noqa: ARG002
        shard_rows: int | None,  # noqa: ARG002
    ) -> list[Shard] | None:
        """Return the shards to append to those of a run with `settings`, if this source has more of the same.

        None when rows of the earlier run would be others, or fewer; always by default.
        """
        return None


class Stage(Step):
    """Turns one Arrow table into another.

    Workers get a copy each; `setup` runs there before the first batch. A stage object handles one batch at a
    time on a worker, unless `process` is asynchronous: then as many as there are.
    """

    resources: Resources | None = None
    """What a worker of its own takes; None: it runs inside the workers that generate."""
    workers: int | None = None
    """Workers of its own, when it has any; None: as many as the job has."""
    batch_size: int | None = None
    """Most rows given to `process` at a time; None: a whole shard."""
    environment: tuple[str, ...] = ()
    """Names of the environment variables that it reads on a worker; the engine takes their values along."""
    rows_each: int = 1
    """Rows that it makes of one, at most; for plans of what will be asked."""
    joins: ClassVar[bool] = False
    """Whether rows of one `row_id` become one: then only those of which none is left count as filtered."""
    _changeable = ("name", "resources", "workers", "batch_size")

    def setup(self) -> None:
        """Prepare on the worker: open models and connections."""

    @abstractmethod
    def process(self, batch: pa.Table) -> pa.Table | Awaitable[pa.Table]:
        """Return the rows that `batch` becomes.

        Rows that are left out count as filtered. Reject a row by `nemo_sdg.stages.rows.map_rows` and a
        `RowError`; when `process` itself raises, the engine tries each row alone and rejects what raises.
        """

    def close(self) -> None:
        """Release what `setup` took."""

    def apply(self, dataset: Any, *, workers: int | None = None) -> Any:
        """Return the `ray.data.Dataset` that `dataset` becomes by this stage; nothing runs before it is used.

        Its `workers` actors (None: those of the stage, else 2) are as those of a pipeline: the same pacing by
        one budget for all who ask the endpoint on this cluster, the same retries and rejecting of rows.
        No row is lost: those that cannot be used have `status` "rejected" (others "ok") and the reason in
        `rejection`, null where the stage did not come to it; another stage that is applied lets them pass.
        A column of the dataset's own of one of these names becomes `source_status` or `source_rejection`.

        `row_id` (whole numbers) is the dataset's column if it has one. Else it is added: 63 bits that digest
        what the row holds, so that it, and the seed that follows from it, is the same for any order, any
        blocks and any run. Rows that are the same in all columns share it; give them a `row_id` to have
        different answers.

        There is no run folder: answers live as long as the call, and what Ray does again, because an actor
        died or the dataset is used twice, is asked and paid again. `materialize()` it to use it twice, or
        take a `Pipeline` to keep what was paid for. An error that would end a job ends this too.
        """
        return hooks.apply_stage(self, dataset, workers=workers)


class Ledger(Protocol):
    """Keeps what was paid for: the shard's journal under an engine, memory in a notebook.

    A key is the `row_id`, "-", the prefix of the stage's columns and 24 characters that digest all that
    determines the answer: so the answers of one row at one stage can be found.
    """

    def recall(self, key: str) -> Completion | None:
        """Return the completion that was recorded under `key`, if any."""
        ...

    def record(self, key: str, completion: Completion) -> None:
        """Keep a completion that has just arrived."""
        ...

    def record_failure(self, error: Exception) -> None:
        """Count a request that failed in the end."""
        ...

    def exchanged(self, messages: list[dict[str, Any]], outcome: Completion | Exception) -> None:
        """Hear what was sent, and what came of it; nothing of that need be kept."""
        ...

    def times_forgotten(self, question: str) -> int:
        """Return how many recorded answers were given up to ask again, of keys that begin with `question`."""
        ...


class PaidStage(Stage):
    """A stage that asks something which costs: it records each answer as it arrives and never asks twice."""

    @abstractmethod
    async def process_paid(self, batch: pa.Table, ledger: Ledger) -> pa.Table:
        """As `process`, recalling from and recording to `ledger`.

        Raises `FatalRequestError` when no request can succeed, `RunStopped` when its limiters were stopped.
        """

    def key_prefix(self, row_id: int) -> str:
        """Return what the keys of the answers for one row begin with; no other stage has the same."""
        return f"{row_id}-{getattr(self, 'prefix', '')}"

    async def check(self) -> list[str]:
        """Look at the endpoint before a run, without paying; return what a person should know.

        Runs in the driver, without `setup` before it. Raises `FatalRequestError` when it cannot be used.
        """
        return []

    @abstractmethod
    async def close_paid(self) -> None:
        """Close connections; runs on the event loop that `process_paid` ran on."""

    @property
    @abstractmethod
    def most_in_flight(self) -> int:
        """The requests that one worker ever has in flight."""

    @property
    @abstractmethod
    def limiters(self) -> Mapping[BudgetName, Limiter]:
        """What admits its requests, by whose limits these are.

        The engine has those of one name share one budget, stops them and shows their flow.
        """

    async def process(self, batch: pa.Table) -> pa.Table:
        """Run outside an engine, where answers are kept only as long as the call lasts."""
        return await self.process_paid(batch, MemoryLedger())


class CompositeStage(Step):
    """A named group of steps that a pipeline takes apart when it is given one."""

    @abstractmethod
    def decompose(self) -> Sequence[Step]:
        """Return the steps in order."""


class Sink(Step):
    """Where rows go: one part file for each shard, in the output folder `path`."""

    path: Path | str
    """A folder, or the URL of one: "s3://bucket/folder"."""
    suffix: str
    """Of part files, such as ".parquet"."""
    environment: tuple[str, ...] = ()
    """Names of the environment variables that `path` needs; the engine takes their values to workers."""

    @abstractmethod
    def write(self, rows: pa.Table, file: Path) -> None:
        """Write `rows` to `file`, which does not exist; the engine puts it in its place when it is whole."""


class MemoryLedger:
    """A ledger that lasts as long as it is held."""

    def __init__(self) -> None:
        self.completions: dict[str, Completion] = {}
        self.failures: list[Exception] = []

    def recall(self, key: str) -> Completion | None:
        """See `Ledger.recall`."""
        return self.completions.get(key)

    def record(self, key: str, completion: Completion) -> None:
        """See `Ledger.record`."""
        self.completions[key] = completion

    def record_failure(self, error: Exception) -> None:
        """See `Ledger.record_failure`."""
        self.failures.append(error)

    def exchanged(self, messages: list[dict[str, Any]], outcome: Completion | Exception) -> None:
        """See `Ledger.exchanged`."""

    def times_forgotten(self, question: str) -> int:  # noqa: ARG002 - it forgets nothing
        """See `Ledger.times_forgotten`."""
        return 0
