"""Text files: whether they are any, and where the rows of shards begin in them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from pathlib import Path
from typing import Any, NamedTuple

from nemo_sdg.errors import ConfigError, RowError

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
BUFFER = 1 << 20
"""Bytes to read a whole file by."""


class Line(NamedTuple):
    """One row: its values, or why it has none."""

    values: dict[str, Any]
    error: RowError | None


class RowIndex:
    """Where each row of `file` begins, and in which line; 8 bytes for each.

    To be made by going through the lines: each either begins a row or does not.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._offsets = array("q")
        self._others = array("q")
        """For each line that begins no row, the number of rows before it."""
        self._size = 0

    def begin(self, offset: int, lines: int = 1) -> None:
        """Note that a row begins at `offset`; it has so many lines."""
        self._offsets.append(offset)
        for _ in range(lines - 1):
            self.pass_over()

    def pass_over(self) -> None:
        """Note a line that begins no row."""
        self._others.append(len(self._offsets))

    def end(self, size: int) -> None:
        """Note the size of the file."""
        self._size = size

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._offsets)

    def piece(self, first: int, rows: int) -> dict[str, Any]:
        """Return where `rows` rows are, from the one at position `first`; JSON values for `Shard.place`."""
        end = first + rows
        start = self._offsets[first]
        stop = self._offsets[end] if end < len(self._offsets) else self._size
        line = first + bisect_right(self._others, first) + 1
        return {
            "file": self.file,
            "size": self._size,
            "offset": start,
            "bytes": stop - start,
            "line": line,
            "rows": rows,
        }


def first_offset(file: str) -> int:
    """Return where the text of `file` begins: after a byte order mark.

    Raises `ConfigError` for a file that cannot be read or is no text in UTF-8.
    """
    try:
        with Path(file).open("rb") as stream:
            beginning = stream.read(4)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; give a file that can be read") from None
    for mark, what in _OTHER_FORMATS.items():
        if beginning.startswith(mark):
            raise ConfigError(f"{file} is {what}")
    return len(_BOM) if beginning.startswith(_BOM) else 0


def piece_bytes(piece: dict[str, Any], file: str) -> bytes:
    """Return what a piece of `file` holds."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123
            stream.seek(piece["offset"])
            return stream.read(piece["bytes"])
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; mend it, then run again") from None


def check_rows(piece: dict[str, Any], lines: list[Line], file: str) -> list[Line]:
    """Return the `lines` read of a piece of `file`; raises `ConfigError` when they are not those planned."""
    if len(lines) != piece["rows"]:
        raise ConfigError(
            f"{file} has changed since this run began: put it back, or begin anew in another output folder"
        )
    return lines
