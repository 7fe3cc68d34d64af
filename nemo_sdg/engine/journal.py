"""The journal of a shard: every paid answer, kept from the moment it arrives."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.client.answer import completion_from
from nemo_sdg.engine.entries import DIGEST, PAID, Entry, encode, paid_for
from nemo_sdg.engine.span import Span
from nemo_sdg.errors import BadAnswerError, OutputError, RequestError
from nemo_sdg.report.latencies import bucket_of
from nemo_sdg.report.numbers import Counts

if TYPE_CHECKING:
    from nemo_sdg.client import Completion
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.storage import Appender


class ShardJournal:
    """A `Ledger` in files: recalls what any worker has recorded for the shard, and appends what arrives.

    Written by one worker alone; its file appears with the first answer. `counts` are those of this attempt
    at the shard, `earlier` what was paid in attempts before it, without what is in `counted`; `newest` is
    the text of the latest answer. Safe for several threads.
    """

    def __init__(self, folder: RunFolder, shard: int, worker: str, counted: Counts | None = None) -> None:
        self.models: set[str] = set()
        self.span = Span()
        self.newest: str | None = None
        self._folder = folder
        self._shard = shard
        self._name = folder.journal(shard, worker)
        self._stream: Appender | None = None
        self._lock = threading.Lock()
        self._in_use: set[str] = set()  # keys counted in this attempt
        self._paid = Counts()  # of the entries that were recorded here
        self._others = Counts()  # what else is counted
        self._files = folder.journals(shard)
        self._entries = folder.entries(shard, self._files)
        self._known = {entry.key: entry for entry in self._entries if not entry.forgotten}
        self._forgotten = Counter(entry.key[:-DIGEST] for entry in self._entries if entry.forgotten)
        self._found = paid_for(self._entries)
        self._found.reused = 0
        self.earlier = _without(self._found, counted or Counts())

    @property
    def counts(self) -> Counts:
        """What this attempt at the shard has paid and found."""
        with self._lock:
            return _sum(self._paid, self._others)

    @property
    def counted(self) -> Counts:
        """What was paid for all entries that are in the shard's journals, by this attempt and before."""
        with self._lock:
            return _sum(self._found, self._paid)

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
            if key not in self._in_use:
                self._others.reused += 1
                self._use(key, completion)
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
            self._entries.append(entry)
            self._write(line + b"\n")
            paid = self._paid
            paid.requests += 1
            paid.attempts += completion.attempts
            paid.throttles += completion.throttles
            paid.hedged += completion.hedged
            paid.prompt_tokens += completion.usage.prompt_tokens
            paid.completion_tokens += completion.usage.completion_tokens
            paid.reasoning_tokens += completion.usage.reasoning_tokens
            bucket = bucket_of(completion.latency)
            paid.latencies[bucket] = paid.latencies.get(bucket, 0) + 1
            self._use(key, completion)
            self.span.add(time.time(), completion.latency)
            self.newest = completion.texts[0]

    def record_failure(self, error: Exception) -> None:
        """See `Ledger.record_failure`."""
        with self._lock:
            self._others.failures += 1
            if isinstance(error, RequestError):
                self._others.requests += error.attempts > 0
                self._others.attempts += error.attempts
                self._others.throttles += error.throttles

    def exchanged(self, messages: list[dict[str, Any]], outcome: Completion | Exception) -> None:
        """See `Ledger.exchanged`: what is needed again is recorded."""

    def times_forgotten(self, question: str) -> int:
        """See `Ledger.times_forgotten`."""
        return self._forgotten[question]

    def flush(self, *, patiently: bool = True) -> None:
        """Give what was recorded to the store, where a kill of the worker does not reach it.

        Raises `OutputError` when that fails: at once, or `patiently` after having tried for a while.
        """
        stream = self._stream
        if stream is not None:
            try:
                stream.flush(patiently=patiently)
            except OSError as error:
                raise self._cannot_keep(error) from None

    def close(self) -> None:
        """Flush and let go of the file; raises `OutputError` when something could not be kept."""
        stream, self._stream = self._stream, None
        if stream is not None:
            self._files += stream.files
            try:
                stream.close()
            except OSError as error:
                raise self._cannot_keep(error) from None

    def merge(self) -> None:
        """Put the shard's journals together in one, where each flush has made a further file."""
        if len(self._files) > 1 and not self._folder.store.appends:
            self._folder.replace_entries(self._shard, self._entries, self._files)

    def _write(self, line: bytes) -> None:
        try:
            if self._stream is None:
                self._stream = self._folder.store.append(self._name)
            self._stream.write(line)
        except OSError as error:
            raise self._cannot_keep(error) from None

    def _cannot_keep(self, error: OSError) -> OutputError:
        return OutputError(
            f"paid answers cannot be kept in {self._folder.url} ({error.strerror or error}): "
            f"{self._folder.store.remedy}, then run the same command again"
        )

    def _use(self, key: str, completion: Completion) -> None:
        if key not in self._in_use:
            self._in_use.add(key)
            self._others.truncated += "length" in completion.finish_reasons
        if completion.model:
            self.models.add(completion.model)


def _sum(*several: Counts) -> Counts:
    total = Counts()
    for counts in several:
        total.add(counts)
    return total


def _without(paid: Counts, counted: Counts) -> Counts:
    left = {name: _less(getattr(paid, name), getattr(counted, name)) for name in PAID}
    return msgspec.structs.replace(Counts(), **left)


def _less(mine: Any, its: Any) -> Any:
    """Return a number, or those of buckets, without others; nothing falls below 0."""
    if isinstance(mine, dict):
        rest = {bucket: number - its.get(bucket, 0) for bucket, number in mine.items()}
        return {bucket: number for bucket, number in rest.items() if number > 0}
    return max(0, mine - its)
