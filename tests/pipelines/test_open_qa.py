from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nemo_sdg.config import load_config
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.verify import verify
from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.open_qa import Config, build
from nemo_sdg.simulator import Faults
from nemo_sdg.simulator.manners import Answers

ROOT = Path(__file__).parents[2]
VALUES = {
    "pipeline": "open_qa",
    "topics": ["Tides", "Bread", "Maps"],
    "subtopics": 3,
    "questions": 4,
    "model": "m",
    "generation": {"temperature": 0.8},
}
COLUMNS = ["topic", "subtopic", "question", "answer"]


def make(server, output, **changes):
    """Return the pipeline for a simulated endpoint."""
    client = {"base_delay": 0.001, "max_retries": 0}
    values = {**VALUES, "base_url": server.base_url, "output": output, "client": client, **changes}
    return build(Config.model_validate(values))


def test_topics_become_rows(simulator, run, rows_in, tmp_path):
    """Every topic has its subtopics, each of these its questions, each of which has an answer of its own."""
    report = run(make(simulator(), tmp_path / "out"))
    rows = rows_in(tmp_path / "out")

    assert rows.column_names == [
        "row_id",
        *COLUMNS,
        *("model", "finish_reason", "prompt_tokens", "completion_tokens", "seed", "status"),
    ]
    assert set(rows["topic"].to_pylist()) == set(VALUES["topics"])
    assert report.counts.rows_written == rows.num_rows >= 30
    assert report.counts.requests == 3 + 9 + rows.num_rows
    per_topic = Counter(zip(rows["row_id"].to_pylist(), rows["question"].to_pylist(), strict=True))
    assert set(per_topic.values()) == {1}
    subtopics = {(row["topic"], row["subtopic"]) for row in rows.to_pylist()}
    assert len(subtopics) == 9
    assert len(set(rows["answer"].to_pylist())) > 20
    assert not verify(RunFolder(str(tmp_path / "out"))).problems


def test_a_run_that_ended_goes_on(simulator, go, rows_in, tmp_path):
    """What was paid for before a run ended is not asked again, and the rows are those of a run in one go."""
    whole, _ = go(make(simulator(), tmp_path / "whole"))
    server = simulator(faults=Faults(unauthorized_after=20))
    go(make(server, tmp_path / "out"))
    server.control(faults=Faults())
    report, _ = go(make(server, tmp_path / "out"))

    assert rows_in(tmp_path / "out").equals(rows_in(tmp_path / "whole"))
    assert server.stats()["completions"] == report.counts.requests == whole.counts.requests


def test_rows_that_fail_and_are_asked_again(simulator, go, rows_in, tmp_path):
    """A question that fails costs itself; asked again it is there, and nothing else is asked or changed."""
    go(make(simulator(), tmp_path / "whole"))
    server = simulator(faults=Faults(error_500=0.15))
    report, _ = go(make(server, tmp_path / "out"), max_rejected=1.0)
    failed = report.counts.rows_rejected
    assert failed > 0
    some = rows_in(tmp_path / "out").num_rows
    assert not verify(RunFolder(str(tmp_path / "out"))).problems

    server.control(faults=Faults())
    before = server.stats()["completions"]
    again, _ = go(make(server, tmp_path / "out"), retry="rejected")
    rows, whole = rows_in(tmp_path / "out"), rows_in(tmp_path / "whole")
    assert again.counts.rows_rejected == 0
    assert rows.num_rows > some
    assert Counter(map(str, rows.to_pylist())) == Counter(map(str, whole.to_pylist()))
    assert server.stats()["completions"] == before + 3 + 9 + whole.num_rows - before


def test_revision_is_added_later(simulator, go, rows_in, tmp_path):
    """Switching revise on asks for revisions only; the answers from before are the drafts."""
    server = simulator()
    go(make(server, tmp_path / "out"))
    first = rows_in(tmp_path / "out")
    before = server.stats()["completions"]
    go(make(server, tmp_path / "out", revise=True))
    rows = rows_in(tmp_path / "out")

    assert rows["draft"].to_pylist() == first["answer"].to_pylist()
    assert all(row["answer"] != row["draft"] for row in rows.to_pylist())
    assert server.stats()["completions"] == before + first.num_rows


def test_all_that_can_be_asked_for(simulator, run, rows_in, tmp_path):
    """Several answers, reasoning and revision go together; topics come from a file with other columns."""
    (tmp_path / "topics.csv").write_text("field,area\nTides,sea\nBread,food\n")
    values = {"topics": None, "input": str(tmp_path / "topics.csv"), "topic_column": "field"}
    server = simulator(answers=Answers(reasoning="reasoning_content"))
    more = {"reasoning": True, "revise": True, "generation": {"n": 2, "temperature": 0.5}}
    run(make(server, tmp_path / "out", **values, **more, subtopics=1, questions=2))
    rows = rows_in(tmp_path / "out")

    assert rows.column_names[:7] == ["row_id", "area", "topic", "subtopic", "question", "draft", "choice"]
    assert rows["choice"].to_pylist() == [0, 1] * 4
    assert rows["reasoning"].null_count == 0
    assert dict(zip(rows["topic"].to_pylist(), rows["area"].to_pylist(), strict=True)) == {
        "Tides": "sea",
        "Bread": "food",
    }


def test_topics_from_text(simulator, run, rows_in, tmp_path):
    """A text file has a topic a line."""
    (tmp_path / "topics.txt").write_text("Tides\n\nBread\n")
    run(make(simulator(), tmp_path / "out", topics=None, input=str(tmp_path / "topics.txt")))

    assert set(rows_in(tmp_path / "out")["topic"].to_pylist()) == {"Tides", "Bread"}


@pytest.mark.parametrize("name", ["messages", "topic", "subtopic", "question", "answer", "draft", "model"])
def test_columns_of_the_input_that_the_pipeline_makes(simulator, tmp_path, name):
    """A column of the input that would be overwritten is said, with the way out."""
    (tmp_path / "topics.csv").write_text(f"field,{name}\nTides,x\n")
    own = {"topics": None, "input": str(tmp_path / "topics.csv"), "topic_column": "field", "revise": True}

    with pytest.raises(ConfigError, match=f"a column '{name}', .*: rename it .* or leave it out by columns"):
        make(simulator(), tmp_path / "out", **own)
    make(simulator(), tmp_path / "out", **own, columns=["field"])


def test_topics_in_a_column_of_another_name(simulator, tmp_path):
    """Topics may be in a column that is called as one which the pipeline makes."""
    (tmp_path / "topics.csv").write_text("question\nTides\n")
    own = {"topics": None, "input": str(tmp_path / "topics.csv"), "topic_column": "question"}

    make(simulator(), tmp_path / "out", **own).check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topics": None}, "neither of topics and input given"),
        ({"input": "x.txt"}, "both of topics and input given"),
        ({"topics": ["a", "a"]}, "topic has 'a' twice"),
        ({"question_prompt": "Ask about {subtpic}."}, "did you mean 'subtopic'"),
        ({"subtopics": 0}, "subtopics"),
    ],
)
def test_mistakes(simulator, tmp_path, changes, message):
    """What cannot be meant is refused before anything is asked."""
    with pytest.raises((ConfigError, ValueError), match=message):
        make(simulator(), tmp_path / "out", **changes).check()


def test_the_config(simulator, run, rows_in, tmp_path, monkeypatch):
    """The config that comes with the package runs as it is; a small number of topics is enough to see it."""
    monkeypatch.chdir(ROOT)
    changes = {"base_url": simulator().base_url, "model": "m", "output": str(tmp_path / "out")}
    config = load_config("configs/open_qa.yaml", {**changes, "topics": ["Sleep", "Tides"]})
    report = run(build(config))

    assert report.counts.rows_rejected == 0
    assert rows_in(tmp_path / "out").num_rows >= 30
