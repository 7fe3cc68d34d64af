from __future__ import annotations

import asyncio
import json

import pyarrow as pa
import pytest

from nemo_sdg import RubricJudgeStage, ScoreFilter
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.rows import split_rejected

RUBRIC = {"correct": "All is {true}.", "clear": "Short words."}
ROWS = pa.table({"row_id": [0, 1], "answer": ["yes", "no"], "messages": ["kept", "kept"]})


class Judge(AsyncLLMClient):
    """Answers from a list, and writes down what it was asked."""

    def __init__(self, *answers):
        super().__init__(max_concurrent_requests=1)
        self.answers = list(answers)
        self.asked = []

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, _model, _formatter=None, generation_config=None):
        self.asked.append((messages, generation_config))
        answer = self.answers.pop(0)
        return [answer if isinstance(answer, str) else json.dumps(answer)]


def judged(*answers, batch=ROWS, **options):
    """Return rows, rejections and what was asked."""
    client = Judge(*answers)
    stage = RubricJudgeStage(client, "m", **{"criteria": RUBRIC, "prompt": "A: {answer}", **options})
    return *split_rejected(asyncio.run(stage.process(batch))), client.asked


def scores(correct, clear):
    """Return an answer."""
    return {"correct_reason": "r", "correct": correct, "clear_reason": "s", "clear": clear}


def test_typed_columns():
    """Each criterion has a whole number and a reason; what was asked holds rubric, scale and row."""
    rows, rejected, asked = judged(scores(1, 5), scores(4, 2), scale=(0, 10), system_prompt="Be strict.")

    assert rejected == []
    assert rows.schema.field("judge_correct").type == pa.int64()
    assert rows["judge_correct"].to_pylist() == [1, 4]
    assert rows["judge_clear_reason"].to_pylist() == ["s", "s"]
    assert rows["messages"].to_pylist() == ["kept", "kept"]
    system, user = (message["content"] for message in asked[0][0])
    assert system.startswith("Be strict.\n")
    assert "from 0 (not met at all) to 10" in system
    assert system.endswith("Criteria:\n- correct: All is {true}.\n- clear: Short words.")
    assert user == "A: yes"
    form = asked[0][1].extra_kwargs["response_format"]["json_schema"]
    assert list(form["schema"]["properties"]) == ["correct_reason", "correct", "clear_reason", "clear"]


def test_scores_outside_of_the_scale():
    """A score off the scale is corrected by the model, or its row rejected with what is wrong."""
    rows, rejected, asked = judged(scores(6, 5), scores(5, 5), scores(0, 1), scores(9, 1), batch=ROWS)

    assert rows["judge_correct"].to_pylist() == [5]
    assert [each.row_id for each in rejected] == [1]
    assert "correct: 9 is greater than the maximum of 5" in rejected[0].message
    assert len(asked) == 4


def test_rows_are_kept_by_their_scores():
    """ScoreFilter takes the same names and the same prefix."""
    rows, _, _ = judged(scores(1, 5), scores(4, 2), prefix="j_")

    assert ScoreFilter(at_least={"correct": 2}, prefix="j_").process(rows)["row_id"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criteria": {}}, "criteria is {}"),
        ({"criteria": ["a"]}, r"criteria is \['a'\]: give names"),
        ({"criteria": {"two words": "x"}}, "has the name 'two words'"),
        ({"criteria": {"a": " "}}, "the criterion a is ' '"),
        ({"criteria": {"a": "x", "a_reason": "y"}}, "a_reason, which holds the reason of another"),
        ({"criteria": {"model": "x"}}, "'judge_model'"),
        ({"scale": (5, 1)}, r"scale is \(5, 1\)"),
        ({"scale": (1, 2.5)}, r"scale is \(1, 2.5\)"),
        ({"scale": 5}, "scale is 5"),
        ({"prompt": "What?"}, "prompt names no column"),
    ],
)
def test_rubrics_of_no_use(options, message):
    """What cannot be meant is refused."""
    with pytest.raises(ConfigError, match=message):
        judged(**options)
