from __future__ import annotations

import json

import pytest
import yaml

from nemo_sdg.client import AsyncEndpointPool, AsyncOpenAIClient, ClientvLLM, Hedge
from nemo_sdg.config import load_config
from nemo_sdg.errors import ConfigError
from nemo_sdg.limits import Limits
from nemo_sdg.pipelines.multilingual_qa import Config, build

A, B = "https://a.example/v1", "https://b.example/v1"
ENDPOINTS = [
    {"base_url": A, "api_key_env": "KEY_A", "limits": {"requests_per_minute": 6000}},
    {"base_url": B, "api_key_env": "KEY_B", "model": "other-name", "max_concurrent_requests": 8},
]


@pytest.fixture
def tokenizer(tmp_path):
    """Return a folder that has a tokenizer's chat template."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    template = "{% for m in messages %}{{ m.content }}{% endfor %} Answer in two lines."
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return str(folder)


@pytest.fixture
def config(tmp_path):
    """Return a function that reads a config with the given values, through a file as a person would."""

    def read(**values):
        file = tmp_path / "job.yaml"
        given = {
            "pipeline": "multilingual_qa",
            "num_samples": 40,
            "languages": ["English", "French"],
            "prompt": "Write in {language}. Question: Answer:",
            "model": "m",
            "output": str(tmp_path / "out"),
            **values,
        }
        file.write_text(yaml.safe_dump({key: value for key, value in given.items() if value is not None}))
        return load_config(file)

    return read


def test_several_endpoints(config):
    """Each endpoint has its own URL, key, model, limits and places; where it says nothing, the client's."""
    made = config(endpoints=ENDPOINTS, client={"max_concurrent_requests": 16, "timeout": 60})
    pool = made.new_client()

    assert not made.simulated
    assert isinstance(pool, AsyncEndpointPool)
    assert pool.endpoints == (A, B)
    assert pool.models == [None, "other-name"]
    assert [client.api_key_env for client in pool.clients] == ["KEY_A", "KEY_B"]
    assert [client.max_concurrent_requests for client in pool.clients] == [16, 8]
    assert [client.limits for client in pool.clients] == [Limits(requests_per_minute=6000), Limits()]
    assert [client.timeout for client in pool.clients] == [60, 60]


def test_one_endpoint(config):
    """Without `endpoints` there is one client, for base_url."""
    client = config(base_url=A).new_client()

    assert isinstance(client, AsyncOpenAIClient)
    assert client.endpoints == (A,)


def test_hedge(config):
    """`client.hedge` reaches the client, and each endpoint's; without it nothing is sent twice."""
    client = {"hedge": {"after_percentile": 95}}

    assert config(base_url=A, client=client).new_client().hedge == Hedge(after_percentile=95)
    assert config(base_url=A).new_client().hedge is None
    pool = config(endpoints=ENDPOINTS, client=client).new_client()
    assert {member.hedge for member in pool.clients} == {Hedge(after_percentile=95)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base_url": A}, "base_url and endpoints are both given: put base_url into each of the endpoints"),
        ({"api_key_env": "KEY"}, "api_key_env and endpoints are both given"),
        ({"limits": {"requests_per_minute": 5}}, "limits and endpoints are both given"),
        ({"endpoints": []}, "endpoints is empty: give at least one, or leave it out"),
        ({"endpoints": [{"api_key_env": "KEY"}]}, "base_url"),
        ({"endpoints": [{"base_url": A, "url": B}]}, "url"),
        ({"endpoints": [{"base_url": A, "api_key_env": "sk-1"}]}, "give the name of an environment variable"),
        ({"endpoints": [{"base_url": A, "limits": {"rpm": 3}}]}, "limits has no rpm"),
        (
            {"endpoints": [{"base_url": A}, {"base_url": A, "model": "m"}]},
            "endpoints has https://a.example/v1 twice",
        ),
        ({"model": None}, "model is missing: name the model"),
        ({"client": {"hedge": {"max_extra": 3}}}, "hedge.max_extra is 3"),
    ],
)
def test_endpoints_of_no_use(config, values, message):
    """What cannot be meant is refused with what to do."""
    with pytest.raises(ConfigError, match=message):
        config(**{"endpoints": ENDPOINTS, **values})


def test_a_run_over_several(simulator, run, rows_in, tmp_path):
    """A job is shared among its endpoints; the report names them all and the notes one that is of no use."""
    peers = [simulator(), simulator(), simulator(models=("other",))]
    endpoints = [{"base_url": peer.base_url, "api_key_env": "PATH"} for peer in peers]
    values = {
        "pipeline": "multilingual_qa",
        "num_samples": 200,
        "languages": ["English", "French"],
        "prompt": "Write in {language}. Question: Answer:",
        "model": "m",
        "output": tmp_path / "out",
        "endpoints": endpoints,
    }

    report = run(build(Config.model_validate(values)))

    assert report.state == "finished"
    assert report.endpoints == sorted(peer.base_url for peer in peers)
    assert report.counts.failures == 0
    assert rows_in(tmp_path / "out").num_rows == report.counts.rows_written > 0
    first, second, third = (peer.stats()["completions"] for peer in peers)
    assert first + second == 200
    assert min(first, second) > 20
    assert third == 0


@pytest.mark.parametrize(
    "values",
    [
        {"num_samples": True},
        {"workers": True},
        {"max_rejected": True},
        {"stop_within": False},
        {"client": {"max_retries": True}},
        {"endpoints": [{"base_url": A, "max_concurrent_requests": True}]},
        {"limits": {"requests_per_minute": True}},
        {"generation": {"n": True}},
    ],
)
def test_a_truth_value_is_no_number(config, values):
    """Where a number belongs, true and false are refused rather than taken for 1 and 0."""
    with pytest.raises(ConfigError, match=r"(?i)(true|false) is no number|is True: give"):
        config(**values)

    assert config(check_language=False).check_language is False


def test_a_vllm_server(simulator, config, run, rows_in, tmp_path, tokenizer):
    """`client: {kind: vllm, tokenizer: ...}` asks a vLLM server's /completions, for a whole run."""
    server = simulator()
    url = server.base_url.removesuffix("/v1")
    made = config(base_url=url, client={"kind": "vllm", "tokenizer": tokenizer, "max_retries": 2})
    client = made.new_client()
    report = run(build(made))

    assert isinstance(client, ClientvLLM)
    assert (client.tokenizer, client.max_retries) == (tokenizer, 2)
    assert type(config(base_url=url).new_client()) is AsyncOpenAIClient
    assert report.counts.rows_written == rows_in(tmp_path / "out").num_rows == 40
    with pytest.raises(ConfigError, match=r"set client\.kind to vllm"):
        config(base_url=url, client={"tokenizer": tokenizer})
