"""Reading CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.csv_rows import CsvFile
from nemo_sdg.stages.input_files import check_selected, kept_names
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nemo_sdg.stages.input_files import Paths
    from nemo_sdg.stages.text_rows import Line, RowIndex

SUFFIXES = (".csv", ".tsv")


def _int(text: str) -> int | None:
    if not text:
        return None
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise ValueError("it has more than 64 bits")
    return value


def _float(text: str) -> float | None:
    return float(text) if text else None


def _bool(text: str) -> bool | None:
    if not text:
        return None
    if text.lower() not in {"true", "false"}:
        raise ValueError("it is neither true nor false")
    return text.lower() == "true"


_TYPES: dict[str, tuple[pa.DataType, Callable[[str], Any]]] = {
    "string": (pa.string(), str),
    "int": (pa.int64(), _int),
    "float": (pa.float64(), _float),
    "bool": (pa.bool_(), _bool),
}


class CSVReader(TextSource):
    """Reads rows from CSV files in UTF-8, each with the names of its columns in its first line.

    `path` is a file, a folder, a glob pattern or a list of those; files are read in the order of their names.
    `columns` are those to read (None: all). Files may differ in the order of columns; a column that one lacks
    is null there. `delimiter` separates fields (None: a tab in files that end in .tsv, else a comma). Fields
    in double quotes may hold delimiters, line breaks, and double quotes that are doubled.

    Values are text, as they stand there, but for columns that `types` calls "int", "float" or "bool"; an
    empty field is null in those. Blank lines are skipped. A line with another number of fields, a wrong quote
    or a value that is not of its type is a rejected row.

    Adds `row_id` (int64: position in the whole input) and the files' columns; those that are called `row_id`
    or `status` are kept as `source_row_id` and `source_status`. Raises `ConfigError` for files that are
    missing, given twice, of another format or without a header.
    """

    def __init__(
        self,
        path: Paths,
        *,
        columns: Sequence[str] | None = None,
        types: Mapping[str, str] | None = None,
        delimiter: str | None = None,
    ) -> None:
        if delimiter is not None and not (
            isinstance(delimiter, str)
            and len(delimiter) == 1
            and delimiter.isascii()
            and delimiter not in '"\r\n'
        ):
            raise ConfigError(f"delimiter is {delimiter!r}: give one ASCII character, such as ';'")
        self.columns = check_selected(columns)
        self.delimiter = delimiter
        self.types = dict(types or {})
        super().__init__(path, SUFFIXES)
        self._opened = {file: self._csv(file) for file in self._files}
        there = dict.fromkeys(name for opened in self._opened.values() for name in opened.header)
        for argument, names in (("columns", self.columns or ()), ("types", self.types)):
            for name in names:
                if name not in there:
                    raise ConfigError(f"{argument} has {name!r}, but the input has {', '.join(there)}")
        for name, kind in self.types.items():
            if kind not in _TYPES:
                raise ConfigError(f"types has {kind!r} for {name!r}: give one of {', '.join(_TYPES)}")
        kept = self.columns or list(there)
        self._schema = pa.schema([(name, _TYPES[self.types.get(name, "string")][0]) for name in kept])
        self._converters = {name: _TYPES[self.types.get(name, "string")][1] for name in kept}
        self.adds = (ROW_ID, *kept_names(kept))

    def _csv(self, file: str) -> CsvFile:
        return CsvFile(file, self.delimiter or ("\t" if file.endswith(".tsv") else ","))

    def _index(self, file: str) -> RowIndex:
        return self._opened[file].index()

    def _lines(self, piece: dict[str, Any], file: str) -> list[Line]:
        return self._opened[file].lines(piece, file, self._converters)

    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        columns = [[row.get(name) for row in rows] for name in self._schema.names]
        return pa.table(
            [pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)],
            schema=self._schema,
        )
