"""The cluster engine: pools of Ray actors, shards moved between them by Ray Data."""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
import threading
import time
import uuid
import warnings
from collections import defaultdict
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from nemo_sdg.engine.board_actor import on_cluster
from nemo_sdg.engine.budget_actor import RayLink, budget_actor
from nemo_sdg.engine.cluster_head import check_reachable, head_watched
from nemo_sdg.engine.elastic import let_follow
from nemo_sdg.engine.travel import environment_of, pickled, unpickled
from nemo_sdg.engine.work import Parcel
from nemo_sdg.engine.worker import COLLECTION, Worker
from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.limits.failover import FailoverLink
from nemo_sdg.stages.base import PaidStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from nemo_sdg.engine.board import Board
    from nemo_sdg.engine.elastic import ElasticPool
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.work import PoolWork
    from nemo_sdg.limits import BudgetName
    from nemo_sdg.stages.base import Shard

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Parcel).decode
_COLUMN = "parcel"
_RAY_NAMES = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
JOB = uuid.uuid4().hex
"""All runs of this process are one job to a budget."""
_PER_CPU = 4  # workers for each CPU that a cluster has, where their number is ours to choose
_MEMORY = 512 * 2**20  # bytes that one of them is thought to take, and some room
_CPUS = 0.1  # of a worker that asks for nothing: it mostly waits, and many should fit on a node


def run_on_ray(  # noqa: PLR0917 - what an engine needs, each thing once
    pools: Sequence[PoolWork],
    folder: RunFolder,
    shards: Sequence[Shard],
    board: Board,
    address: str | None,
    elastic: Sequence[ElasticPool | None] = (),
    metrics: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - it holds nothing
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Parcel]:
    """Yield each shard's parcel as it comes back from the last pool.

    `elastic` has one for each pool, None for one that keeps its number of workers. `metrics` is entered
    for as long as Ray is up. `say` tells a person what becomes of the cluster. Uses the Ray instance of this
    process, else the cluster at `address` or in RAY_ADDRESS, else starts one here. Raises `RunStopped` when
    Ray itself fails.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray.widgets").setLevel(logging.ERROR)  # in notebooks it asks for packages
    loading = threading.Thread(target=__import__, args=("ray.data",), daemon=True)
    loading.start()  # beside ray.init: both take seconds
    with _its_own_news_unsaid(), _ray(address), head_watched(_head(address), say), metrics:
        _start_budgets(pools)
        with on_cluster(board) as notices:
            loading.join()
            pools = [_begun(pool, size, len(shards)) for pool, size in _paired(pools, elastic)]
            _check_room(pools, growing=bool(address or os.environ.get("RAY_ADDRESS")))
            environment = environment_of(
                step for pool in pools for step in (pool.source, *pool.stages, pool.sink)
            )
            cargoes = [Cargo(environment, pickled((pool, folder, notices, JOB))) for pool in pools]
            yield from _run(pools, cargoes, shards, elastic)


def _start_budgets(pools: Sequence[PoolWork]) -> None:
    """Have the actors started that have the limits which workers share; workers start meanwhile."""
    stages = [stage for pool in pools for stage in pool.stages if isinstance(stage, PaidStage)]
    for name in {name for stage in stages for name in stage.limiters}:
        budget_actor(name)


def _head(address: str | None) -> str:
    """Return where the cluster that is joined takes connections of this process."""
    import ray  # noqa: PLC0415 - takes long to import

    remote = address or os.environ.get("RAY_ADDRESS") or ""
    return remote if "://" in remote else ray.get_runtime_context().gcs_address


@contextmanager
def _ray(address: str | None) -> Iterator[None]:
    import ray  # noqa: PLC0415 - takes long to import

    if ray.is_initialized():
        yield
        return
    remote = address or os.environ.get("RAY_ADDRESS")
    on_sigterm = signal.getsignal(signal.SIGTERM)
    if remote is not None:
        check_reachable(remote)
    try:
        with nullcontext() if remote else _reached_from_here_only():
            ray.init(
                address=remote or "local",
                include_dashboard=None if remote else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=True,
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        if remote is None:
            raise RunStopped(f"Ray cannot be started here ({error}): try --engine local") from error
        raise ConfigError(
            f"no Ray cluster can be joined at {remote!r} ({error}): check --address and RAY_ADDRESS, "
            "run 'export RAY_AUTH_MODE=token' if the cluster asks for a token, as Ray's do since 2.60, "
            "or leave both out to run on this machine"
        ) from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray has put its own there, which exits at once
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _its_own_news_unsaid() -> Iterator[None]:
    """Have Ray not print which workers died and what it tries again: a run goes on, and says what matters.

    `log_to_driver` does not cover these, and there is no public way; they are in Ray's log files as well.
    """
    import ray  # noqa: F401, PLC0415 - whole, before any part of it: another thread imports it as well
    from ray._private import worker  # noqa: PLC0415 - takes long to import

    before = worker._worker_logs_enabled  # noqa: SLF001 - see above
    worker._worker_logs_enabled = False  # noqa: SLF001 - see above
    try:
        yield
    finally:
        worker._worker_logs_enabled = before  # noqa: SLF001 - see above


@contextmanager
def _reached_from_here_only() -> Iterator[None]:
    """Have a Ray that is started listen on 127.0.0.1 alone: whoever reaches it can run code.

    It does so where it is not made for clusters, as on macOS; elsewhere it has no public way to be told, and
    listens on all interfaces. Processes that it starts follow the address of this one.
    """
    from ray._private import ray_constants  # noqa: PLC0415 - takes long to import

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _begun(pool: PoolWork, size: ElasticPool | None, shards: int) -> PoolWork:
    """Return `pool` with the workers that it begins with: no more than there are shards.

    One that may grow gets at most what the cluster has room for.
    """
    import ray  # noqa: PLC0415 - takes long to import

    if size is not None:
        there = ray.cluster_resources()
        room = min(_PER_CPU * there.get("CPU", 1), there.get("memory", math.inf) / _MEMORY)
        size.most = min(size.most, shards, max(1, int(room)))
        size.least = min(size.least, shards)
        size.desired = size.desired  # within the new bounds
    return pool._replace(workers=min(pool.workers if size is None else size.desired, shards))


def _paired(
    pools: Sequence[PoolWork], elastic: Sequence[ElasticPool | None]
) -> Iterator[tuple[PoolWork, ElasticPool | None]]:
    return zip(pools, elastic or [None] * len(pools), strict=True)


def _check_room(pools: Sequence[PoolWork], *, growing: bool) -> None:
    """Raise `ConfigError` when not all workers fit at once: Ray would wait for room for ever.

    A cluster that is joined may grow.
    """
    import ray  # noqa: PLC0415 - takes long to import

    wanted: dict[str, float] = defaultdict(float)
    for pool in pools:
        for name, amount in _needs(pool).items():
            wanted[name] += amount * pool.workers
    there = ray.cluster_resources()
    for name, amount in wanted.items():
        if amount > there.get(name, 0) and not growing:
            raise ConfigError(
                f"the stages' workers together want {amount:g} {name} and Ray has {there.get(name, 0):g}: "
                "lower workers or resources in with_(), or join a larger cluster with --address"
            )


def _run(
    pools: Sequence[PoolWork],
    cargoes: Sequence[Cargo],
    shards: Sequence[Shard],
    elastic: Sequence[ElasticPool | None],
) -> Iterator[Parcel]:
    import ray  # noqa: PLC0415 - takes long to import

    context = ray.data.DataContext.get_current()
    context.execution_no_progress_timeout_s = -1  # a slow model is not a hanging one
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    longest = max(shard.rows for shard in shards)
    dataset: Any = ray.data.from_arrow([_table(Parcel(shard)) for shard in shards])
    for pool, cargo in zip(pools, cargoes, strict=True):
        overlap = min(pool.overlap(longest), len(shards))
        dataset = through(dataset, RayWorker, pool, cargo, overlap, changes_rows=False)
    let_follow(dataset, elastic)
    try:
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for packed in batch.column(_COLUMN):
                yield _decode(packed.as_buffer())
    except ray.exceptions.RayError as error:
        raise RunStopped(f"Ray failed: {error}") from error


def through(
    dataset: Any, worker: type, pool: PoolWork, cargo: Cargo, overlap: int, *, changes_rows: bool
) -> Any:
    """Return `dataset` with its blocks, whole ones, going through `pool`.

    Each of its actors is a `worker` made of `cargo`, and gets `overlap` blocks at a time, each in a thread.
    """
    import ray  # noqa: PLC0415 - takes long to import

    own = {_RAY_NAMES[name]: amount for name, amount in _needs(pool).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return dataset.map_batches(
            worker,
            fn_constructor_args=(cargo,),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(
                size=pool.workers,
                max_concurrent_calls_per_actor=overlap,
                max_tasks_in_flight_per_actor=overlap,
                enable_true_multi_threading=True,
            ),
            udf_modifying_row_count=changes_rows,
            **own,
        )


def _needs(pool: PoolWork) -> dict[str, float]:
    """Return what one worker of `pool` takes of a node."""
    return {"CPU": _CPUS} if pool.resources is None else pool.resources.as_ray()


class Cargo:
    """What a worker gets: environment variables, and what it can read once these are set.

    Ray Data shows its operators' arguments to whoever watches it, as far as it can print them, and these
    hold credentials.
    """

    __slots__ = ("content", "environment")

    def __init__(self, environment: dict[str, str], content: bytes) -> None:
        self.environment = environment
        self.content = content

    def __repr__(self) -> str:
        """Show nothing of the content."""
        return "<cargo>"

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as what it is."""
        return (Cargo, (self.environment, self.content))


def cluster_link(name: BudgetName) -> FailoverLink:
    """Return the way to the cluster's budget of that name."""
    return FailoverLink(RayLink(name), time.monotonic)


class RayWorker:
    """A `Worker` as Ray Data drives it: one call, in a thread of its own, is one shard."""

    def __init__(self, cargo: Cargo) -> None:
        gc.set_threshold(*COLLECTION)
        os.environ.update(cargo.environment)  # first: an object store may be opened by what comes next
        pool, folder, notices, job = unpickled(cargo.content)
        self._worker = Worker(pool, folder, cluster_link, notices, job)

    def __del__(self) -> None:
        """Close the stages: Ray Data lets go of this object when the actor's work is over."""
        with suppress(Exception):
            self._worker.close()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Run the one shard of `batch`."""
        parcels = [_decode(packed.as_buffer()) for packed in batch.column(_COLUMN)]
        return pa.concat_tables([_table(self._worker.run(parcel)) for parcel in parcels])


def _table(parcel: Parcel) -> pa.Table:
    return pa.table({_COLUMN: pa.array([_encode(parcel)], pa.large_binary())})
