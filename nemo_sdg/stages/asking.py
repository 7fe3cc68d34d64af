"""What the stages that ask a model through a client have in common."""

from __future__ import annotations

import asyncio
import hashlib
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.client import AsyncLLMClient, LLMClient
from nemo_sdg.client.in_threads import asynchronous
from nemo_sdg.errors import ConfigError, RequestError, RunStopped
from nemo_sdg.stages.base import ENDS_THE_JOB, PaidStage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from nemo_sdg.client import Completion, ConversationFormatter, GenerationConfig
    from nemo_sdg.limits import BudgetName, Limiter
    from nemo_sdg.stages.base import Ledger


TINY = 16
"""Tokens of an answer that is only to show that there is one."""


class AskingStage(PaidStage):
    """A stage that asks a model of a client for every row; a subclass makes rows of the answers."""

    generation_config: GenerationConfig
    """With what sampling it asks."""

    def __init__(
        self,
        client: AsyncLLMClient | LLMClient,
        model_name: str,
        conversation_formatter: ConversationFormatter | None,
    ) -> None:
        if not isinstance(client, (AsyncLLMClient, LLMClient)):
            raise ConfigError(
                f"client is {client!r:.80}: give an AsyncOpenAIClient or another AsyncLLMClient or LLMClient"
            )
        if not isinstance(model_name, str) or not model_name:
            raise ConfigError(f"model_name is {model_name!r}: name the model to ask")
        self.model_name = model_name
        self.client = asynchronous(client)
        self.conversation_formatter = conversation_formatter or self.client.conversation_formatter
        self.environment = self.client.environment

    @property
    def most_in_flight(self) -> int:
        """The requests that one worker ever has in flight: `max_concurrent_requests` of its client."""
        return self.client.max_concurrent_requests

    @property
    def limiters(self) -> Mapping[BudgetName, Limiter]:
        """What admits this stage's requests: its client's."""
        return self.client.limiters(self.model_name)

    def settings(self) -> Mapping[str, Any]:
        """Return what determines the answers."""
        formatter = None if self.conversation_formatter is None else self._formatted_by
        return {**super().settings(), "conversation_formatter": formatter}

    def setup(self) -> None:
        """Set the client up where the stage runs."""
        self.client.setup()

    async def close_paid(self) -> None:
        """Close the client's connections."""
        close = getattr(self.client, "close", None)
        if close is not None:
            await close()

    async def check(self) -> list[str]:
        """Look at the endpoint, where it can be asked without paying."""
        return await self.client.check(self.model_name)

    async def process_paid(self, batch: pa.Table, ledger: Ledger) -> pa.Table:
        """Ask for every row of `batch` at once, as far as the client's limits allow."""
        rows = batch.to_pylist()
        asked_alike = self._asked_alike()
        outcomes = await asyncio.gather(
            *(self._values(row, ledger, asked_alike) for row in rows), return_exceptions=True
        )
        _raise_first(outcomes)
        return self._table(batch, outcomes)

    def tiny_question(self) -> tuple[list[dict[str, Any]], GenerationConfig]:
        """Return a question of few tokens that is asked as this stage asks, to see whether that works."""
        config = self.generation_config
        if config.max_tokens is not None:
            config = replace(config, max_tokens=min(TINY, config.max_tokens))
        return [{"role": "user", "content": "Reply with: OK"}], replace(config, n=None)

    @abstractmethod
    async def _values(self, row: Mapping[str, Any], ledger: Ledger, asked_alike: bytes) -> Any:
        """Return what `_table` needs of one row; an exception rejects it, unless it ends the job."""

    @abstractmethod
    def _asked_alike(self) -> bytes:
        """Return what all requests of this stage have in common."""

    @abstractmethod
    def _table(self, batch: pa.Table, outcomes: list[Any]) -> pa.Table:
        """Return the rows that `batch` becomes; an outcome is what `_values` returned or raised."""

    async def _send(
        self, ledger: Ledger, messages: list[dict[str, Any]], config: GenerationConfig
    ) -> Completion:
        try:
            completion = await self.client.complete(
                messages, self.model_name, self.conversation_formatter, config
            )
        except RunStopped:
            raise
        except (*ENDS_THE_JOB, RequestError) as error:
            ledger.record_failure(error)
            ledger.exchanged(messages, error)
            if isinstance(error, ENDS_THE_JOB):
                self._stop()
            raise
        ledger.exchanged(messages, completion)
        return completion

    def _stop(self) -> None:
        """Let no more requests out: nothing that still waits could succeed."""
        for limiter in self.limiters.values():
            limiter.stop()

    @property
    def _formatted_by(self) -> str:
        formatter = self.conversation_formatter
        # The name of the class is what keys have of one without settings, and of None.
        return getattr(formatter, "identity", type(formatter).__qualname__)


def digest(asked_alike: bytes, messages: list[Any], seed: int | None) -> str:
    """Return a digest of everything that determines an answer."""
    try:
        encoded = msgspec.json.encode((messages, seed))
    except (UnicodeEncodeError, TypeError):  # the client will say what is wrong with the messages
        encoded = repr((messages, seed)).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(asked_alike + encoded, digest_size=12).hexdigest()


def _raise_first(outcomes: Iterable[Any]) -> None:
    """Raise what concerns the whole job, the reason for stopping before the stopping."""
    stopped: BaseException | None = None
    for outcome in outcomes:
        if isinstance(outcome, RunStopped):
            stopped = outcome
        elif isinstance(outcome, ENDS_THE_JOB):
            raise outcome
        elif isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
            stopped = outcome
    if stopped is not None:
        raise stopped
