"""Which files a reader reads, and the rows that a shard takes from them."""

from __future__ import annotations

import glob
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.columns import RESERVED, check_column
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.base import Shard

Paths = str | Path | list[str] | list[Path]

_OTHER_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))


def find_files(path: Paths, suffixes: tuple[str, ...]) -> list[str]:
    """Return the files that `path` names, sorted: a file, a folder, a glob pattern or a list of those.

    Of a folder these are the files in it, not below it, that end in one of `suffixes` and whose names begin
    with neither "." nor "_". Raises `ConfigError` for what is missing, empty, no file or given twice, also
    through links.
    """
    given = path if isinstance(path, list) else [path]
    if not given:
        raise ConfigError("path is an empty list: give at least one file, folder or glob pattern")
    files: dict[tuple[int, int], str] = {}
    for one in given:
        for file in _files_of(one, suffixes):
            status = os.stat(file)  # noqa: PTH116
            identity = status.st_dev, status.st_ino
            if identity in files:
                known = files[identity]
                also = f", also as {known}" if known != file else ""
                raise ConfigError(
                    f"path names the file {file} twice{also}: its rows would be read twice, so give it once"
                )
            files[identity] = file
    return sorted(files.values())


def _files_of(path: str | Path, suffixes: tuple[str, ...]) -> list[str]:
    if not isinstance(path, (str, Path)) or not str(path):
        raise ConfigError(f"path is {path!r}: give a file, a folder, a glob pattern or a list of those")
    if "\0" in str(path):
        raise ConfigError(f"path is {beginning(str(path))}: a path cannot hold a NUL character; take it out")
    # Absolute, for workers are in other folders.
    text = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a glob pattern is no path
    if os.path.isdir(text):  # noqa: PTH112
        return _files_in(text, suffixes)
    if glob.has_magic(text) and not os.path.lexists(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207
        # A pattern may well match folders; one that is called like a file is rather taken for one.
        found = [match for match in matches if match.endswith(suffixes) or not os.path.isdir(match)]  # noqa: PTH112
        if not found:
            raise ConfigError(f"no file matches {text}: give a pattern that matches files")
    else:
        found = [text]
    return [_checked(file) for file in found]


def _files_in(folder: str, suffixes: tuple[str, ...]) -> list[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError as error:
        raise ConfigError(
            f"the folder {folder} cannot be read: {error.strerror}; give one that can"
        ) from None
    found = [name for name in names if name.endswith(suffixes) and not name.startswith((".", "_"))]
    if not found:
        kinds = ", ".join(suffixes)
        raise ConfigError(f"the folder {folder} has no files that end in {kinds}: give one that has")
    return [_checked(f"{folder}/{name}") for name in found]


def _checked(file: str) -> str:
    """Return `file` when it is one; what only looks like one is not passed over, for its rows would lack."""
    try:
        file.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"the name of the file {beginning(file)} is not UTF-8: rename it") from None
    try:
        mode = os.stat(file).st_mode  # noqa: PTH116
    except FileNotFoundError:
        if os.path.islink(file):  # noqa: PTH114
            raise ConfigError(f"{file} is a link to nothing: mend it, or take it away") from None
        raise ConfigError(f"{file} does not exist: give a file, a folder or a glob pattern") from None
    except OSError as error:
        raise ConfigError(f"{file:.200} cannot be read: {error.strerror}; give a file that can") from None
    if not stat.S_ISREG(mode):
        what = next((what for is_it, what in _OTHER_KINDS if is_it(mode)), "a device")
        raise ConfigError(f"{file} is {what}, not a file: take it away, or name the files to read")
    return file


def settled(path: Paths) -> str | list[str]:
    """Return `path` as JSON values, for a source's settings."""
    return [str(one) for one in path] if isinstance(path, list) else str(path)


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


def with_row_ids(rows: pa.Table, shard: Shard) -> pa.Table:
    """Return the `rows` of `shard` with their positions in the input, and the names of `kept_names`."""
    # Their number is the shard's: Arrow forgets that of a table without columns.
    row_ids = pa.array(range(shard.first_row, shard.first_row + shard.rows), pa.int64())
    names = kept_names(rows.column_names)
    return pa.table([row_ids, *rows.columns], [ROW_ID, *names])
