"""Which files a reader reads, and the rows that a shard takes from them."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.columns import RESERVED, check_column
from nemo_sdg.stages.rows import ROW_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

Paths = str | Path | list[str] | list[Path]


def find_files(path: Paths, suffixes: tuple[str, ...]) -> list[str]:
    """Return the files that `path` names, sorted: a file, a folder, a glob pattern or a list of those.

    Of a folder these are the files in it, not below it, that end in one of `suffixes` and whose names begin
    with neither "." nor "_". Raises `ConfigError` for what is missing, empty or given twice.
    """
    given = path if isinstance(path, list) else [path]
    if not given:
        raise ConfigError("path is an empty list: give at least one file, folder or glob pattern")
    files: dict[str, str] = {}
    for one in given:
        for file in _files_of(one, suffixes):
            real = os.path.realpath(file)
            if real in files:
                raise ConfigError(f"path names the file {file} twice: its rows would be read twice")
            files[real] = file
    return sorted(files.values())


def _files_of(path: str | Path, suffixes: tuple[str, ...]) -> list[str]:
    if not isinstance(path, (str, Path)) or not str(path):
        raise ConfigError(f"path is {path!r}: give a file, a folder, a glob pattern or a list of those")
    # Absolute, for workers are in other folders.
    text = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a glob pattern is no path
    if os.path.isfile(text):  # noqa: PTH113
        return [text]
    kinds = ", ".join(suffixes)
    if os.path.isdir(text):  # noqa: PTH112
        found = [str(file) for file in Path(text).iterdir() if _belongs(file, suffixes)]
        if not found:
            raise ConfigError(f"the folder {text} has no files that end in {kinds}: give one that has")
        return found
    if not glob.has_magic(text):
        raise ConfigError(f"{text} does not exist: give a file, a folder or a glob pattern")
    found = [file for file in glob.glob(text, recursive=True) if os.path.isfile(file)]  # noqa: PTH113, PTH207
    if not found:
        raise ConfigError(f"no file matches {text}: give a pattern that matches files")
    return found


def _belongs(file: Path, suffixes: tuple[str, ...]) -> bool:
    return file.name.endswith(suffixes) and not file.name.startswith((".", "_")) and file.is_file()


def settled(path: Paths) -> str | list[str]:
    """Return `path` as JSON values, for a source's settings."""
    return [str(one) for one in path] if isinstance(path, list) else str(path)


def check_unchanged(piece: dict[str, Any]) -> None:
    """Raise `ConfigError` when the file of a shard's piece is not as long as when the shards were planned."""
    file = piece["file"]
    try:
        size = os.stat(file).st_size  # noqa: PTH116
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; it was there at the start") from None
    if size != piece["size"]:
        raise ConfigError(
            f"{file} has changed since this run began ({piece['size']} bytes then, {size} now): "
            "put it back, or begin anew in another output folder"
        )


def check_selected(columns: Sequence[str] | None) -> list[str] | None:
    """Return the columns to read (None: all); raises `ConfigError` for what is no list of names."""
    if columns is None:
        return None
    if isinstance(columns, str) or not columns:
        raise ConfigError(f"columns is {columns!r}: give a list of column names, or None for all")
    return list(dict.fromkeys(check_column(column, "a name in columns") for column in columns))


def kept_names(names: Sequence[str]) -> list[str]:
    """Return `names`, those that the engine takes for itself with "source_" put before them."""
    kept: list[str] = []
    for name in names:
        free = name
        while free in RESERVED or (free != name and free in names):
            free = f"source_{free}"
        kept.append(free)
    return kept


def with_row_ids(rows: pa.Table, first_row: int) -> pa.Table:
    """Return `rows` with their positions in the input, and the names of `kept_names`."""
    row_ids = pa.array(range(first_row, first_row + rows.num_rows), pa.int64())
    return rows.rename_columns(kept_names(rows.column_names)).add_column(0, ROW_ID, row_ids)
