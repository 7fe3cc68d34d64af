"""The stage that asks a model."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import msgspec
import pyarrow as pa

from nemo_sdg.client import GenerationConfig
from nemo_sdg.client.base import withheld_error
from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.asking import AskingStage, digest
from nemo_sdg.stages.base import ENDS_THE_JOB
from nemo_sdg.stages.prompt import MESSAGES
from nemo_sdg.stages.reply import reply_of
from nemo_sdg.stages.rows import ROW_ID, reject, with_columns
from nemo_sdg.stages.structured import Settled, StructuredAnswers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from nemo_sdg.client import AsyncLLMClient, Completion, ConversationFormatter, LLMClient
    from nemo_sdg.stages.base import Ledger
    from nemo_sdg.stages.reply import Reply
    from nemo_sdg.stages.structured import Way


class LLMGenerationStage(AskingStage):
    """Asks a model once for each row.

    Needs the column `messages` (list of role and content) unless a subclass makes messages otherwise. Adds
    `text`, `model`, `finish_reason`, `prompt_tokens`, `completion_tokens` and `seed`, each with `prefix` in
    front of its name, so that two such stages can follow each other. With `n` above 1 in `generation_config`
    a row becomes n rows with the column `choice` (0, 1, ...).

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
    ) -> None:
        super().__init__(client, model_name, conversation_formatter)
        self.generation_config = GenerationConfig.of(generation_config)
        self.seed_per_row = seed_per_row
        self.prefix = prefix
        self.reasoning = reasoning
        self._structured: StructuredAnswers | None = None
        own = [field.name for field in self._own_fields()]
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
    ) -> list[dict[str, Any] | _Unparsed]:
        """Return the new columns' values for each choice, or what is wrong with the choice."""
        messages = self.messages_for(row)
        question = self.key_prefix(row.get(ROW_ID, 0))
        configs = self._configs(row, ledger.times_forgotten(question) if self._seeds_differ else 0)
        keys = [question + digest(asked_alike, messages, config.seed) for config in configs]
        for config, key in zip(configs, keys, strict=True):  # noqa: B007 - what it ends at is in use below
            completion = ledger.recall(key)
            if completion is not None:
                break
        else:
            config = configs[0]
            completion = await self._ask(messages, (), config, ledger)
            ledger.record(keys[0], completion)

        async def again(choice: int, turns: list[dict[str, Any]]) -> Completion:
            said = [turn["content"] for turn in turns if turn["role"] == "assistant"]
            key = question + digest(asked_alike, [messages, choice, said], config.seed)
            corrected = ledger.recall(key)
            if corrected is None:
                corrected = await self._ask(messages, turns, replace(config, n=1), ledger)
                ledger.record(key, corrected)
            return corrected

        made: list[dict[str, Any] | _Unparsed] = []
        for choice in range(len(completion.texts)):
            reply = reply_of(completion, choice, split=self.reasoning or self._structured is not None)
            if reply.withheld:
                values = self._own_values(reply, choice, config.seed)
                made.append(_Unparsed(withheld_error(completion), values))
            elif self._structured is None:
                made.append(self._made(Settled(reply, _NOTHING), choice, config.seed, row))
            else:
                settled = await self._structured.settle(reply, partial(again, choice))
                made.append(self._made(settled, choice, config.seed, row))
        return made

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
    ) -> dict[str, Any] | _Unparsed:
        """Return the new columns' values for an answer, or what is wrong with it."""
        values = self._own_values(settled.reply, choice, seed)
        if settled.fault is not None:
            return _Unparsed(settled.fault, values)
        if settled.values:
            values.update({self.prefix + name: value for name, value in settled.values.items()})
        try:
            values.update(self.parse(settled.reply.text, row))
        except ENDS_THE_JOB:
            raise
        except Exception as error:  # noqa: BLE001 - a subclass's parser; this row's alone
            return _Unparsed(error, values)
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
        taken: list[int] = []
        made: list[dict[str, Any]] = []
        errors: dict[int, Exception] = {}
        for position, outcome in enumerate(outcomes):
            for choice in [_Unparsed(outcome, {})] if isinstance(outcome, Exception) else outcome:
                if isinstance(choice, _Unparsed):
                    errors[len(taken)] = choice.reason
                taken.append(position)
                made.append(choice.values if isinstance(choice, _Unparsed) else choice)
        if len(taken) != batch.num_rows:
            batch = batch.take(taken)
        fields = (*self._own_fields(), *self._typed_fields(), *self.parsed)
        columns = {field.name: [value.get(field.name) for value in made] for field in fields}
        return reject(with_columns(batch, fields, columns, errors), errors, self.name)

    def _own_fields(self) -> list[pa.Field]:
        choice = [pa.field("choice", pa.int32())] if self._choices > 1 else []
        return self._prefixed([*_FIELDS, *(_REASONING if self.reasoning else ()), *choice])

    def _typed_fields(self) -> list[pa.Field]:
        return [] if self._structured is None else self._prefixed(self._structured.format.columns)

    def _prefixed(self, fields: Iterable[pa.Field]) -> list[pa.Field]:
        return [field.with_name(self.prefix + field.name) for field in fields]

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

    @property
    def _choices(self) -> int:
        return self.generation_config.n or 1


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


class _Unparsed(NamedTuple):
    """An answer that the stage's parser refuses: rejected, but with what is known of it."""

    reason: Exception
    values: dict[str, Any]


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
