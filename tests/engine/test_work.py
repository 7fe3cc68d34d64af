from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg import AsyncOpenAIClient, LLMGenerationStage, ParquetWriter, Resources, SampleSource
from nemo_sdg.engine.work import divide, pack, unpack
from nemo_sdg.stages import stage

SOURCE = SampleSource(10, {"language": ["English"]})
SINK = ParquetWriter(path="out")


def same(batch):
    """Change nothing."""
    return batch


def generation(in_flight):
    """Return a generation stage that may have so many requests in flight."""
    return LLMGenerationStage(AsyncOpenAIClient(max_concurrent_requests=in_flight), "m")


def test_stages_that_ask_for_nothing_share_one_pool():
    """Without resources asked for there is one pool, which reads, generates and commits."""
    stages = [stage(same), generation(5), stage(same)]

    (pool,) = divide(SOURCE, stages, SINK, workers=3)

    assert (pool.source, pool.sink, pool.workers) == (SOURCE, SINK, 3)
    assert list(pool.stages) == stages


def test_a_stage_with_resources_gets_a_pool_of_its_own():
    """A stage that asks for resources or workers runs apart; what is before and after it stays together."""
    heavy = stage(same).with_(resources=Resources(cpus=2), workers=4)
    stages = [stage(same), generation(5), heavy, stage(same)]

    first, second, third = divide(SOURCE, stages, SINK, workers=2)

    assert [pool.workers for pool in (first, second, third)] == [2, 4, 2]
    assert second.resources == Resources(cpus=2)
    assert (first.source, first.sink) == (SOURCE, None)
    assert (second.source, second.sink) == (None, None)
    assert (third.source, third.sink) == (None, SINK)


@pytest.mark.parametrize(("in_flight", "shard_rows", "overlap"), [(32, 40, 8), (5, 4096, 2), (512, 16, 256)])
def test_enough_shards_overlap_to_keep_requests_in_flight(in_flight, shard_rows, overlap):
    """A worker has several times as many rows at hand as it may have in flight."""
    (pool,) = divide(SOURCE, [generation(in_flight)], SINK, workers=1)

    assert pool.overlap(shard_rows) == overlap
    assert overlap * shard_rows >= 2 * in_flight


def test_rows_travel_unchanged():
    """Rows between two pools arrive as they left, types and nulls included."""
    rows = pa.table({"a": pa.array([1, None], pa.int32()), "b": [["x"], []]})

    assert unpack(pack(rows)).equals(rows)
