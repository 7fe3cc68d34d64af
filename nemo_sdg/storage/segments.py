"""Appending where files cannot grow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemo_sdg.storage.remote import RemoteStore


class SegmentAppender:
    """Writes "a/b.jsonl" as "a/b.0000.jsonl", "a/b.0001.jsonl" and so on, one with each flush of anything new."""

    def __init__(self, store: RemoteStore, name: str) -> None:
        self._store = store
        self._stem, dot, self._suffix = name.rpartition(".")
        self._suffix = dot + self._suffix
        self._next = 0
        self._new: list[bytes] = []
        self._lock = threading.Lock()  # never held while the network is waited for
        self._flushing = threading.Lock()

    def write(self, content: bytes) -> None:
        """See `Appender.write`."""
        with self._lock:
            self._new.append(content)

    def flush(self) -> None:
        """See `Appender.flush`; raises OSError at the first failure, for its caller comes again."""
        with self._flushing:
            with self._lock:
                taken = len(self._new)
                content = b"".join(self._new)
            if not content:
                return
            # A write that failed may have got there all the same: the next try takes its place.
            self._store.write_once(f"{self._stem}.{self._next:04d}{self._suffix}", content)
            self._next += 1
            with self._lock:
                del self._new[:taken]

    def close(self) -> None:
        """See `Appender.close`."""
        self.flush()
