"""New text from documents, as for Nemotron-CC: paraphrases, questions, condensed texts, knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipeline import Pipeline
from nemo_sdg.pipelines.dataset_input import DatasetConfig, open_input
from nemo_sdg.pipelines.generating import GeneratingConfig
from nemo_sdg.stages import (
    AppendPairs,
    DocumentJoiner,
    DocumentSplitter,
    FinishedFilter,
    KnowledgeListCleaner,
    LengthFilter,
    LineRemover,
    MarkdownRemover,
    PrefixRemover,
    QuotationRemover,
    RangeFilter,
    Stage,
    TokenCountFilter,
)
from nemo_sdg.stages.append_pairs import PAIRS
from nemo_sdg.stages.document_joiner import Incomplete  # noqa: TC001 - pydantic reads it
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.segments import TooLong  # noqa: TC001 - pydantic reads it
from nemo_sdg.stages.token_counter import check_tokenizer
from nemo_sdg.stages.transform import STAGES, TransformStage, sampling_of
from nemo_sdg.stages.transformations import TRANSFORMATIONS, Transformation

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE_TEXT = "source_text"
_PASSAGES = ("passages?(?: [0-9]{1,3})?[:.]?",)
_TRANSFORMATION = "{transformation}"


class Config(DatasetConfig, GeneratingConfig):
    """The config of this pipeline. Numbers that are not given are those published for the transformation."""

    transformation: Literal["wikipedia", "diverse_qa", "distill", "extract_knowledge", "knowledge_list"]
    """What to make of the documents."""
    text_column: str = Field(default="text", min_length=1)
    """Column of the input that holds the documents."""
    bucket: Literal["high", "low"] | None = None
    """Which documents to take by their quality; none: all."""
    bucket_column: str = Field(default="bucketed_results", min_length=1)
    """Column of the input that holds the quality, a number."""
    bucket_threshold: float = Field(default=11, allow_inf_nan=False)
    """Quality up to which a document is in the low bucket; above it, in the high one."""
    tokenizer: str | None = None
    """Name of a model on the Hugging Face hub, or path of a tokenizer.json, to count tokens with; none:
    approximately. The model's own is best."""
    min_document_tokens: int | None = Field(default=None, ge=0)
    """Leave out shorter documents."""
    min_segment_tokens: int | None = Field(default=None, ge=0)
    """Leave out shorter segments."""
    max_input_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of a request, prompt and segment together; longer documents are cut into segments."""
    too_long: TooLong = "split"
    """What to do with a line that is too long for a segment: split it between its sentences, or drop it."""
    min_output_tokens: int | None = Field(default=None, ge=0)
    """Leave out shorter results."""
    join: bool | None = None
    """Whether the results of a document's segments become one row again; none: for wikipedia only."""
    incomplete: Incomplete = "keep"
    """Documents of which some segments failed: keep what there is, or drop them; when they are joined."""
    require_prefix: bool = False
    """Reject answers that do not begin as the prompt asks, rather than take them as they are."""
    max_pairs: int = Field(default=10, ge=1)
    """Most questions for 150 tokens of text, of diverse_qa."""
    prompt: str | None = None
    """What the model is asked, with {text} for the segment; none: our prompt for the transformation."""
    system_prompt: str | None = None
    """Said before the prompt; none: ours, "": nothing."""

    @field_validator("tokenizer")
    @classmethod
    def _tokenizer(cls, value: str | None) -> str | None:
        return check_tokenizer(value)

    @model_validator(mode="before")
    @classmethod
    def _published_sampling(cls, values: Any) -> Any:
        own = TRANSFORMATIONS.get(str(values.get("transformation"))) if isinstance(values, dict) else None
        given = values.get("generation") if own else None
        if own is None or not (given is None or isinstance(given, dict)):
            return values  # another check says what is wrong
        return {**values, "generation": sampling_of(own, given)}

    @model_validator(mode="after")
    def _own_folder(self) -> Self:
        """Put the name of the transformation into `output` where it says so."""
        path = str(self.output)
        if _TRANSFORMATION in path:
            self.output = path.replace(_TRANSFORMATION, self.transformation)
        return self

    @property
    def spec(self) -> Transformation:
        """The transformation, with its published numbers."""
        return TRANSFORMATIONS[self.transformation]


def build(config: Config) -> Pipeline:
    """Return the pipeline that `config` describes."""
    pipeline = Pipeline("nemotron_cc", f"{config.transformation} of documents")
    needed = {config.text_column: "text_column"}
    if config.bucket is not None:
        needed[config.bucket_column] = "bucket_column, which bucket needs,"
    pipeline.add_stage(open_input(config, config.input, needed, config.text_column))
    for stage in (*_before(config), *_after(config), *config.own_stages()):
        pipeline.add_stage(stage)
    pipeline.add_stage(config.writer())
    return pipeline


def _before(config: Config) -> Iterator[Stage]:
    """Yield the stages up to the one that asks."""
    spec, tokenizer = config.spec, config.tokenizer
    if config.bucket is not None:
        bound = {"above" if config.bucket == "high" else "at_most": config.bucket_threshold}
        yield RangeFilter(config.bucket_column, **bound)
    ask = _asking(config)
    least = _or(config.min_document_tokens, spec.min_document_tokens)
    yield TokenCountFilter(column=config.text_column, min_tokens=max(1, least), tokenizer=tokenizer)
    yield DocumentSplitter(
        column=config.text_column,
        output=SOURCE_TEXT,
        max_tokens=_room(config, ask),
        min_tokens=max(1, _or(config.min_segment_tokens, spec.min_segment_tokens)),
        too_long=config.too_long,
        tokenizer=tokenizer,
    )
    yield ask


def _asking(config: Config) -> TransformStage:
    return STAGES[config.transformation](
        config.new_client(),
        config.model,
        column=SOURCE_TEXT,
        prompt=config.prompt,
        system_prompt=config.system_prompt,
        generation_config=config.generation,
        prefix="",
        reasoning=config.reasoning,
    )


def _room(config: Config, ask: TransformStage) -> int:
    """Return the tokens that the prompt leaves for a segment."""
    most = _or(config.max_input_tokens, config.spec.max_input_tokens)
    taken = ask.prompt_tokens(config.tokenizer)
    least = max(1, _or(config.min_segment_tokens, config.spec.min_segment_tokens))
    if most - taken < least:
        raise ConfigError(
            f"max_input_tokens is {most}, of which the prompt takes {taken}; a segment has at least {least}: "
            f"give at least {taken + least}, or a shorter prompt"
        )
    return most - taken


def _after(config: Config) -> Iterator[Stage]:
    """Yield the stages behind the one that asks."""
    spec, several = config.spec, (config.generation.n or 1) > 1
    yield from _cleaning(config)
    if spec.joined if config.join is None else config.join:
        yield LengthFilter(min_chars=1)
        sums = ["prompt_tokens", "completion_tokens", *(["reasoning_tokens"] if config.reasoning else [])]
        yield DocumentJoiner(
            columns=["text", SOURCE_TEXT, *(["reasoning"] if config.reasoning else [])],
            separator="\n\n" if spec.name == "diverse_qa" else "\n",
            sums=[*sums, *([PAIRS] if spec.name == "diverse_qa" else [])],
            by=[ROW_ID, "choice"] if several else [ROW_ID],
            incomplete=config.incomplete,
        )
    least = _or(config.min_output_tokens, spec.min_output_tokens)
    yield TokenCountFilter(min_tokens=max(1, least), tokenizer=config.tokenizer)


def _cleaning(config: Config) -> Iterator[Stage]:
    spec = config.spec
    if spec.name == "diverse_qa":
        yield AppendPairs(
            source=SOURCE_TEXT,
            max_pairs=config.max_pairs,
            seed=abs(config.generation.seed or 0),
            tokenizer=config.tokenizer,
        )
        return
    yield FinishedFilter()
    prefixes = [spec.prefix] if spec.prefix and config.prompt is None else []
    yield PrefixRemover(prefixes, required=config.require_prefix and bool(prefixes))
    yield MarkdownRemover()
    if spec.name == "knowledge_list":
        yield KnowledgeListCleaner()
        return
    if spec.name == "extract_knowledge":
        yield LineRemover(_PASSAGES)
    yield QuotationRemover()


def _or(given: int | None, published: int) -> int:
    return published if given is None else given
