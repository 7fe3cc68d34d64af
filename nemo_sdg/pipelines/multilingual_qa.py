"""Question and answer pairs in several languages, checked to be in the language asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.job_config import JobConfig
from nemo_sdg.stages import LanguageFilter, LengthFilter, QAMultilingualSyntheticStage, SelectColumns
from nemo_sdg.stages.languages import language_name

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Config(JobConfig):
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


def _language_filter(languages: Sequence[str]) -> LanguageFilter:
    """Return a filter that tells the languages asked for from each other and from English, models' favourite.

    Among these few, low accuracy makes no mistakes with texts of a question and an answer, and costs a
    hundredth of the memory and start-up time.
    """
    try:
        names = {language_name(language) for language in languages}
    except RowError as error:
        raise ConfigError(f"languages: {error}; or set check_language: false") from None
    return LanguageFilter(languages=sorted(names | {"English"}), low_accuracy=True)


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
        )
    )
    if config.min_words is not None:
        pipeline.add_stage(LengthFilter(min_words=config.min_words))
    if config.check_language:
        pipeline.add_stage(_language_filter(config.languages))
    choice = ("choice",) if (config.generation.n or 1) > 1 else ()
    pipeline.add_stage(SelectColumns([*COLUMNS, *choice]))
    for stage in config.own_stages():
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline
