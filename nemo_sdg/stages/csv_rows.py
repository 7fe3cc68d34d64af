"""CSV files: their records, one at a time, so that what is wrong with one costs no other."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.text_rows import BUFFER, Line, RowIndex, check_rows, first_offset, piece_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Python's 128 KiB are less than a long document; more than this is a quote that nobody closed.
_LONGEST = 16 << 20
csv.field_size_limit(max(_LONGEST, csv.field_size_limit()))


class CsvRecord(NamedTuple):
    """One record, or a line that is none."""

    offset: int
    """Where it ends."""
    lines: int
    values: list[str]
    error: str | None


class CsvFile:
    """The header of a CSV file, and where its records are; raises `ConfigError` where there is no header."""

    def __init__(self, file: str, delimiter: str) -> None:
        self.file = file
        self._delimiter = delimiter
        self._first = first_offset(file)
        with open(file, "rb", buffering=BUFFER) as stream:  # noqa: PTH123
            header = next(_records(stream, self._first, delimiter), None)
        self.header: list[str] = []
        if header is None:
            return
        self.header, wrong = _header(header)
        if wrong:
            raise ConfigError(
                f"{file} has no usable header: {wrong}; its first line must name each column once"
            )

    def index(self) -> RowIndex:
        """Return where the records begin."""
        index = RowIndex(self.file)
        offset, is_header = self._first, True
        with open(self.file, "rb", buffering=BUFFER) as stream:  # noqa: PTH123
            for record in _records(stream, offset, self._delimiter, blank=True):
                if is_header or _is_blank(record):
                    is_header = is_header and _is_blank(record)
                    for _ in range(record.lines):
                        index.pass_over()
                else:
                    index.begin(offset, record.lines)
                offset = record.offset
        index.end(offset)
        return index

    def lines(
        self, piece: dict[str, Any], file: str, converters: Mapping[str, Callable[[str], Any]]
    ) -> list[Line]:
        """Return the rows of a piece, of the columns of `converters`; raises `ConfigError` on a change."""
        stream = io.BytesIO(piece_bytes(piece, file))
        found: list[Line] = []
        number = piece["line"]
        for record in _records(stream, 0, self._delimiter, blank=True):
            if not _is_blank(record):
                try:
                    found.append(Line(self._values(record, converters), None))
                except RowError as error:
                    found.append(Line({}, RowError(f"{file}, line {number}: {error}")))
            number += record.lines
        return check_rows(piece, found, file)

    def _values(self, record: CsvRecord, converters: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        if record.error:
            raise RowError(f"no CSV record: {record.error}")
        if len(record.values) != len(self.header):
            raise RowError(f"{len(record.values)} fields, the header has {len(self.header)}")
        values = {}
        for name, value in zip(self.header, record.values, strict=True):
            if name in converters:
                text = _text(value)
                try:
                    values[name] = converters[name](text)
                except ValueError as error:
                    raise RowError(f"{name} is {text!r:.80}: {error}") from None
        return values


def _header(record: CsvRecord) -> tuple[list[str], str]:
    """Return the names of columns in a file's first record, and what is wrong with them."""
    try:
        names = [_text(name).strip() for name in record.values]
    except RowError as error:
        return [], str(error)
    twice = next((name for name in names if names.count(name) > 1), None)
    wrong = "a column has no name" if "" in names else f"{twice!r} is there twice" if twice else ""
    return names, record.error or wrong


def _text(value: str) -> str:
    """Return a field, which is read as bytes, as the text that it is."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise RowError(f"{value!r:.80} is not UTF-8") from None


def _is_blank(record: CsvRecord) -> bool:
    return record.error is None and len(record.values) <= 1 and not "".join(record.values).strip()


class _Lines:
    """The lines of a stream, counted; bytes as they are, each as one character."""

    def __init__(self, stream: IO[bytes], offset: int) -> None:
        self._stream = stream
        self.offset, self.number = offset, 0
        stream.seek(offset)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline()
        if not line:
            raise StopIteration
        self.offset, self.number = self.offset + len(line), self.number + 1
        return line.decode("latin-1")


def _records(stream: IO[bytes], offset: int, delimiter: str, *, blank: bool = False) -> Iterator[CsvRecord]:
    """Yield the records from `offset`, `blank` ones too if asked for.

    Where a quote is wrong only the line in which the record begins is given up: the next may be a good one.
    """
    while True:
        lines = _Lines(stream, offset)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            offset, number = lines.offset, lines.number
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                lines = _Lines(stream, offset)
                next(lines)
                offset = lines.offset
                yield CsvRecord(offset, 1, [], str(error))
                break
            record = CsvRecord(lines.offset, lines.number - number, values, None)
            if blank or not _is_blank(record):
                yield record
