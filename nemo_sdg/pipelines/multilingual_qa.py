"""Question and answer pairs in several languages, checked to be in the language asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.checked_language import language_filter
from nemo_sdg.pipelines.generating import GeneratingConfig
from nemo_sdg.stages import LengthFilter, QAMultilingualSyntheticStage, SelectColumns

COLUMNS = (
    "language",
    "text",
    "question",
    "answer",
    "model",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "seed",
)
"""Of the dataset, between `row_id` and `status`."""


class Config(GeneratingConfig):
    """The config of this pipeline."""

    num_samples: int = Field(ge=1)
    """Rows to make."""
    languages: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    """Names of languages, dealt evenly."""
    prompt: str = Field(min_length=1)
    """What the model is asked; {language} becomes the row's language."""
    system_prompt: str | None = None
    """Said before the prompt."""
    min_words: int | None = Field(default=None, ge=1)
    """Leave out shorter texts."""
    check_language: bool = True
    """Leave out texts whose detected language is not the one asked for."""


def build(config: Config) -> Pipeline:
    """Return the pipeline that `config` describes."""
    pipeline = Pipeline("multilingual_qa", "question and answer pairs in several languages")
    pipeline.add_stage(
        QAMultilingualSyntheticStage(
            prompt=config.prompt,
            languages=config.languages,
            client=config.new_client(),
            model_name=config.model,
            num_samples=config.num_samples,
            generation_config=config.generation,
            system_prompt=config.system_prompt,
            seed=config.generation.seed or 0,
            require_question_answer=True,
            reasoning=config.reasoning,
        )
    )
    if config.min_words is not None:
        pipeline.add_stage(LengthFilter(min_words=config.min_words))
    if config.check_language:
        pipeline.add_stage(language_filter(config.languages))
    choice = ("choice",) if (config.generation.n or 1) > 1 else ()
    thoughts = ("reasoning", "reasoning_tokens") if config.reasoning else ()
    pipeline.add_stage(SelectColumns([*COLUMNS, *choice, *thoughts]))
    for stage in config.own_stages():
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline
