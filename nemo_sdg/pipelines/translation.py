"""Texts of a dataset in other languages, checked to be in the language asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, field_validator, model_validator

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.checked_language import language_filter
from nemo_sdg.pipelines.dataset_input import DatasetConfig, check_free, open_input
from nemo_sdg.pipelines.generating import GeneratingConfig
from nemo_sdg.stages import (
    DocumentJoiner,
    DocumentSplitter,
    FinishedFilter,
    LengthFilter,
    RepeatRows,
    SelectColumns,
    Stage,
    TranslationStage,
)
from nemo_sdg.stages.document_joiner import KEPT
from nemo_sdg.stages.document_splitter import SEGMENT, SEGMENTS
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.token_counter import check_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.client import AsyncLLMClient

LANGUAGE = "language"
_SHARED = (LANGUAGE, SEGMENT, SEGMENTS, KEPT)
"""Columns that are made for all texts alike."""
Name = Annotated[str, Field(min_length=1)]


class Config(DatasetConfig, GeneratingConfig):
    """The config of this pipeline."""

    text_columns: list[Name] = Field(min_length=1)
    """Columns of the input to translate; each one's original is kept with "source_" before its name. A row
    that lacks a text in one of them is left out."""
    languages: list[Name] = Field(min_length=1)
    """Names of the languages to translate into; a row of the input becomes a row for each."""
    source_language: str | None = None
    """Language of the input, which check_language then knows untranslated texts by; none: English."""
    prompt: str | None = None
    """What the model is asked, with {text} and {language}; none: ours."""
    system_prompt: str | None = None
    """Said before the prompt."""
    check_language: bool = True
    """Leave out rows of which a text's detected language is not the one asked for; texts of a few words are
    often mistaken."""
    max_segment_tokens: int = Field(default=1000, ge=1)
    """Longer texts are translated in segments: cut between lines, or between the sentences of a longer line,
    and joined by line breaks."""
    tokenizer: str | None = None
    """Name of a model on the Hugging Face hub, or path of a tokenizer.json, to count with; none: about."""

    @field_validator("tokenizer")
    @classmethod
    def _tokenizer(cls, value: str | None) -> str | None:
        return check_tokenizer(value)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.generation.n or 1) > 1:
            raise ConfigError(
                f"generation.n is {self.generation.n}, but a text has one translation: leave it out"
            )
        if len(set(self.text_columns)) < len(self.text_columns):
            raise ConfigError(f"text_columns has a name twice: {', '.join(self.text_columns)}")
        return self


def build(config: Config) -> Pipeline:
    """Return the pipeline that `config` describes."""
    source = open_input(
        config, config.input, dict.fromkeys(config.text_columns, "text_columns"), config.text_columns[0]
    )
    there = [column for column in source.adds or () if column != ROW_ID]
    client = config.new_client()  # one for all: each would have its own share of the endpoint's limits
    translated = {column: list(_translated(config, client, column)) for column in config.text_columns}
    _check_names(there, translated)
    pipeline = Pipeline("translation", f"{', '.join(config.text_columns)} in {', '.join(config.languages)}")
    pipeline.add_stage(source)
    for column in config.text_columns:  # before any of them is paid for
        pipeline.add_stage(LengthFilter(column=column, min_words=1).with_(name=f"has_{column}"))
    pipeline.add_stage(RepeatRows(LANGUAGE, config.languages))
    known: list[str] = []
    for stages in translated.values():
        for stage in stages:
            known += [name for name in stage.adds or () if isinstance(stage, TranslationStage)]
            pipeline.add_stage(stage)
    sources = [f"source_{column}" for column in config.text_columns]
    left_out = {f"{column}_text" for column in config.text_columns}
    kept = [LANGUAGE, *there, *sources, *(name for name in known if name not in left_out)]
    pipeline.add_stage(SelectColumns([*dict.fromkeys(kept)]))
    for stage in config.own_stages():
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline


def _check_names(there: list[str], translated: dict[str, list[Stage]]) -> None:
    """Raise `ConfigError` where one column would overwrite another one."""
    check_free(there, _SHARED, translated)
    of: dict[str, str] = {}
    for column, stages in translated.items():
        made = {name for stage in stages for name in stage.adds or ()} - {column, *_SHARED}
        check_free(there, sorted(made), translated)
        for name in sorted(made):
            if name in of:
                raise ConfigError(
                    f"the text_columns {of[name]!r} and {column!r} both make a column {name!r}: rename one "
                    "of them in the input"
                )
            of[name] = column


def _translated(config: Config, client: AsyncLLMClient, column: str) -> Iterator[Stage]:
    """Yield the stages for one column."""
    source, prefix = f"source_{column}", f"{column}_"
    yield DocumentSplitter(
        column=column,
        output=source,
        max_tokens=config.max_segment_tokens,
        min_tokens=1,  # what is blank is nothing to translate
        tokenizer=config.tokenizer,
    )
    yield TranslationStage(
        client,
        config.model,
        column=source,
        output=column,
        prompt=config.prompt,
        system_prompt=config.system_prompt,
        generation_config=config.generation,
        prefix=prefix,
        reasoning=config.reasoning,
    ).with_(name=f"translation_of_{column}")
    yield FinishedFilter(f"{prefix}finish_reason")
    thoughts = [f"{prefix}reasoning"] if config.reasoning else []
    counted = ["prompt_tokens", "completion_tokens", *(["reasoning_tokens"] if config.reasoning else [])]
    yield DocumentJoiner(
        columns=[column, source, *thoughts],
        sums=[prefix + name for name in counted],
        by=[ROW_ID, LANGUAGE],
        incomplete="drop",
    )
    if config.check_language:
        languages = [*config.languages, *([config.source_language] if config.source_language else [])]
        yield language_filter(languages, column=column, detected_column=f"{prefix}language")
