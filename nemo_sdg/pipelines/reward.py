"""Answers of a dataset scored by a reward model, and thresholds for what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.dataset_input import DatasetConfig, open_input
from nemo_sdg.stages import PromptTemplateStage, RewardStage, ScoreFilter, SelectColumns, Source
from nemo_sdg.stages.prompt import MESSAGES
from nemo_sdg.stages.reward import HELPSTEER
from nemo_sdg.stages.rows import ROW_ID

if TYPE_CHECKING:
    from collections.abc import Mapping


class Config(DatasetConfig):
    """The config of this pipeline."""

    question_column: str | None = Field(default="question", min_length=1)
    """Column of the input that holds what was asked; none: the input has whole conversations, in messages."""
    answer_column: str | None = Field(default="answer", min_length=1)
    """Column of the input that holds the answer to score; none: the conversations end with it."""
    attributes: list[str] = Field(default=list(HELPSTEER), min_length=1)
    """What the model gives scores of."""
    prefix: str = "reward_"
    """Stands before the names of the new columns."""
    keep_at_least: dict[str, float] | None = None
    """Lowest scores, by attributes, of the rows to keep."""
    keep_at_most: dict[str, float] | None = None
    """Highest scores, by attributes, of the rows to keep."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if "generation" in self.model_fields_set:
            raise ConfigError("generation is given, but a reward model samples nothing: leave it out")
        if self.question_column is not None and self.answer_column is None:
            raise ConfigError("answer_column is missing: name the column that holds the answers")
        if self.question_column is not None and not self.question_column.isidentifier():
            raise ConfigError(
                f"question_column is {self.question_column!r}: rename it in the input, to letters and digits"
            )
        for key in ("keep_at_least", "keep_at_most"):
            for name in getattr(self, key) or {}:
                if name not in self.attributes:
                    raise ConfigError(
                        f"{key} has {name!r}, which is no attribute: give one of {', '.join(self.attributes)}"
                    )
        return self


def build(config: Config) -> Pipeline:
    """Return the pipeline that `config` describes."""
    source = open_input(config, config.input, _needed(config))
    there = [column for column in source.adds or () if column != ROW_ID]
    pipeline = Pipeline("reward", "answers of a dataset, scored by a reward model", [source])
    if config.question_column is not None:
        _check_no_messages(source)
        pipeline.add_stage(PromptTemplateStage(f"{{{config.question_column}}}"))
    score = RewardStage(
        config.new_client(),
        config.model,
        attributes=config.attributes,
        answer=config.answer_column,
        prefix=config.prefix,
    )
    pipeline.add_stage(score)
    pipeline.add_stage(SelectColumns([*there, *(score.adds or ())]))
    if config.keep_at_least or config.keep_at_most:
        pipeline.add_stage(
            ScoreFilter(at_least=config.keep_at_least, at_most=config.keep_at_most, prefix=config.prefix)
        )
    for stage in config.own_stages():
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline


def _needed(config: Config) -> Mapping[str, str]:
    needed = {config.question_column or MESSAGES: "question_column"}
    if config.question_column is None:
        needed = {MESSAGES: "question_column is null, so the column that is needed"}
    if config.answer_column is not None:
        needed[config.answer_column] = "answer_column"
    return needed


def _check_no_messages(source: Source) -> None:
    if MESSAGES in (source.adds or ()):
        raise ConfigError(
            f"the input has a column {MESSAGES!r} beside question_column: set question_column to null to "
            "have those conversations scored, or leave it out by columns"
        )
