"""JSON Lines files: where the rows of shards begin, without decoding them, and decoding some."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.json_faults import check_keys, fault_of
from nemo_sdg.stages.text_rows import BUFFER, Line, RowIndex, check_rows, first_offset, piece_bytes

_decode = msgspec.json.Decoder().decode


class LineIndex(RowIndex):
    """Where each row of a file begins; blank lines are no rows.

    Raises `ConfigError` for a file that cannot be JSON Lines.
    """

    def __init__(self, file: str) -> None:
        super().__init__(file)
        offset = _first_offset(file)
        with open(file, "rb", buffering=BUFFER) as stream:  # noqa: PTH123
            stream.seek(offset)
            for line in stream:
                if line.isspace():
                    self.pass_over()
                else:
                    self.begin(offset)
                offset += len(line)
        self.end(offset)


def read_piece(piece: dict[str, Any], file: str) -> list[Line]:
    """Return the rows of a piece of `file`; raises `ConfigError` when that has changed."""
    lines = [
        _parsed(line, file, number)
        for number, line in enumerate(piece_bytes(piece, file).split(b"\n"), piece["line"])
        if line and not line.isspace()
    ]
    return check_rows(piece, lines, file)


def first_rows(file: str, most: int) -> tuple[list[dict[str, Any]], RowError | None]:
    """Return the values of the rows among the first `most` lines, or else those of the first row there is.

    With them comes what is wrong with the first line that is no row, if it was met.
    """
    found: list[dict[str, Any]] = []
    wrong: RowError | None = None
    offset = _first_offset(file)
    with open(file, "rb", buffering=BUFFER) as stream:  # noqa: PTH123
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
    """Return where the text begins; raises `ConfigError` for what cannot be JSON Lines."""
    offset = first_offset(file)
    with Path(file).open("rb") as stream:
        is_array = stream.read(1) == b"["
    if is_array and os.fspath(file).endswith(".json"):
        raise ConfigError(f"{file} is a JSON array: write one object a line instead")
    return offset
