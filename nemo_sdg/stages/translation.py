"""Asking a model to translate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError, ParseError, RowError
from nemo_sdg.stages.columns import check_column, check_new_columns
from nemo_sdg.stages.generation import LLMGenerationStage
from nemo_sdg.stages.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.client import AsyncLLMClient, ConversationFormatter, GenerationConfig, LLMClient

PROMPT = (
    "Translate the text below into {language}, as a native speaker would write it. Keep its meaning, its "
    "tone, its line breaks, and names, numbers, code and links as they are. Reply with nothing but the "
    "translation.\n\nText:\n{text}"
)


class TranslationStage(LLMGenerationStage):
    """Asks a model to translate the text in `column` into the language that the column `language` names.

    `prompt` is a template in which {text} and {language} become the row's; None: ours. Each row has a
    sampling seed of its own.

    Needs `column` and `language`. Adds the columns of `LLMGenerationStage`, with `prefix` in front, and the
    translation, without white space around it, in `output`. Rows whose text is null or blank are rejected
    unasked, those without a translation with `ParseError`. Raises `ConfigError` for arguments of no use.
    """

    def __init__(
        self,
        client: AsyncLLMClient | LLMClient,
        model_name: str,
        *,
        column: str = "text",
        language: str = "language",
        output: str = "translation",
        prompt: str | None = None,
        system_prompt: str | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
        prefix: str = "translation_",
        conversation_formatter: ConversationFormatter | None = None,
        reasoning: bool = False,
    ) -> None:
        self.column = check_column(column, "column")
        self.language = check_column(language, "language")
        self.output = check_new_columns([output], "output")[0]
        if self.output in (column, language):
            raise ConfigError(f"output is {output!r}, which is there already: choose another name")
        self.requires = (column, language)
        self.parsed = (pa.field(self.output, pa.string()),)  # type: ignore[misc]
        self.prompt = PROMPT if prompt is None else prompt
        self.system_prompt = system_prompt
        self._template = Template(self.prompt)
        if set(self._template.variables) != {"text", "language"}:
            named = " and ".join(f"{{{name}}}" for name in self._template.variables) or "none"
            raise ConfigError(
                f"prompt has the placeholders {named}: write {{text}} and {{language}} where they belong, "
                "and double the braces of anything else"
            )
        super().__init__(
            client,
            model_name,
            generation_config=generation_config,
            seed_per_row=True,
            prefix=prefix,
            conversation_formatter=conversation_formatter,
            reasoning=reasoning,
        )

    def messages_for(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the prompt with the row's text and language, behind the system prompt if there is one."""
        text, language = row[self.column], row[self.language]
        for name, value in ((self.column, text), (self.language, language)):
            if not isinstance(value, str) or not value.strip():
                raise RowError(f"{name} has no text: {value!r:.80}")
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        prompt = self._template.render({"text": text.strip(), "language": language})
        return [*system, {"role": "user", "content": prompt}]

    def parse(self, text: str, row: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - a hook
        """Return the translation."""
        if not text.strip():
            raise ParseError("the answer is empty: expected a translation")
        return {self.output: text.strip()}
