"""Parquet files: what their footers say, and the rows of their row groups."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.table_files import Part, TableFile, checked, nulls, table_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BATCH_ROWS = 4096


def opened(file: str) -> TableFile:
    """Return what the footer of `file` says; raises `ConfigError` when it is no Parquet file."""
    try:
        with pq.ParquetFile(file) as opened:
            schema, rows = opened.schema_arrow, opened.metadata.num_rows
        size = os.stat(file).st_size  # noqa: PTH116
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(
            f"{file} cannot be read as Parquet: {' '.join(str(error).split()).rstrip('.')}; "
            "give a whole Parquet file, or use JsonlReader for JSON Lines"
        ) from None
    return table_file(file, size, rows, schema)


def parts(file: str, first: int, rows: int, columns: Sequence[str]) -> Iterator[Part]:
    """Yield `rows` rows from position `first` of `file`, of those of `columns` that it has.

    Of a row group that is damaged the rows are wrong, and so is a row with text that is no UTF-8. Raises
    `ConfigError` when the whole file cannot be read.
    """
    try:
        source = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{file} cannot be read any more: {error}; put back what it was") from None
    with source:
        names = [name for name in columns if name in source.schema_arrow.names]
        schema = pa.schema([source.schema_arrow.field(name) for name in names]).remove_metadata()
        start = 0
        for group in range(source.metadata.num_row_groups):
            end = start + source.metadata.row_group(group).num_rows
            skipped, wanted = max(0, first - start), min(end, first + rows) - max(start, first)
            if wanted > 0:
                try:
                    yield checked(_some(source, group, skipped, wanted, schema))
                except (pa.ArrowException, OSError) as error:
                    wrong = RowError(
                        f"{file}: row group {group} (rows {start} to {end - 1}) is damaged: "
                        f"{' '.join(str(error).split())}"
                    )
                    yield Part(nulls(schema, wanted), dict.fromkeys(range(wanted), wrong))
            start = end


def _some(file: pq.ParquetFile, group: int, skipped: int, wanted: int, schema: pa.Schema) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    # In batches, so that no more of a large row group is decoded than is needed.
    for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=schema.names):
        taken = batch.slice(skipped, wanted)
        skipped = max(0, skipped - batch.num_rows)
        if taken.num_rows:
            batches.append(taken)
        wanted -= taken.num_rows
        if not wanted:
            break
    if wanted:
        raise pa.ArrowInvalid(f"it lacks {wanted} of its rows")
    return pa.Table.from_batches(batches, schema)
