"""Rows of a dataset judged by a model: a reason and a score for each criterion, thresholds for what stays."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.dataset_input import DatasetConfig, open_input
from nemo_sdg.pipelines.generating import StructuredConfig
from nemo_sdg.stages import RubricJudgeStage, ScoreFilter, SelectColumns
from nemo_sdg.stages.rows import ROW_ID


class Config(DatasetConfig, StructuredConfig):
    """The config of this pipeline."""

    criteria: dict[str, str] = Field(min_length=1)
    """The rubric: names of criteria, and what each demands."""
    scale: tuple[int, int] = (1, 5)
    """The worst and the best score, as [1, 5]."""
    prompt: str = Field(default="Question:\n{question}\n\nAnswer:\n{answer}", min_length=1)
    """Shows the model what to judge; {column} becomes the row's value."""
    system_prompt: str | None = None
    """Said before the rubric, as who the model is."""
    prefix: str = "judge_"
    """Stands before the names of the new columns."""
    keep_at_least: dict[str, float] | None = None
    """Lowest scores, by criteria, of the rows to keep; none: all are kept."""

    @model_validator(mode="after")
    def _thresholds(self) -> Self:
        for name, least in (self.keep_at_least or {}).items():
            if name not in self.criteria:
                raise ConfigError(
                    f"keep_at_least has {name!r}, which is no criterion: the criteria are "
                    f"{', '.join(self.criteria)}"
                )
            if not self.scale[0] <= least <= self.scale[1]:
                raise ConfigError(
                    f"keep_at_least of {name} is {least:g}, outside of the scale: give a number from "
                    f"{self.scale[0]} to {self.scale[1]}"
                )
        return self


def build(config: Config) -> Pipeline:
    """Return the pipeline that `config` describes."""
    judge = RubricJudgeStage(
        config.new_client(),
        config.model,
        criteria=config.criteria,
        prompt=config.prompt,
        scale=config.scale,
        system_prompt=config.system_prompt,
        generation_config=config.generation,
        prefix=config.prefix,
        correction_turns=config.correction_turns,
        structured=config.structured,
        reasoning=config.reasoning,
    )
    source = open_input(config, config.input, dict.fromkeys(judge.requires, "a column in prompt"))
    pipeline = Pipeline("judge", "rows of a dataset, judged by a rubric", [source, judge])
    there = [column for column in source.adds or () if column != ROW_ID]
    answer = f"{config.prefix}text"  # all of it is in the other columns
    pipeline.add_stage(SelectColumns([*there, *(column for column in judge.adds or () if column != answer)]))
    if config.keep_at_least:
        pipeline.add_stage(ScoreFilter(at_least=config.keep_at_least, prefix=config.prefix))
    for stage in config.own_stages():
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline
