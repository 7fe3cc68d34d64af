"""A bare Ray Data actor-pool job: what Ray itself costs before a user's first line of work.

`from_arrow` into a pool of two actors that import aiohttp and msgspec; prints the seconds from the start of
this process to the first call of an actor. `benchmarks/startup.py` compares `nemo-sdg run` with it.
"""

from __future__ import annotations

import logging
import os
import time

from nemo_sdg.cli.began import process_start


class Actor:
    def __init__(self) -> None:
        import aiohttp  # noqa: F401
        import msgspec  # noqa: F401

    def __call__(self, batch):
        import pyarrow as pa

        return pa.table({"first": [time.time()] * batch.num_rows})


def main() -> None:
    began = process_start()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import pyarrow as pa
    import ray

    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    tables = [pa.table({"shard": [number]}) for number in range(13)]
    dataset = ray.data.from_arrow(tables).map_batches(
        Actor,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=2),
    )
    first = min(
        batch.column("first")[0].as_py()
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow")
    )
    print(f"{first - began:.2f}")
    ray.shutdown()


if __name__ == "__main__":
    main()
