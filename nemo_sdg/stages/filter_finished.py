"""Keeping answers that were not cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, text_column

if TYPE_CHECKING:
    import pyarrow as pa

CUT_OFF = "length"
"""What servers call the end of an answer that reached `max_tokens` or the model's context length."""


class FinishedFilter(Stage):
    """Drops the rows whose answer was cut off: those with "length" in the column `finish_reason`.

    What the server does not explain (null) is kept. Needs `column`, which `LLMGenerationStage` makes.
    """

    def __init__(self, column: str = "finish_reason") -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows with whole answers."""
        whole = pc.not_equal(text_column(batch, self.column, self.name), CUT_OFF)
        return batch.filter(pc.fill_null(whole, fill_value=True))
