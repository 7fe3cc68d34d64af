"""Real servers for the tests, from the environments that NEMO_SDG_VLLM and NEMO_SDG_LITELLM name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nemo_sdg import ClientvLLM
from nemo_sdg.config import load_config
from nemo_sdg.pipelines.multilingual_qa import build
from nemo_sdg.simulator import SimulatorSettings, SimulatorThread
from tests.real.servers import KEYS, VLLM, VLLM_KEY, LiteLLM

QA = Path(__file__).parents[2] / "configs" / "multilingual_qa.yaml"
LABELLED = {"regex": "Question: [a-z]{3,8} [a-z]{3,8}\\?\\nAnswer: [a-z]{3,8} [a-z]{3,8}\\."}
"""What has a model without weights answer as the QA pipeline wants it."""


_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request):
    """Return a function that has a line shown when all tests are done."""
    return request.config.stash.setdefault(_FIGURES, []).append


def pytest_terminal_summary(terminalreporter, config):
    """Show the figures."""
    for line in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(line)


def environment(variable, program, how):
    """Return the virtual environment that a variable names; skip where there is none."""
    place = os.environ.get(variable, "")
    if not (Path(place) / "bin" / program).is_file():
        pytest.skip(f"{variable} names no virtual environment with {program}: {how}")
    return place


@pytest.fixture(scope="session")
def vllm_environment():
    """Return the environment that has vLLM."""
    return environment("NEMO_SDG_VLLM", "vllm", "benchmarks/vllm_server.py says how to make one")


@pytest.fixture(scope="session")
def vllm(vllm_environment, tmp_path_factory):
    """Return a vLLM server with one model and no key."""
    server = VLLM(vllm_environment, tmp_path_factory.mktemp("vllm") / "model")
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def adapters(vllm_environment, tmp_path_factory):
    """Return a vLLM server with two names for its model, an adapter, and a key."""
    folder = tmp_path_factory.mktemp("adapters") / "model"
    flags = ["--served-model-name", "tiny", "alias", "--api-key", VLLM_KEY]
    server = VLLM(vllm_environment, folder, "--lora", "adapter", "--", *flags)
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def behind():
    """Return the simulated endpoint that stands behind the proxy."""
    with SimulatorThread(SimulatorSettings()) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def proxy(tmp_path_factory, behind, request):
    """Return LiteLLM's proxy in front of a simulated endpoint, and of vLLM where that is installed."""
    place = environment("NEMO_SDG_LITELLM", "litellm", "make one with: uv pip install 'litellm[proxy]'")
    models = {"simulated": ("openai/simulated", behind.base_url)}
    if os.environ.get("NEMO_SDG_VLLM"):
        models["tiny"] = ("hosted_vllm/tiny", request.getfixturevalue("vllm").base_url)
    server = LiteLLM(place, tmp_path_factory.mktemp("litellm") / "proxy", models)
    yield server
    server.stop()


@pytest.fixture
def keys(monkeypatch):
    """Return names of environment variables that hold the proxy's keys."""
    names = {}
    for key in KEYS:
        names[key.split("-")[1]] = name = f"{key.split('-')[1].upper()}_KEY"
        monkeypatch.setenv(name, key)
    return names


@pytest.fixture
def client():
    """Yield a function that makes a ClientvLLM; all are unloaded with the test."""
    made = []

    def make(server, **options):
        made.append(ClientvLLM(server.base_url, **options))
        return made[-1]

    yield make
    for one in made:
        one.unload()


@pytest.fixture
def qa(run, rows_in, tmp_path):
    """Return a function that runs the project's QA config against a server; it returns report and rows."""

    def go(server, rows, name="out", **changes):
        output = tmp_path / name
        given = {
            "base_url": server.base_url,
            "model": "tiny",
            "num_samples": rows,
            "output": str(output),
            "check_language": False,
            "generation.max_tokens": 120,
            "client.max_concurrent_requests": 4,  # this vLLM ends on some seeded requests when there are many
            **changes,
        }
        if given["model"] != "simulated":
            given["generation.extra_kwargs"] = {"structured_outputs": LABELLED}
        report = run(build(load_config(QA, given)))
        return report, rows_in(output)

    return go
