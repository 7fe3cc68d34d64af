"""The files of an input: what they were when shards were planned, and what is different now."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nemo_sdg.stages.base import Shard

_BLOCK = 1 << 16  # bytes
_BLOCKS = 17  # of a file, evenly spaced; a smaller one is looked at whole
_MOST_SHOWN = 10


class PlannedFiles:
    """The files that a source reads, by names that stay the same when all of them move elsewhere together."""

    def __init__(self, files: Sequence[str]) -> None:
        folder = os.path.commonpath([os.path.dirname(file) for file in files])  # noqa: PTH120 - texts
        self._named = {os.path.relpath(file, folder): file for file in files}
        self._names = {file: name for name, file in self._named.items()}

    def noted(self, shards: list[Shard]) -> list[Shard]:
        """Return `shards` with what tells their files from others noted in each piece."""
        digests: dict[str, str] = {}
        for shard in shards:
            for piece in shard.place["pieces"]:
                file = piece["file"]
                if file not in digests:
                    digests[file] = fingerprint(file)
                piece.update(name=self._names[file], digest=digests[file])
        return shards

    def place_now(self, piece: dict[str, Any]) -> str:
        """Return where the file of a piece is now.

        Raises `ConfigError` when it is gone, or not as long as when the shards were planned.
        """
        file = self._now(piece) or piece["file"]
        try:
            size = os.stat(file).st_size  # noqa: PTH116
        except OSError as error:
            raise ConfigError(
                f"cannot read {file}: {error.strerror}; it was there when this run began, so put it back"
            ) from None
        if size != piece["size"]:
            raise ConfigError(
                f"{file} has changed since this run began ({piece['size']} bytes then, {size} now): "
                "put it back, or begin anew in another output folder"
            )
        return str(file)

    def changes(self, shards: Sequence[Shard], has_rows: Callable[[str], bool]) -> list[str]:
        """Return in words how the files differ from those of `shards`; `has_rows` tells of a new one."""
        found = [*self._changes(shards, has_rows)]
        more = len(found) - _MOST_SHOWN
        return found[:_MOST_SHOWN] + ([f"and {more} more of the input's files"] if more > 0 else [])

    def _changes(self, shards: Sequence[Shard], has_rows: Callable[[str], bool]) -> Iterator[str]:
        planned = {piece["file"]: piece for shard in shards for piece in shard.place["pieces"]}
        seen = set()
        for then, piece in planned.items():
            file = self._now(piece)
            seen.add(file)
            if file is None:
                yield f"{then} is no longer there"
                continue
            size = os.stat(file).st_size  # noqa: PTH116
            if size != piece["size"]:
                yield f"{file}: {piece['size']:,} bytes then, {size:,} now"
            elif fingerprint(file) != piece["digest"]:
                yield f"{file}: other content of the same size"
        # Files without rows are in no shard, so they may come and go.
        yield from (f"{file} is new" for file in self._names if file not in seen and has_rows(file))

    def _now(self, piece: dict[str, Any]) -> str | None:
        return piece["file"] if piece["file"] in self._names else self._named.get(piece["name"])


def fingerprint(file: str) -> str:
    """Return a digest of the file's size and of blocks of it: its beginning, its end, some between.

    Reads about a MiB however long the file is, so a change elsewhere that keeps the size goes unnoticed.
    Raises `ConfigError` when it cannot be read.
    """
    try:
        with open(file, "rb", buffering=0) as stream:  # noqa: PTH123
            size = os.fstat(stream.fileno()).st_size
            digest = hashlib.blake2b(str(size).encode(), digest_size=12)
            last = max(0, size - _BLOCK)
            for offset in sorted({last * number // (_BLOCKS - 1) for number in range(_BLOCKS)}):
                stream.seek(offset)
                digest.update(stream.read(_BLOCK))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; give a file that can be read") from None
    return digest.hexdigest()
