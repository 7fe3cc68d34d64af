"""Actor pools whose size follows us while Ray Data runs them. All that this takes of Ray's internals is here.

Ray Data's own autoscaler goes by utilisation: it reads a stage that a rate limit holds back as saturated, and
grows it. A pool of fixed size it leaves alone, and keeps at that size; so the size that it takes for fixed is
changed under way, and starting and ending actors stays Ray's business. It ends only actors without a shard.
So the newest beyond the wanted number rest: they get no new shards, as Ray does with actors on a node that
drains, and end when their last one is done. No request is lost.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)


class ElasticPool:
    """How many workers a pool is to have, between `least` and `most`, and how many it has.

    The driver may set `desired` at any time, from any thread; the other figures are Ray's latest, a fraction
    of a second old. With few shards left the pool shrinks by itself.
    """

    def __init__(self, least: int, most: int) -> None:
        """Begin with `least` workers."""
        self.least = least
        self.most = max(least, most)
        self.working = 0
        """Workers that take shards."""
        self.starting = 0
        """Workers that are not there yet: they load, or wait for room in the cluster."""
        self.resting = 0
        """Workers that finish what they have, and end."""
        self.waiting = 0
        """Shards that no worker has: without any, more workers have nothing to do."""
        self.fixed = ""
        """Why the size cannot follow `desired`; empty while it does."""
        self._desired = least

    @property
    def desired(self) -> int:
        """The workers to have."""
        return self._desired

    @desired.setter
    def desired(self, workers: int) -> None:
        self._desired = min(max(workers, self.least), self.most)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as a new one: Ray Data sends its context, and what is in it, to each actor."""
        return (ElasticPool, (self.least, self.most))


def let_follow(dataset: Any, pools: Sequence[ElasticPool | None]) -> None:
    """Have the actor pools of `dataset`, from first to last, follow `pools`; None: this one stays as it is.

    Call this before the dataset runs. Where this version of Ray is not as expected, sizes stay what they
    are, and `ElasticPool.fixed` says so.
    """
    if not any(pools):
        return
    try:
        kind = _callback(pools)
        context = dataset.context
        context.custom_execution_callback_classes = [*context.custom_execution_callback_classes, kind]
    except (ImportError, AttributeError) as error:
        _give_up(pools, error)


def _callback(pools: Sequence[ElasticPool | None]) -> type:
    """Return what Ray Data makes an instance of for each execution, and calls in each step of it."""
    from ray.data._internal.execution.execution_callback import (  # noqa: PLC0415 - takes long to import
        ExecutionCallback,
    )

    class Following(ExecutionCallback):  # type: ignore[misc]
        _lost = False

        def on_execution_step(self, executor: Any) -> None:
            if self._lost:
                return
            try:
                _follow(executor, pools)
            except Exception as error:  # noqa: BLE001 - whatever Ray changed, the job goes on
                self._lost = True
                _give_up(pools, error)

    return Following


def _give_up(pools: Sequence[ElasticPool | None], error: Exception) -> None:
    import ray  # noqa: PLC0415 - takes long to import

    why = f"Ray {ray.__version__} does not let the number of workers change ({type(error).__name__}: {error})"
    _log.warning("%s: it stays as it is", why)
    for pool in pools:
        if pool is not None:
            pool.fixed = why


def _follow(executor: Any, pools: Sequence[ElasticPool | None]) -> None:
    """Bring the executor's actor pools nearer to `pools`.

    Ray calls this after it has looked at its actors and before it hands out shards, both of which it does
    in each step: what rests must be taken out each time.
    """
    states = executor._topology  # noqa: SLF001 - as all below: Ray offers no other way
    found = [(actors, states[op]) for op in states for actors in op.get_autoscaling_actor_pools()]
    for (actors, state), pool in zip(found, pools, strict=True):
        if pool is None:
            continue
        wanted = pool.desired
        _keep_at(actors, wanted)
        running = list(actors._running_actors)  # noqa: SLF001 - oldest first
        # An actor in the second one is looked for in the first: if Ray changed either, nothing is taken out.
        of_all = actors._alive_actors_to_in_flight_tasks_heap  # noqa: SLF001
        of_nodes = actors._alive_node_to_actor_heap.values()  # noqa: SLF001
        for actor in running[wanted:]:
            for ranked in (*of_nodes, of_all):
                if actor in ranked:
                    del ranked[actor]
        pool.working = min(len(running), wanted)
        pool.starting = actors.num_pending_actors()
        pool.resting = len(running) - pool.working
        pool.waiting = state.total_enqueued_input_blocks()


def _keep_at(actors: Any, size: int) -> None:
    """Have Ray's autoscaler bring a pool to `size`: it mends a size outside of the bounds."""
    if (actors.min_size(), actors.max_size()) == (size, size):
        return
    bounds = dict.fromkeys(("min_size", "max_size", "initial_size"), size)
    actors._config = dataclasses.replace(actors._config, **bounds)  # noqa: SLF001
    actors._debounce_period_s = 0  # noqa: SLF001 - else nothing ends for 10 s after a start, not even what still waits
    if (actors.min_size(), actors.max_size()) != (size, size):
        raise AttributeError("a pool's bounds are not those of its _config")
