from __future__ import annotations

import asyncio
import time

import pytest

from nemo_sdg import AsyncOpenAIClient
from nemo_sdg.errors import AuthenticationError, BadRequestError, ConfigError, ContextLengthError
from tests.real.servers import MASTER

pytestmark = pytest.mark.timeout(1200)
HELLO = [{"role": "user", "content": "Hello, how are you?"}]
PLAIN = "sk-plain-for-tests"


@pytest.fixture
def behind_it(proxy, vllm):
    """Return the proxy; vLLM is behind it."""
    assert vllm
    return proxy


def test_keys(proxy, client):
    """Master and virtual keys are taken; a wrong one ends with an error that does not show it."""
    for key in (MASTER, PLAIN):
        llm = client(proxy, model="simulated", api_key=key)
        llm.load()
        assert llm.generate_outputs([HELLO])
    for act in (lambda llm: llm.load(), lambda llm: llm.generate_outputs([HELLO])):
        with pytest.raises(AuthenticationError, match="does not accept the API key") as refused:
            act(client(proxy, model="simulated", api_key="sk-quite-another"))
        assert "quite" not in str(refused.value)


def test_models(behind_it, client):
    """The proxy's models are listed; one that it does not have is told apart."""
    with pytest.raises(ConfigError, match=r"several models \(.*tiny.*\): choose one"):
        client(behind_it, api_key=PLAIN).load()
    with pytest.raises(BadRequestError, match="Invalid model name"):
        client(behind_it, api_key=PLAIN, model="other").generate_outputs([HELLO])


def test_what_passes_through(behind_it, client, vllm):
    """Structured outputs, logprobs, seeds, n and refusals come through the proxy as from the server."""
    through, direct = client(behind_it, api_key=PLAIN, model="tiny"), client(vllm)
    assert through.generate_outputs([HELLO], 2, seed=4) == direct.generate_outputs([HELLO], 2, seed=4)
    assert set(through.generate_outputs([HELLO], 4, structured_outputs={"choice": ["a", "b"]})[0]) <= {
        "a",
        "b",
    }
    config = {"max_tokens": 3, "extra_kwargs": {"logprobs": True, "top_logprobs": 1, "ignore_eos": True}}
    assert len(through.complete_all([HELLO], config)[0].logprobs[0]["content"]) == 3
    with pytest.raises(ContextLengthError):
        through.generate_outputs([[{"role": "user", "content": "word " * 3000}]])


def test_stream(behind_it):
    """A stream through the proxy comes to the same text."""
    client = AsyncOpenAIClient(base_url=behind_it.base_url, api_key=PLAIN)
    config = {"max_tokens": 30, "seed": 3, "temperature": 0.9}

    async def main():
        said = [await client.complete(HELLO, "tiny", None, {**config, "stream": on}) for on in (False, True)]
        await client.close()
        return said

    whole, streamed = asyncio.run(main())
    assert streamed.texts == whole.texts
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.parametrize("way", ["chat", "n", "completions"])
def test_whole_runs(behind_it, qa, keys, vllm, way):
    """The QA config runs to its end through the proxy, through chat and completions."""
    changes = {
        "chat": {},
        "n": {"generation.n": 2},
        "completions": {"client.kind": "vllm", "client.tokenizer": str(vllm.folder)},
    }[way]
    report, rows = qa(behind_it, 24, api_key_env=keys["plain"], **changes)

    assert rows.num_rows == (48 if way == "n" else 24)
    assert report.counts.rows_rejected == 0
    assert report.counts.attempts == 24


@pytest.mark.parametrize(
    ("limit", "rows", "most"), [("requests", 150, 3), ("tokens", 60, 3), ("parallel", 60, 18)]
)
def test_limits_of_a_key(proxy, qa, keys, limit, rows, most, figures):
    """A key's limit is learnt from headers or throttles, and kept to: few throttles, no row lost."""
    began = time.monotonic()
    report, made = qa(
        proxy, rows, model="simulated", api_key_env=keys[limit], **{"client.max_concurrent_requests": 16}
    )
    counts = report.counts
    took = time.monotonic() - began
    figures(f"limit of {limit}: {rows} rows in {took:.0f} s, {counts.throttles} throttles")

    assert made.num_rows == rows
    assert counts.rows_rejected == 0
    assert counts.throttles <= most
