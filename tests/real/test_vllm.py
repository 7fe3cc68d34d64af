from __future__ import annotations

import asyncio
import json
import re
import threading
import time

import pytest

from nemo_sdg import AsyncOpenAIClient, GenerationConfig, HuggingFaceFormatter
from nemo_sdg.errors import (
    AuthenticationError,
    ConfigError,
    ContextLengthError,
    ModelNotFoundError,
)
from tests.real.servers import VLLM_KEY

pytestmark = pytest.mark.timeout(
    1200
)  # the server starts within a test's time, and compiles when first asked
HELLO = [{"role": "user", "content": "Hello, how are you?"}]
SCHEMA = {
    "type": "object",
    "properties": {"sure": {"type": "boolean"}},
    "required": ["sure"],
    "additionalProperties": False,
}


def ask(server, *configs, tokenizer=None):
    """Return a completion for each config, asked one after the other through the OpenAI client."""
    formatter = None if tokenizer is None else HuggingFaceFormatter(tokenizer)
    client = AsyncOpenAIClient(base_url=server.base_url, api_key="none")

    async def main():
        said = [await client.complete(HELLO, "tiny", formatter, config) for config in configs]
        await client.close()
        return said

    return asyncio.run(main())


@pytest.mark.parametrize("version", ["", "/v1"])
def test_example_of_the_page(vllm, client, version):
    """The example of the page runs as it stands, but for the address and the tokenizer's name."""
    llm = client(vllm, tokenizer=str(vllm.folder))
    llm.base_url = vllm.base_url.removesuffix("/v1") + version
    llm.load()
    results = llm.generate_outputs(
        inputs=[[{"role": "user", "content": "Hello, how are you?"}]],
        temperature=0.7,
        top_p=1.0,
        max_new_tokens=256,
    )

    assert [[type(text) for text in texts] for texts in results] == [[str]]
    assert llm.model_name == "tiny"


def test_chat_and_completions_alike(vllm, client):
    """With the template applied here the server sees what the chat does: same count, same texts."""
    config = GenerationConfig(max_tokens=24, n=2, seed=7, temperature=0.8)
    chat, text = (
        client(vllm, tokenizer=tokenizer).complete_all([HELLO], config)[0]
        for tokenizer in (None, str(vllm.folder))
    )

    assert (chat.raw["object"], text.raw["object"]) == ("chat.completion", "text_completion")
    assert text.usage == chat.usage
    assert text.texts == chat.texts
    assert len(set(text.texts)) == 2


@pytest.mark.parametrize("place", ["chat", "completions"])
def test_stream_is_the_whole(vllm, place):
    """A stream comes to the same texts, reasons and usage as the whole answer."""
    config = {"max_tokens": 40, "n": 2, "seed": 3, "temperature": 0.9}
    tokenizer = None if place == "chat" else str(vllm.folder)
    whole, streamed = ask(vllm, config, {**config, "stream": True}, tokenizer=tokenizer)

    assert streamed.texts == whole.texts
    assert streamed.finish_reasons == whole.finish_reasons
    assert streamed.usage == whole.usage


def test_seeds(vllm):
    """The same seed brings the same text, another one another."""
    config = {"max_tokens": 24, "temperature": 1.0}
    first, again, other = ask(vllm, *({**config, "seed": seed} for seed in (1, 1, 2)))

    assert first.texts == again.texts != other.texts


@pytest.mark.parametrize("place", ["chat", "completions"])
def test_logprobs(vllm, client, place):
    """Log-probabilities come back, one for each token, with the likeliest others."""
    llm = client(vllm, tokenizer=None if place == "chat" else str(vllm.folder))
    config = GenerationConfig(
        max_tokens=3, extra_kwargs={"logprobs": True, "top_logprobs": 2, "ignore_eos": True}
    )
    (said,) = llm.complete_all([HELLO], config)
    told = said.logprobs[0]
    found = (
        told["token_logprobs"] if "token_logprobs" in told else [each["logprob"] for each in told["content"]]
    )

    assert len(found) == 3
    assert all(value < 0 for value in found)


@pytest.mark.parametrize("place", ["chat", "completions"])
def test_structured_outputs(vllm, client, place):
    """All four forms hold even for a model without weights: schema, regex, choice, grammar."""
    llm = client(vllm, tokenizer=None if place == "chat" else str(vllm.folder))

    def held_to(**form):
        return llm.generate_outputs([HELLO], 3, 200, structured_outputs=form)[0]

    assert all(type(json.loads(text)["sure"]) is bool for text in held_to(json=SCHEMA))
    assert all(re.fullmatch(r"[a-c]{3}-\d", text) for text in held_to(regex=r"[a-c]{3}-\d"))
    assert set(held_to(choice=["yes", "no"])) <= {"yes", "no"}
    assert all(re.fullmatch("x+y", text) for text in held_to(grammar='root ::= "x" root | "xy"'))


def test_sampling_parameters(vllm, client):
    """The parameters that only vLLM has are taken where they are sent, and do what they say."""
    llm = client(vllm)

    def tokens(**extra):
        extra["return_token_ids"] = True
        config = GenerationConfig(max_tokens=30, seed=5, temperature=1.0, extra_kwargs=extra)
        return llm.complete_all([HELLO], config)[0].raw["choices"][0]["token_ids"]

    whole = tokens(ignore_eos=True)
    assert len(whole) == len(tokens(min_tokens=30)) == 30
    assert tokens(ignore_eos=True, stop_token_ids=[whole[9]])[-1] == whole[9]
    assert len(tokens(ignore_eos=True, stop_token_ids=[whole[9]])) <= 10
    assert llm.generate_outputs(
        [HELLO],
        top_k=5,
        min_p=0.05,
        repetition_penalty=1.1,
        frequency_penalty=0.1,
        presence_penalty=0.1,
        logit_bias={"7": -5},
        bad_words=["lazy"],
        skip_special_tokens=False,
        include_stop_str_in_output=True,
        stop=["e"],
    )


def test_refusals(vllm, client):
    """What vLLM refuses is the right error, and costs only its own input."""
    llm = client(vllm)
    good, long = llm.complete_all([HELLO, [{"role": "user", "content": "word " * 3000}]], {"max_tokens": 4})
    assert good.texts
    assert type(long) is ContextLengthError
    with pytest.raises(ContextLengthError, match="max_model_len"):
        llm.generate_outputs([HELLO], max_new_tokens=5000)
    with pytest.raises(ModelNotFoundError, match="does not serve the model other: it serves tiny"):
        client(vllm, model="other").load()
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        client(vllm, model="other").generate_outputs([HELLO])


def test_httpx_client(vllm, client):
    """Through an httpx client of one's own the answers are the same."""
    through = {"limits": {"max_connections": 4}, "trust_env": False, "headers": {"x-team": "a"}}
    plain, other = client(vllm), client(vllm, httpx_client_kwargs=through)

    assert plain.generate_outputs([HELLO], seed=3) == other.generate_outputs([HELLO], seed=3)


def test_several_models(adapters, client):
    """Of several names and an adapter one is chosen; the adapter answers otherwise than its base."""
    with pytest.raises(ConfigError, match=r"several models \(tiny, alias, adapter\): choose one"):
        client(adapters, api_key=VLLM_KEY).load()
    texts = {}
    for name in ("tiny", "alias", "adapter"):
        llm = client(adapters, model=name, api_key=VLLM_KEY)
        llm.load()
        texts[name] = llm.generate_outputs([HELLO], temperature=0.0, max_new_tokens=24)

    assert texts["tiny"] == texts["alias"] != texts["adapter"]


def test_keys(adapters, client, monkeypatch):
    """The right key is taken, a wrong one or none ends with an error that does not show it."""
    monkeypatch.setenv("MY_VLLM", VLLM_KEY)
    assert client(adapters, model="tiny", api_key_env="MY_VLLM").generate_outputs([HELLO])
    for wrong in ({}, {"api_key": "quite-another-key"}):
        for act in (lambda llm: llm.load(), lambda llm: llm.generate_outputs([HELLO])):
            with pytest.raises(AuthenticationError, match="does not accept the API key") as refused:
                act(client(adapters, model="tiny", **wrong))
            assert "quite" not in str(refused.value)


@pytest.mark.parametrize("way", ["chat", "stream", "n", "completions"])
def test_whole_runs(vllm, qa, way):
    """The QA config runs to its end: each row once, and the same again from the answers that were kept."""
    changes = {
        "chat": {},
        "stream": {"generation.stream": True},
        "n": {"generation.n": 2},
        "completions": {"client.kind": "vllm", "client.tokenizer": str(vllm.folder)},
    }[way]
    report, rows = qa(vllm, 40, **changes)
    again, _ = qa(vllm, 40, **changes)

    assert rows.num_rows == (80 if way == "n" else 40)
    assert report.counts.rows_rejected == 0
    assert all(rows.column("question").to_pylist())
    assert report.counts.completion_tokens >= 40 * 10
    assert again.counts.rows_written == report.counts.rows_written
    assert report.counts.attempts == 40


def test_same_seed_same_rows(vllm, qa):
    """Two runs with one seed make the same rows, streamed or not."""
    one = {"client.max_concurrent_requests": 1}
    (_, first), (_, second) = (qa(vllm, 12, str(i), **one, **{"generation.stream": i}) for i in (False, True))

    assert first.column("text") == second.column("text")
    assert len(set(first.column("text").to_pylist())) == 12


def test_server_killed_amid_a_run(vllm, qa, figures):
    """A run outlives its server: it waits, and goes on when that is there again, with no row lost."""
    done = {}
    running = threading.Thread(
        target=lambda: done.update(zip(("report", "rows"), qa(vllm, 300), strict=True))
    )
    before = served(vllm)
    running.start()
    while served(vllm) < before + 40:
        time.sleep(0.05)
    first = served(vllm) - before
    vllm.kill()
    vllm.start()
    running.join()
    answered = first + served(vllm)
    counts = done["report"].counts
    figures(f"killed: {counts.attempts} attempts, of which most find no server; {answered} answered of 300")

    assert done["rows"].num_rows == counts.requests == 300
    assert counts.rows_rejected == 0
    assert answered <= 304  # not more than were in flight are answered twice


def served(vllm):
    """Return how many requests the server has answered."""
    import urllib.request

    with urllib.request.urlopen(vllm.base_url.removesuffix("/v1") + "/metrics") as answer:
        found = re.findall(
            r"^vllm:request_success_total\{.*\} ([\d.]+)$", answer.read().decode(), re.MULTILINE
        )
    return int(sum(map(float, found)))
