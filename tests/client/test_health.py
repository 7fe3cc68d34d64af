from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from nemo_sdg.client.failure import Judged
from nemo_sdg.client.health import Health
from nemo_sdg.errors import (
    BadRequestError,
    ConnectionFailedError,
    NoConnectionError,
    OverloadedError,
    RateLimitError,
    ServerError,
)
from nemo_sdg.limits import Kind, Verdict

REFUSED = NoConnectionError("refused")
BROKE = ConnectionFailedError("broke")


@pytest.fixture
def health():
    """Return the health of an endpoint that completed a request an hour ago."""
    health = Health()
    health.completed(time.monotonic() - 3600)
    return health


def failed(health, error, request=1):
    """Take note of an attempt that started and failed just now."""
    return health.failed(error, time.monotonic(), request)


def test_an_outage_begins_with_its_first_failure(health):
    """However long nothing was asked before, the first failed connection begins the outage."""
    assert failed(health, REFUSED) == 0
    time.sleep(0.02)
    assert failed(health, REFUSED) >= 0.02


@pytest.mark.parametrize(
    "answer", [ServerError("x"), RateLimitError("x", status=429), BadRequestError("x", status=400), None]
)
def test_any_answer_ends_an_outage(health, answer):
    """Outages with an answer between them, a completion or not, do not add up."""
    failed(health, REFUSED)
    time.sleep(0.02)
    if answer is None:
        health.completed(time.monotonic())
    else:
        assert failed(health, answer) is None

    assert failed(health, REFUSED) == 0


@pytest.mark.parametrize("error", [ServerError("x", status=502), ValueError("x"), TimeoutError()])
def test_what_ends_no_outage(health, error):
    """A gateway with nobody behind it, and what is no answer, leave an outage as it is."""
    failed(health, REFUSED)
    time.sleep(0.02)
    failed(health, error)

    assert failed(health, REFUSED) >= 0.02


def test_a_completion_meanwhile_shows_that_the_server_is_there(health):
    """A 504 to a request during which another one was completed is that request's own."""
    started = time.monotonic() - 60
    health.completed(time.monotonic() - 30)

    assert health.failed(ServerError("x", status=504), started, 1) is None
    assert failed(health, ServerError("x", status=504)) is not None


def test_connections_that_break_for_one_request(health):
    """However often one request's connection breaks, that is the request's own failure."""
    assert [failed(health, BROKE) for _ in range(3)] == [None] * 3


def test_connections_that_break_for_several(health):
    """When they break for another request too, with no answer between, the endpoint is away."""
    failed(health, BROKE, 1)
    assert failed(health, BROKE, 2) == 0
    assert failed(health, BROKE, 1) is not None
    assert health.gone(BROKE)

    failed(health, ServerError("x", status=500), 3)
    assert failed(health, BROKE, 1) is None


def test_a_completion_while_connections_break(health):
    """One that others were completed beside, since it first failed so, is the request's own."""
    since = time.monotonic() - 60
    failed(health, BROKE, 1)
    health.completed(time.monotonic() - 30)
    failed(health, BROKE, 2)

    assert health.failed(BROKE, since, 1) is None
    assert failed(health, BROKE, 1) is not None


def test_connections_that_break_before_any_completion():
    """An endpoint that never completed anything is not away: nothing shows that it was ever there."""
    fresh = Health()
    assert [failed(fresh, BROKE, number) for number in range(3)] == [None] * 3


FULL = OverloadedError("full", status=503)


def test_a_stray_refusal_makes_nobody_wait(health):
    """Of 1,000 requests of which 5 % are refused for want of room, at most one counts as a throttle."""
    rng, kinds = random.Random(0), Counter()
    for _ in range(1000):
        if rng.random() < 0.05:
            kinds[health.judge(Judged(FULL, Verdict(Kind.THROTTLED))).verdict.kind] += 1
        else:
            health.completed(0.0)
    assert kinds[Kind.TRANSIENT] > 30
    assert kinds[Kind.THROTTLED] <= 1


def test_refusals_one_after_the_other_are_no_strays(health):
    """When nothing is completed between them, a few refusals are enough."""
    kinds = [health.judge(Judged(FULL, Verdict(Kind.THROTTLED))).verdict.kind for _ in range(8)]
    assert kinds.count(Kind.THROTTLED) >= 4
    assert kinds[-1] is Kind.THROTTLED


@pytest.mark.parametrize(
    "judged",
    [
        Judged(RateLimitError("slower"), Verdict(Kind.THROTTLED)),
        Judged(FULL, Verdict(Kind.THROTTLED, 1.0)),
        Judged(FULL, Verdict(Kind.NO)),
        Judged(ServerError("500"), Verdict(Kind.TRANSIENT)),
    ],
)
def test_what_is_never_stray(health, judged):
    """A rate limit, a refusal that says how long to wait, and what is none keep their verdicts."""
    assert health.judge(judged) is judged
