"""The cluster engine: pools of Ray actors, shards moved between them by Ray Data."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from nemo_sdg.engine.travel import environment_of, pickled, unpickled
from nemo_sdg.engine.work import Parcel
from nemo_sdg.engine.worker import Worker
from nemo_sdg.errors import ConfigError, RunStopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemo_sdg.engine.work import PoolWork
    from nemo_sdg.stages.base import Shard

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Parcel).decode
_COLUMN = "parcel"
_CPUS = 0.1  # of a worker that asks for nothing: it mostly waits, and many should fit on a node


def run_on_ray(
    pools: Sequence[PoolWork], folder: Path, shards: Sequence[Shard], address: str | None
) -> Iterator[Parcel]:
    """Yield each shard's parcel as it comes back from the last pool.

    Uses the Ray instance of this process, else the cluster at `address` or in RAY_ADDRESS, else starts one
    here. Raises `RunStopped` when Ray itself fails.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    loading = threading.Thread(target=__import__, args=("ray.data",), daemon=True)
    loading.start()  # beside ray.init: both take seconds
    with _ray(address):
        loading.join()
        yield from _run(pools, folder, shards)


@contextmanager
def _ray(address: str | None) -> Iterator[None]:
    import ray  # noqa: PLC0415 - takes long to import

    if ray.is_initialized():
        yield
        return
    remote = address or os.environ.get("RAY_ADDRESS")
    try:
        ray.init(
            address=remote or "local",
            include_dashboard=None if remote else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=True,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"no Ray cluster can be joined at {remote!r} ({error}): check --address and RAY_ADDRESS, "
            "or leave both out to run on this machine"
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _run(pools: Sequence[PoolWork], folder: Path, shards: Sequence[Shard]) -> Iterator[Parcel]:
    import ray  # noqa: PLC0415 - takes long to import

    context = ray.data.DataContext.get_current()
    context.execution_no_progress_timeout_s = -1  # a slow model is not a hanging one
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    longest = max(shard.rows for shard in shards)
    dataset: Any = ray.data.from_arrow([_table(Parcel(shard)) for shard in shards])
    for pool in pools:
        dataset = _through(dataset, pool, folder, longest, len(shards))
    try:
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for packed in batch.column(_COLUMN):
                yield _decode(packed.as_buffer())
    except ray.exceptions.RayError as error:
        raise RunStopped(f"Ray failed: {error}") from error


def _through(dataset: Any, pool: PoolWork, folder: Path, shard_rows: int, shards: int) -> Any:
    import ray  # noqa: PLC0415 - takes long to import

    overlap = min(pool.overlap(shard_rows), shards)
    resources = pool.resources
    own: dict[str, Any] = {"num_cpus": resources.cpus if resources else _CPUS}
    if resources and resources.gpus:
        own["num_gpus"] = resources.gpus
    if resources and resources.memory:
        own["memory"] = resources.memory
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return dataset.map_batches(
            RayWorker,
            fn_constructor_args=(pickled(pool), str(folder), environment_of(pool.stages)),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                size=min(pool.workers, shards),
                max_concurrent_calls_per_actor=overlap,
                max_tasks_in_flight_per_actor=overlap,
                enable_true_multi_threading=True,
            ),
            udf_modifying_row_count=False,
            **own,
        )


class RayWorker:
    """A `Worker` as Ray Data drives it: one call, in a thread of its own, is one shard."""

    def __init__(self, pool: bytes, folder: str, environment: Mapping[str, str]) -> None:
        self._worker = Worker(unpickled(pool), Path(folder), environment)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Run the one shard of `batch`."""
        parcels = [_decode(packed.as_buffer()) for packed in batch.column(_COLUMN)]
        return pa.concat_tables([_table(self._worker.run(parcel)) for parcel in parcels])


def _table(parcel: Parcel) -> pa.Table:
    return pa.table({_COLUMN: pa.array([_encode(parcel)], pa.large_binary())})
