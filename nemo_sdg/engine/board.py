"""Where workers say how they are, and hear whether to stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nemo_sdg.engine.heartbeat import Heartbeat


class Notices(Protocol):
    """A worker's side of the board."""

    def post(self, worker: str, beat: Heartbeat) -> bool:
        """Put up `beat` as the latest of `worker`; return whether workers are to stop."""
        ...


class Board:
    """The driver's side, and in one process the workers' too. Safe for several threads."""

    def __init__(self) -> None:
        self.stopping = False
        """Workers were asked to finish what is in flight and send nothing more."""
        self._beats: dict[str, Heartbeat] = {}
        self._lock = threading.Lock()

    def post(self, worker: str, beat: Heartbeat) -> bool:
        """See `Notices.post`."""
        beat.time = time.time()
        with self._lock:
            self._beats[worker] = beat
        return self.stopping

    def beats(self) -> dict[str, Heartbeat]:
        """Return the latest of each worker, those that have ended included."""
        with self._lock:
            return dict(self._beats)

    def stop(self) -> None:
        """Ask all workers to finish what is in flight and send nothing more; safe in a signal handler."""
        self.stopping = True
