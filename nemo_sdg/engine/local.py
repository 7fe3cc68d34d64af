"""The small engine: one worker in this process, no Ray. For previews, tests and laptops."""

from __future__ import annotations

import gc
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from nemo_sdg.engine.travel import copied
from nemo_sdg.engine.work import Parcel
from nemo_sdg.engine.worker import COLLECTION, Worker
from nemo_sdg.limits import BudgetName, LocalLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.engine.board import Notices
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.work import PoolWork
    from nemo_sdg.stages.base import Shard


def run_local(
    pools: Sequence[PoolWork], folder: RunFolder, shards: Sequence[Shard], board: Notices
) -> Iterator[Parcel]:
    """Yield each shard's parcel as it comes back; as many shards overlap as the pools want."""
    workers: list[Worker] = []
    links = LocalLinks()
    collection = gc.get_threshold()
    gc.set_threshold(*COLLECTION)
    try:
        workers.extend(Worker(copied(pool), folder, links, board) for pool in pools)  # as if it had travelled
        overlap = sum(pool.overlap(max(shard.rows for shard in shards)) for pool in pools)
        yield from _overlapping(workers, shards, overlap)
    finally:
        for worker in workers:
            worker.close()
        gc.set_threshold(*collection)


class LocalLinks(dict[BudgetName, LocalLink]):
    """One budget for each name, in this process."""

    def __call__(self, name: BudgetName) -> LocalLink:
        """Return the way to the budget of `name`."""
        return self.setdefault(name, LocalLink(time.monotonic))


def _overlapping(workers: Sequence[Worker], shards: Sequence[Shard], overlap: int) -> Iterator[Parcel]:
    def through(shard: Shard) -> Parcel:
        parcel = Parcel(shard)
        for worker in workers:
            parcel = worker.run(parcel)
        return parcel

    waiting = iter(shards)
    running: set[Future[Parcel]] = set()
    with ThreadPoolExecutor(overlap, thread_name_prefix="nemo-sdg-shard") as threads:
        try:
            while True:
                while len(running) < overlap and (shard := next(waiting, None)) is not None:
                    running.add(threads.submit(through, shard))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BaseException:  # nobody listens any more: the threads must not wait for what is in flight
            for worker in workers:
                worker.abort()
            raise
