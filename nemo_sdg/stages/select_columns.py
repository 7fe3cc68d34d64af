"""Choosing columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.rows import REJECTION, ROW_ID, STATUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


class SelectColumns(Stage):
    """Keeps `columns`, in this order, and `row_id` before them; every other column is dropped."""

    def __init__(self, columns: Sequence[str]) -> None:
        if isinstance(columns, str) or not columns:
            raise ConfigError(f"columns is {columns!r}: give a list of at least one column name")
        self.columns = list(columns)
        self.requires = tuple(columns)

    @property
    def kept(self) -> tuple[str, ...]:
        """All columns that go on."""
        return (ROW_ID, *self.columns)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the chosen columns."""
        there = [column for column in (*self.kept, STATUS, REJECTION) if column in batch.column_names]
        return batch.select([*dict.fromkeys(there)])
