from __future__ import annotations

import asyncio
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import openai
import pytest
from ray import cloudpickle

from nemo_sdg.client import OpenAIClient
from nemo_sdg.errors import BadRequestError, ConfigError, RequestTimeoutError, ServerError, UnreachableError
from nemo_sdg.simulator import Faults, Latency

MESSAGES = [{"role": "user", "content": "Say something in French."}]
KEY = "sk-test-" + "a1b2" * 5


@pytest.fixture
def made():
    """Yield a function that makes a client with a ready SDK object; all are closed with the test."""
    clients = []

    def make(url, **options):
        sdk = openai.OpenAI(base_url=url, api_key=KEY, max_retries=5)
        client = OpenAIClient(sdk, **{"base_delay": 0.001, "timeout": 20, **options})
        clients.extend((client, sdk))
        return client, sdk

    yield make
    for client in clients:
        client.close()


def test_the_pages_example(simulator, made):
    """`OpenAIClient(openai_client)` asks with the object, which stays its owner's and open."""
    client, sdk = made(simulator().base_url)
    texts = client.query_model(messages=MESSAGES, model="m", temperature=0.0, seed=0)
    streamed = client.query_model(messages=MESSAGES, model="m", stream=True)
    client.close()
    theirs = sdk.chat.completions.create(messages=MESSAGES, model="m", seed=0, temperature=0.0)
    sdk.close()

    assert texts == streamed == [theirs.choices[0].message.content]


def test_what_is_sent(scripted, http):
    """The object's own settings hold: its HTTP client, headers and key; ours add the SDK's extra fields."""
    server = scripted(http())
    with httpx2.Client(headers={"X-Own": "b"}) as own:
        sdk = openai.OpenAI(
            base_url=server.base_url, api_key=KEY, default_headers={"X-Team": "a"}, http_client=own
        )
        client = OpenAIClient(openai_client=sdk)
        client.query_model(messages=MESSAGES, model="m", top_k=5)
        client.close()
    request = server.requests[0]

    assert (request.headers["x-team"], request.headers["x-own"]) == ("a", "b")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json["top_k"] == 5


def test_our_retries_alone(simulator, made):
    """Only our retries happen, with our errors."""
    server = simulator(faults=Faults(error_500=1))
    with pytest.raises(ServerError) as caught:
        made(server.base_url, max_retries=2)[0].query_model(MESSAGES, "m")

    assert server.stats()["requests"] == caught.value.attempts == 3


def test_errors(scripted, http, nowhere, simulator, made):
    """Refusals, time-outs and endpoints that are not there are the errors of the other transports."""
    with pytest.raises(BadRequestError, match="bad news"):
        made(scripted(http(400, {"error": {"message": "bad news"}})).base_url)[0].query_model(MESSAGES, "m")
    with pytest.raises(UnreachableError):
        made(nowhere, max_retries=0)[0].query_model(MESSAGES, "m")
    slow = simulator(latency=Latency.fixed(0.5)).base_url
    with pytest.raises(RequestTimeoutError):
        made(slow, max_retries=0, timeout=0.1)[0].query_model(MESSAGES, "m")


def test_many_at_once(simulator, made):
    """Callers in many threads ask at the same time, and the threads end with `close`."""
    server = simulator(latency=Latency.fixed(0.2))
    client, _ = made(server.base_url)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.query_model(MESSAGES, "m"), range(8)))
    client.close()
    deadline = time.monotonic() + 10
    while [each for each in threading.enumerate() if each.name.startswith("nemo-sdg-sdk")]:
        assert time.monotonic() < deadline
        time.sleep(0.01)

    assert server.stats()["concurrency"]["peak"] > 4


def test_in_stages(simulator, made):
    """For stages there is an asynchronous client that asks with the same object, on any event loop."""
    client, _ = made(simulator().base_url)
    texts = client.query_model(MESSAGES, "m")

    for _ in range(2):
        assert asyncio.run(client.asynchronous.query_model(MESSAGES, "m")) == texts


def test_travelling(simulator):
    """A function that makes the object travels; the object does not, and the error says what to give."""
    url = simulator().base_url
    client = cloudpickle.loads(
        cloudpickle.dumps(OpenAIClient(lambda: openai.OpenAI(base_url=url, api_key=KEY)))
    )
    assert client.query_model(MESSAGES, "m")
    client.close()

    with pytest.raises(ConfigError, match=r"cannot travel.*lambda"):
        pickle.dumps(OpenAIClient(openai.OpenAI(api_key=KEY)))


@pytest.mark.parametrize("wrong", [openai.AsyncOpenAI(api_key=KEY), 5, KEY])
def test_wrong_object(wrong):
    """Anything else is refused, given or made, without its value."""
    with pytest.raises(ConfigError, match=r"give an openai.OpenAI, or a function") as caught:
        OpenAIClient(wrong)
    assert KEY not in str(caught.value)
    with pytest.raises(ConfigError, match=r"it must make an openai.OpenAI"):
        OpenAIClient(lambda: wrong).query_model(MESSAGES, "m")
    with pytest.raises(ConfigError, match="api_key would be without effect"):
        OpenAIClient(openai.OpenAI(api_key=KEY), api_key=KEY)
