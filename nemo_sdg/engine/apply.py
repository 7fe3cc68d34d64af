"""A stage on a dataset of Ray Data that somebody already has."""

from __future__ import annotations

import gc
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nemo_sdg.engine.dataset_rows import through_stage
from nemo_sdg.engine.heartbeat import BEAT
from nemo_sdg.engine.ray_engine import JOB, Cargo, cluster_link, through
from nemo_sdg.engine.stage_host import StageHost
from nemo_sdg.engine.travel import environment_of, pickled, unpickled
from nemo_sdg.engine.work import PoolWork
from nemo_sdg.engine.worker import COLLECTION
from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import ENDS_THE_JOB, PaidStage
from nemo_sdg.stages.columns import check_present

if TYPE_CHECKING:
    import pyarrow as pa

    from nemo_sdg.stages.base import Stage

_BLOCK_ROWS = 64  # few, so that progress shows and little is asked again when an actor dies


def apply_stage(stage: Stage, dataset: Any, *, workers: int | None = None) -> Any:
    """Return `dataset` with `stage` on it, lazily; see `Stage.apply`."""
    import ray.data  # noqa: PLC0415 - takes long to import

    if not isinstance(dataset, ray.data.Dataset):
        raise ConfigError(f"{stage.name} was given {dataset!r:.80}: give a ray.data.Dataset")
    workers = stage.workers or 2 if workers is None else workers
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise ConfigError(f"workers is {workers!r}: give a whole number of at least 1")
    schema = dataset.schema(fetch_if_missing=False)
    if schema is not None:
        empty = _Names(schema.names)
        check_present(empty, stage.requires, stage.name, stage.column_hint)
    pool = PoolWork(None, (stage,), None, stage.resources, workers)
    overlap = 2  # one block waits while the other is worked on
    if isinstance(stage, PaidStage):
        dataset = dataset.repartition(target_num_rows_per_block=_BLOCK_ROWS, strict=True)
        overlap = pool.overlap(_BLOCK_ROWS)
    cargo = Cargo(environment_of([stage]), pickled((stage, JOB)))
    applied = through(dataset, DatasetWorker, pool, cargo, overlap, changes_rows=True)
    applied.context.execution_no_progress_timeout_s = -1  # a slow model is not a hanging one
    return applied


class _Names:
    """The columns of a dataset of which no more is known."""

    def __init__(self, names: list[str]) -> None:
        self.column_names = names


class DatasetWorker:
    """One actor of a stage on a dataset: each call, in a thread of its own, is one block."""

    def __init__(self, cargo: Cargo) -> None:
        gc.set_threshold(*COLLECTION)
        os.environ.update(cargo.environment)
        self._stage, job = unpickled(cargo.content)
        self._host = StageHost((self._stage,), cluster_link, job)
        self._closed = threading.Event()
        # What it runs must not hold on to this object, which Ray Data lets go of to end it.
        threading.Thread(target=_tick_until, args=(self._closed, self._host), daemon=True).start()

    def __del__(self) -> None:
        """Close the stage."""
        with suppress(Exception):
            self._closed.set()
            self._host.close()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Take one block through the stage."""
        if self._host.broken is not None:
            raise self._host.broken
        try:
            return through_stage(self._stage, self._host.sequence, batch)
        except ENDS_THE_JOB:
            self._host.stop()  # the other blocks' requests would be paid for and thrown away
            raise


def _tick_until(closed: threading.Event, host: StageHost) -> None:
    while not closed.wait(BEAT):
        host.tick()
