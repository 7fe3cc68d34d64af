"""JSON Lines files: where the rows of shards begin, without decoding them, and decoding some."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.json_faults import check_keys, fault_of

_BOM = b"\xef\xbb\xbf"
_OTHER_FORMATS = {
    b"\xff\xfe\0\0": "text in UTF-32: save it as UTF-8",
    b"\0\0\xfe\xff": "text in UTF-32: save it as UTF-8",
    b"\x1f\x8b": "compressed by gzip: decompress it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: decompress it",
    b"\xff\xfe": "text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "text in UTF-16: save it as UTF-8",
    b"{\0": "text in UTF-16: save it as UTF-8",
    b"\0{": "text in UTF-16: save it as UTF-8",
    b"PAR1": "a Parquet file: use ParquetReader",
    b"PK\x03\x04": "a zip archive: take the files out of it",
    b"BZh": "compressed by bzip2: decompress it",
    b"\xfd7zXZ": "compressed by xz: decompress it",
}
_BUFFER = 1 << 20

_decode = msgspec.json.Decoder().decode


class Line(NamedTuple):
    """One row: its values, or why it has none."""

    values: dict[str, Any]
    error: RowError | None


class LineIndex:
    """Where each row of a file begins; blank lines are no rows.

    It holds 8 bytes for each row. Raises `ConfigError` for a file that cannot be JSON Lines.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._offsets = array("q")
        self._blank_before = array("q")
        """For each blank line, the number of rows before it."""
        offset = _first_offset(file)
        with open(file, "rb", buffering=_BUFFER) as stream:  # noqa: PTH123
            stream.seek(offset)
            for line in stream:
                if line.isspace():
                    self._blank_before.append(len(self._offsets))
                else:
                    self._offsets.append(offset)
                offset += len(line)
        self._size = offset

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._offsets)

    def piece(self, first: int, rows: int) -> dict[str, Any]:
        """Return where `rows` rows are, from the one at position `first`; JSON values for `Shard.place`."""
        end = first + rows
        start = self._offsets[first]
        stop = self._offsets[end] if end < len(self._offsets) else self._size
        line = first + bisect_right(self._blank_before, first) + 1
        return {
            "file": self.file,
            "size": self._size,
            "offset": start,
            "bytes": stop - start,
            "line": line,
            "rows": rows,
        }


def read_piece(piece: dict[str, Any], file: str) -> list[Line]:
    """Return the rows of a piece of `file`; raises `ConfigError` when that has changed."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123
            stream.seek(piece["offset"])
            data = stream.read(piece["bytes"])
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; mend it, then run again") from None
    lines = [
        _parsed(line, file, number)
        for number, line in enumerate(data.split(b"\n"), piece["line"])
        if line and not line.isspace()
    ]
    if len(lines) != piece["rows"]:
        raise ConfigError(
            f"{file} has changed since this run began: put it back, or begin anew in another output folder"
        )
    return lines


def first_rows(file: str, most: int) -> tuple[list[dict[str, Any]], RowError | None]:
    """Return the values of the rows among the first `most` lines, or else those of the first row there is.

    With them comes what is wrong with the first line that is no row, if it was met.
    """
    found: list[dict[str, Any]] = []
    wrong: RowError | None = None
    offset = _first_offset(file)
    with open(file, "rb", buffering=_BUFFER) as stream:  # noqa: PTH123
        stream.seek(offset)
        for number, line in enumerate(stream, 1):
            if number > most and found:
                break
            if line.isspace():
                continue
            values, error = _parsed(line, file, number)
            if error is None:
                found.append(values)
            wrong = wrong or error
    return found, wrong


def _parsed(line: bytes, file: str, number: int) -> Line:
    where, shown = f"{file}, line {number}", line.strip()[:80]
    try:
        values = _decode(line)
        if not isinstance(values, dict):
            return Line({}, RowError(f"{where}: expected a JSON object, found {shown!r}"))
        check_keys(line, values)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Line({}, RowError(f"{where}: {fault_of(line, error)}; it begins {shown!r}"))
    except RowError as error:
        return Line({}, RowError(f"{where}: {error}; it begins {shown!r}"))
    return Line(values, None)


def _first_offset(file: str) -> int:
    """Return where the text begins: after a byte order mark."""
    try:
        with Path(file).open("rb") as stream:
            beginning = stream.read(4)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; give a file that can be read") from None
    for mark, what in _OTHER_FORMATS.items():
        if beginning.startswith(mark):
            raise ConfigError(f"{file} is {what}")
    if beginning[:1] == b"[" and os.fspath(file).endswith(".json"):
        raise ConfigError(f"{file} is a JSON array: write one object a line instead")
    return len(_BOM) if beginning.startswith(_BOM) else 0
