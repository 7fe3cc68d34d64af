from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import pickle
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client import AsyncEndpointPool, AsyncLLMClient, AsyncOpenAIClient
from nemo_sdg.client.failure import Refused
from nemo_sdg.client.rest import Rest
from nemo_sdg.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ConnectionFailedError,
    DeadlineError,
    ModelNotFoundError,
    NoConnectionError,
    NothingSucceedsError,
    QuotaExhaustedError,
    RateLimitError,
    RunStopped,
    ServerError,
    UnreachableError,
)
from nemo_sdg.limits import FIRST_ATTEMPTS, Kind, Verdict
from nemo_sdg.simulator import Faults, Latency, SimulatorSettings, SimulatorThread
from nemo_sdg.simulator import Limits as SimulatedLimits

MESSAGES = [{"role": "user", "content": "Say something in French."}]
REFUSED = (
    "the endpoint does not accept the API key (401: Incorrect API key provided.): check it, and that it may "
    "use this model"
)
WRONG = AuthenticationError("the key is wrong", status=401)


class Endpoint(AsyncLLMClient):
    """Answers with the outcomes that it was given, the last one again and again; a text is an answer."""

    def __init__(self, name, *outcomes, seconds=0.0, **options):
        super().__init__(**{"base_delay": 0.0, **options})
        self.name = name
        self.outcomes = list(outcomes) or [name]
        self.seconds = seconds
        self.asked = []

    @property
    def identity(self):
        return self.name, ""

    @property
    def endpoints(self):
        return (f"https://{self.name}",)

    def setup(self):
        pass

    async def _query_model_impl(self, _messages, model, *_):
        self.asked.append(model)
        await asyncio.sleep(self.seconds)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return [outcome]


def ask(pool, number=1):
    """Ask so many times at once; return completions and errors."""

    async def main():
        return await several(pool, number)

    return asyncio.run(main())


async def several(pool, number):
    """Ask so many times at once in this loop."""
    return await asyncio.gather(
        *(pool.complete(MESSAGES, "m") for _ in range(number)), return_exceptions=True
    )


def texts(outcomes):
    """Return how often each text came; an error counts as its class."""
    return collections.Counter(
        type(outcome) if isinstance(outcome, Exception) else outcome.texts[0] for outcome in outcomes
    )


def in_flight(pool):
    """Return the places that are taken, over all endpoints."""
    return sum(limiter.in_flight for limiter in pool.limiters("m").values())


@pytest.fixture
def short_rests(monkeypatch):
    """Have endpoints rest for some hundredths of a second."""
    monkeypatch.setattr(Rest, "first", 0.02)
    monkeypatch.setattr(Rest, "longest", 0.05)


@pytest.fixture
def client():
    """Return a function that makes a client of a simulated endpoint."""

    def make(peer, **options):
        options = {"api_key": "none", "base_delay": 0.01, "max_concurrent_requests": 16, **options}
        return AsyncOpenAIClient(base_url=peer.base_url, **options)

    return make


async def asked_and_closed(pool, number):
    """Ask different questions, so many at once; close the pool."""
    try:
        return await asyncio.gather(
            *(pool.complete(MESSAGES, "m", None, {"seed": seed}) for seed in range(number)),
            return_exceptions=True,
        )
    finally:
        await pool.close()


def failures(outcomes):
    """Return those that are no completions."""
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


# Traffic


def test_traffic_follows_the_limits(simulator, client):
    """Endpoints of which one allows three times as much get requests 1 to 3, and neither turns one away."""
    rates = (1800, 5400)
    peers = [simulator(limits=SimulatedLimits(requests_per_minute=rate)) for rate in rates]
    pool = AsyncEndpointPool(
        [
            client(peer, limits={"requests_per_minute": rate}, max_concurrent_requests=64)
            for peer, rate in zip(peers, rates, strict=True)
        ]
    )

    assert not failures(asyncio.run(asked_and_closed(pool, 300)))
    few, many = (peer.stats()["completions"] for peer in peers)
    assert few + many == 300
    assert 2.7 < many / few < 3.3


def test_a_slow_endpoint_gets_less(simulator, client):
    """With as many places, an endpoint that takes twenty times as long answers a small part."""
    quick, slow = simulator(latency=Latency.fixed(0.01)), simulator(latency=Latency.fixed(0.2))
    pool = AsyncEndpointPool([client(slow), client(quick)])

    assert not failures(asyncio.run(asked_and_closed(pool, 600)))
    assert slow.stats()["completions"] < 200


def test_a_throttle_pauses_one():
    """One that turns a request away, for an hour, is left out; the request and all others go to the other."""
    refusal = Refused(RateLimitError("full"), Verdict(Kind.THROTTLED, 3600.0))
    full, free = Endpoint("full", refusal), Endpoint("free")
    pool = AsyncEndpointPool([full, free])

    outcomes = ask(pool, 60)

    assert texts(outcomes) == {"free": 60}
    assert len(full.asked) <= full.max_concurrent_requests
    assert full.limiter_for("m").paused > 3000
    assert not free.limiter_for("m").paused
    assert sum(outcome.throttles for outcome in outcomes) == len(full.asked)


def test_what_each_calls_the_model():
    """A model that an endpoint calls otherwise is asked for by that name, and has its budget under it."""
    own, same = Endpoint("own"), Endpoint("same")
    pool = AsyncEndpointPool([own, same], models=["other", None])

    ask(pool, 20)

    assert set(own.asked) == {"other"}
    assert set(same.asked) == {"m"}
    names = {(name.endpoint, name.model): limiter for name, limiter in pool.limiters("m").items()}
    assert names == {("own", "other"): own.limiter_for("other"), ("same", "m"): same.limiter_for("m")}


# Endpoints that fail


@pytest.mark.usefixtures("short_rests")
def test_one_dies_and_returns(client):
    """What an endpoint cannot answer while it is away the other does, at no cost of retries; then both do."""
    with SimulatorThread(SimulatorSettings(latency=Latency.fixed(0.01))) as stays:
        first = SimulatorThread(SimulatorSettings(latency=Latency.fixed(0.01)))
        first.__enter__()
        port = int(first.base_url.rsplit(":", 1)[1].partition("/")[0])
        pool = AsyncEndpointPool([client(first, max_retries=0), client(stays, max_retries=0)])

        async def main():
            try:
                assert not failures(await several(pool, 100))
                asking = asyncio.ensure_future(several(pool, 400))
                await asyncio.sleep(0.05)
                await asyncio.to_thread(first.__exit__, None, None, None)
                assert not failures(await asking)
                with SimulatorThread(port=port) as again:
                    for _ in range(200):
                        assert not failures(await several(pool, 20))
                        if again.stats()["completions"] > 40:
                            return
                        await asyncio.sleep(0.02)
                    pytest.fail("it is not asked again")
            finally:
                await pool.close()

        asyncio.run(main())


def test_one_has_a_wrong_key(simulator, client, caplog):
    """All rows are answered by the other; the one with the wrong key is hardly asked, and said once."""
    wrong, right = simulator(api_keys=frozenset({"other"})), simulator()
    pool = AsyncEndpointPool([client(wrong), client(right)])
    with caplog.at_level(logging.WARNING, "nemo_sdg"):
        outcomes = asyncio.run(asked_and_closed(pool, 300))

    assert not failures(outcomes)
    assert right.stats()["completions"] == 300
    assert wrong.stats()["requests"] <= 16
    assert [record.getMessage() for record in caplog.records] == [
        f"the endpoint {wrong.base_url} is left alone, and tried again from time to time: {REFUSED}"
    ]


@pytest.mark.parametrize(
    "error",
    [WRONG, ModelNotFoundError("x"), QuotaExhaustedError("x"), UnreachableError("x"), NoConnectionError("x")],
)
def test_a_move_costs_no_retry(error):
    """A request that one endpoint can't answer is asked at the other, though no retries are allowed."""
    bad, good = Endpoint("bad", error, max_retries=0), Endpoint("good", max_retries=0)
    pool = AsyncEndpointPool([bad, good])

    completions = ask(pool, 5)

    assert texts(completions) == {"good": 5}
    assert sum(completion.attempts for completion in completions) == 5 + len(bad.asked)
    asked = len(bad.asked)
    assert asked > 0
    assert texts(ask(pool, 5)) == {"good": 5}
    assert len(bad.asked) == asked


def test_a_request_that_breaks_every_connection():
    """A request is moved for a broken connection once for each other endpoint; then it costs retries."""
    one, two = (Endpoint(name, ConnectionFailedError("broke"), max_retries=1) for name in ("one", "two"))

    (error,) = ask(AsyncEndpointPool([one, two]))

    assert isinstance(error, UnreachableError)
    assert error.attempts == 3


def test_failures_in_a_row():
    """One that fails again and again is left alone."""
    bad, good = Endpoint("bad", ServerError("x", status=500)), Endpoint("good")
    pool = AsyncEndpointPool([bad, good])

    assert texts(ask(pool, 300)) == {"good": 300}
    assert len(bad.asked) <= 2 * bad.max_concurrent_requests


def test_a_retry_prefers_another():
    """After a passing failure the same request is asked elsewhere, where there is room."""
    bad, good = Endpoint("bad", ServerError("x"), max_concurrent_requests=9), Endpoint("good")
    pool = AsyncEndpointPool([bad, good])

    for number in range(1, 5):
        (completion,) = ask(pool)
        assert completion.attempts == 2
        assert (len(bad.asked), len(good.asked)) == (number, number)


@pytest.mark.usefixtures("short_rests")
def test_one_trial():
    """While an endpoint rests at most one request at a time is tried with it, and soon one is."""
    bad, good = Endpoint("bad", NoConnectionError("x"), seconds=0.02), Endpoint("good", seconds=0.005)
    pool = AsyncEndpointPool([bad, good])
    ask(pool, 5)
    before = len(bad.asked)
    most = 0

    async def main():
        nonlocal most
        asking = asyncio.ensure_future(several(pool, 200))
        while not asking.done():
            most = max(most, bad.limiter_for("m").in_flight)
            await asyncio.sleep(0.001)
        return await asking

    assert texts(asyncio.run(main())) == {"good": 200}
    assert most == 1
    assert len(bad.asked) > before


@pytest.mark.usefixtures("short_rests")
def test_it_is_well_again():
    """After one answer on trial an endpoint has as many requests as before."""
    bad, good = (
        Endpoint("bad", *[NoConnectionError("x")] * 5, "bad", seconds=0.01),
        Endpoint("good", seconds=0.01),
    )
    pool = AsyncEndpointPool([bad, good])

    assert ask(pool, 400)
    assert texts(ask(pool, 100))["bad"] > 30


@pytest.mark.usefixtures("short_rests")
def test_a_trial_that_is_cancelled():
    """When the request on trial is cancelled, another one tries."""
    bad = Endpoint("bad", NoConnectionError("x"), "bad", seconds=0.0)
    pool = AsyncEndpointPool([bad, Endpoint("good")])

    async def main():
        while len(bad.asked) < 1:
            await several(pool, 1)
        bad.seconds = 3600.0
        while len(bad.asked) < 2:
            trial = asyncio.ensure_future(pool.complete(MESSAGES, "m"))
            await asyncio.wait({trial}, timeout=0.01)
        trial.cancel()
        await asyncio.wait({trial})
        bad.seconds = 0.0
        async with asyncio.timeout(20):
            while len(bad.asked) < 3:
                await several(pool, 1)

    asyncio.run(main())


def test_all_have_a_wrong_key():
    """When no endpoint can answer, all who wait and whoever comes hear why, and nothing more is asked."""
    pool = AsyncEndpointPool([Endpoint("a", WRONG, seconds=0.01), Endpoint("b", WRONG, seconds=0.01)])

    outcomes = ask(pool, 100)

    assert texts(outcomes) == {AuthenticationError: 100}
    asked = [len(client.asked) for client in pool.clients]
    assert sum(asked) <= 10
    assert sum(outcome.attempts for outcome in outcomes) == sum(asked)
    assert len({id(outcome) for outcome in outcomes}) > 80
    (later,) = ask(pool)
    assert isinstance(later, AuthenticationError)
    assert (str(later), later.attempts) == ("the key is wrong", 0)
    assert [len(client.asked) for client in pool.clients] == asked


def test_nobody_listens():
    """Where no endpoint was ever reached, the request fails as with one client: by its retries."""
    pool = AsyncEndpointPool([Endpoint(name, NoConnectionError("x"), max_retries=2) for name in "ab"])

    (error,) = ask(pool)

    assert isinstance(error, UnreachableError)
    assert "none was ever answered: check base_url" in str(error)
    assert error.attempts == 4  # one of which cost nothing


def test_the_last_one_is_waited_for():
    """An outage of the only endpoint that works costs no retries, while the other has a wrong key."""
    comes_back = Endpoint("b", "b", *[NoConnectionError("x")] * 20, "b")
    comes_back.max_retries = 0
    pool = AsyncEndpointPool([Endpoint("a", WRONG, max_retries=0), comes_back])

    assert texts(ask(pool)) == {"b": 1}
    (completion,) = ask(pool)
    assert completion.texts == ["b"]


def test_a_wrong_key_does_not_end_what_is_away():
    """When all but one are away and that one has a wrong key, the others are waited for."""
    away = Endpoint("away", NoConnectionError("x"), NoConnectionError("x"), "away")
    wrong = Endpoint("wrong", ServerError("x"), ServerError("x"), WRONG)
    pool = AsyncEndpointPool([away, wrong])

    assert texts(ask(pool, 1)) == {"away": 1}


def test_a_request_of_no_use_fails_at_once():
    """A request that an endpoint refuses is not asked elsewhere, and nobody rests for it."""
    one, two = Endpoint("a", BadRequestError("no")), Endpoint("b", BadRequestError("no"))
    pool = AsyncEndpointPool([one, two])

    for _ in range(4):
        assert texts(ask(pool)) == {BadRequestError: 1}
    assert len(one.asked) + len(two.asked) == 4
    with pytest.raises(ConfigError, match="temperature"):
        asyncio.run(pool.complete(MESSAGES, "m", None, {"temperature": 9}))
    assert texts(ask(pool, 3)) == {BadRequestError: 3}


def test_a_config_of_no_use_is_its_own():
    """A generation config of no use is refused at once, and nobody who waits hears of it."""
    pool = AsyncEndpointPool([held("a"), held("b")])

    async def main():
        asking = [asyncio.ensure_future(pool.complete(MESSAGES, "m")) for _ in range(4)]
        await asyncio.sleep(0.01)
        with pytest.raises(ConfigError, match="temperature"):
            async with asyncio.timeout(20):
                await pool.complete(MESSAGES, "m", None, {"temperature": 9})
        assert not any(task.done() for task in asking)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)

    asyncio.run(main())


def test_nothing_succeeds():
    """The first requests of a pool that all fail end the job, whoever failed them."""
    pool = AsyncEndpointPool([Endpoint(name, BadRequestError("no")) for name in "ab"])

    outcomes = ask(pool, FIRST_ATTEMPTS)

    assert texts(outcomes) == {BadRequestError: FIRST_ATTEMPTS - 1, NothingSucceedsError: 1}


def test_the_deadline():
    """The deadline ends a request that waits for its next try, too."""
    refusal = Refused(RateLimitError("full"), Verdict(Kind.THROTTLED, 3600.0))
    pool = AsyncEndpointPool([Endpoint(name, refusal, deadline=0.05) for name in "ab"])

    (error,) = ask(pool)

    assert isinstance(error, DeadlineError)
    assert error.throttles == 2
    assert in_flight(pool) == 0


# Waiting


def held(name, **options):
    """Return an endpoint that keeps its requests for ever."""
    return Endpoint(name, seconds=3600.0, max_concurrent_requests=1, **options)


def test_stop_reaches_the_line():
    """Those who wait in the pool's line get `RunStopped`, and so does whoever comes later."""
    pool = AsyncEndpointPool([held("a"), held("b")])

    async def main():
        asking = [asyncio.ensure_future(pool.complete(MESSAGES, "m")) for _ in range(10)]
        await asyncio.sleep(0.02)
        for limiter in pool.limiters("m").values():
            limiter.stop()
        done, under_way = await asyncio.wait(asking, timeout=0.2)
        late = await several(pool, 1)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        return [task.exception() for task in done], len(under_way), late

    stopped, under_way, late = asyncio.run(main())
    assert under_way == 2
    assert {type(error) for error in stopped + late} == {RunStopped}


def test_stop_reaches_those_who_wait_for_a_rest():
    """A stop ends also the wait for an endpoint that rests or backs off."""
    away = Endpoint("away", NoConnectionError("x"), base_delay=3600.0)
    pool = AsyncEndpointPool([away, held("b")])

    async def main():
        asking = [asyncio.ensure_future(pool.complete(MESSAGES, "m")) for _ in range(4)]
        await asyncio.sleep(0.05)
        for limiter in pool.limiters("m").values():
            limiter.stop()
        done, (holding,) = await asyncio.wait(asking, timeout=0.2)
        holding.cancel()
        await asyncio.wait({holding})
        return [task.exception() for task in done]

    assert [type(error) for error in asyncio.run(main())] == [RunStopped] * 3


def test_first_come_first_served():
    """Requests go in the order of their coming."""
    order = []

    class Noting(Endpoint):
        async def _query_model_impl(self, messages, *_):
            order.append(messages[0])
            await asyncio.sleep(0)
            return ["x"]

    pool = AsyncEndpointPool([Noting(name, max_concurrent_requests=1) for name in "ab"])

    async def main():
        await asyncio.gather(*(pool.complete([{"content": "", "n": n}], "m") for n in range(50)))

    asyncio.run(main())
    assert [message["n"] for message in order] == list(range(50))


SCHEDULE = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("okfsxn"), st.none() | st.integers(0, 12)), max_size=25
)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(number=st.integers(1, 3), schedule=SCHEDULE)
def test_cancellation_leaks_nothing(number, schedule):
    """Requests cancelled at any time leave no place taken and no task; all others end."""
    outcomes = {
        "f": BadRequestError("x"),
        "s": ServerError("x"),
        "x": TimeoutError(),
        "n": NoConnectionError("x"),
    }

    class Client(Endpoint):
        async def _query_model_impl(self, messages, *_):
            turns, outcome = messages[0]
            for _ in range(turns):
                await asyncio.sleep(0)
            if outcome in outcomes:
                raise outcomes[outcome]
            return ["a"]

        def _estimate(self, _question):
            return (1, 1)

    async def main():
        pool = AsyncEndpointPool(
            [Client(name, max_concurrent_requests=number, max_retries=1) for name in "ab"]
        )
        pool.longest_outage = 0.0
        tasks = [
            (asyncio.ensure_future(pool.complete([(turns, outcome)], "m")), cancelled)
            for turns, outcome, cancelled in schedule
        ]
        for turn in range(13):
            for task, cancelled in tasks:
                if cancelled == turn:
                    task.cancel()
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        await asyncio.sleep(0)
        return in_flight(pool), len(asyncio.all_tasks())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rest, "first", 0.001)
        patch.setattr(Rest, "longest", 0.002)
        assert asyncio.run(main()) == (0, 1)


@pytest.mark.parametrize("cancelled", [False, True])
def test_nothing_is_pending_when_the_loop_closes(cancelled):
    """A loop may be closed as soon as the last request has ended: no task is left in it."""
    pool = AsyncEndpointPool([held("a"), held("b")])
    loop = asyncio.new_event_loop()
    try:
        asking = [loop.create_task(pool.complete(MESSAGES, "m")) for _ in range(5)]
        loop.run_until_complete(asyncio.sleep(0.01))
        for task in reversed(asking):
            task.cancel()
        if not cancelled:
            for client in pool.clients:
                client.limiter_for("m").stop()
        loop.run_until_complete(asyncio.gather(*asking, return_exceptions=True))
        assert not asyncio.all_tasks(loop)
    finally:
        loop.close()
    assert in_flight(pool) == 0


def test_nobody_waits_any_more():
    """When those in line are cancelled, nothing is left of them though no endpoint has got room."""
    pool = AsyncEndpointPool([held("a"), held("b")])

    async def main():
        asking = [asyncio.ensure_future(pool.complete(MESSAGES, "m")) for _ in range(5)]
        await asyncio.sleep(0.01)
        for task in asking[2:]:
            task.cancel()
        await asyncio.wait(asking[2:])
        left = asyncio.all_tasks() - {asyncio.current_task(), *asking[:2]}
        for task in asking[:2]:
            task.cancel()
        await asyncio.wait(asking[:2])
        return left

    assert not asyncio.run(main())


def test_several_loops():
    """Requests of several threads, each with a loop, share the places and are all answered."""
    pool = AsyncEndpointPool([Endpoint(name, seconds=0.001, max_concurrent_requests=2) for name in "ab"])
    answered = []

    def work():
        answered.extend(ask(pool, 50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts = texts(answered)
    assert counts.total() == 200
    assert set(counts) == {"a", "b"}
    assert in_flight(pool) == 0


def test_travels():
    """A pool can be pickled in use, and begins anew elsewhere."""
    pool = AsyncEndpointPool([Endpoint("a", WRONG), Endpoint("b")], models=["other", None])
    ask(pool, 3)

    there = pickle.loads(pickle.dumps(pool))

    assert texts(ask(there, 3)) == {"b": 3}
    assert "other" in there.clients[0].asked
    assert there.models == ["other", None]


# What it says of itself


def test_what_the_members_have_together():
    """Endpoints, variables, places are those of all; retries and deadline the first one's."""
    pool = AsyncEndpointPool(
        [
            AsyncOpenAIClient(
                base_url="http://a/v1", api_key_env="A", max_retries=7, deadline=9, base_delay=0.5
            ),
            AsyncOpenAIClient(base_url="http://b/v1", api_key_env="B", max_concurrent_requests=8),
        ]
    )

    assert pool.endpoints == ("http://a/v1", "http://b/v1")
    assert {"A", "B"} <= set(pool.environment)
    assert pool.max_concurrent_requests == 13
    assert (pool.max_retries, pool.deadline, pool.base_delay) == (7, 9, 0.5)
    assert "http://a/v1" in repr(pool)
    assert "http://b/v1" in repr(pool)


def test_check(simulator, client):
    """Each endpoint is looked at; what is wrong with one is a note that names it."""
    well, knows, wrong = (
        simulator(models=("m",)),
        simulator(models=("mm",)),
        simulator(api_keys=frozenset({"k"})),
    )
    pool = AsyncEndpointPool([client(well), client(knows), client(wrong)])

    notes = asyncio.run(_checked(pool))

    assert notes == [
        f"{knows.base_url}: the endpoint does not list the model m; did you mean mm?",
        f"{wrong.base_url} cannot be used: {REFUSED}",
    ]
    assert not asyncio.run(_checked(AsyncEndpointPool([client(knows)], models=["mm"])))
    with pytest.raises(AuthenticationError):
        asyncio.run(_checked(AsyncEndpointPool([client(wrong)])))


async def _checked(pool):
    try:
        return await pool.check("m")
    finally:
        await pool.close()


ONE = Endpoint("one")


@pytest.mark.parametrize(
    ("clients", "models", "message"),
    [
        ([], None, "the pool has no endpoint: give at least one"),
        (["http://a"], None, "an endpoint of the pool is a str: give an AsyncOpenAIClient"),
        ([AsyncEndpointPool([ONE])], None, "is a AsyncEndpointPool: .* that is no pool"),
        ([ONE, ONE], None, "the same client twice"),
        ([ONE], ["a", "b"], "models has 2 names for 1 endpoints"),
    ],
)
def test_arguments_of_no_use(clients, models, message):
    """Each names what is wrong and what to give."""
    with pytest.raises(ConfigError, match=message):
        AsyncEndpointPool(clients, models)


def test_two_with_the_same_limits():
    """Two members that would share limits are refused, for their shares would not be known."""
    pool = AsyncEndpointPool([Endpoint("a"), Endpoint("a")])

    with pytest.raises(ConfigError, match="two endpoints with the same URL, key and model: a and m"):
        pool.limiters("m")
    assert len(AsyncEndpointPool([Endpoint("a"), Endpoint("a")], ["x", "y"]).limiters("m")) == 2


def test_faults_of_one_are_the_others_work(simulator, client):
    """Of two endpoints of which one fails half of its requests in all ways, all rows come."""
    faulty = simulator(faults=Faults(error_500=0.2, reset=0.1, truncated_json=0.1, error_503=0.1))
    pool = AsyncEndpointPool([client(faulty), client(simulator())])

    with contextlib.closing(asyncio.new_event_loop()) as loop:
        assert not failures(loop.run_until_complete(asked_and_closed(pool, 400)))
