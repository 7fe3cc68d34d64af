"""From a list in a row to a row for each of its items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns, check_present
from nemo_sdg.stages.rows import ROW_ID, set_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class ExplodeList(Stage):
    """Makes a row for each item of the list in `column`; they follow each other and keep their `row_id`.

    The item is in `output` (None: `column`); where that is another column, `column` is left out. `position`
    names an int32 column for the item's place in the list, counted from 0. Of a longer list the first
    `max_items` are taken (None: all). Null and empty items are passed over, and texts lose the white space
    around them. With `unique`, an item that is there before in the rows of the same `row_id` is left out
    too; capital letters and white space make no difference between texts.

    Needs `column`, a list. A row without items is left out. Raises `ConfigError` for arguments that cannot be
    used, and for a column that holds something else.
    """

    def __init__(
        self,
        column: str,
        *,
        output: str | None = None,
        position: str | None = None,
        max_items: int | None = None,
        unique: bool = False,
    ) -> None:
        self.column = check_column(column, "column")
        (self.output,) = check_new_columns([output or column], "output")
        self.position = None if position is None else check_new_columns([position], "position")[0]
        if self.position == self.output:
            raise ConfigError(f"position is {position!r}, which holds the items: choose another name")
        if max_items is not None and (type(max_items) is not int or max_items < 1):
            raise ConfigError(f"max_items is {max_items!r}: give a whole number of at least 1, or None")
        if not isinstance(unique, bool):
            raise ConfigError(f"unique is {unique!r}: give true or false")
        self.max_items = max_items
        self.unique = unique
        self.rows_each = max_items or 1
        self.requires = (column, ROW_ID) if unique else (column,)
        self.adds = (self.output,) if self.position is None else (self.output, self.position)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return a row for each item."""
        check_present(batch, self.requires, self.name)
        column = batch.column(self.column)
        kind = column.type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_null(kind)):
            raise ConfigError(
                f"stage {self.name} needs lists in the column {self.column!r}, which holds {kind}"
            )
        lists = [(values or ())[: self.max_items] for values in column.to_pylist()]
        ids = batch.column(ROW_ID).to_pylist() if self.unique else []
        found = list(self._items(lists, ids))
        rows = batch if self.output == self.column else batch.drop_columns([self.column])
        rows = rows.take(pa.array([row for row, _, _ in found], pa.int64()))
        inner = pa.string() if pa.types.is_null(kind) else kind.value_type
        rows = set_column(rows, self.output, pa.array([item for _, _, item in found], inner))
        if self.position is None:
            return rows
        return set_column(rows, self.position, pa.array([place for _, place, _ in found], pa.int32()))

    def _items(self, lists: Sequence[Sequence[Any]], ids: Sequence[int]) -> Iterator[tuple[int, int, Any]]:
        """Yield the position of the row, the place in its list and the item."""
        seen: set[tuple[int, str]] = set()
        for row, values in enumerate(lists):
            for place, value in enumerate(values):
                item = value.strip() if isinstance(value, str) else value
                if item is None or item == "":
                    continue
                if self.unique:
                    key = ids[row], _plain(item)
                    if key in seen:
                        continue
                    seen.add(key)
                yield row, place, item


def _plain(item: Any) -> str:
    return " ".join(item.casefold().split()) if isinstance(item, str) else repr(item)
