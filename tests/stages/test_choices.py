from __future__ import annotations

import asyncio
import json

import pyarrow as pa
import pytest

from nemo_sdg import AsyncOpenAIClient, LLMGenerationStage, ParquetWriter, Pipeline, PromptTemplateStage
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.client.answer import completion_from
from nemo_sdg.errors import ConfigError, RowError, ServerError
from nemo_sdg.simulator import Answers, Faults
from nemo_sdg.stages import MemoryLedger, SampleSource
from nemo_sdg.stages.rows import split_rejected

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Scripted(AsyncLLMClient):
    """Answers from a list of answers, each a list of texts or an error; a request takes 3 and 5 tokens."""

    def __init__(self, *answers) -> None:
        super().__init__(max_concurrent_requests=1, max_retries=0)
        self.answers = list(answers)

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, model, conversation_formatter=None, generation_config=None):
        raise NotImplementedError

    async def complete(self, messages, model, conversation_formatter=None, generation_config=None):  # noqa: ARG002
        """Return the next answer."""
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        choices = [_choice(index, text) for index, text in enumerate(answer)]
        usage = {"prompt_tokens": 3, "completion_tokens": 5}
        return completion_from({"model": "m", "choices": choices, "usage": usage})


def _choice(index, text):
    reason = "stop" if text else "content_filter"
    return {"index": index, "message": {"content": text}, "finish_reason": reason}


class Short(LLMGenerationStage):
    """Refuses long answers, and makes a column whose values must be small."""

    parsed = (pa.field("length", pa.int8()), pa.field("first", pa.string()))

    def parse(self, text, row):  # noqa: ARG002 - the hook
        """Refuse, or count."""
        if text == "long":
            raise RowError("too long")
        return {"length": 1000 if text == "misfit" else len(text), "first": text[:1]}


def process(*answers, stage=LLMGenerationStage, ledger=None, **options):
    """Return what a stage with lists makes of rows with these answers, and its rejections."""
    rows = [[{"role": "user", "content": f"Row {number}."}] for number in range(len(answers))]
    batch = pa.table({"row_id": pa.array(range(len(answers)), pa.int64()), "messages": rows})
    options = {"choices": "list", "generation_config": {"n": 2}, **options}
    asking = stage(Scripted(*answers), "m", **options)
    made, rejections = split_rejected(asyncio.run(asking.process_paid(batch, ledger or MemoryLedger())))
    assert set(made.column_names) <= {"row_id", "messages", *asking.adds}
    assert set(asking.adds) <= set(made.column_names)
    return made, rejections


def test_a_row_stays_one_with_a_list_of_its_answers():
    """Texts and reasons are lists, the model and the tokens of the request stand once."""
    rows, rejections = process(["a", "b"], ["c", "d"], prefix="p_")

    assert rejections == []
    assert rows.drop_columns(["messages", "p_seed"]).to_pylist() == [
        {
            "row_id": number,
            "p_text": texts,
            "p_model": "m",
            "p_finish_reason": ["stop", "stop"],
            "p_prompt_tokens": 3,
            "p_completion_tokens": 5,
            "p_choice_error": [None, None],
        }
        for number, texts in enumerate((["a", "b"], ["c", "d"]))
    ]
    assert rows.schema.field("p_text").type == pa.list_(pa.string())


def test_rows_count_a_request_once():
    """As rows, the tokens of the request are those of choice 0: the sum over rows is what was paid."""
    rows, _ = process(["a", "b"], choices="rows")

    assert rows.select(["row_id", "choice", "text"]).to_pylist() == [
        {"row_id": 0, "choice": 0, "text": "a"},
        {"row_id": 0, "choice": 1, "text": "b"},
    ]
    assert rows.column("completion_tokens").to_pylist() == [5, 0]
    assert rows.column("prompt_tokens").to_pylist() == [3, 0]


def test_a_choice_that_cannot_be_used_is_null_beside_the_others():
    """What a parser refuses, and a value that does not fit its column, leave nulls with the reason."""
    rows, rejections = process(["long", "ok"], ["misfit", "fine"], ["", "x"], stage=Short)

    assert rejections == []
    assert rows.column("length").to_pylist() == [[None, 2], [None, 4], [None, 1]]
    assert rows.column("first").to_pylist() == [[None, "o"], [None, "f"], [None, "x"]]
    assert rows.column("text").to_pylist() == [["long", "ok"], ["misfit", "fine"], ["", "x"]]
    reasons = [reasons[0].split(":")[0] for reasons in rows.column("choice_error").to_pylist()]
    assert reasons == ["RowError", "ParseError", "ContentFilterError"]
    assert {reasons[1] for reasons in rows.column("choice_error").to_pylist()} == {None}


def test_a_row_is_rejected_when_none_can_be_used():
    """Its answers and all reasons are in the rejection; a request that failed has lists of nothing."""
    ledger = MemoryLedger()
    answers = (["long", "misfit"], ServerError("down"), ["a", "b"])

    rows, (none, failed) = process(*answers, stage=Short, ledger=ledger)

    assert rows.column("row_id").to_pylist() == [2]
    assert (none.row_id, none.error, none.message, none.answer) == (0, "RowError", "too long", None)
    assert none.row["text"] == ["long", "misfit"]
    assert none.kept == [key for key in ledger.completions if key.startswith("0-")]
    assert [reason.split(":")[0] for reason in none.row["choice_error"]] == ["RowError", "ParseError"]
    assert (failed.row_id, failed.error) == (1, "ServerError")
    assert (failed.answer, failed.row["choice_error"]) == (None, None)


def test_formats_and_reasoning_are_lists_too():
    """Typed columns and reasoning are lists; tokens have those of corrections in them."""
    thought = '<think>hm</think>{"n": 1}'
    answers = [[thought, "wrong"], ['{"n": 2}']]  # the second corrects the first's second choice
    stage = LLMGenerationStage(
        Scripted(*answers),
        "m",
        choices="list",
        generation_config={"n": 2},
        response_format=SCHEMA,
        reasoning=True,
    )
    batch = pa.table({"row_id": [0], "messages": [[{"role": "user", "content": "x"}]]})

    (row,) = asyncio.run(stage.process_paid(batch, MemoryLedger())).to_pylist()

    assert (row["n"], row["reasoning"], row["text"]) == ([1, 2], ["hm", None], ['{"n": 1}', '{"n": 2}'])
    assert (row["prompt_tokens"], row["completion_tokens"], row["reasoning_tokens"]) == (6, 10, None)


def test_answers_of_other_numbers_than_asked_for():
    """A server that gives fewer choices than asked for gives shorter lists, and no row another's answers."""
    lists, _ = process(["a"], ["b", "c"])
    rows, _ = process(["a", "b", "c"], ["d"], choices="rows")

    assert lists.column("text").to_pylist() == [["a"], ["b", "c"]]
    assert rows.select(["row_id", "text"]).to_pylist() == [
        {"row_id": number, "text": text} for number, text in ((0, "a"), (0, "b"), (0, "c"), (1, "d"))
    ]


def test_an_empty_table_has_the_same_columns():
    """No rows make no rows, of the same types as rows make."""
    some, _ = process(["a", "b"], stage=Short)
    none, _ = process(stage=Short)

    names = [name for name in some.column_names if name != "messages"]
    assert none.select(names).schema == some.select(names).schema


@pytest.mark.parametrize("choices", ["rows", "list"])
def test_a_resumed_run_has_the_same_rows(simulator, go, rows_in, tmp_path, choices):
    """After a stop the rows are those of a run in one go, and the tokens of the rows what was paid."""
    answers = Answers(wrong=0.2)
    whole = simulator(answers=answers)
    stopped = simulator(answers=answers, faults=Faults(unauthorized_after=13))

    def job(endpoint, folder):
        client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", max_retries=0, base_delay=0.01)
        config = {"n": 3, "temperature": 0.9, "seed": 1}
        stage = LLMGenerationStage(
            client,
            "m",
            generation_config=config,
            seed_per_row=True,
            response_format=SCHEMA,
            choices=choices,
        )
        source = SampleSource(20, {"language": ["English"]})
        steps = [source, PromptTemplateStage("In {language}"), stage, ParquetWriter(folder)]
        return Pipeline("p", stages=steps)

    report, _ = go(job(whole, tmp_path / "whole"))
    go(job(stopped, tmp_path / "out"), shard_rows=4)
    stopped.control(faults=Faults())

    again, _ = go(job(stopped, tmp_path / "out"))

    assert again.state == "finished"
    order = [("row_id", "ascending"), *([("choice", "ascending")] if choices == "rows" else [])]
    assert rows_in(tmp_path / "out").sort_by(order).equals(rows_in(tmp_path / "whole").sort_by(order))
    rejected = [
        json.loads(line)["row"]["completion_tokens"]
        for file in (tmp_path / "whole" / "rejected").glob("*")
        for line in file.read_text().splitlines()
    ]
    kept = sum(rows_in(tmp_path / "whole").column("completion_tokens").to_pylist())
    assert kept + sum(rejected) == report.counts.completion_tokens


def test_other_ways_are_refused():
    """`choices` is rows or list."""
    with pytest.raises(ConfigError, match="choices is 'column': give one of rows, list"):
        LLMGenerationStage(Scripted(), "m", choices="column")
