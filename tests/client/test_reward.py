from __future__ import annotations

import asyncio
import json

import pytest

from nemo_sdg.client import AsyncEndpointPool, AsyncOpenAIClient, LLMClient, NoFormat, OpenAIClient
from nemo_sdg.client.answer import completion_from
from nemo_sdg.client.reward import rewards_of
from nemo_sdg.errors import ContentFilterError, DeadlineError, ParseError, ServerError
from nemo_sdg.simulator import Faults, Limits
from nemo_sdg.simulator.rewards import ATTRIBUTES

MODEL = "nvidia/nemotron-4-340b-reward"
MESSAGES = [
    {"role": "user", "content": "I am going to Paris, what should I see?"},
    {"role": "assistant", "content": "Ah, Paris, the City of Light! There are so many amazing things."},
]
SCORES = {"helpfulness": 1.6171875, "correctness": 1.6484375, "coherence": -3.3125}
TEXT = ",".join(f"{name}:{score}" for name, score in SCORES.items())


def body(scores, content=TEXT, **more):
    """Return what a reward model answers."""
    tokens = [{"token": token, "logprob": value, "top_logprobs": []} for token, value in scores]
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    logprobs = {"content": tokens} if scores else None
    return {"model": MODEL, "choices": [{**choice, "logprobs": logprobs, **more}]}


def read(*args, **more):
    """Return the scores of an answer."""
    return rewards_of(completion_from(body(*args, **more)))


def query(client, **more):
    """Query a reward model and close the client."""

    async def main():
        try:
            return await client.query_reward_model(messages=MESSAGES, model=MODEL, **more)
        finally:
            await client.close()

    return asyncio.run(main())


def test_asynchronous(scripted, http, make):
    """`query_reward_model(messages=..., model=...)` returns the scores from logprobs, and sends no more."""
    server = scripted(http(body=body(SCORES.items())))

    assert query(make(server)) == SCORES
    assert server.requests[0].line.startswith("POST /v1/chat/completions")
    assert server.requests[0].json == {"model": MODEL, "messages": MESSAGES}


def test_synchronous(scripted, http):
    """The synchronous client does the same; messages may be any iterable."""
    server = scripted(http(body=body(SCORES.items())))
    client = OpenAIClient(base_url=server.base_url, api_key="none")
    scores = client.query_reward_model(messages=iter(MESSAGES), model=MODEL)
    client.close()

    assert scores == SCORES
    assert server.requests[0].json == {"model": MODEL, "messages": MESSAGES}


def test_through_the_sdk(simulator, make):
    """Through an SDK client the scores are the same."""
    import openai

    server = simulator()
    sdk = AsyncOpenAIClient(lambda: openai.AsyncOpenAI(base_url=server.base_url, api_key="none"))
    scores = query(sdk)

    assert scores == query(make(server))
    assert set(scores) == set(ATTRIBUTES)


def test_of_a_pool(simulator, make):
    """A pool asks for scores as its endpoints do, and goes to another one when one fails."""
    ill, well = simulator(faults=Faults(reset=1)), simulator()
    pool = AsyncEndpointPool([make(ill), make(well)])

    assert query(pool) == query(make(well))


def test_a_formatter(simulator, scripted, http, make):
    """With a formatter the server's /completions is asked, and its shape of logprobs read."""
    logprobs = {"tokens": list(SCORES), "token_logprobs": list(SCORES.values())}
    server = scripted(http(body={"choices": [{"text": TEXT, "index": 0, "logprobs": logprobs}]}))

    class Last(NoFormat):
        def format_conversation(self, conv):
            return conv[-1]["content"]

    assert query(make(server), conversation_formatter=Last()) == SCORES
    assert server.requests[0].line.startswith("POST /v1/completions")
    assert set(query(make(simulator()), conversation_formatter=Last())) == set(ATTRIBUTES)


def test_limits_and_retries(simulator, make):
    """Requests for scores are tried again, throttled and paced like all others."""
    with pytest.raises(ServerError) as failed:
        query(make(simulator(faults=Faults(error_500=1)), max_retries=2))
    server = simulator(limits=Limits(requests_per_minute=60, burst_seconds=1))
    client = make(server, limits={"requests_per_minute": 60_000}, deadline=0.2)
    query(client)
    with pytest.raises(DeadlineError, match="rate limit"):
        query(client)

    assert failed.value.attempts == 3
    assert client.limiter_for(MODEL).in_flight == 0


def test_from_text():
    """NVIDIA's text of pairs is read where there are no logprobs."""
    assert read([]) == SCORES
    assert read([], "reward:-12.5") == {"reward": -12.5}


def test_one_score_of_a_token_with_blanks():
    """Blanks around a name are taken off; of a name for several turns the last score counts, as a float."""
    scores = read([(" reward ", 1), ("reward", 2)])

    assert scores == {"reward": 2.0}
    assert type(scores["reward"]) is float


@pytest.mark.parametrize(
    ("tokens", "content"),
    [
        ([], "Ah, Paris!"),
        ([], ""),
        ([], "Note: 12 sights, Louvre: 3"),
        ([("Paris", -0.1)], "Paris"),
        ([("Ah", -0.1), (",", -0.2), (" Paris", -1.5)], "Ah, Paris"),
        ([("helpfulness", None)], ""),
        ([("helpfulness", True)], ""),
        ([("helpfulness", "NaN")], ""),
        ([(7, 1.0)], ""),
    ],
)
def test_no_reward_model(tokens, content):
    """What a model that generates answers is no score, whether its log-probabilities are there or not."""
    with pytest.raises(ParseError, match=r"gives no scores.*name a reward model"):
        read(tokens, content)


@pytest.mark.parametrize("logprobs", [[], "no", {"content": "no"}, {"content": [1]}, {"tokens": ["a"]}])
def test_logprobs_of_other_shapes(logprobs):
    """Logprobs of an unknown shape are passed over."""
    assert read([], logprobs=logprobs) == SCORES


def test_withheld(scripted, http, make):
    """An answer that a content filter has emptied is the filter's error; scores beside no text are scores."""
    with pytest.raises(ContentFilterError):
        query(make(scripted(http(body=body([], None, finish_reason="content_filter")))))
    assert read(SCORES.items(), None, finish_reason="content_filter") == SCORES


def test_interface():
    """Another synchronous client says that it asks no reward models."""

    class Own(LLMClient):
        def setup(self):
            """Nothing to do."""

        def query_model(self, messages, model, conversation_formatter=None, generation_config=None):  # noqa: ARG002
            return [json.dumps(messages)]

    with pytest.raises(NotImplementedError, match="Own asks no reward models: use an OpenAIClient"):
        Own().query_reward_model(messages=MESSAGES, model=MODEL)
