"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from nemo_sdg.errors import RunStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's event loop where it is installed: half the CPU of a request is the loop's."""
    try:
        import uvloop  # noqa: PLC0415 - not made for every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopThread:
    """Runs coroutines for other threads; the thread starts with the first one and is a daemon.

    It ends with `stop`, or when nobody refers to this object any more.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._end: weakref.finalize[..., LoopThread] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` to its end and return its result; Ctrl-C in the caller cancels it.

        Raises `RunStopped` when `stop` is called before its end.
        """
        with self._lock:  # so that a loop which is being stopped still sees, and cancels, what it was given
            future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise RunStopped("the event loop was stopped before the answer came") from None
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Run `function` soon in the loop, not waiting for it."""
        with self._lock:
            self._started().call_soon_threadsafe(function, *args)

    def stop(self) -> None:
        """End the loop after cancelling what runs and closing its generators, and wait for the thread."""
        with self._lock:
            thread, self._loop = self._thread, None
            if thread is None or self._end is None:
                return
            self._thread = None
            self._end()
        if thread is not threading.current_thread():
            thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self._name, daemon=True)
            self._thread.start()
            self._end = weakref.finalize(self, _ask_to_stop, self._loop)
        return self._loop


def _ask_to_stop(loop: asyncio.AbstractEventLoop) -> None:
    with contextlib.suppress(RuntimeError):  # closed
        loop.call_soon_threadsafe(loop.stop)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(asyncio.sleep(0))  # what is just being closed goes on
        running = asyncio.all_tasks(loop)
        for task in running:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*running, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
