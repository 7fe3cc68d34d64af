"""Shards over several files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.shard_pieces import shards_of


class _File(list):
    def piece(self, first, rows):
        return {"values": self[first : first + rows]}


@settings(derandomize=True)
@given(st.lists(st.integers(0, 40), min_size=1).filter(sum), st.none() | st.integers(1, 30))
def test_all_rows_in_order(sizes, shard_rows):
    """The pieces of all shards together are all rows of all files, once and in order; no piece is empty."""
    rows = iter(range(sum(sizes)))
    files = [_File(next(rows) for _ in range(size)) for size in sizes]
    shards = shards_of(files, shard_rows, "here")

    found = []
    for index, shard in enumerate(shards):
        assert shard.index == index
        assert shard.first_row == len(found)
        assert all(piece["values"] for piece in shard.place["pieces"])
        found += [value for piece in shard.place["pieces"] for value in piece["values"]]
        assert shard.first_row + shard.rows == len(found)
    assert found == list(range(sum(sizes)))


def test_no_rows():
    """An input without rows is refused by name."""
    with pytest.raises(ConfigError, match="the input here has no rows"):
        shards_of([_File()], None, "here")
