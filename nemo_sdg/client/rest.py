"""Whether one endpoint of several is to be asked, or left alone for a while. Belongs to one process."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from nemo_sdg.errors import FatalRequestError, NoConnectionError

if TYPE_CHECKING:
    from nemo_sdg.client.question import Tries

REPEATED = 5
"""Failures in a row, of those that an endpoint may have now and then, that make it rest."""


class Rest:
    """An endpoint that fails rests for `first` seconds, after each trial twice as long, `longest` at most.

    One for which no request can succeed, as with a wrong key, rests for the times in `fatal`. When the rest
    is over, one request tries whether the endpoint is well again.
    """

    first, longest = 1.0, 60.0
    fatal = (60.0, 600.0)

    def __init__(self) -> None:
        self.error: Exception | None = None
        """Why it rests; None: it works."""
        self._lock = threading.Lock()
        self._failures = 0
        self._seconds = 0.0
        self._since = self._until = -math.inf
        self._well_since = -math.inf
        self._trial: Tries | None = None

    @property
    def works(self) -> bool:
        """Whether any request may go there."""
        return self.error is None

    @property
    def hopeless(self) -> bool:
        """Whether it rests because no request can succeed."""
        return isinstance(self.error, FatalRequestError)

    def left(self) -> float:
        """Return the seconds for which nobody may ask; infinite while a trial is under way."""
        if self.error is None:
            return 0.0
        return math.inf if self._trial is not None else max(0.0, self._until - time.monotonic())

    def take(self, tries: Tries) -> bool:
        """Have `tries` ask it, on trial if it rested; False when it may not."""
        if self.error is None:
            return True
        with self._lock:
            if self.left() > 0:
                return False
            self._trial = tries if self.error is not None else None
            return True

    def leave(self, tries: Tries) -> None:
        """Take note that `tries` does not ask after all, or came to nothing."""
        with self._lock:
            if self._trial is tries:
                self._trial = None

    def answered(self, tries: Tries, *, completed: bool = True) -> None:
        """Take note of an answer to `tries`: a completion, or one that shows no more than a living server."""
        if self.error is None:
            if completed:
                self._failures = 0
            return
        with self._lock:
            if self._trial is tries or (completed and tries.started > self._since):
                self._work()

    def work(self) -> None:
        """End the rest now."""
        with self._lock:
            self._work()

    def failed(self, error: Exception, tries: Tries, *, alone: bool) -> bool:
        """Take note that `tries` failed with an error of the endpoint; return whether it rests.

        One that is `alone` in working rests only when no request can succeed, for somebody must be asked.
        """
        hopeless = isinstance(error, FatalRequestError)
        with self._lock:
            trial = self._trial is tries
            if self.error is not None and not trial:
                return True  # which was known: it was asked before
            if not hopeless and alone:
                self._work()
                return False
            if not hopeless and not trial:
                if tries.started < self._well_since:
                    return False  # it has been mended since
                self._failures += 1
                if self._failures < REPEATED and not isinstance(error, NoConnectionError):
                    return False
            first, longest = self.fatal if hopeless else (self.first, self.longest)
            self._seconds = max(first, min(longest, 2 * self._seconds)) if trial else first
            self._failures, self._trial, self.error = 0, None, error
            self._since = time.monotonic()
            self._until = self._since + self._seconds
            return True

    def _work(self) -> None:
        if self.error is not None:
            self.error, self._trial, self._failures = None, None, 0
            self._well_since = time.monotonic()
