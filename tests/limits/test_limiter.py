from __future__ import annotations

import asyncio
import gc
import itertools
import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.limits import FIRST_ATTEMPTS, NO, OK, TRANSIENT, Kind, Limiter, Limits, LocalLink, Tokens
from nemo_sdg.limits.budget import FIRST_PAUSE, LEAST_PAUSE, LONGEST_PAUSE, Budget
from tests.limits.fleet import admitted_now, throttled

SLOW = Limits(requests_per_minute=6)


@pytest.mark.parametrize("number", [0, -1, 2.5, "5", None, True])
def test_number_is_checked(number):
    """Anything but a whole number of at least 1 is refused, with its value."""
    with pytest.raises(ConfigError, match="max_concurrent_requests is "):
        Limiter(number)


def test_holds_the_number_exactly(in_virtual_time):
    """As many attempts are in flight as allowed and never more; flow() says so."""
    peak = 0

    async def main(loop):
        nonlocal peak
        limiter = Limiter(7, clock=loop.time)

        async def attempt(seconds):
            nonlocal peak
            permit = await limiter.acquire()
            peak = max(peak, limiter.in_flight)
            await asyncio.sleep(seconds)
            permit.settle(None, OK)

        rng = random.Random(1)
        await asyncio.gather(*(attempt(rng.random()) for _ in range(100)))
        return limiter.flow(), limiter.most_in_flight

    assert in_virtual_time(main) == ((0, 7), 7)
    assert peak == 7


def test_first_attempts_go_ahead_alone(in_virtual_time):
    """Until something is answered only FIRST_ATTEMPTS are let go, whatever they end with but success."""

    async def main(loop):
        limiter = Limiter(100, Limits(max_concurrent_requests=100), clock=loop.time)
        first = await admitted_now(limiter)
        await asyncio.sleep(5)
        later = await admitted_now(limiter)
        for permit in first[:5]:
            permit.settle(None, TRANSIENT)
        await asyncio.sleep(5)
        again = await admitted_now(limiter)
        first[5].settle(None, OK)
        await asyncio.sleep(5)
        rest = await admitted_now(limiter)
        return len(first), len(later), len(again), len(rest), limiter.in_flight

    assert in_virtual_time(main) == (FIRST_ATTEMPTS, 0, 5, 100 - FIRST_ATTEMPTS + 1, 100)


def test_one_burst_pauses_once(in_virtual_time):
    """Twenty throttles of one burst are one pause, as long as the longest that was asked for."""

    async def main(loop):
        limiter = Limiter(20, clock=loop.time)
        for number, permit in enumerate(await admitted_now(limiter)):
            permit.settle(None, throttled(2.0 if number == 10 else 1.0))
        during = limiter.flow(), limiter.paused
        await limiter.acquire()
        return *during, loop.time(), limiter.flow()[1] > 0

    flow, paused, end, on = in_virtual_time(main)
    assert (flow, paused, on) == ((0, 0), pytest.approx(2.0), True)
    assert 2.0 <= end <= 2.5


def test_burst_without_a_time_chooses_one_pause(in_virtual_time):
    """Throttles that name no time pause for half to all of FIRST_PAUSE, however many they are."""

    async def main(loop):
        limiter = Limiter(20, clock=loop.time)
        for permit in await admitted_now(limiter):
            permit.settle(None, throttled())
        await limiter.acquire()
        return loop.time()

    for seed in range(5):
        random.seed(seed)
        assert FIRST_PAUSE / 2 <= in_virtual_time(main) <= FIRST_PAUSE + 0.5


def test_pause_is_extended_not_added_up(in_virtual_time):
    """A later throttle of the burst moves the end to its own time; an earlier end does not shorten it."""

    async def main(loop):
        limiter = Limiter(3, clock=loop.time)
        a, b, c = await admitted_now(limiter)
        waiter = asyncio.ensure_future(limiter.acquire())
        a.settle(None, throttled(2.0))
        await asyncio.sleep(1.0)
        b.settle(None, throttled(5.0))  # until 6
        await asyncio.sleep(0.5)
        c.settle(None, throttled(1.0))  # until 2.5, which is sooner
        await waiter
        return loop.time()

    assert 6.0 <= in_virtual_time(main) <= 6.5


def test_again_at_once_is_not_believed_for_ever(in_virtual_time):
    """A server that always throttles with Retry-After 0 is asked ever more seldom, also 40 times."""

    async def main(loop):
        limiter = Limiter(4, clock=loop.time)
        times = []
        for _ in range(40):
            permit = await limiter.acquire()
            times.append(loop.time())
            permit.settle(None, throttled(0.0))
        return times

    times = in_virtual_time(main)
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses[0] <= FIRST_PAUSE
    assert pauses[7] >= 2**6 * LEAST_PAUSE
    assert min(pauses[20:]) >= 10
    assert max(pauses) <= LONGEST_PAUSE * 1.1


def test_urgent_goes_first(in_virtual_time):
    """Who comes again goes before new work."""

    async def main(loop):
        limiter = Limiter(1, clock=loop.time)
        order = []

        async def attempt(name, *, urgent):
            permit = await limiter.acquire(urgent=urgent)
            order.append(name)
            await asyncio.sleep(1)
            permit.settle(None, OK)

        tasks = [asyncio.ensure_future(attempt(name, urgent=False)) for name in "abc"]
        await asyncio.sleep(0.5)
        tasks.append(asyncio.ensure_future(attempt("again", urgent=True)))
        await asyncio.gather(*tasks)
        return order

    assert in_virtual_time(main) == ["a", "again", "b", "c"]


def test_stop_refuses_waiting_and_new(in_virtual_time):
    """After stop() those who wait and whoever comes get RunStopped; what is in flight can settle."""

    async def main(loop):
        limiter = Limiter(1, clock=loop.time)
        permit = await limiter.acquire()
        waiting = [asyncio.ensure_future(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        limiter.stop()
        results = await asyncio.gather(*waiting, limiter.acquire(), return_exceptions=True)
        permit.settle(None, OK)
        return [type(result) for result in results], limiter.in_flight, limiter.acquire_spare()

    assert in_virtual_time(main) == ([RunStopped] * 4, 0, None)


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_pause_lasts_as_long_as_asked(in_virtual_time, seconds):
    """A pause ends at its time and holds no permit; over or cancelled, it leaves nothing behind."""

    async def main(loop):
        limiter = Limiter(1, clock=loop.time)
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
        limiter = Limiter(1, clock=loop.time)
        pausing = [asyncio.ensure_future(limiter.pause(3600)) for _ in range(3)]
        await asyncio.sleep(0)
        limiter.stop()
        results = await asyncio.gather(*pausing, limiter.pause(3600), return_exceptions=True)
        return [type(result) for result in results], loop.time()

    assert in_virtual_time(main) == ([RunStopped] * 4, 0)


def test_stop_from_another_thread_ends_pauses():
    """A pause in one thread's event loop ends when another thread stops the limiter."""
    limiter = Limiter(1)

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
        limiter = Limiter(1, clock=loop.time)
        await limiter.acquire()
        waiting = asyncio.ensure_future(limiter.acquire())
        await asyncio.sleep(0)
        limiter.stop()
        loop.call_soon(waiting.cancel)
        await asyncio.wait([waiting])
        del waiting
        gc.collect()

    in_virtual_time(main)
    assert not seen


def test_cancelled_when_admitted_leaves_no_gap(in_virtual_time):
    """Who is cancelled in the moment of admission passes its permit on; the pace is not charged for it."""

    async def main(loop):
        limiter = Limiter(1, Limits(requests_per_minute=60), clock=loop.time)
        permit = await limiter.acquire()
        unlucky, lucky = (asyncio.ensure_future(limiter.acquire()) for _ in range(2))
        await asyncio.sleep(3)
        permit.settle(None, OK)  # admits the first, who does not know yet
        unlucky.cancel()
        (await lucky).settle(None, OK)
        return loop.time(), unlucky.cancelled() or unlucky.cancelling(), limiter.in_flight

    time_, cancelled, in_flight = in_virtual_time(main)
    assert cancelled
    assert in_flight == 0
    assert time_ == pytest.approx(3.0, abs=0.05)


def test_queue_of_a_dead_loop_blocks_nobody():
    """Waiters of a loop that is gone, closed without ending its tasks, do not keep others waiting."""
    limiter = Limiter(1)
    dead = asyncio.new_event_loop()

    async def first():
        (await limiter.acquire()).settle(None, throttled(0.05))
        return [asyncio.ensure_future(limiter.acquire()) for _ in range(2)]

    tasks = dead.run_until_complete(first())
    dead.run_until_complete(asyncio.sleep(0))
    dead.close()
    time.sleep(0.06)

    async def then():
        async with asyncio.timeout(20):
            (await limiter.acquire()).settle(None, OK)

    asyncio.run(then())
    assert limiter.in_flight == 0
    for task in tasks:  # nothing is to be said about these at the end
        task._log_destroy_pending = False


def test_two_loops_share_the_number():
    """Over the event loops of two threads the number holds, a pause included, and nobody is lost."""
    limiter = Limiter(4, Limits(requests_per_minute=60_000))
    lock, peak, now, done = threading.Lock(), 0, 0, 0

    async def attempt(rng):
        nonlocal peak, now, done
        permit = await limiter.acquire()
        with lock:
            now += 1
            peak = max(peak, now)
        await asyncio.sleep(rng.random() / 500)
        with lock:
            now -= 1
            done += 1
        permit.settle(None, throttled(0.01) if done == 150 else OK)

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


def test_paced_over_two_threads():
    """A rate holds over the event loops of two threads, and each of them gets on."""
    limiter = Limiter(8, Limits(requests_per_minute=6000))
    times, lock = [], threading.Lock()

    def loop():
        async def attempt():
            permit = await limiter.acquire(Tokens(10, 10))
            with lock:
                times.append(time.monotonic())
            permit.settle(Tokens(10, 10), OK)

        async def main():
            async with asyncio.timeout(60):
                await asyncio.gather(*(attempt() for _ in range(50)))

        asyncio.run(main())

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(times) == 100
    assert max(times) - min(times) >= (100 - 26) / 100 * 0.95  # 25 at once at rest, then 100 a second


def test_spare_goes_only_when_nobody_waits(in_virtual_time):
    """A spare permit is given when there is room and a slot, and not before those who wait."""

    async def main(loop):
        limiter = Limiter(2, clock=loop.time)
        before = limiter.acquire_spare()  # nothing is known yet
        first = await limiter.acquire()
        spare = limiter.acquire_spare()
        full = limiter.acquire_spare()
        waiting = asyncio.ensure_future(limiter.acquire())
        await asyncio.sleep(0)
        spare.settle(None, OK)
        beside = limiter.acquire_spare()
        (await waiting).release()
        first.release()
        return before, full, beside, limiter.in_flight

    assert in_virtual_time(main) == (None, None, None, 0)


def test_a_released_permit_costs_nothing(in_virtual_time):
    """A permit that is given back unused can be used by another at once, though the next slot is far."""

    async def main(loop):
        limiter = Limiter(4, SLOW, clock=loop.time)
        for _ in range(50):
            (await limiter.acquire()).release()
        return loop.time()

    assert in_virtual_time(main) < 1


def test_idle_for_minutes_is_no_saving(in_virtual_time):
    """After ten idle minutes requests go at once, and at the pace: what was not used is gone."""

    async def main(loop):
        limiter = Limiter(64, Limits(requests_per_minute=600), clock=loop.time)
        (await limiter.acquire()).settle(None, OK)
        await asyncio.sleep(600)
        times = []
        for _ in range(40):
            permit = await limiter.acquire()
            times.append(loop.time() - 600)
            permit.settle(None, OK)
        return times

    times = in_virtual_time(main)
    assert times[0] < 0.2
    assert sum(moment < 0.5 for moment in times) <= 1 + 2.5 + 5
    assert times[-1] == pytest.approx(3.7, abs=0.4)


def test_says_what_holds_it_back(in_virtual_time):
    """held_by() names the places, the rows, a pause, the endpoint's rate; None before anything is known."""

    async def main(loop):
        said = {}
        limiter = Limiter(1, clock=loop.time)
        said["idle"] = limiter.held_by()
        permit = await limiter.acquire()
        said["full"] = limiter.held_by()
        waiting = asyncio.ensure_future(limiter.acquire())
        await asyncio.sleep(0)
        permit.settle(None, throttled(3.0))
        said["paused"] = limiter.held_by()
        (await waiting).settle(None, OK)
        paced = Limiter(9, SLOW, clock=loop.time)
        for _ in range(2):
            (await paced.acquire()).settle(None, OK)
        waiting = asyncio.ensure_future(paced.acquire())
        await asyncio.sleep(0.5)
        said["paced"] = paced.held_by()
        waiting.cancel()
        return said

    assert in_virtual_time(main) == {
        "idle": "no rows at hand",
        "full": "max_concurrent_requests of the workers",
        "paused": "pause after a throttle",
        "paced": "requests per minute",
    }


def test_a_new_budget_counts_from_its_own_beginning(in_virtual_time):
    """A limiter that joins another budget keeps to it; permits of before end without changing its counts."""

    async def main(loop):
        limiter = Limiter(8, clock=loop.time)
        old = await admitted_now(limiter)
        limiter.join(LocalLink(loop.time, Budget()), "job")
        limiter.limits = SLOW
        for permit in old:
            permit.settle(None, OK)
        new = await admitted_now(limiter)
        return len(old), len(new), limiter.in_flight

    old, new, in_flight = in_virtual_time(main)
    assert (old, in_flight) == (8, new)
    assert new <= 1


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
LIMITS = st.sampled_from(
    [
        None,
        Limits(requests_per_minute=60),
        Limits(requests_per_minute=6000, max_concurrent_requests=2),
        Limits(tokens_per_minute=600),
        Limits(requests_per_minute=120, tokens_per_minute=60_000),
    ]
)


@settings(derandomize=True, max_examples=120, deadline=None)
@given(number=st.integers(1, 4), limits=LIMITS, attempts=ATTEMPTS)
def test_no_waiter_and_no_permit_is_lost(in_virtual_time, number, limits, attempts):
    """Whatever comes, throttles and is cancelled when: the number holds, all get through, none leaks."""
    random.seed(0)

    async def main(loop):
        limiter = Limiter(number, limits, clock=loop.time)

        async def attempt(comes, takes, verdict, urgent):
            await asyncio.sleep(comes)
            permit = await limiter.acquire(Tokens(20, 10), urgent=urgent)
            try:
                assert limiter.in_flight <= number
                await asyncio.sleep(takes)
            except asyncio.CancelledError:
                permit.settle(None, NO)
                raise
            permit.settle(Tokens(20, 5) if verdict.kind is Kind.OK else None, verdict)

        tasks = []
        for *what, cancelled in attempts:
            task = loop.create_task(attempt(*what))
            tasks.append(task)
            if cancelled is not None:
                loop.call_at(cancelled, task.cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await limiter.acquire()
        return results, limiter.in_flight, limiter._places.taken

    results, *held = in_virtual_time(main)
    wrong = [
        result
        for result, (*_, cancelled) in zip(results, attempts, strict=True)
        if result is not None and not (isinstance(result, asyncio.CancelledError) and cancelled is not None)
    ]
    assert not wrong
    assert held == [1, 1]
