from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.errors import RunStopped


@pytest.fixture
def loop_thread():
    """Yield a loop in a thread."""
    thread = LoopThread("test")
    yield thread
    thread.stop()


def test_runs_coroutines_for_threads(loop_thread):
    """Results and errors of coroutines come back to each calling thread; all run in one loop."""

    async def where(number):
        if number == 3:
            raise ValueError(number)
        await asyncio.sleep(0.01)
        return number, asyncio.get_running_loop(), threading.current_thread().name

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(loop_thread.run, where(number)) for number in range(6)]
    with pytest.raises(ValueError, match="3"):
        futures.pop(3).result()
    found = [future.result() for future in futures]
    assert [number for number, *_ in found] == [0, 1, 2, 4, 5]
    assert len({loop for _, loop, _ in found}) == 1
    assert {name for *_, name in found} == {"test"}


def test_stop_ends_what_runs():
    """stop() cancels what runs: its caller gets RunStopped, cleanups are done, and it can begin again."""
    thread = LoopThread("test")
    began, cleaned = threading.Event(), threading.Event()

    async def endless():
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(thread.run, endless())
        began.wait(20)
        thread.stop()
        with pytest.raises(RunStopped):
            future.result(20)
    assert cleaned.is_set()
    assert thread.run(asyncio.sleep(0, "again")) == "again"
    thread.stop()
    thread.stop()


def test_stop_closes_generators():
    """stop() runs the ends of asynchronous generators that are open."""
    thread = LoopThread("test")
    closed = []

    async def generator():
        try:
            yield
        finally:
            closed.append(True)

    opened = generator()

    async def begin():
        await anext(opened)

    thread.run(begin())
    thread.stop()
    assert closed == [True]


def test_call(loop_thread):
    """call() runs a plain function in the loop's thread."""
    called = threading.Event()
    loop_thread.call(called.set)

    assert called.wait(20)


def test_stop_races_with_run():
    """Threads that begin while another one stops the loop are answered or refused, never left hanging."""
    thread = LoopThread("test")

    def begin(_):
        try:
            return thread.run(asyncio.sleep(0, "done"))
        except RunStopped:
            return "done"

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(begin, number) for number in range(200)]
        for _ in range(20):
            thread.stop()
        assert {future.result(20) for future in futures} == {"done"}
    thread.stop()
