"""Ctrl-C and signals that ask to end: the first finishes what is in flight, the second stops now."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Within this context the first signal calls `stop`, a further one raises `KeyboardInterrupt`.

    So do `within` seconds after the first: what sends SIGTERM, such as Kubernetes or Slurm, kills after a
    while. Outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self, stop: Callable[[], None], within: float) -> None:
        self.number: int | None = None
        """The signal that came first."""
        self._stop = stop
        self._within = within
        self._until = 0.0
        self._ignoring = False
        self._before: dict[signal.Signals, Any] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        """Take the signals over."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        """Give the signals back."""
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def left(self) -> float | None:
        """Seconds until what is in flight is given up; None: no signal has come."""
        return None if self.number is None else max(0.0, self._until - time.monotonic())

    def ignore(self) -> None:
        """Let further signals pass: what is left to do takes a moment, and half of it helps nobody."""
        self._ignoring = True

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        if self._ignoring:
            return
        if self.number is not None:
            raise KeyboardInterrupt
        self.number = number
        self._until = time.monotonic() + self._within
        self._timer = threading.Timer(self._within, self._again)
        self._timer.daemon = True
        self._timer.start()
        self._stop()

    def _again(self) -> None:
        # To the thread that waits: a signal to the process may reach another, which would not wake it.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
