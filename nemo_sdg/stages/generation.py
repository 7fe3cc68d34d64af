"""The stage that asks a model."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pyarrow as pa

from nemo_sdg.client import GenerationConfig
from nemo_sdg.client.base import withheld_error
from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.asking import AskingStage, digest
from nemo_sdg.stages.base import ENDS_THE_JOB
from nemo_sdg.stages.choices import ChoiceColumns, Choices, Unusable, check_choices
from nemo_sdg.stages.prompt import MESSAGES
from nemo_sdg.stages.reply import reply_of
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.structured import Settled, StructuredAnswers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from nemo_sdg.client import AsyncLLMClient, Completion, ConversationFormatter, LLMClient
    from nemo_sdg.stages.base import Ledger
    from nemo_sdg.stages.reply import Reply
    from nemo_sdg.stages.structured import Way


class LLMGenerationStage(AskingStage):
    """Asks a model once for each row.

    Needs the column `messages` (list of role and content) unless a subclass makes messages otherwise. Adds
    `text`, `model`, `finish_reason`, `prompt_tokens`, `completion_tokens` and `seed`, each with `prefix` in
    front of its name, so that two such stages can follow each other.

    With `n` above 1 in `generation_config`, `choices` says what becomes of the answers to one request.
    "rows": a row becomes n rows, told apart by the column `choice` (0, 1, ...); each is rejected alone, and
    what the request took is counted at choice 0. "list": a row stays one, with a list for each of `text`,
    `finish_reason`, `reasoning` and the columns that are read in the text, and token columns that are sums.
    A choice that cannot be used has nulls in the columns that are read and its reason in `choice_error`, a
    list with nulls for the others; a row is rejected when none of its choices can be used.

    `seed_per_row` gives each row a sampling seed of its own, derived from the config's `seed` and `row_id`:
    with one seed for all, equal prompts make equal rows.

    `response_format` has answers follow a pydantic model or a JSON schema, and adds a typed column for each
    of its fields, with `prefix`. It is asked for natively where the server can, else in the prompt, unless
    `structured` says "native" or "prompt". An answer that does not follow it goes back to the model with what
    is wrong, at most `correction_turns` times, each a further request; what cannot be saved is rejected.
    Token columns count all turns.

    `reasoning` adds the columns `reasoning` and `reasoning_tokens`, and takes reasoning out of `text`.

    Subclasses override `messages_for` and `parse`, and say in `requires` and `parsed` which columns these
    need and make. A row whose request fails is rejected; `FatalRequestError` ends the job.
    """

    requires: tuple[str, ...] = (MESSAGES,)
    parsed: ClassVar[Sequence[pa.Field]] = ()
    """Fields of the columns that `parse` makes."""

    def __init__(
        self,
        client: AsyncLLMClient | LLMClient,
        model_name: str,
        *,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
        seed_per_row: bool = False,
        prefix: str = "",
        conversation_formatter: ConversationFormatter | None = None,
        response_format: type[BaseModel] | dict[str, Any] | str | None = None,
        correction_turns: int = 1,
        structured: Way = "auto",
        reasoning: bool = False,
        choices: Choices = "rows",
    ) -> None:
        super().__init__(client, model_name, conversation_formatter)
        self.generation_config = GenerationConfig.of(generation_config)
        self.seed_per_row = seed_per_row
        self.prefix = prefix
        self.reasoning = reasoning
        self.choices: Choices = check_choices(choices)
        self.rows_each = 1 if self.choices == "list" else self.generation_config.n or 1
        self._structured: StructuredAnswers | None = None
        own = self._columns.names
        if response_format is not None:
            _check_no_other_format(self.generation_config)
            self._structured = StructuredAnswers(response_format, correction_turns, structured)
            self._structured.format.check_names(prefix, own)
        self.adds = (*own, *(field.name for field in (*self._typed_fields(), *self.parsed)))

    def settings(self) -> Mapping[str, Any]:
        """Return what determines the answers."""
        told = {
            **super().settings(),
            "generation_config": asdict(self.generation_config),
        }
        if not self.reasoning:
            told.pop("reasoning", None)  # as in the settings of runs from before it could be asked for
        if self.choices == "rows":
            told.pop("choices", None)
        if self._structured is not None:
            told["response_format"] = self._structured.format.settings
        return told

    async def check(self) -> list[str]:
        """Look at the endpoint, where it can be asked without paying."""
        notes = []
        if self.seed_per_row and self.generation_config.temperature == 0:
            notes.append("temperature is 0: equal prompts give equal rows, whatever their seeds")
        return notes + await super().check()

    def messages_for(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the messages to send for `row`; a `RowError` rejects the row unasked."""
        messages: list[dict[str, Any]] | None = row[MESSAGES]
        if not messages:
            raise RowError("the row has no messages: its prompt is null")
        return messages

    def parse(self, text: str, row: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - a hook
        """Return the values of the columns in `parsed` for one answer; a `RowError` rejects the row."""
        return {}

    async def _values(
        self, row: Mapping[str, Any], ledger: Ledger, asked_alike: bytes
    ) -> list[dict[str, Any] | Unusable]:
        """Return the new columns' values for each choice, or what is wrong with the choice."""
        messages = self.messages_for(row)
        question = self.key_prefix(row.get(ROW_ID, 0))
        configs = self._configs(row, ledger.times_forgotten(question) if self._seeds_differ else 0)
        keys = [question + digest(asked_alike, messages, config.seed) for config in configs]
        for config, first in zip(configs, keys, strict=True):  # noqa: B007 - what it ends at is in use below
            completion = ledger.recall(first)
            if completion is not None:
                break
        else:
            config, first = configs[0], keys[0]
            completion = await self._ask(messages, (), config, ledger)
            ledger.record(first, completion)
        asked: dict[int, list[str]] = {}

        async def again(choice: int, turns: list[dict[str, Any]]) -> Completion:
            said = [turn["content"] for turn in turns if turn["role"] == "assistant"]
            key = question + digest(asked_alike, [messages, choice, said], config.seed)
            asked.setdefault(choice, [first]).append(key)
            corrected = ledger.recall(key)
            if corrected is None:
                corrected = await self._ask(messages, turns, replace(config, n=1), ledger)
                ledger.record(key, corrected)
            return corrected

        made: list[dict[str, Any] | Unusable] = []
        for choice in range(len(completion.texts)):
            reply = reply_of(completion, choice, split=self.reasoning or self._structured is not None)
            if reply.withheld:
                values = self._own_values(reply, choice, config.seed)
                made.append(Unusable(withheld_error(completion), values))
            elif self._structured is None:
                made.append(self._made(Settled(reply, _NOTHING), choice, config.seed, row))
            else:
                settled = await self._structured.settle(reply, partial(again, choice))
                made.append(self._made(settled, choice, config.seed, row))
        return [
            each._replace(kept=asked.get(choice, [first])) if isinstance(each, Unusable) else each
            for choice, each in enumerate(made)
        ]

    @property
    def _seeds_differ(self) -> bool:
        return self.seed_per_row and self.generation_config.seed is not None

    def _configs(self, row: Mapping[str, Any], again: int) -> list[GenerationConfig]:
        """Return how `row` may have been asked, the latest way first: after giving answers up by other seeds.

        An earlier one is in use where it was a correction that was given up, and not the answer before it.
        """
        config = self.generation_config
        if config.seed is None or not self.seed_per_row:
            return [config]
        seed, row_id = config.seed, row.get(ROW_ID, 0)
        return [config.with_seed(derived_seed(seed, row_id, times)) for times in range(again, -1, -1)]

    def _made(
        self, settled: Settled, choice: int, seed: int | None, row: Mapping[str, Any]
    ) -> dict[str, Any] | Unusable:
        """Return the new columns' values for an answer, or what is wrong with it."""
        values = self._own_values(settled.reply, choice, seed)
        if settled.fault is not None:
            return Unusable(settled.fault, values)
        if settled.values:
            values.update({self.prefix + name: value for name, value in settled.values.items()})
        try:
            values.update(self.parse(settled.reply.text, row))
        except ENDS_THE_JOB:
            raise
        except Exception as error:  # noqa: BLE001 - a subclass's parser; this row's alone
            return Unusable(error, values)
        return values

    async def _ask(
        self,
        messages: list[dict[str, Any]],
        turns: Sequence[dict[str, Any]],
        config: GenerationConfig,
        ledger: Ledger,
    ) -> Completion:
        """Ask for an answer to `messages`, and to `turns` after them, in the form that is wanted."""
        if self._structured is None:
            return await self._send(ledger, messages, config)
        send = partial(self._send, ledger)
        return await self._structured.ask(
            self.client, self.model_name, send, messages=messages, turns=turns, config=config
        )

    def _asked_alike(self) -> bytes:
        """Return what all requests of this stage have in common."""
        # What is cut off at fewer tokens begins like the whole answer, and what is not cut off is the answer.
        config = replace(self.generation_config, max_tokens=None)
        alike = msgspec.json.encode((self.prefix, self.model_name, config, self._formatted_by), enc_hook=repr)
        if self._structured is not None:
            alike += msgspec.json.encode(self._structured.format.settings)
        return alike

    def _table(self, batch: pa.Table, outcomes: list[Any]) -> pa.Table:
        return self._columns.table(batch, outcomes, self.name)

    @property
    def _columns(self) -> ChoiceColumns:
        own = (*_FIELDS, *(_REASONING if self.reasoning else ()))
        read = (*self._typed_fields(), *self.parsed)
        return ChoiceColumns(own, read, self.prefix, self.choices, (self.generation_config.n or 1) > 1)

    def _typed_fields(self) -> list[pa.Field]:
        if self._structured is None:
            return []
        return [field.with_name(self.prefix + field.name) for field in self._structured.format.columns]

    def _own_values(self, reply: Reply, choice: int, seed: int | None) -> dict[str, Any]:
        prefix = self.prefix
        return {
            f"{prefix}text": reply.text,
            f"{prefix}model": reply.model,
            f"{prefix}finish_reason": reply.finish_reason,
            f"{prefix}prompt_tokens": reply.prompt_tokens,
            f"{prefix}completion_tokens": reply.completion_tokens,
            f"{prefix}seed": seed,
            f"{prefix}choice": choice,
            f"{prefix}reasoning": reply.reasoning,
            f"{prefix}reasoning_tokens": reply.reasoning_tokens,
        }


_FIELDS = (
    pa.field("text", pa.string()),
    pa.field("model", pa.string()),
    pa.field("finish_reason", pa.string()),
    pa.field("prompt_tokens", pa.int64()),
    pa.field("completion_tokens", pa.int64()),
    pa.field("seed", pa.int64()),
)
_REASONING = (pa.field("reasoning", pa.string()), pa.field("reasoning_tokens", pa.int64()))


_NOTHING: dict[str, Any] = {}


def _check_no_other_format(config: GenerationConfig) -> None:
    extra = config.extra_kwargs or {}
    if "response_format" in extra or "response_format" in (extra.get("extra_body") or {}):
        raise ConfigError("response_format is there twice: leave it out of the extra_kwargs")


def derived_seed(seed: int, row_id: int, again: int = 0) -> int:
    """Return the sampling seed of one row: 31 bits, which every server takes, and stable for ever.

    `again` is how often an answer was given up: the same seed would mostly get the same one.
    """
    which = f"{seed}:{row_id}:{again}" if again else f"{seed}:{row_id}"
    digest = hashlib.blake2b(which.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
