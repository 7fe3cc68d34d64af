"""Question and answer pairs in several languages."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from nemo_sdg.client import GenerationConfig
from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import CompositeStage
from nemo_sdg.stages.generation import LLMGenerationStage
from nemo_sdg.stages.parse_qa import ParseQuestionAnswer
from nemo_sdg.stages.prompt import PromptTemplateStage
from nemo_sdg.stages.samples import SampleSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.client import AsyncLLMClient, LLMClient
    from nemo_sdg.stages.step import Step


class QAMultilingualSyntheticStage(CompositeStage):
    """Makes `num_samples` rows by asking `model_name` with `prompt`, the languages dealt evenly.

    `{language}` in `prompt` becomes the row's language. `seed` is for dealing the languages; the sampling
    seed of each row is derived from the one in `generation_config`, so equal prompts make different rows.

    Columns: `row_id, language, text, question, answer, model, finish_reason, prompt_tokens,
    completion_tokens, seed`. `text` has bold markers removed; `question` and `answer` are null where the text
    has none, unless `require_question_answer`: then such a row is rejected. With `reasoning` there are also
    `reasoning` and `reasoning_tokens`.
    """

    def __init__(  # noqa: PLR0917 - the order is that of the public API
        self,
        prompt: str,
        languages: Sequence[str],
        client: AsyncLLMClient | LLMClient,
        model_name: str,
        num_samples: int,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
        *,
        system_prompt: str | None = None,
        seed: int = 0,
        require_question_answer: bool = False,
        reasoning: bool = False,
    ) -> None:
        config = GenerationConfig.of(generation_config)
        self._source = SampleSource(num_samples, {"language": languages}, seed)
        self._prompt = PromptTemplateStage(prompt, system_prompt=system_prompt)
        if len(self._source.choices["language"]) > 1 and "language" not in self._prompt.requires:
            near = difflib.get_close_matches("language", self._prompt.requires, n=1)
            hint = f"did you mean it by {{{near[0]}}}?" if near else "write it where the language belongs"
            raise ConfigError(
                f"prompt has no {{language}}, so every language would get the same prompt: {hint}"
            )
        self._generation = LLMGenerationStage(
            client, model_name, generation_config=config, seed_per_row=True, reasoning=reasoning
        )
        self._parser = ParseQuestionAnswer(required=require_question_answer)

    def decompose(self) -> Sequence[Step]:
        """Return source, prompt, generation and parser."""
        return (self._source, self._prompt, self._generation, self._parser)
