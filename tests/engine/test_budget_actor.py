"""Budgets as actors on the session's Ray."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid

import pytest

from nemo_sdg.engine.budget_actor import NAMESPACE, BudgetActor, RayLink, budget_actor
from nemo_sdg.limits import OK, BudgetName, Limiter, Limits, Tokens
from nemo_sdg.limits.exchange import Report
from nemo_sdg.limits.failover import FailoverLink

pytestmark = pytest.mark.ray


@pytest.fixture(autouse=True)
def _on_ray(ray_instance):
    """Every test here runs on the session's Ray."""


@pytest.fixture
def name(ray_instance):
    """Return the name of a budget that nobody else has; it ends with the test."""
    name = BudgetName("http://localhost/" + uuid.uuid4().hex, "digest", "m")
    yield name
    ray_instance.kill(budget_actor(name))


def asked(link, report):
    """Return what the budget behind `link` answers to `report`."""
    answers, done = [], threading.Event()

    def reply(grant):
        answers.append(grant)
        done.set()

    link.send(report, reply)
    assert done.wait(60)
    return answers[0]


def until(condition):
    """Wait until `condition()`."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it never came to be")


def test_one_name_is_one_budget(ray_instance, name):
    """Two links by one name meet in one actor, named by the digest; another model has another."""
    limits = Limits(max_concurrent_requests=10)
    first, second = RayLink(name), RayLink(name)
    assert asked(first, Report("a", "x", limits=limits, most=10, waiting=10)).share == 1
    assert asked(second, Report("b", "y", limits=limits, most=10, waiting=10)).share == 0.5
    other = name._replace(model="other")
    assert asked(RayLink(other), Report("c", "x")).share == 1
    ray_instance.kill(budget_actor(other))

    assert ray_instance.get_actor(f"budget-{name.digest}", namespace=NAMESPACE)


def test_limiters_keep_the_rate_together(name):
    """Two limiters behind one actor send no faster together than the limit of 1,200 a minute."""
    limits = Limits(requests_per_minute=1200)
    times = []

    async def main():
        limiters = [Limiter(8, limits) for _ in range(2)]
        for limiter in limiters:
            limiter.join(FailoverLink(RayLink(name), time.monotonic), "job")

        async def attempt(limiter):
            permit = await limiter.acquire(Tokens(1, 1))
            times.append(time.monotonic())
            permit.settle(Tokens(1, 1), OK)

        async with asyncio.timeout(120):
            await asyncio.gather(*(attempt(limiter) for limiter in limiters for _ in range(25)))

    asyncio.run(main())

    assert len(times) == 50
    assert max(times) - min(times) >= (50 - 1 - 5) / 20 * 0.9  # 5 may go at once, at rest


def test_a_killed_budget_is_replaced(ray_instance, name):
    """Without its actor a link answers None, and some time later talks to a new one."""
    link = RayLink(name)
    assert asked(link, Report("a", "x")).window > 0
    ray_instance.kill(budget_actor(name))
    until(lambda: asked(link, Report("a", "x")) is None or not link.connected)
    until(lambda: link.connected)

    assert asked(link, Report("a", "x")).window > 0


def test_work_goes_on_while_the_budget_is_replaced(ray_instance, name):
    """A limiter that has had a grant loses its actor in mid-run: all its requests are sent all the same."""
    limits = Limits(requests_per_minute=3000)

    async def main():
        limiter = Limiter(8, limits)
        limiter.join(FailoverLink(RayLink(name), time.monotonic), "job")

        async def attempt(number):
            permit = await limiter.acquire(Tokens(1, 1))
            await asyncio.sleep(0.02)
            permit.settle(Tokens(1, 1), OK)
            if number == 50:
                ray_instance.kill(budget_actor(name))

        async with asyncio.timeout(120):
            await asyncio.gather(*(attempt(number) for number in range(150)))
        return limiter.in_flight

    assert asyncio.run(main()) == 0


def test_an_idle_budget_goes(ray_instance):
    """An actor that nobody has asked for its idle time ends by itself."""
    actor = ray_instance.remote(BudgetActor).options(num_cpus=0).remote(1.0)
    assert ray_instance.get(actor.ready.remote(), timeout=60)

    def gone():
        try:
            ray_instance.get(actor.ready.remote(), timeout=60)
        except ray_instance.exceptions.RayActorError:
            return True
        return False

    until(gone)
