"""Flushing a worker's open journals, and noticing when that does not work any more."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING

from nemo_sdg.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.journal import ShardJournal

LONGEST = 10.0
"""Seconds for which answers may be paid for that an object store does not take."""
EVERY = 1.0
"""Seconds between two flushes where each makes a file of its own; else each heartbeat flushes."""
_AT_A_TIME = 16  # requests
_WAIT = 0.5  # seconds; what takes longer goes on beside the next heartbeat


class Flusher:
    """Flushes journals in turn on a disk, and side by side where each flush is a request over the network.

    `lost` is why nothing more should be paid for: what arrived has been waiting for too long.
    """

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self.lost: OutputError | None = None
        self._folder = folder
        self._clock = clock
        self._last = -EVERY
        self._failing: dict[ShardJournal, float] = {}
        self._under_way: dict[ShardJournal, Future[None]] = {}
        self._threads: ThreadPoolExecutor | None = None
        if not folder.store.appends:
            self._threads = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="nemo-sdg-flush")

    def flush(self, journals: Iterable[ShardJournal]) -> None:
        """Flush `journals`, those that are open; does not raise."""
        journals = list(journals)
        error: OutputError | None = None
        if self._threads is None:
            for journal in journals:
                error = self._told(journal, partial(journal.flush, patiently=False)) or error
        else:
            error = self._side_by_side(self._threads, journals)
        self._failing = {journal: since for journal, since in self._failing.items() if journal in journals}
        if error is not None and self._threads is None:  # a full disk does not mend itself, as a network does
            self.lost = error
        elif self._failing and self._clock() - min(self._failing.values()) > LONGEST:
            store = self._folder.store
            self.lost = error or OutputError(
                f"paid answers cannot be kept in {store.url}, which does not answer: {store.remedy}, then "
                "run the same command again"
            )

    def close(self) -> None:
        """Let go of threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _side_by_side(self, threads: ThreadPoolExecutor, journals: list[ShardJournal]) -> OutputError | None:
        error: OutputError | None = None
        now = self._clock()
        if now - self._last >= EVERY:
            self._last = now
            for journal in journals:
                if journal not in self._under_way:
                    self._under_way[journal] = threads.submit(journal.flush, patiently=False)
        wait(self._under_way.values(), timeout=_WAIT)
        for journal, future in list(self._under_way.items()):
            if future.done():
                error = self._told(journal, future.result) or error
                del self._under_way[journal]
            else:
                self._failing.setdefault(journal, now)
        return error

    def _told(self, journal: ShardJournal, do: Callable[[], None]) -> OutputError | None:
        try:
            do()
        except OutputError as error:
            self._failing.setdefault(journal, self._clock())
            return error
        self._failing.pop(journal, None)
        return None
