from __future__ import annotations

import pytest

from nemo_sdg import JsonlReader, ParquetWriter, Pipeline, PromptTemplateStage, SampleSource, SelectColumns
from nemo_sdg.column_check import check_columns
from nemo_sdg.errors import MissingColumnError
from nemo_sdg.stages import ParseQuestionAnswer, stage

SOURCE = SampleSource(4, {"language": ["English"]})


def test_a_misspelt_column_gets_the_nearest_and_its_maker():
    """A placeholder that is no column gets the column that was probably meant, and who makes it."""
    with pytest.raises(
        MissingColumnError, match=r"'langauge'.*did you mean 'language', made by sample_source"
    ):
        check_columns([SOURCE, PromptTemplateStage("in {langauge}")])


def test_a_column_made_too_late_names_the_stage_to_move():
    """When a later stage makes the column, the message says to put it first."""
    steps = [
        SOURCE,
        stage(lambda batch: batch, name="needs_it", requires=["answer"], adds=[]),
        ParseQuestionAnswer(),
    ]

    with pytest.raises(MissingColumnError, match="parse_question_answer makes it, but comes later"):
        check_columns(steps)


def test_a_dropped_column_is_missing():
    """After SelectColumns only the chosen columns are there."""
    with pytest.raises(MissingColumnError, match="'language'"):
        check_columns([SOURCE, SelectColumns(["row_id"]), PromptTemplateStage("in {language}")])


def test_after_unknown_columns_nothing_is_claimed():
    """A function that does not say what it makes may make anything."""
    check_columns([SOURCE, stage(lambda batch: batch, name="f"), PromptTemplateStage("in {anything}")])


def test_the_check_runs_before_anything_else(tmp_path):
    """A pipeline whose columns do not fit makes no folder."""
    (tmp_path / "in.jsonl").write_text('{"a": 1}\n')
    pipeline = Pipeline(
        "p",
        stages=[
            JsonlReader(tmp_path / "in.jsonl"),
            PromptTemplateStage("{b}"),
            ParquetWriter(path=tmp_path / "out"),
        ],
    )

    with pytest.raises(MissingColumnError, match="'b'"):
        pipeline.run(engine="local")
    assert not (tmp_path / "out").exists()
