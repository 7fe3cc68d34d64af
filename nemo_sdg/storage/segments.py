"""Appending where files cannot grow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemo_sdg.storage.remote import RemoteStore


class SegmentAppender:
    """Writes "a/b.jsonl" as "a/b.0000.jsonl", "a/b.0001.jsonl" and so on: a file for each flush."""

    def __init__(self, store: RemoteStore, name: str) -> None:
        self._store = store
        self._stem, dot, self._suffix = name.rpartition(".")
        self._suffix = dot + self._suffix
        self.files: list[str] = []
        self._new: list[bytes] = []
        self._lock = threading.Lock()  # never held while the network is waited for
        self._flushing = threading.Lock()

    def write(self, content: bytes) -> None:
        """See `Appender.write`."""
        with self._lock:
            self._new.append(content)

    def flush(self, *, patiently: bool = True) -> None:
        """See `Appender.flush`."""
        with self._flushing:
            with self._lock:
                taken = len(self._new)
                content = b"".join(self._new)
            if not content:
                return
            # A write that failed may have got there all the same: the next try takes its place.
            name = f"{self._stem}.{len(self.files):04d}{self._suffix}"
            (self._store.write if patiently else self._store.write_once)(name, content)
            self.files.append(name)
            with self._lock:
                del self._new[:taken]

    def close(self) -> None:
        """See `Appender.close`."""
        self.flush()
