"""Reading Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.stages.input_files import find_files
from nemo_sdg.stages.parquet_files import opened, parts
from nemo_sdg.stages.table_source import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.stages.input_files import Paths
    from nemo_sdg.stages.table_files import Part

SUFFIXES = (".parquet", ".pq")


class ParquetReader(TableSource):
    """Reads rows from Parquet files.

    `path` is a file, a folder, a glob pattern or a list of those; files are read in the order of their names.
    `columns` are those to read (None: all). Files may differ in columns (missing ones are null) and in the
    width of numbers. Rows in a damaged row group, or with text that is no UTF-8, are rejected.

    Adds `row_id` (int64: position in the whole input) and the files' columns; those that are called `row_id`
    or `status` are kept as `source_row_id` and `source_status`. Raises `ConfigError` for files that are
    missing, empty, given twice, no Parquet, or of types that do not go together.
    """

    def __init__(self, path: Paths, *, columns: Sequence[str] | None = None) -> None:
        super().__init__(path, columns, [opened(file) for file in find_files(path, SUFFIXES)])

    def _parts(self, file: str, first: int, rows: int, columns: Sequence[str]) -> Iterator[Part]:
        return parts(file, first, rows, columns)
