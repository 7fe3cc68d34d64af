"""The window against endpoints in simulated time; each number was measured, with room for other seeds."""

from __future__ import annotations

import heapq
import math
import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.limits.adaptive import LINGER, SHRINK, AdaptiveWindow

MEDIAN = 0.2
SIGMAS = [0.0, 0.5, 1.0]
SEEDS = range(4)


def steady(_time, _in_flight):
    """Return the latency of an endpoint without limits."""
    return MEDIAN


def queueing(capacity):
    """Return the latency of an endpoint that answers no more per second beyond so many in flight."""
    at = capacity if callable(capacity) else lambda _time: capacity
    return lambda time, in_flight: MEDIAN * max(1.0, in_flight / at(time))


def batching(_time, in_flight):
    """Return the latency of an endpoint that is slower with each request, and yet does more."""
    return 0.5 + 0.005 * in_flight


def mean(median, sigma):
    """Return the mean of log-normal latencies."""
    return median * math.exp(sigma**2 / 2)


class Run:
    """Workers with an endless supply of requests, an endpoint, and one window, over simulated seconds.

    Each worker reports every 0.1 to 0.25 s and hears of a new size only then. An endpoint turns away who
    comes when `most` are in flight; nobody sends for a second or half after that.
    """

    def __init__(
        self, seconds, latency, sigma=0.0, *, seed=0, cap=1024, most=math.inf, window=None, workers=1
    ):
        self.window = window or AdaptiveWindow()
        self.log = []  # time, size, in flight, completed
        self.throttled = 0
        rng = random.Random(seed)
        cap_at = cap if callable(cap) else lambda _time: cap
        share = [0] * workers
        sent = [0] * workers
        completed, latency_sum, reported = [0] * workers, [0.0] * workers, [0] * workers
        answers, reports = [], [(rng.uniform(0.1, 0.25), worker) for worker in range(workers)]
        heapq.heapify(reports)
        now = paused = 0.0
        turned_away = total = 0

        def divide(worker):
            size = min(self.window.size, cap_at(now))
            share[worker] = size // workers + (worker < size % workers)

        def send(worker):
            nonlocal paused, turned_away
            while sent[worker] < share[worker] and now >= paused:
                if len(answers) >= most:
                    self.throttled += 1
                    turned_away = turned_away or len(answers)
                    paused = now + rng.uniform(0.5, 1.0)
                    return
                took = latency(now, len(answers) + 1) * math.exp(sigma * rng.gauss(0, 1))
                heapq.heappush(answers, (now + took, took, worker))
                sent[worker] += 1

        for worker in range(workers):
            divide(worker)
            send(worker)
        while now < seconds:
            if answers and answers[0][0] < reports[0][0]:
                now, took, worker = heapq.heappop(answers)
                sent[worker] -= 1
                completed[worker] += 1
                latency_sum[worker] += took
                send(worker)
                continue
            now, worker = heapq.heappop(reports)
            heapq.heappush(reports, (now + rng.uniform(0.1, 0.25), worker))
            total += completed[worker]
            reported[worker] = sent[worker]
            if turned_away:
                self.window.throttled(now, turned_away)
                turned_away = 0
            divide(worker)
            send(worker)
            self.window.observe(
                now,
                completed=completed[worker],
                in_flight=sum(reported),
                cap=cap_at(now),
                full=now >= paused and sum(reported) >= 0.9 * sum(share),
                latency_sum=latency_sum[worker],
            )
            assert 1 <= self.window.size <= cap_at(now)
            completed[worker], latency_sum[worker] = 0, 0.0
            self.log.append((now, self.window.size, len(answers), total))

    def mean(self, column, start, end=math.inf):
        """Return the mean over time of 1, the size, or 2, those in flight."""
        part = [entry for entry in self.log if start <= entry[0] <= end]
        return sum(a[column] * (b[0] - a[0]) for a, b in pairwise(part)) / (part[-1][0] - part[0][0])

    def rate(self, start, end=math.inf):
        """Return the answers per second."""
        part = [entry for entry in self.log if start <= entry[0] <= end]
        return (part[-1][3] - part[0][3]) / (part[-1][0] - part[0][0])

    def reached(self, size):
        """Return when the window first had a size."""
        return next((now for now, was, *_ in self.log if was >= size), math.inf)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_reaches_the_cap_and_stays(sigma):
    """Without limits the window doubles up to 1024 in some 10 s, and then stays there."""
    for seed in SEEDS:
        run = Run(60, steady, sigma, seed=seed)

        assert run.reached(1024) < 12
        assert run.mean(1, run.reached(1024)) >= 0.99 * 1024
    assert run.mean(2, run.reached(1024) + 1) >= 0.97 * 1024


def test_small_caps_are_reached_at_once():
    """A cap below the start is the size from the first report on; twice the start takes about a second."""
    for sigma in SIGMAS:
        assert Run(30, steady, sigma, cap=10).log[0][1] == 10
        assert Run(30, steady, sigma, cap=64).reached(64) < 1.5


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("cap", [10, 64, 100])
def test_noise_does_not_move_it(sigma, cap):
    """In ten minutes at the cap of an endpoint without limits, the mean size is 98 % of the cap and more."""
    for seed in range(2):
        assert Run(600 if cap < 100 else 200, steady, sigma, seed=seed, cap=cap).mean(1, 0) >= 0.98 * cap


@pytest.mark.parametrize(("capacity", "cap"), [(48, 256), (48, 1024), (400, 1024)])
@pytest.mark.parametrize("sigma", SIGMAS)
def test_finds_where_a_queue_begins(sigma, capacity, cap):
    """Beyond its capacity an endpoint is only slower: that is found in 15 s, and throughput kept."""
    runs = [Run(90, queueing(capacity), sigma, seed=seed, cap=cap) for seed in SEEDS]
    rates = [run.rate(15) * mean(MEDIAN, sigma) / capacity for run in runs]
    in_flight = [run.mean(2, 15) / capacity for run in runs]

    assert min(rates) >= (0.9 if sigma == 1.0 else 0.95)
    assert statistics.mean(rates) >= 0.95
    assert statistics.median(in_flight) <= 1.5
    assert max(in_flight) <= (3.5 if sigma == 1.0 else 1.5)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_goes_below_the_start(sigma):
    """An endpoint that answers 8 at a time gets about as many, though the window started at 32."""
    for seed in SEEDS:
        run = Run(180, queueing(8), sigma, seed=seed, cap=256)

        assert run.rate(45) * mean(MEDIAN, sigma) / 8 >= 0.92
        assert run.mean(2, 45) <= 1.7 * 8


@pytest.mark.parametrize("sigma", SIGMAS)
def test_many_workers(sigma):
    """It is the same when eight workers report one by one."""
    runs = [Run(90, queueing(48), sigma, seed=seed, cap=512, workers=8) for seed in SEEDS]

    assert statistics.mean(run.rate(15) * mean(MEDIAN, sigma) / 48 for run in runs) >= 0.95
    assert statistics.median(run.mean(2, 15) for run in runs) <= 1.5 * 48


@pytest.mark.parametrize("sigma", SIGMAS)
def test_slower_with_each_request_is_no_queue(sigma):
    """Where latency rises from the first request on but throughput too, most of it is found."""
    rates = [
        Run(150, batching, sigma, seed=seed, cap=512).rate(40) * mean(batching(0, 512), sigma) / 512
        for seed in SEEDS
    ]

    assert min(rates) >= 0.82
    assert statistics.mean(rates) >= 0.9


@pytest.mark.parametrize("sigma", SIGMAS)
def test_more_capacity_is_found(sigma):
    """Capacity that doubles is used within a minute."""
    rates = [
        Run(150, queueing(lambda now: 48 if now < 60 else 96), sigma, seed=seed).rate(120)
        * mean(MEDIAN, sigma)
        / 96
        for seed in SEEDS
    ]

    assert min(rates) >= 0.9
    assert statistics.mean(rates) >= 0.95


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_less_capacity_is_noticed(sigma):
    """Capacity that halves is noticed within 20 s, whether the window was at the cap or below it."""
    for seed in SEEDS:
        for cap, before in [(1024, 96), (96, 96)]:
            run = Run(120, queueing(lambda now, n=before: n if now < 60 else 48), sigma, seed=seed, cap=cap)

            assert run.mean(2, 80, 90) <= 1.5 * 48
            assert run.rate(80) * mean(MEDIAN, sigma) / 48 >= 0.94


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_longer_answers_are_no_congestion(sigma):
    """Latency that doubles over minutes by itself does not keep the window small."""
    for seed in range(2):
        run = Run(300, lambda now, _n: MEDIAN * (1 + min(1, now / 200)), sigma, seed=seed, cap=128)

        assert run.mean(1, 20) >= 0.97 * 128
        assert run.log[-1][1] >= 0.97 * 128


@pytest.mark.parametrize("sigma", SIGMAS)
def test_throttles_are_few(sigma):
    """An endpoint that takes 40 at once is used to 93 % with one burst of throttles in 20 seconds at most."""
    for seed in SEEDS:
        run = Run(120, steady, sigma, seed=seed, cap=256, most=40)

        assert 1 <= run.throttled <= 7
        assert run.rate(10) * mean(MEDIAN, sigma) / 40 >= 0.93


@pytest.mark.parametrize("sigma", SIGMAS)
def test_recovers_when_the_pressure_is_gone(sigma):
    """A throttle at 40 is forgotten in a minute: the window is at the cap again."""
    run = Run(70, steady, sigma, cap=256, most=40)
    start = run.log[-1][0]
    window = Later(run.window, start)

    assert Run(70, steady, sigma, cap=256, window=window).reached(256) < 60


class Later:
    """A window whose clock is ahead."""

    def __init__(self, window, seconds):
        self.window, self.seconds = window, seconds

    size = property(lambda self: self.window.size)

    def observe(self, now, **what):
        self.window.observe(now + self.seconds, **what)


def test_throttle_shrinks_once_and_returns():
    """A throttle leaves 80 %; 3 s later it is 95 %, 15 s later all, and in a minute half as many more."""
    window = AdaptiveWindow(100)
    window.observe(0.0, completed=0, in_flight=100, cap=1000, full=True, latency_sum=0.0)
    window.throttled(0.0, 100)

    assert window.size == SHRINK * 100
    sizes = []
    for step in range(1, 600):
        window.observe(step / 10, completed=0, in_flight=window.size, cap=1000, full=True, latency_sum=0.0)
        sizes.append(window.size)
    assert sizes == sorted(sizes)
    assert sizes[31] == LINGER * 100
    assert 99 <= sizes[170] <= sizes[190] <= 101
    assert sizes[300] <= 105
    assert sizes[520] >= 150


def test_throttle_counts_what_was_in_flight():
    """The level of a throttle is what was in flight then, not the size that was not reached."""
    window = AdaptiveWindow(256)
    window.throttled(0.0, 40)
    assert window.size == 32

    window.throttled(1.0, 200)  # most of them are from before
    assert window.size == 25

    window.throttled(2.0, 0)
    assert window.size == 1


def test_nothing_is_learnt_when_not_full():
    """When something else binds, the size neither grows, nor recovers, nor is a probe made."""
    for prepare in (lambda _window: None, lambda window: window.throttled(0.0, 20)):
        window = AdaptiveWindow(32)
        prepare(window)
        size = window.size
        for now in range(300):
            window.observe(now, completed=40, in_flight=5, cap=1024, full=False, latency_sum=8.0)

        assert window.size == size


def test_follows_the_cap():
    """The size is never above a cap that falls, and grows again with one that rises."""
    run = Run(60, steady, 0.5, cap=lambda now: 256 if now < 20 else 40 if now < 40 else 512)

    assert run.mean(1, 10, 19.5) >= 0.99 * 256
    assert {size for now, size, *_ in run.log if 20.3 < now < 39.5} == {40}
    assert run.mean(1, 50) >= 0.99 * 512


def test_starts_anywhere_in_time():
    """The clock's zero is nobody's business, nor is a long silence before the first report."""
    runs = [Run(20, steady, 0.5, window=Later(AdaptiveWindow(), ahead)).reached(1024) for ahead in (0.0, 1e6)]

    assert runs[0] == runs[1]


@settings(max_examples=150, deadline=None)
@given(
    start=st.integers(-1, 100),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("throttled"), st.integers(0, 2000)),
            st.tuples(
                st.just("observe"),
                st.integers(0, 3000),
                st.one_of(st.none(), st.integers(0, 2000)),
                st.integers(0, 1000),
                st.booleans(),
                st.floats(0, 100),
                st.floats(-1, 100),
                st.integers(1, 40),
            ),
        ),
        max_size=60,
    ),
)
def test_survives_anything(start, steps):
    """Whatever is reported in whatever order, the size is at least 1, at most the cap, and nothing raises."""
    window = AdaptiveWindow(start)
    now = 0.0
    for step in steps:
        if step[0] == "throttled":
            before = window.size
            window.throttled(now, step[1])
            assert 1 <= window.size <= before
            continue
        _, completed, in_flight, cap, full, latency, passed, times = step
        for _ in range(times):
            now += passed
            flying = window.size if in_flight is None else in_flight
            window.observe(
                now,
                completed=completed,
                in_flight=flying,
                cap=cap,
                full=full,
                latency_sum=completed * latency,
            )
            assert 1 <= window.size <= max(1, cap)
