"""Whether a client's first requests have all failed, so that no job is burnt on a wrong set-up."""

from __future__ import annotations

import threading
from weakref import WeakSet

from nemo_sdg.limits import FIRST_ATTEMPTS


class FirstRequests:
    """Follows requests until one succeeds; a request is any object that lives as long as it does.

    The verdict waits for those that were under way at the failure of number `FIRST_ATTEMPTS`, for a success
    may take longer than a failure.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: WeakSet[object] = WeakSet()  # weak, for a cancelled request says nothing
        self._awaited: WeakSet[object] | None = None
        self._failed = 0

    def begin(self, request: object) -> None:
        """Take note of a request before its first attempt."""
        with self._lock:
            self._under_way.add(request)

    def fail(self, request: object, *, counts: bool) -> bool:
        """Take note of its failure, which may not count; return whether all of the first have failed now."""
        with self._lock:
            self._failed += counts
            self._under_way.discard(request)
            if self._awaited is not None:
                self._awaited.discard(request)
            elif self._failed >= FIRST_ATTEMPTS:
                self._awaited = WeakSet(self._under_way)
            return self._awaited is not None and not self._awaited
