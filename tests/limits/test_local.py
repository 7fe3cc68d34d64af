from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.limits import NO, NO_TOKENS, OK, TRANSIENT, Kind, LocalLimiter, Verdict
from nemo_sdg.limits.local import FIRST_ATTEMPTS, FIRST_PAUSE, LEAST_PAUSE, LONGEST_PAUSE


def throttled(after=None):
    """Return the verdict of a throttle."""
    return Verdict(Kind.THROTTLED, after)


async def admitted_now(limiter, most=1000):
    """Take every slot that is to be had without time passing."""
    slots = []
    for _ in range(most):
        task = asyncio.ensure_future(limiter.acquire(NO_TOKENS))
        for _ in range(5):
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            break
        slots.append(task.result())
    return slots


@pytest.mark.parametrize("number", [0, -1, 2.5, "5", None])
def test_number_is_checked(number):
    """Anything but a whole number of at least 1 is refused, with its value."""
    with pytest.raises(ConfigError, match="max_concurrent_requests is "):
        LocalLimiter(number)


def test_holds_the_number_exactly(in_virtual_time):
    """As many attempts are in flight as allowed and never more; flow() says so."""
    peak = 0

    async def main(loop):
        nonlocal peak
        limiter = LocalLimiter(7, clock=loop.time)

        async def attempt(seconds):
            nonlocal peak
            slot = await limiter.acquire(NO_TOKENS)
            peak = max(peak, limiter.in_flight)
            await asyncio.sleep(seconds)
            slot.settle(None, OK)

        rng = random.Random(1)
        await asyncio.gather(*(attempt(rng.random()) for _ in range(100)))
        return limiter.flow(), limiter.most_in_flight

    assert in_virtual_time(main) == ((0, 7), 7)
    assert peak == 7


def test_first_attempts_go_ahead_alone(in_virtual_time):
    """Until something is answered only FIRST_ATTEMPTS are let go, whatever they end with but success."""

    async def main(loop):
        limiter = LocalLimiter(100, clock=loop.time)
        first = await admitted_now(limiter)
        for slot in first[:5]:
            slot.settle(None, TRANSIENT)
        again = await admitted_now(limiter)
        first[5].settle(None, OK)
        rest = await admitted_now(limiter)
        return len(first), len(again), len(rest), limiter.in_flight

    assert in_virtual_time(main) == (FIRST_ATTEMPTS, 5, 100 - FIRST_ATTEMPTS + 1, 100)


def test_one_burst_pauses_once(in_virtual_time):
    """Twenty throttles of one burst are one pause, as long as the longest that was asked for."""

    async def main(loop):
        limiter = LocalLimiter(20, clock=loop.time)
        for slot in await admitted_now(limiter):
            slot.settle(None, throttled(2.0))
        none_during = limiter.flow()
        await limiter.acquire(NO_TOKENS)
        return none_during, loop.time(), limiter.throttles

    assert in_virtual_time(main) == ((0, 0), pytest.approx(2.0), 20)


def test_burst_without_a_time_chooses_one_pause(in_virtual_time):
    """Throttles that name no time pause for half to all of FIRST_PAUSE, however many they are."""

    async def main(loop):
        limiter = LocalLimiter(20, clock=loop.time)
        for slot in await admitted_now(limiter):
            slot.settle(None, throttled())
        await limiter.acquire(NO_TOKENS)
        return loop.time()

    assert FIRST_PAUSE / 2 <= in_virtual_time(main) <= FIRST_PAUSE


def test_pause_is_extended_not_added_up(in_virtual_time):
    """A later throttle of the burst moves the end to its own time; an earlier end does not shorten it."""

    async def main(loop):
        limiter = LocalLimiter(3, clock=loop.time)
        a, b, c = await admitted_now(limiter)
        waiter = asyncio.ensure_future(limiter.acquire(NO_TOKENS))
        a.settle(None, throttled(2.0))
        await asyncio.sleep(1.0)
        b.settle(None, throttled(5.0))  # until 6
        await asyncio.sleep(0.5)
        c.settle(None, throttled(1.0))  # until 2.5, which is sooner
        await waiter
        return loop.time()

    assert in_virtual_time(main) == pytest.approx(6.0)


def test_pauses_double_over_bursts(in_virtual_time):
    """Each burst in a row without a time pauses about twice as long, bounded; a success ends it."""

    async def main(loop):
        limiter = LocalLimiter(4, clock=loop.time)
        pauses = []
        for _ in range(12):
            slot = await limiter.acquire(NO_TOKENS)
            started = loop.time()
            slot.settle(None, throttled())
            slot = await limiter.acquire(NO_TOKENS)
            pauses.append(loop.time() - started)
            slot.settle(None, NO)
        (await limiter.acquire(NO_TOKENS)).settle(None, OK)
        (await limiter.acquire(NO_TOKENS)).settle(None, throttled())
        started = loop.time()
        await limiter.acquire(NO_TOKENS)
        return pauses, loop.time() - started

    pauses, after_success = in_virtual_time(main)
    for number, pause in enumerate(pauses):
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2**number)
        assert ceiling / 2 <= pause <= ceiling * 1.000001
    assert after_success <= FIRST_PAUSE


def test_again_at_once_is_not_believed_for_ever(in_virtual_time):
    """A server that always throttles with Retry-After 0 is asked ever more seldom, also 2000 times."""

    async def main(loop):
        limiter = LocalLimiter(4, clock=loop.time)
        times = []
        for _ in range(2000):
            slot = await limiter.acquire(NO_TOKENS)
            times.append(loop.time())
            slot.settle(None, throttled(0.0))
        return times

    times = in_virtual_time(main)
    assert times[1] == 0
    assert times[2] - times[1] == pytest.approx(LEAST_PAUSE)
    assert times[3] - times[2] == pytest.approx(2 * LEAST_PAUSE)
    assert times[-1] - times[-2] == pytest.approx(LONGEST_PAUSE)


def test_ramps_after_the_pause(in_virtual_time):
    """After a pause one attempt is let go, and each success lets one more go, up to the number."""

    async def main(loop):
        limiter = LocalLimiter(10, clock=loop.time)
        for slot in await admitted_now(limiter):
            slot.settle(None, throttled(1.0))
        held = [await limiter.acquire(NO_TOKENS)]
        sizes = []
        for _ in range(11):
            held += await admitted_now(limiter)
            sizes.append(len(held))
            held.pop().settle(None, OK)
        return sizes

    assert in_virtual_time(main) == [*range(1, 11), 10]


def test_success_from_before_the_pause_does_not_ramp(in_virtual_time):
    """Attempts admitted before a throttle that succeed after it widen nothing: they say nothing of now."""

    async def main(loop):
        limiter = LocalLimiter(10, clock=loop.time)
        first, *rest = await admitted_now(limiter)
        first.settle(None, throttled(1.0))
        for slot in rest:
            slot.settle(None, OK)
        await asyncio.sleep(2.0)
        return len(await admitted_now(limiter))

    assert in_virtual_time(main) == 1


def test_urgent_goes_first(in_virtual_time):
    """Who comes again goes before new work."""

    async def main(loop):
        limiter = LocalLimiter(1, clock=loop.time)
        order = []

        async def attempt(name, *, urgent):
            slot = await limiter.acquire(NO_TOKENS, urgent=urgent)
            order.append(name)
            await asyncio.sleep(1)
            slot.settle(None, OK)

        tasks = [asyncio.ensure_future(attempt(name, urgent=False)) for name in "abc"]
        await asyncio.sleep(0.5)
        tasks.append(asyncio.ensure_future(attempt("again", urgent=True)))
        await asyncio.gather(*tasks)
        return order

    assert in_virtual_time(main) == ["a", "again", "b", "c"]


def test_stop_refuses_waiting_and_new(in_virtual_time):
    """After stop() those who wait and whoever comes get RunStopped; what is in flight can settle."""

    async def main(loop):
        limiter = LocalLimiter(1, clock=loop.time)
        slot = await limiter.acquire(NO_TOKENS)
        waiting = [asyncio.ensure_future(limiter.acquire(NO_TOKENS)) for _ in range(3)]
        await asyncio.sleep(0)
        limiter.stop()
        results = await asyncio.gather(*waiting, limiter.acquire(NO_TOKENS), return_exceptions=True)
        slot.settle(None, OK)
        return [type(result) for result in results], limiter.in_flight

    assert in_virtual_time(main) == ([RunStopped] * 4, 0)


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_pause_lasts_as_long_as_asked(in_virtual_time, seconds):
    """A pause ends at its time and holds no slot; over or cancelled, it leaves nothing behind."""

    async def main(loop):
        limiter = LocalLimiter(1, clock=loop.time)
        await limiter.pause(seconds)
        cancelled = asyncio.ensure_future(limiter.pause(9))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        return loop.time(), limiter.in_flight, cancelled.cancelled(), limiter._pausing

    assert in_virtual_time(main) == (seconds, 0, True, set())


def test_stop_ends_pauses(in_virtual_time):
    """stop() wakes those who pause, and whoever would pause after it, with RunStopped; no time passes."""

    async def main(loop):
        limiter = LocalLimiter(1, clock=loop.time)
        pausing = [asyncio.ensure_future(limiter.pause(3600)) for _ in range(3)]
        await asyncio.sleep(0)
        limiter.stop()
        results = await asyncio.gather(*pausing, limiter.pause(3600), return_exceptions=True)
        return [type(result) for result in results], loop.time()

    assert in_virtual_time(main) == ([RunStopped] * 4, 0)


def test_stop_from_another_thread_ends_pauses():
    """A pause in one thread's event loop ends when another thread stops the limiter."""
    limiter = LocalLimiter(1)

    async def main():
        pausing = asyncio.ensure_future(limiter.pause(3600))
        await asyncio.sleep(0)
        await asyncio.to_thread(limiter.stop)
        async with asyncio.timeout(20):
            await pausing

    with pytest.raises(RunStopped):
        asyncio.run(main())


def test_stopped_and_cancelled_at_once_is_silent(in_virtual_time):
    """A waiter that is refused and cancelled in the same moment leaves no unseen exception behind."""
    seen = []

    async def main(loop):
        loop.set_exception_handler(lambda _, context: seen.append(context))
        limiter = LocalLimiter(1, clock=loop.time)
        await limiter.acquire(NO_TOKENS)
        waiting = asyncio.ensure_future(limiter.acquire(NO_TOKENS))
        await asyncio.sleep(0)
        limiter.stop()
        loop.call_soon(waiting.cancel)
        await asyncio.wait([waiting])
        del waiting
        gc.collect()

    in_virtual_time(main)
    assert not seen


def test_queue_of_a_dead_loop_blocks_nobody():
    """Waiters of a loop that is gone, closed without ending its tasks, do not keep others waiting."""
    limiter = LocalLimiter(1)
    dead = asyncio.new_event_loop()

    async def first():
        (await limiter.acquire(NO_TOKENS)).settle(None, throttled(0.05))
        return [asyncio.ensure_future(limiter.acquire(NO_TOKENS)) for _ in range(2)]

    tasks = dead.run_until_complete(first())
    dead.run_until_complete(asyncio.sleep(0))
    dead.close()
    time.sleep(0.06)

    async def then():
        async with asyncio.timeout(20):
            (await limiter.acquire(NO_TOKENS)).settle(None, OK)

    asyncio.run(then())
    assert limiter.in_flight == 0
    for task in tasks:  # nothing is to be said about these at the end
        task._log_destroy_pending = False


def test_two_loops_share_the_number():
    """Over the event loops of two threads the number holds, a pause included, and nobody is lost."""
    limiter = LocalLimiter(4)
    lock, peak, now, done = threading.Lock(), 0, 0, 0

    async def attempt(rng):
        nonlocal peak, now, done
        slot = await limiter.acquire(NO_TOKENS)
        with lock:
            now += 1
            peak = max(peak, now)
        await asyncio.sleep(rng.random() / 500)
        with lock:
            now -= 1
            done += 1
        slot.settle(None, throttled(0.01) if rng.random() < 0.02 else OK)

    def loop(seed):
        async def main():
            rng = random.Random(seed)
            await asyncio.gather(*(attempt(rng) for _ in range(150)))

        asyncio.run(main())

    threads = [threading.Thread(target=loop, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert (done, limiter.in_flight) == (300, 0)
    assert 2 <= peak <= 4


VERDICTS = st.sampled_from(
    [OK, OK, OK, NO, TRANSIENT, throttled(), throttled(0.0), throttled(0.7), throttled(30.0)]
)
ATTEMPTS = st.lists(
    st.tuples(
        st.integers(0, 6),  # when it comes; whole seconds, so that much falls together
        st.integers(0, 3),  # how long it takes
        VERDICTS,
        st.booleans(),  # urgent
        st.none() | st.integers(0, 9),  # when it is cancelled
    ),
    max_size=30,
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(number=st.integers(1, 4), attempts=ATTEMPTS)
def test_no_waiter_and_no_slot_is_lost(in_virtual_time, number, attempts):
    """Whatever comes, throttles and is cancelled when: the number holds, all get through, no slot leaks."""

    async def main(loop):
        limiter = LocalLimiter(number, clock=loop.time)

        async def attempt(comes, takes, verdict, urgent):
            await asyncio.sleep(comes)
            slot = await limiter.acquire(NO_TOKENS, urgent=urgent)
            try:
                assert limiter.in_flight <= number
                await asyncio.sleep(takes)
            except asyncio.CancelledError:
                slot.settle(None, NO)
                raise
            slot.settle(None, verdict)

        tasks = []
        for *what, cancelled in attempts:
            task = loop.create_task(attempt(*what))
            tasks.append(task)
            if cancelled is not None:
                loop.call_at(cancelled, task.cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await limiter.acquire(NO_TOKENS)
        return results, limiter.in_flight

    results, in_flight = in_virtual_time(main)
    wrong = [
        result
        for result, (*_, cancelled) in zip(results, attempts, strict=True)
        if result is not None and not (isinstance(result, asyncio.CancelledError) and cancelled is not None)
    ]
    assert not wrong
    assert in_flight == 1
