"""Some of a run's rows, read within bounds: of rows, bytes and time."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.storage import Store

MOST_ROWS = 10_000
MOST_BYTES = 64 << 20
"""Of rows as they lie in memory."""
_MOST_PARTS = 128
_AT_A_TIME = 8  # parts
_BATCH = 4 << 20  # bytes, about
_PROBED = 4  # rows
_LONGEST_LINE = 32 << 20  # bytes


class Bounds:
    """What may still be read; safe for several threads."""

    def __init__(self, seconds: float, rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self.rows = rows
        self._until = time.monotonic() + seconds
        self._bytes = most_bytes
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Count bytes that were read."""
        with self._lock:
            self._bytes -= size

    @property
    def reached(self) -> bool:
        """Whether nothing more should be read."""
        return self._bytes <= 0 or time.monotonic() >= self._until


def sampled_rows(store: Store, parts: Sequence[str], bounds: Bounds) -> tuple[list[dict[str, Any]], int]:
    """Return rows from the beginnings of `parts`, evenly spread over them, and how many parts are unreadable.

    They are as many as `bounds` allow.
    """
    number = min(len(parts), _MOST_PARTS)
    chosen = [parts[place * len(parts) // number] for place in range(number)]
    quota = -(-bounds.rows // max(1, number))
    order = random.Random(0).sample(chosen, number)  # when bounds are reached, what was read is spread too
    found: dict[str, list[dict[str, Any]] | None] = {}

    def read(part: str) -> None:
        try:
            found[part] = [] if bounds.reached else list(_rows(store, part, quota, bounds))
        except (OSError, ValueError, msgspec.DecodeError):  # gone or damaged: `verify` says what is wrong
            found[part] = None

    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="nemo-sdg-sample") as threads:
        list(threads.map(read, order))
    rows = [row for part in chosen for row in found[part] or ()]
    return rows[: bounds.rows], sum(there is None for there in found.values())


def _rows(store: Store, part: str, most: int, bounds: Bounds) -> Iterator[dict[str, Any]]:
    with store.open_input(part) as stream:
        if part.endswith(".parquet"):
            yield from _of_parquet(stream, most, bounds)
            return
        for _ in range(most):
            line = stream.readline(_LONGEST_LINE)
            if not line or bounds.reached:
                return
            bounds.take(len(line))
            row = msgspec.json.decode(line)
            if isinstance(row, dict):
                yield row


def _of_parquet(stream: Any, most: int, bounds: Bounds) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - not needed for JSON lines

    # A buffer, for else whole columns of a part would be read for its first rows.
    with pq.ParquetFile(stream, buffer_size=1 << 20) as file:
        # In a file texts that repeat take hardly any room, so the first rows tell how large rows are.
        first = next(file.iter_batches(batch_size=_PROBED), None)
        if first is None:
            return
        size = max(1, min(most, _BATCH * first.num_rows // max(1, first.nbytes)))
        left = most
        for batch in file.iter_batches(batch_size=size):
            taken = batch.slice(0, left)
            left -= taken.num_rows
            bounds.take(taken.nbytes)
            yield from taken.to_pylist()
            if left <= 0 or bounds.reached:
                return


def rejected_lines(store: Store, files: Sequence[str], bounds: Bounds) -> Iterator[dict[str, Any]]:
    """Yield the lines of files of rejected rows while `bounds` allow; what cannot be read is passed over."""
    for name in files:
        if bounds.reached:
            return
        try:
            with store.open_input(name) as stream:
                while (line := stream.readline(_LONGEST_LINE)) and not bounds.reached:
                    bounds.take(len(line))
                    yield msgspec.json.decode(line, type=dict[str, Any])
        except (OSError, ValueError, msgspec.DecodeError):
            continue
