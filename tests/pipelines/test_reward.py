from __future__ import annotations

import json
from pathlib import Path

import pytest

from nemo_sdg import AsyncOpenAIClient, RewardStage
from nemo_sdg.config import load_config
from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.reward import build
from nemo_sdg.simulator import Faults
from nemo_sdg.stages.reward import HELPSTEER

ROOT = Path(__file__).parents[2]
SCORES = [f"reward_{name}" for name in HELPSTEER]
CHAT = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


def make(server, tmp_path, **changes):
    """Return the pipeline of the config that comes with the package."""
    told = {"base_url": server.base_url, "model": "reward", "output": str(tmp_path / "out")}
    return build(
        load_config(
            ROOT / "configs/reward.yaml", {"input": str(ROOT / "configs/qa_pairs.jsonl"), **told, **changes}
        )
    )


def test_the_config(simulator, run, rows_in, tmp_path):
    """Rows keep their columns and have scores; those off the thresholds go, and nothing else."""
    server = simulator()
    run(make(server, tmp_path, keep_at_least=None))
    rows = rows_in(tmp_path / "out")
    report = run(make(server, tmp_path, keep_at_least={"correctness": 2}, keep_at_most={"verbosity": 3}))

    assert rows.column_names == ["row_id", "id", "question", "answer", *SCORES, "status"]
    assert rows.num_rows == 12
    kept = [
        row for row in rows.to_pylist() if row["reward_correctness"] >= 2 and row["reward_verbosity"] <= 3
    ]
    assert rows_in(tmp_path / "out").to_pylist() == kept
    assert report.counts.filtered == {"score_filter": 12 - len(kept)}
    assert server.stats()["completions"] == 12


def test_whole_conversations(simulator, run, rows_in, tmp_path):
    """Conversations in a column messages are scored as they are; one without an answer is rejected."""
    file = tmp_path / "chats.jsonl"
    file.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in (CHAT, CHAT[:1])))
    whole = {"input": str(file), "question_column": None, "answer_column": None, "keep_at_least": None}
    report = run(make(simulator(), tmp_path, **whole), max_rejected=1.0)

    assert rows_in(tmp_path / "out")["messages"].to_pylist() == [CHAT]
    assert report.counts.rejected == {"reward: RowError": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer_column": "text"}, "answer_column is 'text', but the input has id, question, answer"),
        ({"answer_column": None}, "answer_column is missing"),
        ({"question_column": None}, "question_column is null, so the column that is needed is 'messages'"),
        ({"question_column": "what was asked"}, "rename it in the input"),
        ({"keep_at_least": {"helpfullness": 1}}, "keep_at_least has 'helpfullness', which is no attribute"),
        ({"attributes": []}, "attributes"),
        ({"generation.temperature": 0}, "a reward model samples nothing"),
    ],
)
def test_mistakes(simulator, tmp_path, changes, message):
    """A wrong column, threshold or setting is refused before anything is asked."""
    with pytest.raises(ConfigError, match=message):
        make(simulator(), tmp_path, **changes)


def test_messages_beside_questions(simulator, tmp_path):
    """A column messages of the input is not overwritten by the question."""
    file = tmp_path / "chats.jsonl"
    file.write_text(json.dumps({"messages": CHAT, "question": "Why?", "answer": "So."}))

    with pytest.raises(ConfigError, match="set question_column to null"):
        make(simulator(), tmp_path, input=str(file))
    make(simulator(), tmp_path, input=str(file), columns=["question"])


@pytest.mark.ray
@pytest.mark.usefixtures("ray_instance")
def test_on_ray(simulator, run, rows_in, tmp_path):
    """Workers score each row once, with the same scores as in one process, and try again what fails."""
    server = simulator(faults=Faults(error_500=0.2))
    (tmp_path / "here").mkdir()
    run(make(simulator(), tmp_path / "here"))
    changes = {"shard_rows": 3, "client.base_delay": 0.01}
    report = run(make(server, tmp_path, **changes), engine="ray", workers=2, shard_rows=3)

    assert report.state == "finished"
    assert rows_in(tmp_path / "out").equals(rows_in(tmp_path / "here/out"))
    assert report.counts.requests == server.stats()["completions"] == 12


@pytest.mark.ray
def test_applied_to_a_dataset(ray_instance, simulator):
    """`stage.apply` scores the rows of a dataset; one without an answer is rejected beside the others."""
    client = AsyncOpenAIClient(base_url=simulator().base_url, api_key="none")
    rows = [{"messages": CHAT[:1], "text": text} for text in ("So.", "Thus.", "")]
    scored = RewardStage(client, "reward", prefix="reward_").apply(
        ray_instance.data.from_items(rows), workers=1
    )
    found = {row["text"]: row for row in scored.take_all()}

    assert [found[text]["status"] for text in ("So.", "Thus.", "")] == ["ok", "ok", "rejected"]
    assert "nothing to score" in found[""]["rejection"]
    assert all(found["So."][name] is not None for name in SCORES)
    assert found["So."]["reward_correctness"] != found["Thus."]["reward_correctness"]
