from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    ExplodeList,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    RepeatRows,
    Stage,
)
from nemo_sdg.client import AsyncEndpointPool, GenerationConfig
from nemo_sdg.errors import ConfigError, NothingSucceedsError
from nemo_sdg.limits import Tokens
from nemo_sdg.planner.walk import SAMPLE, look_at
from nemo_sdg.simulator import Faults, Latency, Limits
from nemo_sdg.stages import PromptTemplateStage, SampleSource

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that makes a pipeline of so many rows, stages that ask, and others before them."""

    def make(*stages, rows=1_000, prompt="x" * 400 + "{language}"):
        source = SampleSource(rows, {"language": ["English", "French"]})
        writer = ParquetWriter(path=tmp_path / "out")
        return Pipeline("p", stages=[source, PromptTemplateStage(prompt), *stages, writer])

    return make


@pytest.fixture
def asking():
    """Return a function that makes a stage that asks; no key is to be had."""

    def make(url=NOWHERE, prefix="", model="m", choices="rows", **config):
        client = AsyncOpenAIClient(base_url=url, api_key_env="NOT_SET_ANYWHERE", max_concurrent_requests=7)
        if url != NOWHERE:
            client = AsyncOpenAIClient(base_url=url, api_key="none", max_retries=0, base_delay=0)
        config = GenerationConfig(**config)
        return LLMGenerationStage(client, model, generation_config=config, prefix=prefix, choices=choices)

    return make


class Half(Stage):
    def process(self, batch):
        return batch.filter(pa.array([row % 2 == 0 for row in range(batch.num_rows)]))


def none_of(batch):
    """Leave no row."""
    return batch.slice(0, 0)


def test_prompts_of_the_first_rows_are_looked_at(pipeline, asking):
    """Without a request, or a key, the tokens are those that the client would estimate."""
    job = look_at(pipeline(asking(max_tokens=300)))

    (asked,) = job.asked
    assert (job.rows, job.measured) == (1_000, None)
    assert (asked.model, asked.endpoint, asked.places) == ("m", NOWHERE, 7)
    assert asked.requests_per_row == 1
    assert len(asked.tokens) == SAMPLE
    assert set(asked.tokens) <= {Tokens(1 + (400 + 4 + length) // 4, 300) for length in (6, 7)}


def test_rows_that_are_left_out_before_are_not_asked(pipeline, asking):
    """A filter in front of the stage that asks halves the requests, and one that leaves nothing is named."""
    assert look_at(pipeline(Half(), asking())).asked[0].requests_per_row == 0.5

    with pytest.raises(ConfigError, match=r"none of the first 200 rows has a prompt .*\(none_of\)"):
        look_at(pipeline(none_of, asking()))


def test_each_stage_that_asks_is_counted(pipeline, asking):
    """A second stage asks once for each answer of the first, with prompts that hold what came before."""
    first, second = look_at(
        pipeline(asking(max_tokens=100, n=3), asking(prefix="b_", model="judge", max_tokens=10))
    ).asked

    assert (first.requests_per_row, second.requests_per_row) == (1, 3)
    assert second.guessed
    assert second.completion == 10
    assert second.prompt == pytest.approx(first.prompt + 300)


@pytest.mark.parametrize(("choices", "third"), [("rows", 6), ("list", 2)])
def test_answers_in_lists_are_one_row(pipeline, asking, choices, third):
    """Stages after one with lists are asked once a row, after one with rows once an answer."""
    stages = [asking(n=3, choices=choices), asking(prefix="b_", n=2), asking(prefix="c_")]

    asked = look_at(pipeline(*stages)).asked

    assert [each.requests_per_row for each in asked] == [1, third / 2, third]


@pytest.mark.parametrize(("second", "together"), [(600, 900), (None, None)])
def test_a_pool_is_planned_as_one_endpoint(pipeline, second, together):
    """Several endpoints allow together what each does; where one says nothing, nothing is known."""
    clients = [
        AsyncOpenAIClient(base_url=f"{NOWHERE}{number}", limits={"requests_per_minute": limit})
        for number, limit in enumerate((300, second))
    ]

    (asked,) = look_at(pipeline(LLMGenerationStage(AsyncEndpointPool(clients), "m"))).asked

    assert asked.limits.requests_per_minute == together
    assert (asked.endpoints, asked.places) == (2, 10)
    assert asked.endpoint == f"{NOWHERE}0 {NOWHERE}1"


def test_measuring_asks_for_the_first_rows_alone(pipeline, asking, simulator):
    """With `measure` so many requests are sent; latencies, tokens and limits are those of the answers."""
    endpoint = simulator(latency=Latency(median=0.05), limits=Limits(requests_per_minute=60_000))
    told = []

    job = look_at(
        pipeline(asking(endpoint.base_url), asking(prefix="b_")), None, 5, lambda *at: told.append(at)
    )

    assert endpoint.stats()["by_status"] == {"200": 5}
    assert told == [(done, 5) for done in range(1, 6)]
    assert len(job.measured.latencies) == 5
    assert min(job.measured.latencies) >= 0.05
    assert job.measured.limits == {"requests": 60_000}
    first, second = job.asked
    assert len(first.tokens) == 5
    assert first.completion != 256
    assert not second.guessed


def test_progress_counts_what_is_asked(pipeline, asking, simulator):
    """Rows that are left out before are not waited for: the last news is that all are answered."""
    told = []

    look_at(pipeline(Half(), asking(simulator().base_url)), None, 6, lambda *at: told.append(at))

    assert told[-1] == (3, 3)


def test_an_endpoint_that_answers_nothing_is_an_error(pipeline, asking, simulator):
    """When no request of a measurement succeeds there is nothing to plan with, and the reason is told."""
    endpoint = simulator(faults=Faults(error_500=1.0))

    with pytest.raises(NothingSucceedsError, match=r"none of 3 requests was answered.*--measure"):
        look_at(pipeline(asking(endpoint.base_url)), None, 3)


def test_a_pipeline_that_asks_nobody_cannot_be_planned(pipeline):
    """Where no stage asks a model there is an error that says so."""
    with pytest.raises(ConfigError, match="pipeline p asks no model"):
        look_at(pipeline())


def test_rows_that_become_several(pipeline, asking):
    """Stages behind one that asks are asked as often as there are rows then, where stages say how many."""
    lists = [asking(), ExplodeList("text", max_items=4), asking(prefix="b_"), RepeatRows("of", ["x", "y"])]
    job = look_at(pipeline(*lists, asking(prefix="c_")))

    assert [asked.requests_per_row for asked in job.asked] == [1, 4, 8]
