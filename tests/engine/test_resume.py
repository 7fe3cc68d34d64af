"""What a run begins with; whole local runs against a simulated endpoint that counts what it is paid for."""

from __future__ import annotations

import json
import re

import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    JsonlReader,
    JsonlWriter,
    LengthFilter,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    SampleSource,
)
from nemo_sdg.errors import ConfigError, OutputError
from nemo_sdg.simulator import Faults, Latency


def chain(base_url, output, *, stages=2, words="Say {text}", more=(), **config):
    """Return a pipeline whose second model is asked about the answer of the first."""
    client = AsyncOpenAIClient(base_url=base_url, api_key="none", base_delay=0.01)
    steps = [SampleSource(12, {"language": ["English", "German"]})]
    steps += [
        PromptTemplateStage("A word in {language}"),
        LLMGenerationStage(client, "m", prefix="a_", **config),
    ]
    if stages == 2:
        steps += [PromptTemplateStage(words.replace("{text}", "{a_text}"))]
        steps += [LLMGenerationStage(client, "m", prefix="b_", generation_config={"temperature": 0})]
    return Pipeline("chain", stages=[*steps, *more, ParquetWriter(output)])


def test_a_resume_says_what_it_found(simulator, go, qa_pipeline, rows_in, tmp_path):
    """One line has the rows done, the answers kept and the rows to do; each answer is paid for once."""
    endpoint = simulator(faults=Faults(unauthorized_after=25), latency=Latency.fixed(0.01))
    go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=80), shard_rows=20)
    endpoint.control(faults=Faults())
    paid = endpoint.stats()["by_status"]["200"]

    report, notes = go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=80))

    (said,) = [note for note in notes if note.startswith("resuming")]
    done, to_do, kept = map(
        int, re.findall(r"(\d+) of 80 rows done; for the (\d+) to do (\d+) answers", said)[0]
    )
    assert done + to_do == 80
    assert done + kept == paid
    assert (report.state, report.counts.requests) == ("finished", 80)
    assert sum(report.counts.latencies.values()) == 80
    assert endpoint.stats()["by_status"]["200"] == 80
    assert rows_in(tmp_path / "out").num_rows == 80


def test_more_samples_ask_for_the_new_rows_only(simulator, go, qa_pipeline, rows_in, tmp_path):
    """`num_samples` may grow: rows that are there stay as they are; fewer samples are refused."""
    endpoint = simulator()
    go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=40))
    before = rows_in(tmp_path / "out")

    report, notes = go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=100))

    assert "60 rows more than before" in notes
    assert report.rows_total == report.counts.rows_written == 100
    assert endpoint.stats()["requests"] == 100
    assert rows_in(tmp_path / "out").slice(0, 40).equals(before)
    with pytest.raises(OutputError, match=r"SampleSource\.num_samples: 100 then, 99 now"):
        go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=99))


def test_samples_of_a_grown_run_are_those_of_a_whole_one(simulator, go, qa_pipeline, rows_in, tmp_path):
    """Growing in two steps makes the rows that one run would have made."""
    endpoint = simulator(seed=3)
    for number in (17, 50):
        go(qa_pipeline(endpoint.base_url, tmp_path / "grown", num_samples=number))
    go(qa_pipeline(endpoint.base_url, tmp_path / "whole", num_samples=50))

    columns = ["row_id", "language", "messages"]
    assert rows_in(tmp_path / "grown").select(columns).equals(rows_in(tmp_path / "whole").select(columns))


def test_another_format_asks_nothing_again(simulator, go, qa_pipeline, tmp_path):
    """With another writer the dataset is written anew from the answers, and parts of the old kind go."""
    endpoint = simulator()
    go(qa_pipeline(endpoint.base_url, tmp_path / "out"))

    report, notes = go(qa_pipeline(endpoint.base_url, tmp_path / "out", writer=JsonlWriter))

    assert "rows are made anew from the answers that are kept, for format: parquet then, jsonl now" in notes
    assert (report.state, report.counts.reused, report.counts.requests) == ("finished", 40, 40)
    assert endpoint.stats()["requests"] == 40
    assert not list((tmp_path / "out").glob("part-*.parquet"))
    lines = [
        line for part in (tmp_path / "out").glob("part-*.jsonl") for line in part.read_text().splitlines()
    ]
    assert sorted(json.loads(line)["row_id"] for line in lines) == list(range(40))


def test_a_changed_prompt_is_refused_with_whose_answers_it_makes_useless(simulator, go, tmp_path):
    """What is before a stage that asks may not change; the message says what to do, and fresh does it."""
    endpoint = simulator()
    go(chain(endpoint.base_url, tmp_path / "out"))

    with pytest.raises(OutputError) as caught:
        go(chain(endpoint.base_url, tmp_path / "out", words="Explain {text}"))
    message = str(caught.value)
    assert "PromptTemplateStage.messages" in message
    assert "useless the answers of: LLMGenerationStage. To keep" in message
    assert "--fresh" in message
    with pytest.raises(OutputError, match="answers of: LLMGenerationStage, LLMGenerationStage"):
        go(chain(endpoint.base_url, tmp_path / "out", generation_config={"temperature": 0.1}))
    assert endpoint.stats()["requests"] == 24


def test_a_prompt_may_not_change_once_an_answer_is_paid_for(simulator, go, qa_pipeline, tmp_path):
    """Answers of shards that are not committed count as well."""
    endpoint = simulator(faults=Faults(unauthorized_after=5))
    go(qa_pipeline(endpoint.base_url, tmp_path / "out"), shard_rows=40)

    with pytest.raises(OutputError, match="with other settings"):
        go(qa_pipeline(endpoint.base_url, tmp_path / "out", prompt="Else in {language}"))


def test_a_further_stage_that_asks_keeps_the_answers_before_it(simulator, go, rows_in, tmp_path):
    """A second model at the end is asked for its own answers only; taken away again, nothing is asked."""
    endpoint = simulator()
    go(chain(endpoint.base_url, tmp_path / "out", stages=1))
    assert endpoint.stats()["requests"] == 12

    report, _ = go(chain(endpoint.base_url, tmp_path / "out"))
    assert (report.state, endpoint.stats()["requests"]) == ("finished", 24)
    assert rows_in(tmp_path / "out").column("b_text").null_count == 0

    go(chain(endpoint.base_url, tmp_path / "out", stages=1))
    assert "b_text" not in rows_in(tmp_path / "out").column_names
    assert endpoint.stats()["requests"] == 24


def test_rows_may_become_lists_of_the_same_answers(simulator, go, rows_in, tmp_path):
    """`choices` of the last stage that asks may change: rows are made anew and nothing is asked."""
    endpoint = simulator()
    config = {"stages": 1, "generation_config": {"n": 2, "temperature": 0.9}}
    go(chain(endpoint.base_url, tmp_path, **config))
    texts = rows_in(tmp_path).column("a_text").to_pylist()

    report, notes = go(chain(endpoint.base_url, tmp_path, **config, choices="list"))

    assert (report.counts.rows_written, report.counts.reused, endpoint.stats()["requests"]) == (12, 12, 12)
    lists = rows_in(tmp_path).column("a_text").to_pylist()
    assert [text for each in lists for text in each] == texts
    assert any("choices" in note for note in notes)
    with pytest.raises(OutputError, match="that makes useless the answers of: LLMGenerationStage"):
        go(chain(endpoint.base_url, tmp_path, stages=1, generation_config={"n": 3}))


def test_rows_that_a_later_question_is_about_may_not_change(simulator, go, tmp_path):
    """Where a stage that asks comes after, its answers would be useless: refused."""
    endpoint = simulator()
    config = {"generation_config": {"n": 2, "temperature": 0.9}}
    go(chain(endpoint.base_url, tmp_path, **config))

    with pytest.raises(OutputError, match="choices"):
        go(chain(endpoint.base_url, tmp_path, **config, choices="list"))


def test_fresh_says_what_it_throws_away(simulator, go, qa_pipeline, rows_in, tmp_path):
    """Everything of the earlier run goes, what else lies in the folder stays."""
    endpoint = simulator()
    go(qa_pipeline(endpoint.base_url, tmp_path / "out"))
    (tmp_path / "out" / "notes.txt").write_text("mine")

    report, notes = go(
        qa_pipeline(endpoint.base_url, tmp_path / "out", prompt="Else {language}", num_samples=5), fresh=True
    )

    (said,) = [note for note in notes if note.startswith("thrown away")]
    assert said.startswith("thrown away: 40 rows and 40 paid answers (")
    assert report.counts.requests == 5
    assert rows_in(tmp_path / "out").num_rows == 5
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert endpoint.stats()["requests"] == 45


def test_fresh_helps_where_a_manifest_is_damaged(simulator, go, qa_pipeline, tmp_path):
    """A manifest that is torn or missing is refused by name, and --fresh starts over."""
    endpoint = simulator()
    go(qa_pipeline(endpoint.base_url, tmp_path / "out"))
    manifest = tmp_path / "out" / "_run" / "manifest.json"
    manifest.write_text("{")

    with pytest.raises(OutputError, match=r"manifest\.json cannot be read"):
        go(qa_pipeline(endpoint.base_url, tmp_path / "out"))
    manifest.unlink()
    with pytest.raises(OutputError, match=r"no _run/manifest\.json: .* --fresh"):
        go(qa_pipeline(endpoint.base_url, tmp_path / "out"))
    manifest.write_text("{")
    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path / "out"), fresh=True)
    assert report.state == "finished"


def test_input_that_changed_is_refused(simulator, go, tmp_path):
    """A file that is longer than when the run began is named, before anything is asked."""
    endpoint = simulator(faults=Faults(unauthorized_after=2))
    file = tmp_path / "in.jsonl"
    file.write_text('{"topic": "a"}\n{"topic": "b"}\n{"topic": "c"}\n')

    def pipeline():
        client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", base_delay=0.01)
        stages = [JsonlReader(str(file)), PromptTemplateStage("On {topic}"), LLMGenerationStage(client, "m")]
        return Pipeline("topics", stages=[*stages, ParquetWriter(tmp_path / "out")])

    go(pipeline())
    asked = endpoint.stats()["requests"]
    with file.open("a") as more:
        more.write('{"topic": "d"}\n')

    with pytest.raises(OutputError, match=r"(?s)the input of .* has changed since .*in\.jsonl.*--fresh"):
        go(pipeline())
    assert endpoint.stats()["requests"] == asked


def test_a_part_that_is_gone_or_torn_is_made_anew(simulator, go, qa_pipeline, rows_in, tmp_path):
    """A shard whose part file is missing or has another length is written again from its answers."""
    endpoint = simulator()
    go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=60), shard_rows=20)
    before = rows_in(tmp_path / "out")
    (tmp_path / "out" / "part-00001.parquet").unlink()
    with (tmp_path / "out" / "part-00002.parquet").open("r+b") as torn:
        torn.truncate(100)

    report, notes = go(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=60))

    assert any("part-00001.parquet" in note and "part-00002.parquet" in note for note in notes)
    assert report.state == "finished"
    assert rows_in(tmp_path / "out").equals(before)
    assert endpoint.stats()["requests"] == 60


def test_a_parser_may_change_again_and_again(simulator, go, tmp_path):
    """Whatever follows the last stage that asks: no request is sent, and the counts stay true."""
    endpoint = simulator()
    for least in (1, 10**6, 2):
        report, _ = go(
            chain(endpoint.base_url, tmp_path / "out", more=[LengthFilter(column="b_text", min_chars=least)])
        )
        assert (report.counts.requests, report.counts.reused) == (24, 0 if least == 1 else 24)
        assert report.counts.rows_read == 12
    assert endpoint.stats()["requests"] == 24


def test_fresh_and_retry_contradict_each_other(simulator, go, qa_pipeline, tmp_path):
    """Asking for both, or for another kind of retry, is an error."""
    pipeline = qa_pipeline(simulator().base_url, tmp_path / "out")

    with pytest.raises(ConfigError, match="fresh and retry 'rejected' are both given"):
        go(pipeline, fresh=True, retry="rejected")
    with pytest.raises(ConfigError, match="retry is 'all': give 'rejected' or 'truncated'"):
        go(pipeline, retry="all")
