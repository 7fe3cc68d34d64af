from __future__ import annotations

import asyncio
import math
import pickle
import random

import pytest

from nemo_sdg.client import AsyncLLMClient, AsyncOpenAIClient, GenerationConfig, Hedge
from nemo_sdg.client.failure import Refused
from nemo_sdg.client.hedge import HedgedAttempt, Hedger
from nemo_sdg.client.question import Tries
from nemo_sdg.errors import AuthenticationError, ConfigError, RateLimitError, ServerError
from nemo_sdg.limits import Kind, Verdict
from nemo_sdg.simulator import Faults, Latency

MESSAGES = [{"role": "user", "content": "Say something in French."}]
FULL = Refused(RateLimitError("full"), Verdict(Kind.THROTTLED, 0.2))
SOON, LATE, NEVER = 0.005, 0.3, 30.0


class Tailed(AsyncLLMClient):
    """Takes `SOON`, but for requests whose tries are scripted, by number: (seconds, outcome) each."""

    def __init__(self, scripts=None, **options):
        options = {"max_concurrent_requests": 20, "base_delay": 0.0, "hedge": {"max_extra": 0.2}, **options}
        super().__init__(**options)
        self.scripts = {number: list(script) for number, script in (scripts or {}).items()}
        self.configs = {}
        self.cancelled = 0

    def setup(self):
        pass

    async def _query_model_impl(self, messages, _model, _formatter=None, generation_config=None):
        number = messages[0]["number"]
        self.configs.setdefault(number, []).append(generation_config)
        script = self.scripts.get(number)
        seconds, outcome = script.pop(0) if script else (SOON, "quick")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if isinstance(outcome, Exception):
            raise outcome
        return [outcome]


async def ask(client, number, config=None):
    """Ask the question of that number."""
    return await client.complete([{"content": "", "number": number}], "m", None, config)


def after_many(client, *, last=1000, config=None):
    """Ask some hundred quick questions and then number `last`; return its completion and the places taken."""

    async def main():
        for start in range(0, 300, 10):
            await asyncio.gather(*(ask(client, number) for number in range(start, start + 10)))
        try:
            return await ask(client, last, config)
        finally:
            assert client.limiter_for("m").in_flight == 0
            assert len(asyncio.all_tasks()) == 1

    return asyncio.run(main())


def numbers(completion):
    """Return the text and what was counted."""
    return completion.texts[0], completion.attempts, completion.throttles, completion.hedged


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([(NEVER, "first"), (SOON, "second")], ("second", 2, 0, 1)),
        ([(LATE, "first"), (NEVER, "second")], ("first", 2, 0, 1)),
        ([(LATE, "first"), (SOON, ServerError("x"))], ("first", 2, 0, 1)),
        ([(LATE, "first"), (SOON, AuthenticationError("x"))], ("first", 2, 0, 1)),
        ([(LATE, "first"), (SOON, FULL)], ("first", 2, 1, 0)),
        ([(LATE / 2, ServerError("x")), (LATE, "second")], ("second", 2, 0, 1)),
        ([(LATE / 2, FULL), (LATE, "second")], ("second", 2, 1, 0)),
        ([(LATE / 2, FULL), (LATE, FULL), (SOON, "third")], ("third", 3, 2, 0)),
        ([(LATE / 2, ServerError("x")), (LATE, ServerError("x")), (SOON, "third")], ("third", 3, 0, 1)),
    ],
)
def test_two_tries(script, expected):
    """The first answer is taken, whichever fails and however; all tries are counted for what they are."""
    client = Tailed({1000: script})

    assert numbers(after_many(client)) == expected
    assert not client.scripts[1000]


def test_a_first_try_of_no_use_ends_both():
    """When asking again would not help, the second try is given up, and the error is the first one's."""
    client = Tailed({1000: [(LATE, AuthenticationError("wrong")), (NEVER, "second")]})

    with pytest.raises(AuthenticationError, match="wrong") as caught:
        after_many(client)
    assert caught.value.attempts == 2
    assert client.cancelled == 1


def test_both_fail():
    """When both fail it costs one retry, and the error is the first one's."""
    client = Tailed({1000: [(LATE, ServerError("one")), (SOON, ServerError("two"))]}, max_retries=0)

    with pytest.raises(ServerError, match="one") as caught:
        after_many(client)
    assert caught.value.attempts == 2


def test_a_throttled_second_pauses_all():
    """A second try that is turned away makes everybody wait, as any other."""
    client = Tailed(
        {1000: [(LATE / 2, "first"), (0.0, Refused(RateLimitError("x"), Verdict(Kind.THROTTLED, 3600.0)))]}
    )

    after_many(client)
    assert client.limiter_for("m").paused > 3000


def test_the_question_is_the_same():
    """Both tries have the same sampling seed."""
    client = Tailed({1000: [(NEVER, "first"), (SOON, "second")]})
    after_many(client, config=GenerationConfig(seed=17))

    assert [config.seed for config in client.configs[1000]] == [17, 17]


@pytest.mark.parametrize("turns", range(8))
def test_cancelled(turns):
    """A request that is cancelled ends both its tries and gives both places back."""
    client = Tailed({1000: [(NEVER, "first"), (NEVER, "second")]})

    async def main():
        for number in range(300):
            client.limiter_for("m")
            client._hedgers["m"].begin()
            client._hedgers["m"].learn(0.001 + number / 1e6)
        asking = asyncio.ensure_future(ask(client, 1000))
        while client._hedgers["m"].hedged == 0:  # noqa: ASYNC110 - as soon as it may be
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return client.limiter_for("m").in_flight, len(asyncio.all_tasks())

    assert asyncio.run(main()) == (0, 1)


def test_a_second_try_that_never_began():
    """When the first answer comes just before the second try begins, that is not counted at all."""
    hedger, tries, given_back = Hedger(Hedge(max_extra=0.5)), Tries(), []
    for _ in range(200):
        hedger.begin()
        hedger.learn(0.01)

    class Permit:
        def release(self):
            given_back.append(self)

    async def main():
        answer = asyncio.get_running_loop().create_future()

        def spare():
            answer.set_result("first")
            return Permit()

        async def send(_permit):
            return await answer

        return await HedgedAttempt(hedger, tries, send, spare).outcome(Permit())

    assert asyncio.run(main()) == "first"
    assert len(given_back) == 1
    assert (hedger.hedged, tries.hedged, tries.attempts) == (0, 0, 0)


def test_off_unless_wanted():
    """Without `hedge` nothing is sent twice."""
    client = Tailed({1000: [(LATE, "first")]}, hedge=None)

    assert numbers(after_many(client)) == ("first", 1, 0, 0)


@pytest.mark.parametrize("requests", [300, 3000])
def test_no_more_than_the_share(requests):
    """Of requests that all take long, no more are sent again than `max_extra` of those so far."""
    hedger = Hedger(Hedge(max_extra=0.02))
    permits = 0
    for number in range(1, requests + 1):
        hedger.begin()
        permits += hedger.permit(object) is not None
        assert permits <= 0.02 * number

    assert permits == math.floor(0.02 * requests)


def test_no_spare_permit_is_not_counted():
    """A request that was not sent again for want of a spare permit leaves the share as it is."""
    hedger = Hedger(Hedge(max_extra=0.02))
    for _ in range(50):
        hedger.begin()

    assert hedger.permit(lambda: None) is None
    assert hedger.hedged == 0
    assert hedger.permit(object) is not None
    assert hedger.permit(object) is None


def test_when_a_request_is_late():
    """That is the percentile of the last thousand latencies, once there are a hundred; 50 ms at least."""
    random.seed(3)
    hedger = Hedger(Hedge(after_percentile=90))
    seen = []
    for count in range(3000):
        assert (hedger.begin() is None) == (count < 100)
        seen.append(random.lognormvariate(count / 1000, 1.0))
        hedger.learn(seen[-1])

    recent = sorted(seen[-1000:])
    assert hedger.begin() == recent[900]
    for _ in range(1000):
        hedger.learn(0.001)
    assert hedger.begin() == 0.05


def _slowest(peer, requests, **options):
    """Ask an endpoint that has come to have a tail; return sorted latencies and the requests hedged."""
    client = AsyncOpenAIClient(base_url=peer.base_url, api_key="none", max_concurrent_requests=64, **options)
    free = asyncio.Semaphore(32)

    async def one(seed):
        async with free:
            return await client.complete(MESSAGES, "m", None, {"seed": seed})

    async def main():
        try:
            await asyncio.gather(*(one(-seed) for seed in range(300)))
            peer.control(faults=Faults(slow_drip=0.01, drip_seconds=3.0))
            peer.reset_stats()
            return await asyncio.gather(*(one(seed) for seed in range(requests)))
        finally:
            await client.close()

    completions = asyncio.run(main())
    return sorted(completion.latency for completion in completions), sum(c.hedged for c in completions)


HEAVY = Latency.lognormal(0.01, 1.3)


def test_a_heavy_tail_is_cut(simulator):
    """With a heavy tail the slowest of thousands come far sooner, for at most two in a hundred more."""
    settings = {"latency": Latency.fixed(0.01), "seed": 5}
    plain, none = _slowest(simulator(**settings), 1000)
    peer = simulator(**settings)
    cut, hedged = _slowest(peer, 1000, hedge=Hedge())

    assert none == 0
    assert 0 < hedged <= 26
    assert 1000 < peer.stats()["requests"] <= 1000 + hedged  # some are cancelled before they arrive
    assert plain[-3] > 2.0
    assert cut[-3] < 0.75 * plain[-3]


def test_no_hedge_takes_what_others_wait_for(simulator):
    """While requests wait for a place, none is sent twice, however late it is."""
    peer = simulator(latency=HEAVY, seed=5)
    client = AsyncOpenAIClient(
        base_url=peer.base_url, api_key="none", max_concurrent_requests=32, hedge=Hedge(max_extra=0.5)
    )

    async def main():
        tasks = [
            asyncio.ensure_future(client.complete(MESSAGES, "m", None, {"seed": s})) for s in range(1000)
        ]
        while client.limiter_for("m")._waiting:
            await asyncio.sleep(0.001)
            if client.limiter_for("m")._waiting:
                assert client._hedgers["m"].hedged == 0
        await asyncio.gather(*tasks)
        await client.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"after_percentile": 100}, "hedge.after_percentile is 100: give a number above 0 and below 100"),
        ({"after_percentile": True}, "hedge.after_percentile is True"),
        ({"max_extra": 0}, "hedge.max_extra is 0: give a share above 0 and below 1"),
        ({"max_extra": "2%"}, "hedge.max_extra is '2%'"),
        ({"after": 3}, "hedge has no after: it takes after_percentile, max_extra"),
        (99, "hedge has no 99: it takes"),
    ],
)
def test_values_of_no_use(value, message):
    """Each names the key, the value and what is allowed."""
    with pytest.raises(ConfigError, match=message):
        Tailed(hedge=value)


def test_travels():
    """A client takes its setting along, and begins to count anew."""
    client = Tailed(hedge={"after_percentile": 95})
    after_many(client)

    there = pickle.loads(pickle.dumps(client))

    assert there.hedge == Hedge(after_percentile=95)
    assert there.limiter_for("m")
    assert there._hedgers["m"].requests == 0
