"""How many rows a shard has, and where each one begins."""

from __future__ import annotations

from nemo_sdg.errors import ConfigError

_LEAST = 16
_MOST = 4096
# Enough shards that workers end at about the same time, and that little is left to do after a stop.
_WANTED_SHARDS = 128
_MOST_SHARDS = 1_000_000  # the driver has them all in memory


def suggested_shard_rows(rows: int) -> int:
    """Return the rows that a shard should have in a job of `rows` rows: 16 to 4096."""
    return min(_MOST, max(_LEAST, -(-rows // _WANTED_SHARDS)))


def cut(rows: int, shard_rows: int | None) -> list[tuple[int, int]]:
    """Return the first row and the number of rows of each shard; `shard_rows` None: as suits `rows`.

    Raises `ConfigError` when `shard_rows` is less than 1, or so small that there are too many shards.
    """
    if shard_rows is None:
        shard_rows = suggested_shard_rows(rows)
    if shard_rows < 1:
        raise ConfigError(f"shard_rows is {shard_rows!r}: give a whole number of at least 1, or None")
    if rows > shard_rows * _MOST_SHARDS:
        raise ConfigError(
            f"{rows:,} rows make more than {_MOST_SHARDS:,} shards of {shard_rows:,}: give fewer rows, or "
            f"shard_rows of at least {-(-rows // _MOST_SHARDS):,}"
        )
    return [(first, min(shard_rows, rows - first)) for first in range(0, rows, shard_rows)]
