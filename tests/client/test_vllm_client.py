from __future__ import annotations

import asyncio
import json
import logging
import pickle
import ssl

import pyarrow as pa
import pytest
import trustme

from nemo_sdg import AsyncEndpointPool, ClientvLLM, Completion, GenerationConfig, LLMGenerationStage
from nemo_sdg.client import HuggingFaceFormatter
from nemo_sdg.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    ModelNotFoundError,
    RowError,
    TemplateError,
    UnreachableError,
)
from nemo_sdg.simulator import Faults, SimulatorSettings, SimulatorThread
from nemo_sdg.stages.base import MemoryLedger

HELLO = [{"role": "user", "content": "Hello, how are you?"}]
KEY = "sk-test-" + "a1b2" * 5
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ raise_exception('no tools') if m.role == 'tool' }}"
    "<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
)
WRITTEN = "<s><|user|>Hello, how are you?<|assistant|>"


@pytest.fixture
def vllm():
    """Yield a function that makes a ClientvLLM with short delays; all are unloaded with the test."""
    made = []

    def make(server=None, **options):
        url = {} if server is None else {"base_url": getattr(server, "base_url", server)}
        made.append(ClientvLLM(**{"base_delay": 0.001, "timeout": 20, **url, **options}))
        return made[-1]

    yield make
    for client in made:
        client.unload()


@pytest.fixture
def tokenizer(tmp_path):
    """Return a folder that has a tokenizer's chat template."""
    config = {"chat_template": TEMPLATE, "bos_token": "<s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(tmp_path)


@pytest.fixture
def listing(scripted, http, good):
    """Return a function that starts a scripted server which lists models and then gives answers."""

    def start(*names, answers=()):
        models = {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
        return scripted(http(body=models), *(answers or [http(body=good)]))

    return start


# --- the page


def test_attributes(vllm):
    """The attributes have the names and the defaults of the page."""
    client = vllm(max_retries=6, timeout=120)
    plain = ClientvLLM()
    names = ("base_url", "max_retries", "timeout", "httpx_client_kwargs", "tokenizer", "tokenizer_revision")

    assert [getattr(plain, name) for name in names] == ["http://localhost:8000", 6, 120, None, None, None]
    assert plain._aclient is None
    assert client.base_url == "http://localhost:8000"


def test_example(simulator, vllm, tokenizer):
    """The example of the page runs: load, then texts for each input, as a list of lists."""
    llm = vllm(simulator(), tokenizer=tokenizer)
    llm.load()
    results = llm.generate_outputs(
        inputs=[[{"role": "user", "content": "Hello, how are you?"}]],
        temperature=0.7,
        top_p=1.0,
        max_new_tokens=256,
    )

    assert llm._aclient is not None
    assert [[type(text) for text in texts] for texts in results] == [[str]]
    assert results[0][0]


def test_several_generations_in_order(simulator, vllm):
    """Each input has `num_generations` texts, in the order of the inputs."""
    llm = vllm(simulator())
    inputs = [[{"role": "user", "content": f"Question {i}"}] for i in range(40)]
    together = llm.generate_outputs(inputs, num_generations=3, seed=4)

    assert [len(set(texts)) for texts in together] == [3] * 40
    assert together[7] == llm.generate_outputs([inputs[7]], 3, seed=4)[0]
    assert llm.generate_outputs([]) == []
    assert llm.generate_outputs(iter(inputs[7:8]), 3, seed=4) == [together[7]]


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_base_url_with_or_without_version(listing, vllm, path):
    """`base_url` may end in /v1 or not."""
    server = listing("m")
    llm = vllm(server.base_url.removesuffix("/v1") + path)
    llm.generate_outputs([HELLO])

    assert [request.line.split()[1] for request in server.requests] == ["/v1/models", "/v1/chat/completions"]


def test_runtime_parameters(simulator, nowhere, vllm):
    """What the page calls runtime parameters may be changed until `load`, again and again, and is checked."""
    llm = vllm(nowhere, timeout=3)
    llm.base_url, llm.max_retries, llm.timeout = simulator().base_url, 1, 30
    llm.httpx_client_kwargs = {"headers": {"x-team": "a"}}
    llm.load()
    assert llm.generate_outputs([HELLO])
    assert llm._longest_attempt == 30
    llm.base_url = simulator(models=("other",)).base_url
    llm.load()
    assert llm.model_name == "other"
    for name, wrong in [
        ("max_retries", -1),
        ("timeout", 0),
        ("base_url", "no"),
        ("httpx_client_kwargs", {"a": 1}),
    ]:
        before = getattr(llm, name)
        setattr(llm, name, wrong)
        with pytest.raises(ConfigError, match=name):
            llm.load()
        setattr(llm, name, before)


def test_retries(simulator, vllm):
    """`max_retries` further attempts are made, and the error says how many there were."""
    server = simulator(faults=Faults(error_500=1))
    with pytest.raises(Exception, match="500") as failed:
        vllm(server, max_retries=2).generate_outputs([HELLO])

    assert failed.value.attempts == 3


# --- the request


def test_what_is_sent(listing, vllm):
    """Parameters go out under vLLM's names; those that are None, and keys of other servers, do not."""
    server = listing("m")
    vllm(server).generate_outputs(
        [HELLO],
        temperature=None,
        top_k=20,
        seed=3,
        stop=["x"],
        min_p=0.1,
        repetition_penalty=1.1,
        ignore_eos=True,
        stop_token_ids=[2],
        extra_body={"brand_new": 1},
        frequency_penalty=None,
        structured_outputs={"regex": "a+"},
    )

    assert server.requests[-1].json == {
        "model": "m",
        "messages": HELLO,
        "max_tokens": 128,
        "top_p": 1.0,
        "top_k": 20,
        "seed": 3,
        "stop": ["x"],
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "ignore_eos": True,
        "stop_token_ids": [2],
        "brand_new": 1,
        "structured_outputs": {"regex": "a+"},
    }


def test_tokenizer(listing, http, vllm, tokenizer):
    """With a tokenizer its template is applied here, and the server adds no second beginning."""
    text = http(body={"choices": [{"index": 0, "text": " So.", "finish_reason": "stop"}]})
    server = listing("m", answers=[text])
    llm = vllm(server, tokenizer=tokenizer)

    assert llm.generate_outputs([HELLO], extra_body={"logprobs": True, "top_logprobs": 2}) == [[" So."]]
    request = server.requests[-1]
    assert request.line.startswith("POST /v1/completions")
    assert request.json["prompt"] == WRITTEN
    assert request.json["add_special_tokens"] is False
    assert request.json["logprobs"] == 2
    assert "top_logprobs" not in request.json
    llm.generate_outputs(["As it is"], extra_body={"logprobs": False})
    assert server.requests[-1].json["prompt"] == "As it is"
    assert not {"add_special_tokens", "logprobs"} & set(server.requests[-1].json)


def test_tokenizer_revision(vllm):
    """Tokenizer and revision are read at `load`; one that cannot be had is an error that names it."""
    llm = vllm(tokenizer="./no-such-folder", tokenizer_revision="main")
    with pytest.raises(ConfigError, match="no-such-folder"):
        llm.load()


def test_keys(simulator, vllm, monkeypatch):
    """A server with keys is given `api_key`, or the variable of `api_key_env`, and never another server's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other-" + "c3d4" * 5)
    monkeypatch.setenv("MY_KEY", KEY)
    server = simulator(api_keys=[KEY])

    assert vllm(server, api_key=KEY).generate_outputs([HELLO])
    llm = vllm(server, api_key_env="MY_KEY")
    assert llm.generate_outputs([HELLO])
    assert llm.environment[0] == "MY_KEY"
    assert not any(name.endswith("API_KEY") for name in vllm(server).environment)
    for wrong in ({}, {"api_key": KEY[:-1] + "x"}):
        with pytest.raises(AuthenticationError) as refused:
            vllm(server, **wrong).load()
        assert KEY[:-1] not in str(refused.value)
    assert KEY not in repr(vars(llm))


async def fresh_key():
    """Return a key, as the SDK asks for it."""
    return "fresh"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "EMPTY"),
        ({"httpx_client_kwargs": {"trust_env": False}}, "EMPTY"),
        ({"httpx_client_kwargs": {"trust_env": False}, "api_key_env": "MY_KEY"}, "mine"),
        ({"api_key": fresh_key}, "fresh"),
        ({"httpx_client_kwargs": {"headers": {"X-Team": "a"}, "trust_env": False}}, "EMPTY"),
    ],
)
def test_nothing_of_another_server(listing, vllm, monkeypatch, options, key):
    """What the environment holds for OpenAI is not sent to a vLLM server, by whichever transport."""
    monkeypatch.setenv("MY_KEY", "mine")
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}\nX-Other: {KEY}\nx-team: {KEY}")
    server = listing("m")
    llm = vllm(server, **options)
    llm.generate_outputs([HELLO])

    assert len(server.requests) == 2
    for request in server.requests:
        assert request.headers["authorization"] == f"Bearer {key}"
        assert not any(KEY in value for value in request.headers.values())
        assert not {"openai-organization", "openai-project", "x-other"} & set(request.headers)
        given = options.get("httpx_client_kwargs", {}).get("headers", {}).get("X-Team")
        assert request.headers.get("x-team") == given
    assert llm.environment == (("MY_KEY",) if "api_key_env" in options else ())


# --- models


def test_the_only_model(listing, vllm):
    """The one model that a server has is asked, by its name; it is looked up once."""
    server = listing("meta-llama/Llama-3.1-8B")
    llm = vllm(server)
    llm.generate_outputs([HELLO])
    llm.generate_outputs([HELLO])

    assert llm.model_name == "meta-llama/Llama-3.1-8B"
    assert server.requests[-1].json["model"] == "meta-llama/Llama-3.1-8B"
    assert len(server.requests) == 3


def test_several_models(simulator, vllm):
    """Of several models, as with LoRA adapters, one is chosen by name; errors list the names."""
    server = simulator(models=("base", "adapter"))
    for act in (ClientvLLM.load, lambda llm: llm.generate_outputs([HELLO])):
        with pytest.raises(ConfigError, match=r"several models \(base, adapter\): choose one"):
            act(vllm(server))
    with pytest.raises(ModelNotFoundError, match=r"not serve the model other: it serves base, adapter"):
        vllm(server, model="other").load()
    llm = vllm(server, model="adapter")
    llm.load()

    assert llm.model_name == "adapter"
    assert llm.generate_outputs([HELLO])


def test_no_list_of_models(scripted, http, good, vllm):
    """Where a server lists no models the model must be named; then it is asked."""
    server = scripted(http(404, {"detail": "Not Found"}), http(404, {"detail": "Not Found"}), http(body=good))
    with pytest.raises(ConfigError, match="lists no models: choose one"):
        vllm(server).load()
    llm = vllm(server, model="m")
    llm.load()

    assert llm.generate_outputs([HELLO]) == [["So."]]


def test_nobody_there(nowhere, vllm):
    """`load` says when no server answers."""
    with pytest.raises(UnreachableError, match="check base_url"):
        vllm(nowhere).load()


# --- what comes back


def test_one_bad_input_costs_itself(scripted, http, good, vllm, tokenizer, caplog):
    """An input that fails has None for its texts, and the log says why; the others are kept."""
    too_long = http(
        400, {"error": {"message": "maximum context length", "type": "BadRequestError", "code": 400}}
    )
    server = scripted(http(body=good), too_long)
    llm = vllm(server, model="m", tokenizer=tokenizer, max_concurrent_requests=1)
    with caplog.at_level(logging.WARNING, "nemo_sdg"):
        results = llm.generate_outputs([HELLO, [{"role": "tool", "content": "x"}], HELLO], 2)

    assert results == [["So."], [None, None], [None, None]]
    assert "2 of 3 inputs failed; the first:" in caplog.text
    outcomes = llm.complete_all([[{"role": "tool", "content": "x"}], HELLO])
    assert [type(outcome) for outcome in outcomes] == [TemplateError, ContextLengthError]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([], "the input is empty"),
        (None, "the input is a NoneType"),
        (float("nan"), "the input is a float"),
        (["Hello"], "message 1 of the input is a str"),
        ([*HELLO, None], "message 2 of the input is a NoneType"),
    ],
)
@pytest.mark.parametrize("template", [False, True])
def test_an_input_that_is_none_costs_itself(simulator, vllm, tokenizer, wrong, says, template):
    """An input without messages, or that is neither messages nor text, has None; the others are answered."""
    llm = vllm(simulator(), tokenizer=tokenizer if template else None)
    first, second, third = llm.generate_outputs([HELLO, HELLO, wrong], 2)
    (outcome,) = llm.complete_all([wrong])

    assert all(isinstance(text, str) for text in first + second)
    assert third == [None, None]
    assert isinstance(outcome, RowError)
    assert str(outcome) == f"{says}: give a list of {{'role': ..., 'content': ...}}, or a text"


def test_all_fail(scripted, http, good, vllm):
    """When no input succeeds the first error is raised, of a filter too."""
    refused = http(400, {"error": {"message": "no", "type": "BadRequestError", "code": 400}})
    with pytest.raises(BadRequestError):
        vllm(scripted(refused), model="m").generate_outputs([HELLO, HELLO])
    good["choices"][0].update(message={"content": None}, finish_reason="content_filter")
    with pytest.raises(ContentFilterError):
        vllm(scripted(http(body=good)), model="m").generate_outputs([HELLO])


def test_fatal_at_once(simulator, vllm):
    """A wrong key ends the call with its error, not with texts that are None."""
    llm = vllm(simulator(api_keys=[KEY]), model="m", api_key="wrong-key")
    with pytest.raises(AuthenticationError):
        llm.generate_outputs([HELLO] * 100)


def test_all_that_the_server_said(scripted, http, good, vllm):
    """`complete_all` returns completions, with logprobs and usage."""
    good["choices"][0]["logprobs"] = {"content": [{"token": "So", "logprob": -0.5}]}
    server = scripted(http(body=good))
    config = GenerationConfig(extra_kwargs={"logprobs": True, "top_logprobs": 2})
    (said,) = vllm(server, model="m").complete_all([HELLO], config)

    assert isinstance(said, Completion)
    assert said.logprobs == [{"content": [{"token": "So", "logprob": -0.5}]}]
    assert said.usage.completion_tokens == 2
    assert server.requests[-1].json["top_logprobs"] == 2


def test_structured(simulator, vllm):
    """A schema and a choice are followed; what the server does not know it refuses."""
    from pydantic import BaseModel

    class Grade(BaseModel):
        score: int

    llm = vllm(simulator())
    assert llm.generate_outputs([HELLO], structured_outputs={"choice": ["yes", "no"]})[0][0] in ("yes", "no")
    assert Grade.model_validate_json(llm.generate_outputs([HELLO], structured_outputs={"json": Grade})[0][0])
    with pytest.raises(BadRequestError, match="structured_outputs"):
        llm.generate_outputs([HELLO], structured_outputs={"grammar": "root ::= 'x'"})


@pytest.mark.parametrize("inputs", ["Hello", HELLO, HELLO[0]])
def test_one_conversation_is_no_list(vllm, inputs):
    """One conversation in the place of a list of them is said."""
    with pytest.raises(ConfigError, match="inputs is one conversation"):
        vllm(model="m").generate_outputs(inputs)


def test_within_a_running_loop(simulator, vllm):
    """`generate_outputs` works where an event loop runs already, as in a notebook, beside `query_model`."""
    llm = vllm(simulator())

    async def main():
        texts = llm.generate_outputs([HELLO], seed=1, temperature=0.0)[0]
        beside = await llm.query_model(HELLO, llm.model_name, max_tokens=128, seed=1, top_p=1.0)
        await llm.close()
        return texts, beside

    texts, beside = asyncio.run(main())
    assert texts == beside


# --- httpx_client_kwargs


def test_headers_and_params(scripted, http, good, vllm):
    """Headers and params go with every request, without httpx."""
    server = scripted(http(body=good))
    llm = vllm(server, model="m", httpx_client_kwargs={"headers": {"X-Team": "a"}, "params": {"v": 2}})
    llm.generate_outputs([HELLO])

    assert server.requests[-1].headers["x-team"] == "a"
    assert server.requests[-1].line.split()[1] == "/v1/chat/completions?v=2"
    assert type(llm._aclient).__name__ == "LeanTransport"


def test_own_certificates(vllm, tmp_path):
    """`verify` names certificate authorities, or turns the check off; without, the server is not trusted."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with SimulatorThread(SimulatorSettings(), ssl_context=context) as server:
        for verify in (str(file), False):
            llm = vllm(server, httpx_client_kwargs={"verify": verify})
            assert llm.generate_outputs([HELLO])
        with pytest.raises(UnreachableError, match="certificate"):
            vllm(server, httpx_client_kwargs={"verify": True}).load()


def test_through_a_proxy(scripted, http, good, vllm):
    """`proxy` has requests go through it; its password is in no error."""
    proxy = scripted(http(body=good), http(500, b"no way for user:pass-" + KEY.encode()))
    address = proxy.base_url.removeprefix("http://").removesuffix("/v1")
    llm = vllm(
        "http://vllm.invalid:8000",
        model="m",
        max_retries=0,
        httpx_client_kwargs={"proxy": f"http://user:pass-{KEY}@{address}"},
    )
    assert llm.generate_outputs([HELLO]) == [["So."]]
    assert proxy.requests[0].line.split()[1] == "http://vllm.invalid:8000/v1/chat/completions"
    with pytest.raises(Exception, match="500") as failed:
        llm.generate_outputs([HELLO])
    assert KEY not in str(failed.value)


# --- as the client of stages


def stage_rows(stage, ledger=None):
    """Return what `stage` makes of two rows, and its ledger."""
    ledger = ledger or MemoryLedger()
    batch = pa.table({"row_id": [0, 1], "messages": [HELLO, HELLO]})

    async def main():
        stage.setup()
        try:
            return await stage.process_paid(batch, ledger)
        finally:
            await stage.close_paid()

    return asyncio.run(main()).to_pylist(), ledger


def test_in_a_stage(simulator, vllm, tokenizer):
    """A stage asks through it, after pickling too, with the chat template of its tokenizer in the keys."""
    server = simulator()
    llm = vllm(server, tokenizer=tokenizer)
    llm.load()
    stage = LLMGenerationStage(llm, llm.model_name)
    rows, ledger = stage_rows(pickle.loads(pickle.dumps(stage)))
    chat = LLMGenerationStage(vllm(server), llm.model_name)

    assert all(row["text"] for row in rows)
    assert stage_rows(stage, ledger)[0] == rows
    assert len(ledger.completions) == 2
    stage_rows(chat, ledger)
    assert len(ledger.completions) == 4
    assert stage.settings()["conversation_formatter"] == HuggingFaceFormatter(tokenizer).identity
    assert chat.settings()["conversation_formatter"] is None


def test_in_a_pool(listing, http, vllm, tokenizer):
    """A pool of them formats with their tokenizer."""
    server = listing("m", answers=[http(body={"choices": [{"index": 0, "text": "So."}]})])
    pool = AsyncEndpointPool([vllm(server, tokenizer=tokenizer), vllm("http://127.0.0.1:1")])

    async def main():
        await pool.check("m")
        texts = await pool.query_model(HELLO, "m")
        await pool.close()
        return texts

    assert asyncio.run(main()) == ["So."]
    assert server.requests[-1].json["prompt"] == WRITTEN
    assert server.requests[-1].json["add_special_tokens"] is False


def test_limits_are_the_clusters(simulator, vllm):
    """Its limits and its identity are those of any client: URL and credential."""
    server = simulator()
    llm = vllm(server, limits={"requests_per_minute": 60})
    others = [vllm(server.base_url.removesuffix("/v1")), vllm(server, api_key=KEY)]

    assert llm.limits.requests_per_minute == 60
    assert llm.identity == others[0].identity != others[1].identity
    assert llm.endpoints == (server.base_url,)


def test_what_cannot_travel(vllm):
    """A TLS context cannot be pickled, and the error says what can."""
    llm = vllm(httpx_client_kwargs={"verify": ssl.create_default_context()})
    with pytest.raises(ConfigError, match="give verify as the path"):
        pickle.dumps(llm)
