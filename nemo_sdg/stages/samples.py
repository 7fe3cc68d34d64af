"""Rows out of nothing: as many as wanted, with choices dealt evenly."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard, Source
from nemo_sdg.stages.columns import check_new_columns
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.sharding import cut, suggested_shard_rows
from nemo_sdg.stages.shown import check_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SampleSource(Source):
    """Makes `num_samples` rows; each column of `choices` takes its values in turn, shuffled by `seed`.

    Of n values every n consecutive rows have each once, in an order of their own: so a part of the rows is as
    even as the whole, and the first rows stay the same when `num_samples` grows.
    """

    def __init__(self, num_samples: int, choices: Mapping[str, Sequence[str]], seed: int = 0) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples < 1:
            raise ConfigError(f"num_samples is {num_samples!r}: give a whole number of at least 1")
        for column, values in zip(check_new_columns(choices, "choices"), choices.values(), strict=True):
            if isinstance(values, str) or not values or not all(isinstance(value, str) for value in values):
                raise ConfigError(f"{column} is {values!r}: give a list of at least one text")
            if len(set(values)) < len(values):
                twice = next(value for value in values if list(values).count(value) > 1)
                raise ConfigError(f"{column} has {twice!r} twice: name each once")
            for value in values:
                check_text(value, column)
        self.num_samples = num_samples
        self.choices = {column: list(values) for column, values in choices.items()}
        self.seed = seed
        self.adds = (ROW_ID, *choices)

    def plan(self, shard_rows: int | None) -> list[Shard]:
        """Return the shards; see `Source.plan`."""
        size = shard_rows or suggested_shard_rows(self.num_samples)
        return [Shard(index, first, rows) for index, (first, rows) in enumerate(cut(self.num_samples, size))]

    def grown(
        self, settings: Mapping[str, Any], shards: Sequence[Shard], shard_rows: int | None
    ) -> list[Shard] | None:
        """Return the shards of the rows beyond those of `shards`; see `Source.grown`.

        They are there when the run with `settings` had fewer samples and nothing else was different.
        """
        before = settings.get("num_samples")
        now = msgspec.json.decode(msgspec.json.encode(self.settings()))  # as a manifest gives settings back
        if now != {**settings, "num_samples": self.num_samples}:
            return None
        if before != sum(shard.rows for shard in shards) or before >= self.num_samples:
            return None
        size = shard_rows or suggested_shard_rows(self.num_samples)
        return [
            Shard(index, before + first, rows)
            for index, (first, rows) in enumerate(cut(self.num_samples - before, size), len(shards))
        ]

    def read(self, shard: Shard) -> pa.Table:
        """Return the rows of `shard`; see `Source.read`."""
        rows = range(shard.first_row, shard.first_row + shard.rows)
        columns = {ROW_ID: pa.array(rows, pa.int64())}
        for column, values in self.choices.items():
            columns[column] = pa.array(self._dealt(column, values, rows), pa.string())
        return pa.table(columns)

    def _dealt(self, column: str, values: list[str], rows: range) -> list[str]:
        dealt: list[str] = []
        for turn in range(rows.start // len(values), (rows.stop - 1) // len(values) + 1):
            order = list(values)
            random.Random(f"{self.seed}:{column}:{turn}").shuffle(order)
            dealt += order
        skipped = rows.start % len(values)
        return dealt[skipped : skipped + len(rows)]
