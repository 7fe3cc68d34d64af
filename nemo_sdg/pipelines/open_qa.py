"""Questions and answers about topics: topics, subtopics, questions, answers, and a revision if wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.dataset_input import InputOptions, check_free, open_input
from nemo_sdg.pipelines.generating import StructuredConfig
from nemo_sdg.stages import ExplodeList, LLMGenerationStage, PromptTemplateStage, SampleSource, SelectColumns
from nemo_sdg.stages.reader_text import Unit  # noqa: TC001 - pydantic reads it
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.sharding import suggested_shard_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.client import AsyncLLMClient
    from nemo_sdg.stages import Source, Stage

ABOUT = ("topic", "subtopic", "question")
_LIST = {"type": "array", "items": {"type": "string"}, "minItems": 1}
ITEMS = {"type": "object", "properties": {"items": _LIST}, "required": ["items"]}
"""The form of answers that are lists."""


class Config(InputOptions, StructuredConfig):
    """The config of this pipeline."""

    topics: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    """What to ask about; or give input."""
    input: str | list[str] | None = Field(default=None, min_length=1)
    """File with the topics, in place of topics: text with a topic a line, or a dataset with topic_column."""
    text_rows: Unit = "line"
    """What of text files is a topic: file, paragraph or line."""
    topic_column: str = Field(default="topic", min_length=1)
    """Column of the input that holds the topics."""
    subtopics: int = Field(default=5, ge=1)
    """Subtopics of each topic, at most; those that come twice are left out."""
    questions: int = Field(default=5, ge=1)
    """Questions about each subtopic, at most; those that come twice for a topic are left out."""
    revise: bool = False
    """Whether the model improves each answer; the first one is kept as draft."""
    subtopic_prompt: str = (
        "List exactly {subtopics} subtopics of the topic below. They are to be as different from each other "
        "as possible, and each one narrow enough for a chapter of a book. Name each in a few words.\n\n"
        "Topic: {topic}"
    )
    """Asks for subtopics; {topic} and {subtopics}, their number, are filled in."""
    question_prompt: str = (
        "Write exactly {questions} questions about the subtopic below, as curious people of different "
        "knowledge would ask them. Each can be understood by itself and has an answer in text.\n\n"
        "Subtopic: {subtopic}\nTopic: {topic}"
    )
    """Asks for questions; {topic}, {subtopic} and {questions}, their number, are filled in."""
    answer_prompt: str = "{question}"
    """Asks for an answer; {topic}, {subtopic} and {question} are filled in."""
    revision_prompt: str = (
        "Improve the draft of an answer to the question below: correct what is wrong, add what is missing, "
        "leave out what does not answer the question. Reply with nothing but the improved answer.\n\n"
        "Question: {question}\n\nDraft: {draft}"
    )
    """Asks for a better answer; {topic}, {subtopic}, {question} and {draft} are filled in."""
    system_prompt: str | None = None
    """Said before the prompts for answers and their revision."""

    @model_validator(mode="after")
    def _topics_once(self) -> Self:
        if (self.topics is None) == (self.input is None):
            given = "neither" if self.topics is None else "both"
            raise ConfigError(f"{given} of topics and input given: give exactly one of them")
        if self.shard_rows is None and self.topics is not None:
            rows = self.subtopics * self.questions  # of a topic: a shard is to have as many as in other jobs
            self.shard_rows = -(-suggested_shard_rows(len(self.topics) * rows) // rows)
        return self


def build(config: Config) -> Pipeline:
    """Return the pipeline that `config` describes."""
    pipeline = Pipeline("open_qa", "questions and answers about topics")
    source = _source(config)
    others = [column for column in source.adds or () if column not in (ROW_ID, config.topic_column)]
    client = config.new_client()  # one for all: each would have its own share of the endpoint's limits
    check_free(
        others, ["topic", *(name for stage in _stages(config, client, []) for name in stage.adds or ())]
    )
    pipeline.add_stage(source)
    if config.topic_column != "topic":
        names = [config.topic_column, *others]
        pipeline.add_stage(SelectColumns(names, rename={config.topic_column: "topic"}))
    for stage in (*_stages(config, client, others), *config.own_stages()):
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline


def _source(config: Config) -> Source:
    if config.input is None:
        return SampleSource(len(config.topics or ()), {config.topic_column: config.topics or ()})
    return open_input(config, config.input, {config.topic_column: "topic_column"}, config.topic_column)


def _stages(config: Config, client: AsyncLLMClient, others: list[str]) -> Iterator[Stage]:
    yield PromptTemplateStage(config.subtopic_prompt.replace("{subtopics}", str(config.subtopics)))
    yield _list(config, client, "subtopics_")
    yield ExplodeList("subtopics_items", output="subtopic", max_items=config.subtopics, unique=True)
    yield PromptTemplateStage(config.question_prompt.replace("{questions}", str(config.questions)))
    yield _list(config, client, "questions_")
    yield ExplodeList("questions_items", output="question", max_items=config.questions, unique=True)
    yield PromptTemplateStage(config.answer_prompt, system_prompt=config.system_prompt)
    yield from _answer(config, client, [*others, *ABOUT], "answer")
    if config.revise:
        kept = [*others, *ABOUT, "answer", *(["choice"] if (config.generation.n or 1) > 1 else [])]
        yield SelectColumns(kept, rename={"answer": "draft"})
        yield PromptTemplateStage(config.revision_prompt, system_prompt=config.system_prompt)
        kept[kept.index("answer")] = "draft"
        yield from _answer(config, client, kept, "revision", choices=False)


def _list(config: Config, client: AsyncLLMClient, prefix: str) -> LLMGenerationStage:
    return LLMGenerationStage(
        client,
        config.model,
        generation_config=replace(config.generation, n=None),
        seed_per_row=True,
        prefix=prefix,
        response_format=ITEMS,
        correction_turns=config.correction_turns,
        structured=config.structured,
    ).with_(name=prefix.rstrip("_"))  # of its own, for reports and rejected rows


def _answer(
    config: Config, client: AsyncLLMClient, kept: list[str], name: str, *, choices: bool = True
) -> Iterator[Stage]:
    """Yield the stage that answers, and one that leaves `kept` and what is known of the answer."""
    ask = LLMGenerationStage(
        client,
        config.model,
        generation_config=config.generation if choices else replace(config.generation, n=None),
        seed_per_row=True,
        prefix=f"{name}_",
        reasoning=config.reasoning,
    ).with_(name=name)
    yield ask
    made = {column: column.removeprefix(ask.prefix) for column in ask.adds or ()}
    yield SelectColumns([*kept, *made], rename={**made, f"{name}_text": "answer"})
