"""Writing the dataset's part files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Sink
from nemo_sdg.storage import is_url, variables_of

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_A_TIME = 4096


class _FolderSink(Sink):
    def __init__(self, path: str | Path, filesystem: Any = None) -> None:
        if not isinstance(path, (str, Path)) or not str(path):
            raise ConfigError(f"path is {path!r}: give the folder to write to, or its URL")
        self.path = path
        self.filesystem = filesystem
        self.environment = variables_of(path)
        if filesystem is not None:
            if not hasattr(filesystem, "open_output_stream"):
                raise ConfigError(
                    f"filesystem is {filesystem!r}: give a pyarrow.fs.FileSystem, or leave it out and give "
                    "the URL of a folder as path"
                )
            self.path, self.environment = str(path), variables_of(f"{filesystem.type_name}://")
        elif not is_url(path):
            self.path = Path(path).expanduser()
            if self.path.exists() and not self.path.is_dir():
                raise ConfigError(f"path is {str(path)!r}, which is a file: give a folder")


class JsonlWriter(_FolderSink):
    """Writes JSON Lines in UTF-8 to the folder `path`, or to its URL, as "s3://bucket/folder".

    With a `pyarrow.fs.FileSystem` as `filesystem` it is a path there. Times are written as ISO 8601,
    decimals as strings, bytes as base64, NaN as null.
    """

    suffix = ".jsonl"

    def write(self, rows: pa.Table, file: Path) -> None:
        """Write `rows` to `file`; see `Sink.write`."""
        with file.open("wb") as stream:
            for batch in rows.to_batches(_ROWS_AT_A_TIME):
                stream.write(_encode_lines(batch.to_pylist()))


class ParquetWriter(_FolderSink):
    """Writes Parquet, compressed by zstd, to the folder `path`, or to its URL, as "s3://bucket/folder".

    With a `pyarrow.fs.FileSystem` as `filesystem` it is a path there.
    """

    suffix = ".parquet"

    def write(self, rows: pa.Table, file: Path) -> None:
        """Write `rows` to `file`; see `Sink.write`."""
        pq.write_table(rows, file, compression="zstd")


def _plain(value: Any) -> Any:
    # Nanosecond times come as pandas objects, which msgspec does not know.
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_encode_lines = msgspec.json.Encoder(enc_hook=_plain).encode_lines
