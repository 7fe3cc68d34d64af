from __future__ import annotations

import pytest

from nemo_sdg.simulator.completions import Usage
from nemo_sdg.simulator.reply import Reply
from nemo_sdg.simulator.stats import Stats


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """Give a clock that the test moves."""
    return Clock()


@pytest.fixture
def stats(clock):
    """Give statistics whose unix time is 1,000 s ahead of their clock."""
    return Stats(clock, lambda: clock.now + 1000)


def good(fingerprint=1):
    """Return a good answer."""
    return Reply(200, b"", counted=True, usage=Usage(3, 4, 7), choices=2, fingerprint=fingerprint)


def test_nothing_happened_yet(stats):
    """Without requests there are zeros and no times."""
    figures = stats.snapshot()

    assert figures["requests"] == figures["paid"] == 0
    assert figures["concurrency"] == {"now": 0, "peak": 0, "mean": None}
    assert figures["first_request_time"] is figures["mean_concurrency_central"] is None


def test_mean_concurrency_is_weighted_by_time(stats, clock):
    """The mean between first and last arrival is the integral of concurrency over its length."""
    stats.arrive()  # one open for 1 s
    clock.now += 1
    stats.arrive()  # two open for 3 s
    clock.now += 3
    stats.leave(good(), written=True)
    stats.leave(good(), written=True)
    clock.now += 4  # none open for 4 s
    stats.arrive()
    clock.now += 50  # after the last arrival nothing counts
    figures = stats.snapshot()

    assert figures["concurrency"] == {"now": 1, "peak": 2, "mean": pytest.approx(7 / 8)}
    assert figures["first_request_time"] == 1100
    assert figures["last_request_time"] == 1108
    assert figures["last_response_time"] == 1104


def test_the_central_mean_leaves_ramps_out(stats, clock):
    """A slow start and a slow end of 5 % of the requests each do not count in the central mean."""
    for i in range(200):
        clock.now += 10 if i < 10 or i >= 190 else 0.01
        stats.arrive()
        if i >= 20:
            stats.leave(good(), written=True)
    figures = stats.snapshot()

    assert figures["mean_concurrency_central"] == pytest.approx(20, abs=1)
    assert figures["concurrency"]["mean"] < 15


def test_only_what_is_usable_is_paid(stats):
    """Whole answers with usage are paid; errors, broken answers and answers nobody waited for are not."""
    for reply, written in [
        (good(1), True),
        (Reply(500, b"", fault="error_500"), True),
        (Reply(200, b"", fault="html_page"), True),
        (Reply(200, b"", fault="reset"), False),
        (good(2), False),
    ]:
        stats.arrive()
        stats.leave(reply, written=written)
    figures = stats.snapshot()

    assert figures["requests"] == 5
    assert figures["paid"] == 1
    assert figures["completions"] == 2
    assert (figures["prompt_tokens"], figures["completion_tokens"]) == (3, 4)
    assert figures["by_status"] == {"200": 2, "500": 1}
    assert figures["by_fault"] == {"error_500": 1, "html_page": 1, "reset": 1}
    assert figures["abandoned"] == 1


def test_repeats_are_what_is_paid_twice(stats):
    """A request counts as a repeat when it is answered though it had been answered before."""
    for reply in (good(1), good(2), good(1), Reply(429, b"", fingerprint=2), good(1)):
        stats.arrive()
        stats.leave(reply, written=True)

    assert stats.snapshot()["repeats"] == 2


def test_memory_is_capped_and_says_so(clock):
    """Beyond the cap arrivals still count, and the figures say that they are incomplete."""
    stats = Stats(clock, clock, remembered=10)
    for i in range(10):
        stats.arrive()
        stats.leave(good(i), written=True)
    assert stats.snapshot()["capped"] is False
    clock.now += 1
    stats.arrive()
    stats.leave(good(99), written=True)
    figures = stats.snapshot()

    assert figures["capped"] is True
    assert figures["requests"] == figures["paid"] == 11
    assert figures["last_request_time"] == clock.now


def test_reset_keeps_what_is_open(stats):
    """After a reset only the requests that are still open are known."""
    stats.arrive()
    stats.arrive()
    stats.leave(good(), written=True)
    stats.reset()
    figures = stats.snapshot()

    assert figures["requests"] == figures["paid"] == figures["repeats"] == 0
    assert figures["concurrency"]["now"] == figures["concurrency"]["peak"] == 1
