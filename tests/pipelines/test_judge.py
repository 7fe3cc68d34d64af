from __future__ import annotations

from pathlib import Path

import pytest

from nemo_sdg.config import load_config
from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.judge import build
from nemo_sdg.simulator.manners import Answers

ROOT = Path(__file__).parents[2]


def make(server, tmp_path, **changes):
    """Return the pipeline of the config that comes with the package."""
    told = {"base_url": server.base_url, "model": "m", "output": str(tmp_path / "out")}
    return build(
        load_config(
            ROOT / "configs/judge.yaml", {"input": str(ROOT / "configs/qa_pairs.jsonl"), **told, **changes}
        )
    )


def test_the_config(simulator, run, rows_in, tmp_path):
    """Rows keep their columns and have scores; those below the threshold go, and nothing else."""
    server = simulator()
    kept = run(make(server, tmp_path))
    below = rows_in(tmp_path / "out")
    everything = run(make(server, tmp_path, keep_at_least=None))
    rows = rows_in(tmp_path / "out")

    assert rows.column_names[:4] == ["row_id", "id", "question", "answer"]
    assert (rows.num_rows, everything.counts.rows_rejected) == (12, 0)
    assert all(1 <= score <= 5 for score in rows["judge_clarity"].to_pylist())
    assert rows["judge_correctness_reason"].null_count == 0
    good = [row for row in rows.to_pylist() if row["judge_correctness"] >= 3]
    assert below.to_pylist() == good
    assert kept.counts.filtered == {"score_filter": 12 - len(good)}
    assert 0 < len(good) < 12
    assert server.stats()["completions"] == 12  # a threshold that changes asks for nothing


def test_of_another_run(simulator, run, rows_in, tmp_path):
    """The output of a run is an input; a prompt shows any of its columns, and reasoning is kept."""
    server = simulator()
    run(make(server, tmp_path / "first", keep_at_least=None))
    thinking = simulator(answers=Answers(reasoning="think"))
    changes = {"input": str(tmp_path / "first/out"), "prompt": "{judge_clarity_reason}", "prefix": "again_"}
    run(make(thinking, tmp_path, **changes, columns=["id"], reasoning=True, keep_at_least=None))
    rows = rows_in(tmp_path / "out")

    assert rows.column_names[:3] == ["row_id", "judge_clarity_reason", "id"]
    assert rows["again_reasoning"].null_count == 0
    assert rows.num_rows == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": "{anwser}"}, "a column in prompt is 'anwser', but the input has id, question, answer"),
        ({"criteria": {}}, "criteria"),
        ({"criteria": {"a b": "x"}, "keep_at_least": None}, "criteria has the name 'a b'"),
        ({"keep_at_least": {"clearness": 3}}, "'clearness', which is no criterion: the criteria are corr"),
        ({"keep_at_least": {"clarity": 6}}, "keep_at_least of clarity is 6, outside of the scale"),
        ({"scale": [5, 1], "keep_at_least": None}, r"scale is \(5, 1\)"),
        ({"correction_turns": 11}, "correction_turns"),
    ],
)
def test_mistakes(simulator, tmp_path, changes, message):
    """A wrong rubric, threshold or column is refused before anything is asked."""
    server = simulator()
    with pytest.raises(ConfigError, match=message):
        make(server, tmp_path, **changes)
    assert server.stats()["requests"] == 0
