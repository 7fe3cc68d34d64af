"""How rows are cut into shards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.sharding import cut, suggested_shard_rows


@pytest.mark.parametrize(
    ("rows", "expected"), [(0, 16), (100, 16), (2048, 16), (2049, 17), (100_000, 782), (10**7, 4096)]
)
def test_suggested_size(rows, expected):
    """Small jobs have shards of 16 rows, large ones of 4096, those between 128 shards."""
    assert suggested_shard_rows(rows) == expected


@settings(derandomize=True)
@given(st.integers(0, 5000), st.none() | st.integers(1, 700))
def test_every_row_is_in_one_shard(rows, shard_rows):
    """The shards follow on each other and hold all rows, none of them empty or too large."""
    shards = cut(rows, shard_rows)

    position = 0
    for first, count in shards:
        assert first == position
        assert 0 < count <= (shard_rows or 4096)
        position += count
    assert position == rows


def test_no_size():
    """A shard of no rows is refused with the value."""
    with pytest.raises(ConfigError, match="shard_rows is 0"):
        cut(10, 0)
