"""The stage that has a reward model score answers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from nemo_sdg.client.base import withheld_error
from nemo_sdg.client.hugging_face_formatter import HuggingFaceFormatter
from nemo_sdg.client.reward import REWARD_CONFIG, rewards_of
from nemo_sdg.errors import ConfigError, ParseError, RowError
from nemo_sdg.stages.asking import AskingStage, digest
from nemo_sdg.stages.columns import check_column, check_new_columns
from nemo_sdg.stages.prompt import MESSAGES
from nemo_sdg.stages.rows import ROW_ID, reject, with_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemo_sdg.client import (
        AsyncLLMClient,
        Completion,
        ConversationFormatter,
        GenerationConfig,
        LLMClient,
    )
    from nemo_sdg.stages.base import Ledger

HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
"""The attributes of models that were trained on HelpSteer, such as nvidia/nemotron-4-340b-reward."""
_UNSCORED = 8
"""Answers without scores after which a model that has never scored is the wrong one."""


class RewardStage(AskingStage):
    """Has a reward model score the answer of each row.

    Needs the columns `messages` (list of role and content) and `answer`, whose text is taken as the
    assistant's next turn; None where the conversations end with the assistant's turn already. Adds a column
    of float64 for each of `attributes`, with `prefix` in front of its name. The default attributes are
    HelpSteer's; a model with a single score mostly calls it "reward".

    Where the client applies a chat template, as `ClientvLLM` with a tokenizer does, it ends with the answer
    here: nothing is put at its end that asks for a further one.

    A row whose request fails, which has no answer, or for which the model leaves one of the attributes out is
    rejected. When none of the first answers has the attributes, `ConfigError` ends the job.
    """

    def __init__(
        self,
        client: AsyncLLMClient | LLMClient,
        model_name: str,
        *,
        attributes: Sequence[str] = HELPSTEER,
        answer: str | None = "text",
        prefix: str = "",
        conversation_formatter: ConversationFormatter | None = None,
    ) -> None:
        super().__init__(client, model_name, conversation_formatter)
        if conversation_formatter is None:
            self.conversation_formatter = _without_prompt(self.conversation_formatter)
        if not isinstance(attributes, (list, tuple)) or not attributes:
            raise ConfigError(f'attributes is {attributes!r}: give a list of names, such as ["helpfulness"]')
        if len(set(attributes)) < len(attributes):
            raise ConfigError(f"attributes has a name twice: {', '.join(map(str, attributes))}")
        self.attributes = [check_column(name, "a name in attributes") for name in attributes]
        self.answer = None if answer is None else check_column(answer, "answer")
        if not isinstance(prefix, str):
            raise ConfigError(f"prefix is {prefix!r}: give a text")
        self.prefix = prefix
        self.generation_config = REWARD_CONFIG
        self.requires = (MESSAGES,) if answer is None else (MESSAGES, answer)
        self.adds = check_new_columns([prefix + name for name in self.attributes], "attributes")
        self._ever_scored = False
        self._unscored = 0

    def key_prefix(self, row_id: int) -> str:
        """Return what keys begin with; apart from those of a generating stage with the same `prefix`."""
        return f"{super().key_prefix(row_id)}?"

    def messages_for(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the conversation to score; a `RowError` rejects the row unasked."""
        messages: list[dict[str, Any]] = list(row[MESSAGES] or ())
        if self.answer is not None:
            answer = row[self.answer]
            if not isinstance(answer, str) or not answer:
                raise RowError(f"the column {self.answer!r} has no answer in this row: nothing to score")
            messages.append({"role": "assistant", "content": answer})
        if len(messages) < 2 or messages[-1].get("role") != "assistant":  # noqa: PLR2004 - a prompt and its answer
            last = f"ends with {messages[-1]!r:.120}" if messages else "is empty"
            raise RowError(f"the conversation {last}: what is scored is the assistant's answer to a turn")
        return messages

    def tiny_question(self) -> tuple[list[dict[str, Any]], GenerationConfig]:
        """Return a short conversation to score."""
        turns = (("user", "What is 1 + 1?"), ("assistant", "2"))
        return [{"role": role, "content": content} for role, content in turns], REWARD_CONFIG

    async def _values(self, row: Mapping[str, Any], ledger: Ledger, asked_alike: bytes) -> dict[str, float]:
        messages = self.messages_for(row)
        key = self.key_prefix(row.get(ROW_ID, 0)) + digest(asked_alike, messages, None)
        completion = ledger.recall(key)
        if completion is None:
            completion = await self._send(ledger, messages, REWARD_CONFIG)
            ledger.record(key, completion)
        if completion.withheld and not any(completion.logprobs):
            raise withheld_error(completion)
        try:
            scores = self._scores(completion)
        except ParseError as error:
            self._count(error)
            raise
        self._ever_scored = True
        return {self.prefix + name: score for name, score in scores.items()}

    def _scores(self, completion: Completion) -> dict[str, float]:
        rewards = rewards_of(completion)
        missing = [name for name in self.attributes if name not in rewards]
        if missing:
            raise ParseError(
                f"the model {completion.model or self.model_name} gives no score of {', '.join(missing)}: it "
                f"has {', '.join(rewards)}; name what you want of these as attributes"
            )
        return {name: rewards[name] for name in self.attributes}

    def _count(self, error: ParseError) -> None:
        """Take note of an answer without scores; raises `ConfigError` when that is true of all answers."""
        self._unscored += 1
        if self._unscored < _UNSCORED or self._ever_scored:
            return
        self._stop()
        raise ConfigError(f"none of {self._unscored} answers can be used: {error}")

    def _asked_alike(self) -> bytes:
        return msgspec.json.encode(("reward", self.prefix, self.model_name, self._formatted_by))

    def _table(self, batch: pa.Table, outcomes: list[Any]) -> pa.Table:
        errors = {place: each for place, each in enumerate(outcomes) if isinstance(each, Exception)}
        fields = [pa.field(name, pa.float64()) for name in self.adds or ()]
        columns = {
            field.name: [None if place in errors else each[field.name] for place, each in enumerate(outcomes)]
            for field in fields
        }
        return reject(with_columns(batch, fields, columns, errors), errors, self.name)


def _without_prompt(formatter: ConversationFormatter | None) -> ConversationFormatter | None:
    """Return a client's formatter, or its like that does not ask for an answer after the last turn."""
    if not isinstance(formatter, HuggingFaceFormatter):
        return formatter
    without = copy.copy(formatter)
    without.add_generation_prompt = False
    return without
