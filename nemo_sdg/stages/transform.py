"""Asking a model to make a new text of a document: the five transformations of Nemotron-CC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nemo_sdg.client import GenerationConfig
from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.columns import check_column
from nemo_sdg.stages.generation import LLMGenerationStage
from nemo_sdg.stages.template import Template
from nemo_sdg.stages.token_counter import token_counter
from nemo_sdg.stages.transformations import (
    DISTILL,
    DIVERSE_QA,
    EXTRACT_KNOWLEDGE,
    KNOWLEDGE_LIST,
    WIKIPEDIA,
    Transformation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.client import AsyncLLMClient, ConversationFormatter, LLMClient

TEXT = "text"
_OF_A_MESSAGE = 8
"""Tokens that a chat template puts around a message, at most."""


class TransformStage(LLMGenerationStage):
    """Asks a model to make a new text of the one in `column`.

    `prompt` is a template in which {text} becomes the row's text; it and `system_prompt` are those of the
    class's transformation when not given ("" for no system prompt). Of `generation_config`, what a mapping
    leaves out is temperature 0.5, top_p 0.9 and the `max_tokens` of the transformation. Each row has a
    sampling seed of its own.

    Needs `column`. Adds the columns of `LLMGenerationStage`, with `prefix` in front (None: the
    transformation's name and "_", as in `distill_text`); the answer is as the model wrote it. Rows whose text
    is null or blank are rejected unasked. Raises `ConfigError` for arguments that cannot be used.
    """

    transformation: ClassVar[Transformation]

    def __init__(
        self,
        client: AsyncLLMClient | LLMClient,
        model_name: str,
        *,
        column: str = TEXT,
        prompt: str | None = None,
        system_prompt: str | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
        prefix: str | None = None,
        conversation_formatter: ConversationFormatter | None = None,
        reasoning: bool = False,
    ) -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)
        own = self.transformation
        self.prompt = own.prompt if prompt is None else prompt
        self.system_prompt = own.system_prompt if system_prompt is None else system_prompt
        if not isinstance(self.system_prompt, str):
            raise ConfigError(f'system_prompt is {system_prompt!r}: give a string; "" for none')
        self._template = Template(self.prompt)
        if self._template.variables != (TEXT,):
            raise ConfigError(
                f"prompt has {_named(self._template.variables)}: write {{text}} where the text belongs, and "
                "double the braces of anything else"
            )
        super().__init__(
            client,
            model_name,
            generation_config=sampling_of(own, generation_config),
            seed_per_row=True,
            prefix=f"{own.name}_" if prefix is None else prefix,
            conversation_formatter=conversation_formatter,
            reasoning=reasoning,
        )
        if f"{self.prefix}text" == column:
            raise ConfigError(
                f"the answer would take the place of the column {column!r}: give another prefix, or None"
            )

    def messages_for(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the system prompt, if there is one, and the prompt with the row's text."""
        text = row[self.column]
        if not isinstance(text, str) or not text.strip():
            raise RowError(f"{self.column} has no text: {text!r:.80}")
        return self._messages(text.strip())

    def prompt_tokens(self, tokenizer: str | None = None) -> int:
        """Return how many tokens a request takes besides the text, with what chat templates add."""
        messages = self._messages("")
        counts = token_counter(tokenizer).counts([message["content"] for message in messages])
        return sum(counts) + _OF_A_MESSAGE * len(messages)

    def _messages(self, text: str) -> list[dict[str, Any]]:
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return [*system, {"role": "user", "content": self._template.render({TEXT: text})}]


class WikipediaParaphrasingStage(TransformStage):
    """Rewrites web text as an encyclopedia would say it; see `TransformStage`."""

    transformation = WIKIPEDIA


class DiverseQAStage(TransformStage):
    """Asks for up to eight questions of different kinds, with answers; see `TransformStage`."""

    transformation = DIVERSE_QA


class DistillStage(TransformStage):
    """Condenses a text; see `TransformStage`."""

    transformation = DISTILL


class ExtractKnowledgeStage(TransformStage):
    """Writes textbook passages from a text; see `TransformStage`."""

    transformation = EXTRACT_KNOWLEDGE


class KnowledgeListStage(TransformStage):
    """Lists the facts in a text; see `TransformStage`."""

    transformation = KNOWLEDGE_LIST


STAGES: dict[str, type[TransformStage]] = {
    stage.transformation.name: stage
    for stage in (
        WikipediaParaphrasingStage,
        DiverseQAStage,
        DistillStage,
        ExtractKnowledgeStage,
        KnowledgeListStage,
    )
}
"""By the names of their transformations."""


def sampling_of(
    transformation: Transformation, given: GenerationConfig | Mapping[str, Any] | None = None
) -> GenerationConfig:
    """Return the sampling that is published for `transformation`, with what a mapping gives on top."""
    if isinstance(given, GenerationConfig):
        return given
    published = {"temperature": 0.5, "top_p": 0.9, "max_tokens": transformation.max_output_tokens}
    return GenerationConfig.of({**published, **(given or {})})


def _named(variables: tuple[str, ...]) -> str:
    return " and ".join(f"{{{name}}}" for name in variables) or "no {text}"
