"""Looking for keys in everything that a run leaves behind, unpacked where it is packed."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.leaks.keys import Keys

_AROUND = 60  # bytes to show of what is before a key


def found_in(content: bytes | str, keys: Keys, where: str) -> list[str]:
    """Return a line for each kind of key in `content`, unpacked as far as it is packed."""
    plain = content.encode(errors="surrogatepass") if isinstance(content, str) else content
    lines = []
    for part in _unpacked(plain):
        for needle, what in keys.needles.items():
            at = part.find(needle)
            if at >= 0:
                before = part[max(0, at - _AROUND) : at].decode(errors="replace")
                lines.append(f"{where}: {what}, after {before!r}")
    return sorted(set(lines))


def found_below(folder: Path, keys: Keys) -> list[str]:
    """Return a line for each key in the names and contents of all files below `folder`."""
    lines = []
    for path in files_below(folder):
        lines += found_in(str(path), keys, f"the name of {path}")
        if path.is_symlink():
            lines += found_in(str(path.readlink()), keys, f"the target of {path}")
        elif path.is_file():
            lines += found_in(path.read_bytes(), keys, str(path))
    return lines


def files_below(folder: Path) -> Iterable[Path]:
    """Return all that is below `folder`, without going through links."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def _unpacked(content: bytes) -> Iterator[bytes]:
    yield content
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content), partitioning=None)
        yield repr((table.schema.metadata, table.to_pylist())).encode(errors="surrogatepass")
    elif content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    elif content[:4] == b"\x28\xb5\x2f\xfd":
        yield pa.input_stream(io.BytesIO(content), compression="zstd").read()
    elif content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                yield name.encode() + b"\n" + packed.read(name)
    elif content[:1] == b"\x78":
        try:
            yield zlib.decompress(content)
        except zlib.error:
            return
