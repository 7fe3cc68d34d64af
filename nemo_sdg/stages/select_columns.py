"""Choosing columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_new_columns
from nemo_sdg.stages.rows import REJECTION, ROW_ID, STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


class SelectColumns(Stage):
    """Keeps `columns`, in this order, and `row_id` before them; every other column is dropped.

    `rename` maps some of them to other names. Raises `ConfigError` for names that cannot be used.
    """

    def __init__(self, columns: Sequence[str], *, rename: Mapping[str, str] | None = None) -> None:
        if isinstance(columns, str) or not columns:
            raise ConfigError(f"columns is {columns!r}: give a list of at least one column name")
        self.columns = list(columns)
        self.rename = dict(rename or {})
        self.requires = tuple(columns)
        self.adds = check_new_columns(self.rename.values(), "rename")
        for old in self.rename:
            if old not in self.columns:
                raise ConfigError(f"rename has {old!r}, which columns lacks: name it there too")
        names = [self.rename.get(column, column) for column in dict.fromkeys(self.columns)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigError(f"rename makes a second column {twice!r}: choose another name")

    @property
    def kept(self) -> tuple[str, ...]:
        """All columns that go on under their own names."""
        return (ROW_ID, *(column for column in self.columns if column not in self.rename))

    def settings(self) -> Mapping[str, Any]:
        """Return what determines the results."""
        told = dict(super().settings())
        if not self.rename:
            del told["rename"]  # as in the settings of runs from before columns could be renamed
        return told

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the chosen columns."""
        wanted = (ROW_ID, *self.columns, STATUS, REJECTION)
        chosen = batch.select([*dict.fromkeys(column for column in wanted if column in batch.column_names)])
        return chosen.rename_columns([self.rename.get(name, name) for name in chosen.column_names])
