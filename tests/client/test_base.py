from __future__ import annotations

import asyncio
import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.client.failure import Refused
from nemo_sdg.errors import (
    AuthenticationError,
    BadAnswerError,
    BadRequestError,
    ContextLengthError,
    DeadlineError,
    NoConnectionError,
    NothingSucceedsError,
    OverloadedError,
    RateLimitError,
    RequestTimeoutError,
    RunStopped,
    ServerError,
    UnreachableError,
)
from nemo_sdg.limits import FIRST_ATTEMPTS, Kind, Verdict

MESSAGES = [{"role": "user", "content": "Hello"}]


class Scripted(AsyncLLMClient):
    """Answers with the outcomes that it was given, the last one again and again."""

    def __init__(self, *outcomes, seconds=0.0, **options):
        super().__init__(**{"base_delay": 0.0, **options})
        self.outcomes = list(outcomes)
        self.seconds = seconds
        self.asked = []

    def setup(self):
        pass

    async def _query_model_impl(self, messages, model, conversation_formatter=None, generation_config=None):
        self.asked.append((messages, model, conversation_formatter, generation_config))
        await asyncio.sleep(self.seconds)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def run(client, **arguments):
    """Ask once."""
    return asyncio.run(client.complete(MESSAGES, "m", **arguments))


def test_one_method_makes_a_client():
    """A subclass that asks once gets retries, counts and a Completion around it."""
    client = Scripted(ServerError("no"), TimeoutError(), ["a", "b"])
    completion = run(client, generation_config={"n": 2})

    assert completion.texts == ["a", "b"]
    assert completion.model == "m"
    assert (completion.attempts, completion.throttles) == (3, 0)
    assert client.asked == [(MESSAGES, "m", None, {"n": 2})] * 3
    assert asyncio.run(client.query_model(MESSAGES, "m")) == ["a", "b"]


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (ServerError("x"), 3),
        (BadAnswerError("x"), 3),
        (RequestTimeoutError("x"), 3),
        (BadRequestError("x"), 1),
        (AuthenticationError("x"), 1),
        (ValueError("rate limit, connection, timeout"), 1),
    ],
)
def test_the_class_decides(error, attempts):
    """The class of an error says whether to try again; one of unknown origin is raised as it is."""
    client = Scripted(error, max_retries=2)
    with pytest.raises(type(error)) as caught:
        run(client)

    assert caught.value is error
    assert len(client.asked) == attempts
    assert client.limiter_for("m").in_flight == 0


@pytest.mark.parametrize("kind", [RateLimitError, OverloadedError])
def test_throttles_of_a_subclass(kind):
    """A subclass's own rate limits and overloads pause and cost no retry."""
    completion = run(Scripted(kind("x"), ["a"], max_retries=0))

    assert (completion.attempts, completion.throttles) == (2, 1)


def test_deadline_without_a_timeout():
    """An attempt of a client that knows no timeout ends at the deadline too."""
    with pytest.raises(DeadlineError, match=r"deadline=0.05 s and 1 attempts"):
        run(Scripted(["a"], seconds=60, deadline=0.05))


def test_a_time_out_of_the_attempt_is_not_the_deadline():
    """A TimeoutError that the attempt raised itself is a time-out, tried again."""
    assert run(Scripted(TimeoutError(), ["a"], deadline=60)).attempts == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_no_slot_leaks(error):
    """Whatever ends an attempt gives its slot back."""
    client = Scripted(error())

    async def main():
        with contextlib.suppress(error):
            await client.complete(MESSAGES, "m")

    with contextlib.suppress(error):
        asyncio.run(main())
    assert client.limiter_for("m").in_flight == 0


def test_travels():
    """A subclass that knows nothing of pickling travels with its own state."""
    there = pickle.loads(pickle.dumps(Scripted(["a"], max_retries=9)))

    assert run(there).texts == ["a"]
    assert there.max_retries == 9


SCHEDULE = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("okfsx"), st.none() | st.integers(0, 8)), max_size=25
)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(number=st.integers(1, 3), schedule=SCHEDULE)
def test_cancellation_leaks_no_slot(number, schedule):
    """Requests cancelled while they wait, are in flight or back off leave every slot free."""
    outcomes = {"o": ["a"], "k": ["a"], "f": BadRequestError("x"), "s": ServerError("x"), "x": TimeoutError()}

    class Client(Scripted):
        async def _query_model_impl(self, messages, *_):
            turns, outcome = messages[0]
            for _ in range(turns):
                await asyncio.sleep(0)
            if isinstance(outcomes[outcome], Exception):
                raise outcomes[outcome]
            return outcomes[outcome]

    async def main():
        client = Client(max_concurrent_requests=number, max_retries=1)
        tasks = [
            (asyncio.ensure_future(client.complete([(turns, outcome)], "m")), cancelled)
            for turns, outcome, cancelled in schedule
        ]
        for turn in range(9):
            for task, cancelled in tasks:
                if cancelled == turn:
                    task.cancel()
            assert client.limiter_for("m").in_flight <= number
            await asyncio.sleep(0)
        await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        return client.limiter_for("m").in_flight

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("failure", [BadRequestError("no", status=400), BadAnswerError("no")])
def test_nothing_succeeds(failure):
    """The last of the first requests, when all have failed, stops the job and says what to check."""
    client = Scripted(failure, max_retries=1, max_concurrent_requests=64)

    async def main():
        return await asyncio.gather(
            *(client.complete(MESSAGES, "m") for _ in range(FIRST_ATTEMPTS)), return_exceptions=True
        )

    *others, last = asyncio.run(main())

    assert {type(error) for error in others} == {type(failure)}
    assert type(last) is NothingSucceedsError
    assert str(last) == (
        f"no request succeeds; the last one failed with {type(failure).__name__}: no; "
        "check the model, the generation parameters and base_url"
    )
    assert (last.status, last.attempts) == (failure.status, failure.attempts)


@pytest.mark.parametrize("first", [["a"], ContextLengthError("long"), BadRequestError("x", attempts=0)])
def test_something_succeeds(first):
    """One completion, or failures that are about prompts alone, and each row fails for itself."""
    client = Scripted(first, BadRequestError("no") if isinstance(first, list) else first)
    for _ in range(FIRST_ATTEMPTS + 2):
        with contextlib.suppress(BadRequestError):
            run(client)

    assert len(client.asked) == FIRST_ATTEMPTS + 2


def test_stop_reaches_a_request_that_backs_off():
    """A request that waits for its next try, however long, ends when its limiter is stopped."""
    client = Scripted(Refused(ServerError("x"), Verdict(Kind.TRANSIENT, 3000.0)))

    async def main():
        asking = asyncio.ensure_future(client.complete(MESSAGES, "m"))
        await asyncio.sleep(0.05)
        client.limiter_for("m").stop()
        async with asyncio.timeout(20):
            await asking

    with pytest.raises(RunStopped):
        asyncio.run(main())


def test_an_outage_costs_no_retry():
    """A server that answered before and is away is waited for, however few retries are allowed."""
    client = Scripted(["first"], *[NoConnectionError("refused")] * 20, ["second"], max_retries=0)

    assert run(client).texts == ["first"]
    completion = run(client)

    assert completion.texts == ["second"]
    assert completion.attempts == 21


def bad_gateway(status=502):
    """Return what a gateway says while nobody is behind it."""
    return ServerError("x", status=status)


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_without_its_server_costs_no_retry(status):
    """502 and 504 of an endpoint that completed before are waited for as lost connections are."""
    client = Scripted(
        ["first"], *[bad_gateway(status), NoConnectionError("x")] * 10, ["second"], max_retries=0
    )
    run(client)

    assert run(client).attempts == 21


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_gateway_before_any_completion(status):
    """Before any completion, 502 and 504 cost retries as other failures of the server do."""
    client = Scripted(bad_gateway(status), max_retries=2)
    with pytest.raises(ServerError):
        run(client)

    assert len(client.asked) == 3


def test_a_gateway_that_stays_without_its_server():
    """After `longest_outage` of that, for more than one request, the job is to stop."""
    client = Scripted(["first"], bad_gateway(), max_retries=1)
    client.longest_outage = 0.05
    run(client)

    async def main():
        return await asyncio.gather(
            *(client.complete(MESSAGES, "m") for _ in range(2)), return_exceptions=True
        )

    for error in asyncio.run(main()):
        assert isinstance(error, UnreachableError)
        assert "what was paid is kept" in str(error)


def test_one_request_that_its_gateway_has_no_time_for():
    """A request that alone is turned away fails alone, however long there was no other."""
    client = Scripted(["first"], bad_gateway(504), max_retries=1)
    client.longest_outage = 0.05
    run(client)
    with pytest.raises(ServerError):
        run(client)


def test_a_server_that_stays_away_is_gone():
    """After `longest_outage` without an answer the job is to stop, for nothing more can succeed."""
    client = Scripted(["first"], NoConnectionError("refused"), max_retries=1)
    client.longest_outage = 0.0
    run(client)

    with pytest.raises(UnreachableError, match="what was paid is kept"):
        run(client)


def test_a_server_that_never_answered_is_unreachable():
    """Without any answer so far, the retries decide, and the message says what to check."""
    with pytest.raises(UnreachableError, match="none was ever answered: check base_url") as caught:
        run(Scripted(NoConnectionError("refused"), max_retries=2))

    assert caught.value.attempts == 3
