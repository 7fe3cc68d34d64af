from __future__ import annotations

import pytest

from nemo_sdg import (
    AsyncLLMClient,
    AsyncOpenAIClient,
    JsonlWriter,
    LLMGenerationStage,
    Pipeline,
    PromptTemplateStage,
    RewardStage,
    SampleSource,
)
from nemo_sdg.client import AsyncEndpointPool
from nemo_sdg.errors import MissingColumnError
from nemo_sdg.simulator import Limits

KEYS = {"api_keys": frozenset({"the-right-key"}), "models": ("llama-big",)}


@pytest.fixture
def checked(tmp_path):
    """Return a function that checks a pipeline with the stages that are given."""

    def check(*stages, output=tmp_path / "out", **options):
        source = SampleSource(40, {"language": ["English"]})
        steps = [source, PromptTemplateStage("In {language}."), *stages, JsonlWriter(path=output)]
        return Pipeline("p", stages=steps).checkup(**options)

    return check


def client(url, key="the-right-key", **options):
    """Return a client."""
    return AsyncOpenAIClient(base_url=url, api_key=key, **options)


def test_a_job_that_is_fine(checked, simulator, tmp_path):
    """One tiny question shows the key, the model, the latency and the limits; nothing is left behind."""
    endpoint = simulator(**KEYS, limits=Limits(requests_per_minute=600))
    asked_of = []

    found = checked(LLMGenerationStage(client(endpoint.base_url), "llama-big"), told=asked_of.append)

    (one,) = found.endpoints
    assert (found.status, found.rows, found.asked) == (0, 40, True)
    assert [step.name for step in found.steps][:2] == ["sample_source", "prompt_template"]
    assert (found.steps[1].needs, found.steps[1].adds) == (["language"], ["messages"])
    assert (one.answered, one.listed, one.key, one.problem) == (True, True, "accepted", "")
    assert one.limits == {"requests": 600}
    assert one.latency > 0
    assert asked_of == [1]
    assert endpoint.stats()["by_status"] == {"200": 1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "model", "expected", "words"),
    [
        ("a-wrong-key", "llama-big", ("refused", None), "check it"),
        ("the-right-key", "llama-bik", ("accepted", False), "check model"),
    ],
)
def test_what_is_wrong_and_what_to_do(checked, simulator, key, model, expected, words):
    """A wrong key and a wrong model are told apart, each with its remedy and the status of a failure."""
    url = simulator(**KEYS).base_url

    found = checked(LLMGenerationStage(client(url, key), model))

    (one,) = found.endpoints
    assert (found.status, one.answered, (one.key, one.listed)) == (1, False, expected)
    assert words in one.problem
    assert model != "llama-bik" or "did you mean llama-big?" in one.note


def test_an_endpoint_that_is_away(checked):
    """Where nothing answers, that is said, and nothing about the key."""
    found = checked(LLMGenerationStage(client("http://127.0.0.1:9/v1", base_delay=0), "m"))

    (one,) = found.endpoints
    assert (found.status, one.error, one.key) == (1, "UnreachableError", "not known")


def test_a_key_that_is_not_set_is_a_wrong_config(checked):
    """A variable that is not set gives status 2; what can be asked is asked all the same."""
    away = AsyncOpenAIClient(base_url="http://127.0.0.1:9/v1", api_key_env="NOT_SET_ANYWHERE")

    found = checked(LLMGenerationStage(away, "m"), LLMGenerationStage(away, "m", prefix="b_"))

    (one,) = found.endpoints
    assert (found.status, one.key, one.stages) == (2, "missing", ["llm_generation"] * 2)
    assert "export NOT_SET_ANYWHERE" in one.problem


def test_each_endpoint_and_model_once(checked, simulator):
    """Members of a pool are asked each by its own name for the model; stages that ask the same, together."""
    first, second = simulator(), simulator()
    pool = AsyncEndpointPool([client(first.base_url), client(second.base_url)], [None, "other"])

    found = checked(
        LLMGenerationStage(pool, "m"),
        LLMGenerationStage(client(first.base_url), "m", prefix="b_"),
        RewardStage(client(second.base_url), "reward"),
    )

    assert [(one.endpoint, one.model, len(one.stages)) for one in found.endpoints] == [
        (first.base_url, "m", 2),
        (second.base_url, "other", 1),
        (second.base_url, "reward", 1),
    ]
    assert found.status == 0
    assert (first.stats()["by_status"], second.stats()["by_status"]) == ({"200": 1}, {"200": 2})


class OfTheUser(AsyncLLMClient):
    """Opens what it needs in `setup`."""

    def setup(self):
        """Open."""
        self.words = ["So."]

    async def _query_model_impl(self, messages, model, conversation_formatter=None, generation_config=None):  # noqa: ARG002
        if model == "broken":
            raise KeyError("nothing")
        return self.words


@pytest.mark.parametrize(("model", "answered"), [("m", True), ("broken", False)])
def test_a_client_of_ones_own(checked, model, answered):
    """It is set up first, and whatever it raises is what is wrong with its endpoint."""
    (found,) = checked(LLMGenerationStage(OfTheUser(), model)).endpoints
    assert found.answered is answered
    assert ("KeyError" in (found.problem or "")) is not answered


def test_without_asking(checked):
    """Without `ask` endpoints are named, and nothing is sent or missed."""
    away = AsyncOpenAIClient(base_url="http://127.0.0.1:9/v1", api_key_env="NOT_SET_ANYWHERE")

    found = checked(LLMGenerationStage(away, "m"), ask=False)

    assert (found.status, found.asked, found.endpoints[0].endpoint) == (0, False, "http://127.0.0.1:9/v1")


def test_an_output_that_cannot_be_used(checked, tmp_path):
    """An output with files of others, or below a file, is wrong config, said with what to do."""
    (tmp_path / "notes.txt").write_text("mine")

    for output in (tmp_path, tmp_path / "notes.txt" / "out"):
        found = checked(output=output)
        assert (found.status, "choose a" in found.output_problem) == (2, True)


def test_a_run_that_cannot_be_gone_on_with(checked, simulator, run, tmp_path):
    """What `run` would refuse, for the answers that the output holds, is what is wrong with the output."""
    url = simulator(**KEYS).base_url

    def stages(temperature):
        config = {"temperature": temperature}
        return LLMGenerationStage(client(url), "llama-big", generation_config=config)

    steps = [SampleSource(40, {"language": ["English"]}), PromptTemplateStage("In {language}."), stages(0.1)]
    run(Pipeline("p", stages=[*steps, JsonlWriter(path=tmp_path / "out")]))

    assert not checked(stages(0.1), ask=False).output_problem
    assert "temperature: 0.1 then, 0.9 now" in checked(stages(0.9), ask=False).output_problem


def test_columns_are_checked_first():
    """A column that no step makes ends it before anything is asked."""
    with pytest.raises(MissingColumnError, match="needs the column 'messages'"):
        Pipeline(
            "p",
            stages=[
                SampleSource(1, {}),
                LLMGenerationStage(client("http://127.0.0.1:9/v1"), "m"),
                JsonlWriter(path="out"),
            ],
        ).checkup()
