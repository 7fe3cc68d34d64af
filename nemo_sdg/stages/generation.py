"""The stage that asks a model."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pyarrow as pa

from nemo_sdg.client import AsyncLLMClient, AsyncOpenAIClient, GenerationConfig, LLMClient
from nemo_sdg.client.in_threads import asynchronous
from nemo_sdg.errors import ConfigError, FatalRequestError, RequestError, RowError, RunStopped
from nemo_sdg.stages.base import PaidStage
from nemo_sdg.stages.rows import ROW_ID, reject, set_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemo_sdg.client import Completion, ConversationFormatter
    from nemo_sdg.limits import Limiter
    from nemo_sdg.stages.base import Ledger

MESSAGES = "messages"


class LLMGenerationStage(PaidStage):
    """Asks a model once for each row.

    Needs the column `messages` (list of role and content) unless a subclass makes messages otherwise. Adds
    `text`, `model`, `finish_reason`, `prompt_tokens`, `completion_tokens` and `seed`, each with `prefix` in
    front of its name, so that two such stages can follow each other. With `n` above 1 in `generation_config`
    a row becomes n rows with the column `choice` (0, 1, ...).

    `seed_per_row` gives each row a sampling seed of its own, derived from the config's `seed` and `row_id`:
    with one seed for all, equal prompts make equal rows.

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
    ) -> None:
        if not isinstance(client, (AsyncLLMClient, LLMClient)):
            raise ConfigError(
                f"client is {client!r:.80}: give an AsyncOpenAIClient or another AsyncLLMClient or LLMClient"
            )
        if not isinstance(model_name, str) or not model_name:
            raise ConfigError(f"model_name is {model_name!r}: name the model to ask")
        self.model_name = model_name
        self.generation_config = GenerationConfig.of(generation_config)
        self.seed_per_row = seed_per_row
        self.prefix = prefix
        self.conversation_formatter = conversation_formatter
        self.client = asynchronous(client)
        self.environment = self.client.environment
        self._asked_alike = msgspec.json.encode((prefix, model_name, self.generation_config), enc_hook=repr)
        choice = (f"{prefix}choice",) if self._choices > 1 else ()
        own = tuple(prefix + field.name for field in _FIELDS)
        self.adds = own + choice + tuple(field.name for field in self.parsed)

    @property
    def limiter(self) -> Limiter:
        """What admits this stage's requests: its client's."""
        return self.client.limiter

    def settings(self) -> Mapping[str, Any]:
        """Return what determines the answers."""
        return {**super().settings(), "generation_config": asdict(self.generation_config)}

    def setup(self) -> None:
        """Set the client up where the stage runs."""
        self.client.setup()

    async def close_paid(self) -> None:
        """Close the client's connections."""
        close = getattr(self.client, "close", None)
        if close is not None:
            await close()

    async def check(self) -> list[str]:
        """Ask the endpoint for its models, where it can be asked."""
        if not isinstance(self.client, AsyncOpenAIClient):
            return []
        try:
            models = await self.client.list_models()
        finally:
            await self.client.close()
        if not models or self.model_name in models:
            return []
        near = difflib.get_close_matches(self.model_name, models, n=1)
        hint = f"; did you mean {near[0]}?" if near else f": it lists {', '.join(models[:5])}"
        return [f"the endpoint does not list the model {self.model_name}{hint}"]

    def messages_for(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the messages to send for `row`; a `RowError` rejects the row unasked."""
        messages: list[dict[str, Any]] | None = row[MESSAGES]
        if not messages:
            raise RowError("the row has no messages: its prompt is null")
        return messages

    def parse(self, text: str, row: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - a hook
        """Return the values of the columns in `parsed` for one answer; a `RowError` rejects the row."""
        return {}

    async def process_paid(self, batch: pa.Table, ledger: Ledger) -> pa.Table:
        """Ask for every row of `batch` at once, as far as the client's limits allow."""
        rows = batch.to_pylist()
        outcomes = await asyncio.gather(*(self._answer(row, ledger) for row in rows), return_exceptions=True)
        _raise_first(outcomes)
        return self._table(batch, rows, outcomes)

    async def _answer(self, row: Mapping[str, Any], ledger: Ledger) -> tuple[Completion, int | None]:
        messages = self.messages_for(row)
        config = self.generation_config
        if self.seed_per_row and config.seed is not None:
            config = config.with_seed(derived_seed(config.seed, row.get(ROW_ID, 0)))
        key = self._key(row, messages, config.seed)
        completion = ledger.recall(key)
        if completion is None:
            try:
                completion = await self.client.complete(
                    messages, self.model_name, self.conversation_formatter, config
                )
            except RequestError as error:
                ledger.record_failure(error)
                if isinstance(error, FatalRequestError):
                    self.limiter.stop()
                raise
            ledger.record(key, completion)
        return completion, config.seed

    def _key(self, row: Mapping[str, Any], messages: list[dict[str, Any]], seed: int | None) -> str:
        """Return what an answer is kept under: the row, and everything that determines the answer."""
        try:
            encoded = msgspec.json.encode((messages, seed))
        except (UnicodeEncodeError, TypeError):  # the client will say what is wrong with the messages
            encoded = repr((messages, seed)).encode("utf-8", "backslashreplace")
        digest = hashlib.blake2b(self._asked_alike + encoded, digest_size=12).hexdigest()
        return f"{row.get(ROW_ID, 0)}-{digest}"

    def _table(self, batch: pa.Table, rows: list[dict[str, Any]], outcomes: list[Any]) -> pa.Table:
        taken: list[int] = []
        values: list[dict[str, Any]] = []
        errors: dict[int, Exception] = {}
        for position, outcome in enumerate(outcomes):
            for choice in range(1 if isinstance(outcome, Exception) else len(outcome[0].texts)):
                taken.append(position)
                value: dict[str, Any] = {}
                values.append(value)
                if isinstance(outcome, Exception):
                    errors[len(taken) - 1] = outcome
                    continue
                completion, seed = outcome
                self._fill(value, completion, seed, choice)
                try:
                    value.update(self.parse(completion.texts[choice], rows[position]))
                except Exception as error:  # noqa: BLE001 - a subclass's parser; this row's alone
                    errors[len(taken) - 1] = error
        if len(taken) != batch.num_rows:
            batch = batch.take(taken)
        own = [field.with_name(self.prefix + field.name) for field in _FIELDS]
        if self._choices > 1:
            own.append(pa.field(f"{self.prefix}choice", pa.int32()))
        for field in (*own, *self.parsed):
            column = pa.array([value.get(field.name) for value in values], field.type)
            batch = set_column(batch, field.name, column)
        return reject(batch, errors, self.name)

    def _fill(self, value: dict[str, Any], completion: Completion, seed: int | None, choice: int) -> None:
        prefix = self.prefix
        value[f"{prefix}text"] = completion.texts[choice]
        value[f"{prefix}model"] = completion.model
        value[f"{prefix}finish_reason"] = completion.finish_reasons[choice]
        value[f"{prefix}prompt_tokens"] = completion.usage.prompt_tokens
        value[f"{prefix}completion_tokens"] = completion.usage.completion_tokens
        value[f"{prefix}seed"] = seed
        value[f"{prefix}choice"] = choice

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


def derived_seed(seed: int, row_id: int) -> int:
    """Return the sampling seed of one row: 31 bits, which every server takes, and stable for ever."""
    digest = hashlib.blake2b(f"{seed}:{row_id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


def _raise_first(outcomes: Iterable[Any]) -> None:
    """Raise what concerns the whole job, the reason for stopping before the stopping."""
    stopped: BaseException | None = None
    for outcome in outcomes:
        if isinstance(outcome, FatalRequestError):
            raise outcome
        if isinstance(outcome, RunStopped) or (
            isinstance(outcome, BaseException) and not isinstance(outcome, Exception)
        ):
            stopped = outcome
    if stopped is not None:
        raise stopped
