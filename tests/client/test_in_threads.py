from __future__ import annotations

import asyncio
import pickle
import time

from nemo_sdg.client import AsyncOpenAIClient, LLMClient, OpenAIClient
from nemo_sdg.client.in_threads import InThreads, asynchronous
from nemo_sdg.errors import ServerError

MESSAGES = [{"role": "user", "content": "Hello"}]


class Slow(LLMClient):
    """Notes how many callers are in it at once; fails the first time."""

    def __init__(self):
        self.now = self.peak = self.calls = 0
        self.ready = False

    def setup(self):
        self.ready = True

    def query_model(self, messages, model, **_):
        self.now += 1
        self.calls += 1
        self.peak = max(self.peak, self.now)
        time.sleep(0.02)
        self.now -= 1
        if self.calls == 1:
            raise ServerError("not yet")
        return [f"{model}: {messages[0]['content']}"]


def test_one_at_a_time_with_retries():
    """A synchronous client of a user's is asked by one thread at a time, retried, off the event loop."""
    client = InThreads(Slow())
    client.base_delay = 0
    client.setup()

    async def main():
        return await asyncio.gather(*(client.query_model(MESSAGES, "m") for _ in range(5)))

    assert asyncio.run(main()) == [["m: Hello"]] * 5
    assert (client.client.peak, client.client.calls, client.client.ready) == (1, 6, True)


def test_one_at_a_time_after_cancelling():
    """A cancelled request's thread, which goes on, is not joined by a second one."""
    client = InThreads(Slow())

    async def main():
        for _ in range(4):
            task = asyncio.ensure_future(client.query_model(MESSAGES, "m"))
            await asyncio.sleep(0.005)
            task.cancel()
        return await client.query_model(MESSAGES, "m")

    assert asyncio.run(main()) == ["m: Hello"]
    assert client.client.peak == 1


def test_travels():
    """It works after pickling."""
    there = pickle.loads(pickle.dumps(InThreads(Slow())))
    there.base_delay = 0

    assert asyncio.run(there.query_model(MESSAGES, "m")) == ["m: Hello"]


def test_asynchronous():
    """An asynchronous client is itself, ours is asked directly, any other one in threads."""
    ours = AsyncOpenAIClient(base_url="http://localhost/v1")
    sync = OpenAIClient(base_url="http://localhost/v1")

    assert asynchronous(ours) is ours
    assert asynchronous(sync) is sync.asynchronous
    assert isinstance(asynchronous(Slow()), InThreads)


class Old(LLMClient):
    """A client as of the older interface: sampling parameters one by one, all by name."""

    def setup(self):
        """Nothing to do."""

    def query_model(self, *, messages, model, conversation_formatter=None, max_tokens=None, temperature=None):
        return [f"{model} {len(messages)} {conversation_formatter} {max_tokens} {temperature}"]

    def query_reward_model(self, *, messages, model):  # noqa: ARG002
        return {"helpfulness": 1.5, "verbosity": -0.25}


def test_a_client_of_the_older_interface():
    """One with sampling parameters one by one gets those that it takes, and scores by its own method."""
    client = asynchronous(Old())
    texts = asyncio.run(
        client.query_model(MESSAGES, "m", generation_config={"max_tokens": 9}, temperature=0.5)
    )
    scores = asyncio.run(client.query_reward_model(messages=MESSAGES, model="m"))

    assert texts == ["m 1 None 9 0.5"]
    assert scores == {"helpfulness": 1.5, "verbosity": -0.25}
