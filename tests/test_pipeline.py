from __future__ import annotations

import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    JsonlReader,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    QAMultilingualSyntheticStage,
    SampleSource,
)
from nemo_sdg.errors import ConfigError

CLIENT = AsyncOpenAIClient(base_url="http://127.0.0.1:9/v1")
SOURCE = SampleSource(4, {"language": ["English"]})


def test_describe_shows_what_each_step_needs_and_makes():
    """The description names pipeline and steps in order, with their columns."""
    pipeline = Pipeline("p", "what it is for", [SOURCE, PromptTemplateStage("in {language}")])

    assert pipeline.describe().splitlines() == [
        "p: what it is for",
        "  1. sample_source() -> row_id, language",
        "  2. prompt_template(language) -> messages",
    ]


def test_composite_stages_are_taken_apart():
    """A composite stage becomes its parts, in order."""
    pipeline = Pipeline("p").add_stage(QAMultilingualSyntheticStage("{language}", ["Greek"], CLIENT, "m", 3))

    assert [step.name for step in pipeline.steps] == [
        "sample_source",
        "prompt_template",
        "llm_generation",
        "parse_question_answer",
    ]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "begins with nothing: begin with a source"),
        ([PromptTemplateStage("x"), ParquetWriter(path="o")], "begins with prompt_template"),
        ([SOURCE], "ends with sample_source: end with a writer"),
        ([SOURCE, SOURCE, ParquetWriter(path="o")], "has sample_source in the middle"),
        ([SOURCE, ParquetWriter(path="o"), ParquetWriter(path="p")], "has parquet_writer in the middle"),
    ],
)
def test_a_pipeline_of_the_wrong_shape_is_explained(steps, message):
    """Source first, writer last: otherwise the message names the step that is out of place."""
    with pytest.raises(ConfigError, match=message):
        Pipeline("p", stages=steps).check()


def test_what_is_no_stage_is_refused():
    """Something that is neither step nor function is named."""
    with pytest.raises(ConfigError, match="'x' is no stage"):
        Pipeline("p").add_stage("x")


def test_stages_in_the_place_of_the_description():
    """The second argument is the description: a list of stages there is explained."""
    with pytest.raises(ConfigError, match=r"description of pipeline p is a list: .* stages=\[\.\.\.\]"):
        Pipeline("p", [])


def test_config_takes_run_options_only():
    """`config` holds options of run; others are refused by name."""
    with pytest.raises(ConfigError, match="has no 'wrokers'"):
        Pipeline("p", config={"wrokers": 2})


def test_a_dataset_of_ones_own_goes_through(simulator, run, tmp_path):
    """Rows read from JSON lines are asked about; a broken line is rejected and the rest goes on."""
    lines = ['{"topic": "rivers"}', '{"topic": "stars", "x": {"y": [1]}}', "not json", '{"topic": null}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    endpoint = simulator()
    stages = [
        JsonlReader(tmp_path / "in.jsonl"),
        PromptTemplateStage('Write JSON like {"question": "..."} about {topic}'),
        LLMGenerationStage(AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none"), "m"),
        ParquetWriter(path=tmp_path / "out"),
    ]

    report = run(Pipeline("own", stages=stages))

    assert (report.state, report.counts.rows_written, report.counts.rows_rejected) == ("finished", 2, 2)
    assert endpoint.stats()["requests"] == 2
    rejected = (tmp_path / "out" / "rejected" / "part-00000.jsonl").read_text()
    assert "'topic' is null" in rejected


def test_n_completions_become_n_rows(simulator, run, rows_in, tmp_path):
    """With n=3 each row becomes three, told apart by `choice`, for one request."""
    endpoint = simulator()
    client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none")
    config = {"n": 3, "temperature": 1.0}
    qa = QAMultilingualSyntheticStage("Question: Answer: {language}", ["Greek"], client, "m", 4, config)

    report = run(Pipeline("n", stages=[qa, ParquetWriter(path=tmp_path / "out")]))

    rows = rows_in(tmp_path / "out")
    found = sorted(zip(rows.column("row_id").to_pylist(), rows.column("choice").to_pylist(), strict=True))
    assert found == [(row, choice) for row in range(4) for choice in range(3)]
    assert report.counts.requests == 4
