from __future__ import annotations

import asyncio

import openai
import pytest

from nemo_sdg.client import GenerationConfig, OpenAIClient
from nemo_sdg.client.flat import FLAT, NOT_GIVEN, with_flat
from nemo_sdg.errors import ConfigError

MESSAGES = [{"role": "user", "content": "Say something in French."}]
GIVEN = {
    "max_tokens": 7,
    "n": 2,
    "seed": 5,
    "stop": ["."],
    "stream": True,
    "temperature": 0.5,
    "top_k": 3,
    "top_p": 0.5,
}


def flat(**given):
    """Return the values as `query_model` passes them."""
    return [given.get(name, NOT_GIVEN) for name in FLAT]


def sent(server):
    """Return the sampling fields of the last request."""
    return {name: value for name, value in server.requests[-1].json.items() if name in FLAT}


@pytest.fixture(params=["asynchronous", "synchronous"])
def query(request, scripted, http, good, make):
    """Return a function that asks a scripted server, by either client, and returns what was sent."""
    good["choices"].append({**good["choices"][0], "index": 1})
    server = scripted(http(body=good))

    def ask(**arguments):
        if request.param == "synchronous":
            client = OpenAIClient(base_url=server.base_url, api_key="none")
            texts = client.query_model(messages=MESSAGES, model="m", **arguments)
            client.close()
        else:

            async def main():
                client = make(server)
                texts = await client.query_model(messages=MESSAGES, model="m", **arguments)
                await client.close()
                return texts

            texts = asyncio.run(main())
        assert texts == ["So.", "So."]
        return sent(server)

    return ask


def test_all_eight_alone(query):
    """Each of the eight parameters can be given by itself, without any config, on both clients."""
    assert query(**GIVEN) == GIVEN


@pytest.mark.parametrize("kind", [dict, GenerationConfig])
def test_flat_wins(query, kind):
    """A flat argument wins over an object's or a dict's; what is not given flat is the config's."""
    config = kind(max_tokens=9, temperature=0.1, top_p=0.2, seed=8)

    assert query(generation_config=config, temperature=0.5, n=2) == {
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.2,
        "seed": 8,
        "n": 2,
    }


def test_none_leaves_out(query):
    """None given flat leaves a parameter out of the request, where the config has one."""
    config = {"seed": 3, "top_k": 4}
    fields = query(generation_config=config, seed=None, top_k=None, max_tokens=None, stream=None)

    assert fields == {"temperature": 0.0, "top_p": 0.95}


def test_what_the_sdk_calls_not_given(query):
    """The SDK's own marks for what is not given are taken as such, as callers of the old API pass them."""
    fields = query(seed=openai.NOT_GIVEN, top_p=openai.omit, temperature=0.5)

    assert fields == {"max_tokens": 2048, "seed": 0, "temperature": 0.5, "top_p": 0.95}


def test_nothing_given_costs_nothing():
    """Without flat arguments the config comes back itself, unread."""
    config = {"no": "config"}

    assert with_flat(config, *flat()) is config
    assert with_flat(None, *flat()) is None
    assert repr(NOT_GIVEN) == "NOT_GIVEN"


@pytest.mark.parametrize("given", [{"temperature": 3}, {"max_tokens": 0}, {"n": "2"}, {"stream": 1}])
def test_refused(given):
    """A flat argument that no server takes is refused as in a config."""
    with pytest.raises(ConfigError, match=f"^{next(iter(given))} is "):
        with_flat({"seed": 1}, *flat(**given))
