"""Stages that make one text out of another, in the same column."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, text_column
from nemo_sdg.stages.rows import map_rows, set_column

if TYPE_CHECKING:
    from collections.abc import Mapping


class TextCleaner(Stage):
    """Replaces each text in `column` by what `clean` makes of it; null stays null.

    Subclasses write `clean`; what it raises rejects the row. Needs `column`.
    """

    def __init__(self, column: str = "text") -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)

    @abstractmethod
    def clean(self, text: str) -> str:
        """Return the text to have instead of `text`; a `RowError` rejects the row."""

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the texts cleaned."""
        batch = set_column(batch, self.column, text_column(batch, self.column, self.name))
        return map_rows(batch, self._cleaned, [pa.field(self.column, pa.string())], self.name, [self.column])

    def _cleaned(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        text = row[self.column]
        return {self.column: None if text is None else self.clean(text)}
