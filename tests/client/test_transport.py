"""What becomes of a request whose server behaves badly, through either transport."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc

import openai
import pytest

from nemo_sdg.client import AsyncEndpointPool, AsyncOpenAIClient
from nemo_sdg.client.transport import LARGEST_ANSWER
from nemo_sdg.errors import (
    BadAnswerError,
    ConnectionFailedError,
    ContentFilterError,
    ContextLengthError,
    DeadlineError,
    RequestError,
    RequestTimeoutError,
    ServerError,
)
from tests.client.bad_servers import BROKEN, ENDLESS, ODD, SLOW, Script, events
from tests.client.conftest import MESSAGES, answer

KEY = "sk-test-" + "a1b2" * 5
LONGEST_MESSAGE = 500
CUT = {name for name in BROKEN if name.startswith(("closed", "reset", "more said", "packed"))}


@pytest.fixture(params=["lean", "sdk"])
def client_of(request):
    """Return a function that makes a client of a server, once for each transport."""

    def make(server, **options):
        options = {"base_delay": 0.001, "timeout": 20, **options}
        url = server.base_url
        if request.param == "lean":
            return AsyncOpenAIClient(base_url=url, api_key=KEY, **options)
        return AsyncOpenAIClient(lambda: through_sdk(url), **options)

    return make


def through_sdk(url):
    """Return an SDK client without certificates, which take it long to read."""
    return openai.AsyncOpenAI(
        base_url=url, api_key=KEY, http_client=openai.DefaultAsyncHttpxClient(verify=False)
    )


async def outcome(client, config=None):
    """Ask; return the completion, or the error that was raised."""
    try:
        return await client.complete(MESSAGES, "m", None, config)
    except RequestError as error:
        return error


def outcomes(client, number=3):
    """Ask so many times one after the other, and close the client."""

    async def main():
        try:
            return [await outcome(client) for _ in range(number)]
        finally:
            await client.close()

    return asyncio.run(main())


def is_told_well(error):
    """Return whether the message of `error` is of one line, bounded, without the key and has a remedy."""
    said = str(error)
    return len(said) < LONGEST_MESSAGE and "\n" not in said and KEY not in said and ": " in said


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers(scripted, client_of, name):
    """A broken answer is an error in words, tried again if one may, and spoils no other request."""
    bad = Script(*BROKEN[name])
    first, error, third = outcomes(client_of(scripted(answer(), bad, answer()), max_retries=0))
    (again,) = outcomes(client_of(scripted(bad, answer()), max_retries=1), 1)

    assert first.texts == third.texts == again.texts == ["So."]
    assert isinstance(error, (BadAnswerError, ConnectionFailedError, ServerError))
    if name in CUT:
        assert isinstance(error, ConnectionFailedError)
    assert is_told_well(error), str(error)
    assert (error.attempts, again.attempts) == (1, 2)


@pytest.mark.parametrize("name", SLOW)
def test_slow_answers(scripted, client_of, name):
    """However a server keeps a request waiting, `timeout` holds for the whole try, and the next is free."""
    client = client_of(scripted(answer(), Script(*SLOW[name]), answer()), timeout=0.25, max_retries=0)
    started = time.monotonic()
    outcomes_ = outcomes(client, 2)
    took = time.monotonic() - started

    assert outcomes_[0].texts == ["So."]
    assert isinstance(outcomes_[1], RequestTimeoutError)
    assert str(outcomes_[1]) == "no whole answer within 0.25 s: raise timeout, or lower max_tokens"
    assert took < 5


def test_deadlines_hold(scripted, client_of):
    """Whatever a server does, a request ends soon after its deadline, though it may try again for ever."""
    scripts = {**BROKEN, **SLOW, "a year": (answer(429, headers=["Retry-After: 31536000"]),)}

    async def one(steps):
        server = scripted(Script(*steps))
        client = client_of(server, max_retries=10**6, base_delay=0.02, deadline=0.4)
        started = time.monotonic()
        try:
            error = await outcome(client)
            return error, time.monotonic() - started
        finally:
            await client.close()

    async def main():
        return await asyncio.gather(*(one(steps) for steps in scripts.values()))

    for name, (error, took) in zip(scripts, asyncio.run(main()), strict=True):
        assert isinstance(error, DeadlineError), name
        assert took < 5, name
        assert len(str(error)) < 2 * LONGEST_MESSAGE


@pytest.mark.parametrize("name", ENDLESS)
def test_answers_that_are_too_large(scripted, client_of, name):
    """An answer larger than anybody can use is refused, and no more of it kept than `LARGEST_ANSWER`."""
    bad = Script(*ENDLESS[name])
    client = client_of(scripted(answer(), bad, answer()), max_retries=0)

    async def main():
        await client.complete(MESSAGES, "m")
        gc.collect()
        tracemalloc.start()
        error = await outcome(client)
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        after = await outcome(client)
        await client.close()
        return error, held, peak, after

    error, held, peak, after = asyncio.run(main())
    assert type(error) is BadAnswerError
    assert str(error) == "the answer is larger than 67,108,864 bytes: lower max_tokens or n"
    assert peak < 1.25 * LARGEST_ANSWER
    assert held < 2**21  # the error keeps none of it
    assert after.texts == ["So."]


@pytest.mark.parametrize("name", ODD)
def test_odd_answers(scripted, client_of, name):
    """A whole answer is taken, however oddly it is sent, and not paid for again."""
    steps, text, usage = ODD[name]
    server = scripted(Script(*steps), answer())
    completion, then = outcomes(client_of(server), 2)

    assert completion.texts == [text]
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == usage
    assert (completion.attempts, then.attempts, len(server.requests)) == (1, 1, 2)


# --- refusals of one request

FILTER = {"hate": {"filtered": True, "severity": "high"}, "self_harm": {"filtered": False}}
AZURE = {
    "error": {
        "message": "The response was filtered due to the prompt triggering the content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": FILTER},
    }
}
TOO_LONG = {"error": {"message": "maximum context length is 8 tokens", "code": "context_length_exceeded"}}


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (
            answer(400, AZURE),
            ContentFilterError,
            "refuses the prompt .*; filtered for hate.*: change the prompt",
        ),
        (answer(body=AZURE), ContentFilterError, "filtered for hate"),
        (answer(400, TOO_LONG), ContextLengthError, "too long for the model .*: shorten the prompt"),
        (answer(body=TOO_LONG), ContextLengthError, "too long for the model"),
        (answer(body={"error": {"message": "Context length.", "code": 400}}), ContextLengthError, "too long"),
        (
            events({"object": "error", "message": "context length", "code": 400}),
            ContextLengthError,
            "too long",
        ),
    ],
    ids=["azure", "filter with 200", "context", "context with 200", "code", "vllm's stream"],
)
def test_refused_for_its_own_sake(scripted, client_of, reply, kind, said):
    """What a filter withholds, and what is too long, fails once, in words, as that request's own failure."""
    server = scripted(reply, answer())
    error, then = outcomes(client_of(server), 2)

    assert type(error) is kind
    assert error.attempts == 1
    assert is_told_well(error)
    assert pytest.raises(kind, match=said).matches(error)
    assert then.texts == ["So."]
    assert len(server.requests) == 2


@pytest.mark.parametrize("code", ["429", 503])
def test_a_throttle_with_success(scripted, client_of, code):
    """A throttle in the body of a success costs no retry, as with its own status."""
    reply = answer(body={"error": {"message": "Slow down.", "code": code}})
    (completion,) = outcomes(client_of(scripted(reply, answer()), max_retries=0), 1)

    assert (completion.attempts, completion.throttles) == (2, 1)


# --- waits that nobody means


@pytest.mark.parametrize("after", ["31536000", "1e400", "inf", "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [429, 500])
def test_waits_beyond_the_deadline(scripted, client_of, status, after):
    """A server that asks to wait for a year does not keep a request beyond its deadline."""
    server = scripted(answer(status, headers=[f"Retry-After: {after}"]))
    started = time.monotonic()
    (error,) = outcomes(client_of(server, deadline=0.3), 1)

    assert type(error) is DeadlineError
    assert time.monotonic() - started < 5
    assert len(server.requests) == 1


@pytest.mark.parametrize("after", ["-5", "nan", "-inf", "soon", "", "0x10", "1 0"])
def test_waits_that_are_none(scripted, client_of, after):
    """A wait that is negative, no number or garbage is not kept to: the next try comes when we choose."""
    server = scripted(answer(500, headers=[f"Retry-After: {after}"]), answer())
    (completion,) = outcomes(client_of(server, deadline=5), 1)

    assert completion.attempts == 2


# --- with another endpoint


def test_a_pool_asks_another(scripted):
    """Whatever one endpoint of a pool answers badly, the other one answers, at no cost of retries."""
    for name, steps in {**BROKEN, "nothing": SLOW["nothing"]}.items():
        servers = scripted(Script(*steps)), scripted(answer())
        pool = AsyncEndpointPool(
            [
                AsyncOpenAIClient(
                    base_url=each.base_url, api_key=KEY, timeout=0.5, base_delay=0.001, max_retries=3
                )
                for each in servers
            ]
        )
        assert [each.texts for each in outcomes(pool, 8)] == [["So."]] * 8, name


def test_answers_survive_the_journal(scripted, client_of):
    """What is kept of an odd answer can be written as JSON and read again as the same texts."""
    import msgspec

    from nemo_sdg.client.answer import completion_from

    for steps, text, usage in ODD.values():
        (completion,) = outcomes(client_of(scripted(Script(*steps))), 1)
        kept = completion_from(msgspec.json.decode(msgspec.json.encode(completion.raw)))
        assert (kept.texts, kept.usage[:2]) == ([text], usage)
        assert json.dumps(kept.texts).encode()
