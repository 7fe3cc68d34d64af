"""From one row to several that differ in one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_new_columns
from nemo_sdg.stages.rows import set_column

if TYPE_CHECKING:
    from collections.abc import Sequence


class RepeatRows(Stage):
    """Makes a row for each of the texts `values`; they follow each other and keep their `row_id`.

    The value is in `column`, as in `RepeatRows("language", ["French", "German"])`, which has each row twice.
    Raises `ConfigError` for values that cannot be used.
    """

    def __init__(self, column: str, values: Sequence[str]) -> None:
        self.adds = check_new_columns([column], "column")
        self.column = column
        if isinstance(values, str) or not values or not all(isinstance(value, str) for value in values):
            raise ConfigError(f"values is {values!r}: give a list of at least one text")
        if len(set(values)) < len(values):
            twice = next(value for value in values if list(values).count(value) > 1)
            raise ConfigError(f"values has {twice!r} twice: name each once")
        self.values = list(values)
        self.rows_each = len(self.values)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return each row as often as there are values."""
        rows = [row for row in range(batch.num_rows) for _ in self.values]
        repeated = batch.take(pa.array(rows, pa.int64()))
        return set_column(repeated, self.column, pa.array(self.values * batch.num_rows, pa.string()))
