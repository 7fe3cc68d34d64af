"""Arrow files, as streams or with a footer: how many rows they hold, and some of these."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.table_files import Part, TableFile, checked, table_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAGIC = b"ARROW1"  # of those with a footer


def opened(file: str) -> TableFile:
    """Return what `file` holds; raises `ConfigError` when it is no Arrow file, or is cut off."""
    try:
        with _batches(file) as (schema, batches):
            rows = sum(batch.num_rows for batch in batches)
        return table_file(file, os.stat(file).st_size, rows, schema)  # noqa: PTH116
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(
            f"{file} cannot be read as Arrow: {' '.join(str(error).split()).rstrip('.')}; "
            "save the dataset anew with save_to_disk"
        ) from None


def parts(file: str, first: int, rows: int, columns: Sequence[str]) -> Iterator[Part]:
    """Yield `rows` rows from position `first` of `file`, of those of `columns` that it has.

    Rows with text that is no UTF-8 are wrong. Raises `ConfigError` when the file cannot be read any more.
    """
    try:
        with _batches(file) as (schema, batches):
            names = [name for name in columns if name in schema.names]
            end = first + rows
            start = 0
            for batch in batches:  # the file is mapped: what is passed over is not read
                taken = batch.slice(max(0, first - start), max(0, end - max(first, start)))
                if taken.num_rows:
                    yield checked(pa.Table.from_batches([taken]).select(names).replace_schema_metadata())
                start += batch.num_rows
                if start >= end:
                    return
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{file} cannot be read any more: {error}; put back what it was") from None


@contextmanager
def _batches(file: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Yield the schema of `file` and what goes through its batches."""
    with pa.memory_map(file) as source:
        has_footer = source.read(len(_MAGIC)) == _MAGIC
        source.seek(0)
        if has_footer:
            with pa.ipc.open_file(source) as reader:
                yield reader.schema, map(reader.get_batch, range(reader.num_record_batches))
        else:
            with pa.ipc.open_stream(source) as reader:
                yield reader.schema, iter(reader)
