from __future__ import annotations

import asyncio
import threading

import pyarrow as pa
import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    JsonlWriter,
    LengthFilter,
    LLMGenerationStage,
    Pipeline,
    PromptTemplateStage,
    SampleSource,
    Stage,
)
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.errors import AuthenticationError, ConfigError, ParseError
from nemo_sdg.stages import DocumentJoiner, DocumentSplitter, JsonlReader


class Judge(LLMGenerationStage):
    requires = ("text",)
    parsed = (pa.field("grade", pa.int32()),)

    def messages_for(self, row):
        return [{"role": "user", "content": f"Grade: {row['text'][:10]}"}]

    def parse(self, text, row):  # noqa: ARG002
        raise ParseError(f"{text[:4]!r} is no grade")


class Upper(Stage):
    def process(self, batch):
        text = pa.array([value.upper() for value in batch.column("text").to_pylist()])
        return batch.set_column(batch.schema.get_field_index("text"), "text", text)


@pytest.fixture
def client(simulator):
    """Return a client of a simulated endpoint."""
    return AsyncOpenAIClient(base_url=simulator().base_url, api_key="none", max_retries=0, base_delay=0)


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that makes a pipeline of 40 rows and the stages that are given."""

    def make(*stages, source=None):
        source = source or SampleSource(40, {"language": ["English", "French"]})
        prompt = [PromptTemplateStage("In {language}.")] if isinstance(source, SampleSource) else []
        return Pipeline("p", stages=[source, *prompt, *stages, JsonlWriter(path=tmp_path / "out")])

    return make


def by_row(preview):
    """Return the rows of a preview in the order of the input."""
    return sorted(preview, key=lambda trace: trace.row_id)


def test_what_is_asked_and_answered_is_told(pipeline, client, tmp_path):
    """Each row comes with the exact messages, the raw answer and its tokens; nothing is written."""
    preview = pipeline(LLMGenerationStage(client, "m"), Upper()).preview(3)

    traces = by_row(preview)

    assert [trace.row_id for trace in traces] == [0, 1, 2]
    assert len(preview) == 3
    first = traces[0]
    assert [stage.stage for stage in first.stages] == ["prompt_template", "llm_generation", "upper"]
    (asked,) = first.exchanges
    assert asked.messages == [{"role": "user", "content": f"In {first.row['language']}."}]
    generated = first.stages[1].made[0].added
    assert generated["text"] == asked.texts[0]
    assert (generated["prompt_tokens"], generated["completion_tokens"]) == (
        asked.prompt_tokens,
        asked.completion_tokens,
    )
    assert first.stages[2].made[0].changed == {"text": asked.texts[0].upper()}
    assert (first.fate, first.made[0]["text"]) == ("kept", asked.texts[0].upper())
    assert not (tmp_path / "out").exists()


def test_several_stages_that_ask_and_what_they_refuse(pipeline, client):
    """With two stages that ask each has its own exchange; a refused answer is told with its reason."""
    preview = pipeline(LLMGenerationStage(client, "m"), Judge(client, "j", prefix="j_")).preview(2)

    for trace in preview:
        generated, judged = trace.stages[1:]
        assert judged.exchanges[0].messages[0]["content"] == f"Grade: {generated.exchanges[0].texts[0][:10]}"
        assert judged.exchanges[0].texts
        (refused,) = judged.rejected
        assert (refused.error, trace.fate) == ("ParseError", "rejected")
        assert "is no grade" in refused.message
    assert preview.summary().rejected == {"judge: ParseError": 2}


def test_rows_that_are_left_out_say_by_what(pipeline, client):
    """A filter's row ends at it, with its settings and the columns that it looked at."""
    (trace,) = pipeline(LLMGenerationStage(client, "m"), LengthFilter(min_words=1000), Upper()).preview(1)

    last = trace.stages[-1]
    assert (trace.fate, last.stage, last.filtered) == ("filtered", "length_filter", 1)
    assert last.settings["min_words"] == 1000
    assert last.settings["text"] == trace.exchanges[0].texts[0]


class NoneOf(Stage):
    def __init__(self, api_key):
        self.api_key = api_key

    def process(self, batch):
        return batch.slice(0, 0)


def test_settings_are_shown_without_credentials(pipeline):
    """What a stage was given is shown without a key among it."""
    (trace,) = pipeline(NoneOf("very-secret")).preview(1)

    assert "very-secret" not in str(trace)
    assert trace.stages[-1].settings["api_key"] == "(not shown)"


def test_a_row_that_becomes_several_and_one_again(pipeline, client, tmp_path):
    """Segments of a document are shown as its rows, with a request each, and joined ones are no loss."""
    words = " ".join(f"word{number}" for number in range(60))
    (tmp_path / "in.jsonl").write_text(f'{{"text": "{words}"}}\n')
    stages = [
        DocumentSplitter(column="text", output="part", max_tokens=40),
        PromptTemplateStage("{part}"),
        LLMGenerationStage(client, "m", prefix="a_"),
        DocumentJoiner(columns=["a_text"]),
    ]

    (trace,) = pipeline(*stages, source=JsonlReader(tmp_path / "in.jsonl")).preview(5)

    split, _, asked, joined = trace.stages
    assert len(split.made) == len(asked.exchanges) == asked.rows > 1
    assert {change.added["part"] for change in split.made} == {
        exchange.messages[0]["content"] for exchange in asked.exchanges
    }
    assert (joined.joined, joined.filtered, len(trace.made)) == (asked.rows - 1, 0, 1)


def test_which_rows(pipeline, client):
    """`first` says where to begin; there may be fewer rows than were wanted; none is said."""
    made = pipeline(LLMGenerationStage(client, "m"))

    assert [trace.row_id for trace in by_row(made.preview(5, first=38, shard_rows=7))] == [38, 39]
    with pytest.raises(ConfigError, match="the input has rows 0 to 39"):
        made.preview(1, first=40)
    with pytest.raises(ConfigError, match="rows is 0"):
        made.preview(0)


def test_what_it_cost_and_what_the_job_would(pipeline, client):
    """The summary has tokens and money of the preview, and of the whole job at that rate."""
    preview = pipeline(LLMGenerationStage(client, "m")).preview(
        4, prices={"prompt": 1_000_000, "completion": 0}
    )
    list(preview)

    summary = preview.summary()

    assert (summary.rows, summary.kept, summary.rows_total) == (4, 4, 40)
    assert summary.spent.requests == 4
    assert summary.spent.cost == summary.spent.prompt_tokens > 0
    assert summary.projected.requests == 40
    assert summary.projected.cost == pytest.approx(10 * summary.spent.cost)


def test_a_request_that_fails_is_told(pipeline, simulator):
    """A failed request has its messages and why there is no answer."""
    from nemo_sdg.simulator import Faults

    endpoint = simulator(faults=Faults(error_500=1.0))
    client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", max_retries=0, base_delay=0)

    (trace,) = pipeline(LLMGenerationStage(client, "m")).preview(1)

    (asked,) = trace.exchanges
    assert asked.messages[0]["content"].startswith("In ")
    assert (trace.fate, asked.texts) == ("rejected", [])
    assert "the server failed" in asked.error


def test_what_ends_a_job_ends_a_preview(pipeline, simulator):
    """A key that is refused ends it at once, with what to do, whichever row heard of it first."""
    client = AsyncOpenAIClient(
        base_url=simulator(api_keys=frozenset({"right"})).base_url, api_key="wrong-key", max_retries=0
    )

    with pytest.raises(AuthenticationError, match="does not accept the API key"):
        list(pipeline(LLMGenerationStage(client, "m")).preview(8))


class Never(AsyncLLMClient):
    """Answers the first request alone."""

    def __init__(self):
        super().__init__(max_concurrent_requests=8)
        self.first = threading.Event()

    def __getstate__(self):
        return {**super().__getstate__(), "first": None}

    def __deepcopy__(self, _):
        return self

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, model, conversation_formatter=None, generation_config=None):  # noqa: ARG002
        if not self.first.is_set():
            self.first.set()
            return ["done"]
        await asyncio.sleep(3600)
        return []


def test_rows_come_as_they_are_done_and_one_may_stop(pipeline):
    """A row is there while others are in flight; who stops listening does not wait for these."""
    preview = pipeline(LLMGenerationStage(Never(), "m")).preview(3)
    coming = iter(preview)

    assert next(coming).made[0]["text"] == "done"
    coming.close()

    assert preview.summary().rows == 1
