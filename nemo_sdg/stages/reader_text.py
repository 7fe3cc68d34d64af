"""Reading plain text: a row for each file, paragraph or line."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.columns import check_new_columns
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.text_rows import BUFFER, Line, RowIndex, check_rows, first_offset, piece_bytes
from nemo_sdg.stages.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.stages.input_files import Paths

SUFFIXES = (".txt", ".md")
Unit = Literal["file", "paragraph", "line"]


class TextReader(TextSource):
    """Reads text files in UTF-8: a row for each file, or for each `row`: "paragraph" or "line".

    `path` is a file, a folder (its .txt and .md files), a glob pattern such as `notes/**/*.txt` or a list of
    those; files are read in the order of their names. Paragraphs are parted by blank lines; blank lines
    around a row are left out, and what holds nothing else is no row. Text that is no UTF-8 is a rejected row.

    Adds `row_id` (int64: position in the whole input), `column` with the text, and `file`: its name as seen
    from the folder that all files are in. Raises `ConfigError` for files that are missing, given twice or no
    text, and when there is no row.
    """

    def __init__(self, path: Paths, *, row: Unit = "file", column: str = "text") -> None:
        if row not in get_args(Unit):
            raise ConfigError(f"row is {row!r}: give one of {', '.join(get_args(Unit))}")
        check_new_columns([column], "column")
        if column == "file":
            raise ConfigError("column is 'file', which holds the name of the file: choose another name")
        self.row = row
        self.column = column
        super().__init__(path, SUFFIXES)
        for file in self._files:
            first_offset(file)
        self.adds = (ROW_ID, column, "file")

    def _index(self, file: str) -> RowIndex:
        index = RowIndex(file)
        offset = first_offset(file)
        with open(file, "rb", buffering=BUFFER) as stream:  # noqa: PTH123
            stream.seek(offset)
            for line, begins in self._cut(stream):
                if begins:
                    index.begin(offset)
                else:
                    index.pass_over()
                offset += len(line)
        index.end(offset)
        return index

    def _cut(self, stream: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
        """Yield each line, and whether a row begins with it."""
        within = False
        for line in stream:
            blank = line.isspace()
            yield line, not blank and (self.row == "line" or not within)
            within = (within and self.row == "file") or not blank

    def _lines(self, piece: dict[str, Any], file: str) -> list[Line]:
        texts: list[bytes] = []
        for line, begins in self._cut(io.BytesIO(piece_bytes(piece, file))):
            if begins or not texts:
                texts.append(line)
            else:
                texts[-1] += line
        return check_rows(piece, [self._line(text, piece["name"], file) for text in texts], file)

    def _line(self, text: bytes, name: str, file: str) -> Line:
        try:
            return Line({self.column: text.decode().rstrip(), "file": name}, None)
        except UnicodeDecodeError as error:
            return Line({"file": name}, RowError(f"{file} is not UTF-8: {error}"))

    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        return pa.table(
            {name: pa.array([row.get(name) for row in rows], pa.string()) for name in (self.column, "file")}
        )
