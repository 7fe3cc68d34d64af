"""The journal of a shard: every paid answer, kept from the moment it arrives."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.client.answer import completion_from
from nemo_sdg.engine.entries import Entry, encode, paid_for
from nemo_sdg.errors import BadAnswerError, OutputError, RequestError
from nemo_sdg.report.numbers import Counts

if TYPE_CHECKING:
    from nemo_sdg.client import Completion
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.storage import Appender

__all__ = ["Entry", "ShardJournal", "Span", "paid_for"]

LATENCIES = 1000
"""Of the latest answers, kept as a sample for percentiles."""


class Span(msgspec.Struct):
    """When requests were under way, and how long they took."""

    first_request: float | None = None
    """Unix seconds."""
    last_answer: float | None = None
    """Unix seconds."""
    latency: list[float] = []
    """Seconds: those of the latest answers."""

    def add(self, now: float, latency: float) -> None:
        """Take in an answer that has just arrived; called for each one, so as little as may be."""
        started = now - latency
        if self.first_request is None or started < self.first_request:
            self.first_request = started
        self.last_answer = now
        self.latency.append(latency)
        if len(self.latency) > 2 * LATENCIES:
            del self.latency[:-LATENCIES]

    def join(self, other: Span) -> None:
        """Take in what `other` knows."""
        if other.first_request is not None and other.last_answer is not None:
            self.first_request = min(other.first_request, self.first_request or other.first_request)
            self.last_answer = max(other.last_answer, self.last_answer or other.last_answer)
        self.latency += other.latency
        if len(self.latency) > 2 * LATENCIES:
            del self.latency[:-LATENCIES]


class ShardJournal:
    """A `Ledger` in a file: recalls what any worker has recorded for the shard, and appends what arrives.

    Written by one worker alone; the file appears with the first answer. `counts` are those of this attempt at
    the shard, with what earlier attempts had paid counted as reused; `newest` is the text of the latest
    answer. Safe for several threads.
    """

    def __init__(self, folder: RunFolder, shard: int, worker: str) -> None:
        self.counts = Counts()
        self.models: set[str] = set()
        self.span = Span()
        self.newest: str | None = None
        self._folder = folder
        self._name = folder.journal(shard, worker)
        self._stream: Appender | None = None
        self._lock = threading.Lock()
        self._known: dict[str, Entry] = {}
        self._own: set[str] = set()  # counted in this attempt
        self._known.update((entry.key, entry) for entry in folder.entries(shard) if not entry.forgotten)

    def recall(self, key: str) -> Completion | None:
        """See `Ledger.recall`."""
        entry = self._known.get(key)
        if entry is None:
            return None
        try:
            completion = completion_from(entry.raw)
        except BadAnswerError:  # written by a version that read answers otherwise: ask again
            return None
        completion.latency, completion.attempts = entry.latency, entry.attempts
        completion.throttles, completion.hedged = entry.throttles, entry.hedged
        with self._lock:
            if key not in self._own:
                self._own.add(key)
                self.counts.reused += 1
                self._count(completion)
        return completion

    def record(self, key: str, completion: Completion) -> None:
        """See `Ledger.record`."""
        entry = Entry(
            key,
            completion.latency,
            completion.attempts,
            completion.throttles,
            completion.raw,
            completion.hedged,
        )
        line = encode(entry)
        with self._lock:
            self._known[key] = entry
            self._own.add(key)
            self._write(line + b"\n")
            self.counts.requests += 1
            self.counts.attempts += completion.attempts
            self.counts.throttles += completion.throttles
            self.counts.hedged += completion.hedged
            self._count(completion)
            self.span.add(time.time(), completion.latency)
            self.newest = completion.texts[0]

    def record_failure(self, error: Exception) -> None:
        """See `Ledger.record_failure`."""
        with self._lock:
            self.counts.failures += 1
            if isinstance(error, RequestError):
                self.counts.requests += error.attempts > 0
                self.counts.attempts += error.attempts
                self.counts.throttles += error.throttles

    def times_forgotten(self, question: str) -> int:  # noqa: ARG002
        """See `Ledger.times_forgotten`."""
        return 0

    def flush(self) -> None:
        """Give what was recorded to the operating system, where a kill of the worker does not reach it."""
        with self._lock:
            if self._stream is not None:
                try:
                    self._stream.flush()
                except OSError as error:
                    raise self._cannot_write(error) from None

    def close(self) -> None:
        """Flush and close the file; what cannot be written is lost, which a full disk has said before."""
        with self._lock, suppress(OSError):
            if self._stream is not None:
                self._stream.close()
        self._stream = None

    def _write(self, line: bytes) -> None:
        try:
            if self._stream is None:
                self._stream = self._folder.store.append(self._name)
            self._stream.write(line)
        except OSError as error:
            raise self._cannot_write(error) from None

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"paid answers cannot be kept in {self._folder.url} ({error.strerror or error}): make room or "
            "mend the file system, then run the same command again"
        )

    def _count(self, completion: Completion) -> None:
        self.counts.prompt_tokens += completion.usage.prompt_tokens
        self.counts.completion_tokens += completion.usage.completion_tokens
        if completion.model:
            self.models.add(completion.model)
