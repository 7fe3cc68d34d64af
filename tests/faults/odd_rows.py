"""A stage for jobs under fault: it rejects some rows and leaves out others, always the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from nemo_sdg import Stage
from nemo_sdg.errors import RowError
from nemo_sdg.stages.rows import map_rows

if TYPE_CHECKING:
    from collections.abc import Iterable


def rejected(rows: Iterable[int]) -> set[int]:
    """Return those of `rows` that are rejected."""
    return {row for row in rows if row % 13 == 5}


def left_out(rows: Iterable[int]) -> set[int]:
    """Return those of `rows` that are filtered."""
    return {row for row in rows if row % 7 == 3} - rejected(rows)


class OddRows(Stage):
    """Rejects each 13th row and filters each 7th."""

    requires = ("row_id",)
    adds = ("half",)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the other rows, with half of their number."""

        def half(row: dict[str, int]) -> dict[str, int]:
            if rejected([row["row_id"]]):
                raise RowError(f"row {row['row_id']} is one of each 13")
            return {"half": row["row_id"] // 2}

        out = left_out(batch.column("row_id").to_pylist())
        kept = [row not in out for row in batch.column("row_id").to_pylist()]
        return map_rows(
            batch.filter(pa.array(kept)), half, [pa.field("half", pa.int64())], self.name, ["row_id"]
        )
