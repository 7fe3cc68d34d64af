from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Literal

import pyarrow as pa
import pytest
from pydantic import BaseModel, Field

from nemo_sdg import (
    AsyncOpenAIClient,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    SampleSource,
)
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.errors import ConfigError, ServerError
from nemo_sdg.simulator import Answers, Faults
from nemo_sdg.stages import MemoryLedger
from nemo_sdg.stages.rows import split_rejected


class Home(BaseModel):
    city: str
    rooms: int = Field(ge=0, le=9)


class Person(BaseModel):
    name: str
    kind: Literal["x", "y"]
    home: Home
    tags: list[str] | None = None
    mark: int | str = 0


class Scripted(AsyncLLMClient):
    """Answers from a list, and keeps what it was asked."""

    def __init__(self, *texts) -> None:
        super().__init__(max_concurrent_requests=1, max_retries=0)
        self.texts = list(texts)
        self.asked = []

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, model, conversation_formatter=None, generation_config=None):  # noqa: ARG002
        self.asked.append((messages, generation_config))
        if isinstance(self.texts[0], Exception):
            raise self.texts.pop(0)
        return [self.texts.pop(0) for _ in range(generation_config.n or 1)]


class Forgetful(MemoryLedger):
    """A ledger that gives answers up as `--retry` does."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = Counter()

    def forget(self, which):
        """Give up the answers whose texts are `which`."""
        for key, completion in list(self.completions.items()):
            if completion.texts == [which]:
                del self.completions[key]
                self.forgotten[key[:-24]] += 1

    def times_forgotten(self, question):
        """See `Ledger.times_forgotten`."""
        return self.forgotten[question]


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def batch(rows=1):
    """Return rows with messages."""
    messages = [[{"role": "user", "content": f"Row {number}."}] for number in range(rows)]
    return pa.table({"row_id": pa.array(range(rows), pa.int64()), "messages": messages})


def process(stage, ledger=None, rows=1):
    """Return the rows that a stage makes, and its rejections."""
    return split_rejected(asyncio.run(stage.process_paid(batch(rows), ledger or MemoryLedger())))


def pipeline(base_url, output, *, retries=0, number=40, more=(), **options):
    """Return a pipeline that asks for persons."""
    client = AsyncOpenAIClient(
        base_url=base_url, api_key="none", base_delay=0.01, max_retries=retries, max_concurrent_requests=8
    )
    config = {"temperature": 0.9, "seed": 1, **options.pop("generation_config", {})}
    options = {"response_format": Person, "seed_per_row": True, **options}
    steps = [SampleSource(number, {"language": ["English"]}), PromptTemplateStage("Someone in {language}.")]
    steps.append(LLMGenerationStage(client, "m", generation_config=config, **options))
    return Pipeline("p", stages=[*steps, *more, ParquetWriter(output)])


@pytest.mark.parametrize("manner", ["obeyed", "refused", "ignored"])
def test_answers_land_in_typed_columns(simulator, go, rows_in, tmp_path, manner):
    """Whatever the server does with the field, all rows are there and typed, for one request more at most."""
    endpoint = simulator(answers=Answers(response_format=manner))

    report, _ = go(pipeline(endpoint.base_url, tmp_path))

    rows = rows_in(tmp_path)
    assert rows.schema.field("home").type == pa.struct([("city", pa.string()), ("rooms", pa.int64())])
    assert rows.schema.field("tags").type == pa.list_(pa.string())
    assert (rows.schema.field("kind").type, rows.schema.field("mark").type) == (pa.string(), pa.string())
    assert (report.counts.rows_written, report.counts.rows_rejected) == (40, 0)
    assert all(json.loads(row["text"])["home"] == row["home"] for row in rows.to_pylist())
    assert endpoint.stats()["requests"] == report.counts.requests == (40 if manner == "obeyed" else 41)


def test_columns_are_known_before_the_run(tmp_path):
    """A later stage may need a field's column, with the prefix; one that no field makes is missed in time."""
    ok = pipeline("http://127.0.0.1:9", tmp_path, prefix="p_", more=[PromptTemplateStage("{p_name}")])
    wrong = pipeline("http://127.0.0.1:9", tmp_path, prefix="p_", more=[PromptTemplateStage("{name}")])

    ok.check()
    with pytest.raises(ConfigError, match="name"):
        wrong.check()


@pytest.mark.parametrize("reply", ["reasoning_content", "think"])
def test_a_resumed_run_pays_for_no_answer_twice(simulator, go, rows_in, tmp_path, reply):
    """Answers and corrections from before a stop are found again; the rows are those of a run in one go."""
    answers = Answers(wrong=0.3, reasoning=reply)
    whole, stopped = (
        simulator(answers=answers),
        simulator(answers=answers, faults=Faults(unauthorized_after=30)),
    )
    go(pipeline(whole.base_url, tmp_path / "whole", reasoning=True), shard_rows=10)
    go(pipeline(stopped.base_url, tmp_path / "out", reasoning=True), shard_rows=10)
    stopped.control(faults=Faults())
    stopped.reset_stats()

    report, _ = go(pipeline(stopped.base_url, tmp_path / "out", reasoning=True))

    assert report.state == "finished"
    assert stopped.stats()["requests"] == whole.stats()["requests"] - 30
    assert rows_in(tmp_path / "out").equals(rows_in(tmp_path / "whole"))
    assert set(rows_in(tmp_path / "out").column("reasoning").to_pylist()) != {None}
    assert (report.counts.reasoning_tokens > 0) == (reply == "reasoning_content")


def test_rejected_rows_are_asked_again(simulator, go, rows_in, tmp_path):
    """Rows that corrections could not save are rejected with the reason, and asked anew with another seed."""
    endpoint = simulator(answers=Answers(wrong=0.5))
    report, _ = go(pipeline(endpoint.base_url, tmp_path, correction_turns=2), shard_rows=10)
    files = (tmp_path / "rejected").iterdir()
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert 0 < report.counts.rows_rejected < 20
    assert {line["error"] for line in lines} == {"ParseError"}
    assert all("name: Field required" in line["message"] for line in lines)
    assert all("after 2 correction turns" in line["message"] for line in lines)
    assert all(line["answer"] == '{"answer": "something else"}' for line in lines)

    for _ in range(6):
        report, _ = go(pipeline(endpoint.base_url, tmp_path, correction_turns=2), retry="rejected")

    assert (report.counts.rows_rejected, report.counts.rows_written) == (0, 40)
    assert rows_in(tmp_path).column("row_id").to_pylist() == list(range(40))
    assert report.counts.requests == endpoint.stats()["requests"]


def test_a_failed_correction_is_asked_again_alone():
    """Where the server fails at the correction the row is rejected for that, and its answer stays in use."""
    client = Scripted("wrong", ServerError("down"), '{"n": 1}')
    stage = LLMGenerationStage(client, "m", response_format=SCHEMA)
    ledger = MemoryLedger()

    _, rejections = process(stage, ledger)
    rows, _ = process(stage, ledger)

    assert [(each.error, each.attempts) for each in rejections] == [("ServerError", 1)]
    assert rows.column("n").to_pylist() == [1]
    assert len(client.asked) == 3


def test_what_was_made_before_stays_as_it_was():
    """Without a format and reasoning, neither settings nor columns nor keys are other than before."""
    stage = LLMGenerationStage(Scripted("a"), "m", seed_per_row=True)
    ledger = MemoryLedger()

    process(stage, ledger)

    assert not {"reasoning", "response_format", "structured", "correction_turns"} & stage.settings().keys()
    assert stage.adds == ("text", "model", "finish_reason", "prompt_tokens", "completion_tokens", "seed")
    assert list(ledger.completions) == ["0-9f918f996c85e91643afcca6"]


def test_a_correction_has_a_key_of_its_own():
    """The answer and its correction are recalled each under its own key, of the row and the stage."""
    stage = LLMGenerationStage(Scripted('{"n": "x"}', '{"n": 1}'), "m", response_format=SCHEMA, prefix="p_")
    ledger = MemoryLedger()

    first, _ = process(stage, ledger)
    again, _ = process(stage, ledger)

    assert first.equals(again)
    assert first.column("p_n").to_pylist() == [1]
    assert len(stage.client.asked) == len(ledger.completions) == 2
    assert {key[:-24] for key in ledger.completions} == {"0-p_"}


def test_a_correction_that_was_given_up_leaves_the_answer_in_use():
    """After giving up only the correction, only the correction is asked again."""
    client = Scripted("wrong", "cut off", '{"n": 7}')
    stage = LLMGenerationStage(client, "m", response_format=SCHEMA, seed_per_row=True)
    ledger = Forgetful()
    process(stage, ledger)

    ledger.forget("cut off")
    rows, _ = process(stage, ledger)

    assert rows.column("n").to_pylist() == [7]
    assert len(client.asked) == 3


def test_an_answer_that_was_given_up_is_asked_with_another_seed():
    """After giving up the answer and its correction, both are asked anew, with a seed of their own."""
    client = Scripted("wrong", "worse", "bad", '{"n": 7}')
    stage = LLMGenerationStage(client, "m", response_format=SCHEMA, seed_per_row=True, structured="prompt")
    ledger = Forgetful()
    _, rejections = process(stage, ledger)
    ledger.forget("wrong")
    ledger.forget("worse")

    rows, _ = process(stage, ledger)

    assert len(rejections) == 1
    seeds = [config.seed for _, config in client.asked]
    assert seeds[0] == seeds[1] != seeds[2] == seeds[3] == rows.column("seed")[0].as_py()


def test_each_choice_is_corrected_alone():
    """With n above 1 each wrong choice gets its own corrections, of one choice each."""
    client = Scripted('{"n": 1}', "wrong", "wrong", '{"n": 2}', "worse")
    stage = LLMGenerationStage(client, "m", response_format=SCHEMA, generation_config={"n": 3})

    rows, rejections = process(stage)

    assert rows.column("n").to_pylist() == [1, 2]
    assert rows.column("choice").to_pylist() == [0, 1]
    assert len(rejections) == 1
    assert [config.n for _, config in client.asked] == [3, 1, 1]


def test_a_stage_may_parse_besides():
    """A subclass's parser gets the answer that followed the format, without its reasoning."""

    class Length(LLMGenerationStage):
        parsed = (pa.field("length", pa.int64()),)

        def parse(self, text, row):  # noqa: ARG002 - the hook
            return {"length": len(text)}

    rows, _ = process(Length(Scripted('<think>hm</think>{"n": 1}'), "m", response_format=SCHEMA))

    assert rows.select(["n", "length", "text"]).to_pylist() == [{"n": 1, "length": 8, "text": '{"n": 1}'}]


def test_reasoning_is_a_column_when_asked():
    """With `reasoning` the text is split; without, it is as the server sent it."""
    text = "<think>hm</think>Yes."

    rows, _ = process(LLMGenerationStage(Scripted(text), "m", reasoning=True, prefix="p_"))
    plain, _ = process(LLMGenerationStage(Scripted(text), "m"))

    assert rows.select(["p_text", "p_reasoning", "p_reasoning_tokens"]).to_pylist() == [
        {"p_text": "Yes.", "p_reasoning": "hm", "p_reasoning_tokens": None}
    ]
    assert plain.column("text").to_pylist() == [text]


@pytest.mark.parametrize("extra", [{"response_format": {}}, {"extra_body": {"response_format": {}}}])
def test_two_formats_are_refused(extra):
    """A format in the config's extra_kwargs beside the stage's is a ConfigError."""
    with pytest.raises(ConfigError, match="twice"):
        LLMGenerationStage(Scripted(), "m", response_format=SCHEMA, generation_config={"extra_kwargs": extra})
