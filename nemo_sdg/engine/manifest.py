"""What a run is, and what is known of each of its shards when it is committed."""

from __future__ import annotations

import hashlib
from typing import IO, Any, Self

import msgspec

from nemo_sdg.report.numbers import Counts, Origin
from nemo_sdg.stages.base import Shard

_BLOCK = 2**20  # bytes read at a time


class FileMark(msgspec.Struct, frozen=True):
    """By what a file that was written is known again."""

    size: int
    """Bytes."""
    digest: str
    """BLAKE2b of the content, 16 bytes in hexadecimal."""

    @classmethod
    def of(cls, stream: IO[bytes]) -> Self:
        """Return the mark of what is in `stream`."""
        digest, size = hashlib.blake2b(digest_size=16), 0
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
        return cls(size, digest.hexdigest())


class ShardDone(msgspec.Struct):
    """That a shard is committed, and what became of its rows; written last."""

    index: int
    counts: Counts
    models: list[str] = []
    """Which models answered."""
    files: dict[str, FileMark] = {}
    """What was written, by name."""


class Manifest(msgspec.Struct):
    """What a run is: made once, so that a resumed run sees the same shards and settings."""

    pipeline: str
    settings: list[dict[str, Any]]
    """Of each step; results depend on nothing else."""
    suffix: str
    """Of part files."""
    shards: list[Shard]
    version: str
    started: str
    """UTC, ISO 8601."""
    paid: list[int] = []
    """Which of the steps in `settings` ask a model."""
    origin: Origin | None = None
    """What the latest run was started by."""

    @property
    def rows(self) -> int:
        """Rows of the source."""
        return sum(shard.rows for shard in self.shards)
