"""The two client interfaces; the asynchronous one owns retries and concurrency for every client."""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.answer import completion_from
from nemo_sdg.client.backoff import backoff
from nemo_sdg.client.failure import Judged, verdict_on
from nemo_sdg.client.first_requests import FirstRequests
from nemo_sdg.client.health import Health
from nemo_sdg.client.question import Question, Tries
from nemo_sdg.client.token_estimate import TokenEstimate
from nemo_sdg.errors import (
    ConfigError,
    ConnectionFailedError,
    ContextLengthError,
    DeadlineError,
    FatalRequestError,
    NothingSucceedsError,
    RequestError,
    UnreachableError,
)
from nemo_sdg.limits import NO, OK, BudgetName, Kind, Limiter, Limits, Places

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig
    from nemo_sdg.limits import Permit

DEADLINE = 3600.0
"""Seconds: how long one request may take with all its attempts and waiting, unless said otherwise."""
LONGEST_DELAY_IN_OUTAGE = 10.0
"""Seconds between two tries to reach an endpoint that is away."""
_OF_THIS_PROCESS = {"_places", "_limiters", "_estimates", "_health", "_first"}


class LLMClient(ABC):
    """Interface representing a client that asks an LLM inference server, one request at a time."""

    @abstractmethod
    def setup(self) -> None:
        """Set up the client; called once where it is used, after any pickling."""

    @abstractmethod
    def query_model(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        """Return the `n` texts that `model` answers to `messages`."""


class AsyncLLMClient(ABC):
    """Interface representing a client that asks an LLM inference server, many requests at a time.

    `max_concurrent_requests` attempts are in flight at most, over all event loops. A request is tried
    `max_retries` more times after a transient failure, after a delay of up to `base_delay` seconds that
    doubles each time; a throttled attempt costs no retry. `deadline` seconds bound all that together,
    beginning when the first attempt is let go. `limits` is what the endpoint allows (a `Limits` or a dict of
    its fields) for each model; what is not said is learnt. On a cluster it holds for all workers and jobs.
    A subclass implements `setup` and `_query_model_impl`.
    """

    longest_outage: float = 300.0
    """Seconds after which an endpoint that answered before, and cannot be reached since, counts as gone for
    good; until then its requests are tried again at no cost of retries. The same holds for 502 and 504 of one
    that had completed requests before."""

    def __init__(
        self,
        max_concurrent_requests: int = 5,
        max_retries: int = 3,
        base_delay: float = 1.0,
        *,
        deadline: float = DEADLINE,
        limits: Limits | dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(max_retries, int) or max_retries < 0:
            raise ConfigError(f"max_retries is {max_retries!r}: give a whole number of at least 0")
        if not isinstance(base_delay, (int, float)) or not base_delay >= 0:
            raise ConfigError(f"base_delay is {base_delay!r}: give seconds, at least 0")
        if not isinstance(deadline, (int, float)) or not deadline > 0:
            raise ConfigError(f"deadline is {deadline!r}: give seconds, above 0")
        self.max_concurrent_requests = max_concurrent_requests
        self.max_retries = max_retries
        self.base_delay = base_delay
        self.deadline = deadline
        self.limits = Limits.of(limits)
        self._longest_attempt = math.inf
        self._begin()

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what belongs to this process."""
        return {key: value for key, value in self.__dict__.items() if key not in _OF_THIS_PROCESS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew in another process."""
        self.__dict__.update(state)
        self._begin()

    def _begin(self) -> None:
        self._places = Places(self.max_concurrent_requests)
        self._limiters: dict[str, Limiter] = {}
        self._estimates: dict[str, TokenEstimate] = {}
        self._health = Health()
        self._first = FirstRequests()

    @property
    def identity(self) -> tuple[str, str]:
        """The endpoint, and a digest of the credential: clients for which both are the same share limits."""
        return f"{type(self).__module__}.{type(self).__qualname__}", ""

    def limiters(self, model: str) -> Mapping[BudgetName, Limiter]:
        """Return what admits the requests to `model`, by whose limits these are."""
        return {BudgetName(*self.identity, model): self.limiter_for(model)}

    def limiter_for(self, model: str) -> Limiter:
        """Return what admits the requests to `model`."""
        limiter = self._limiters.get(model)
        if limiter is None:
            limiter = self._limiters[model] = Limiter(self._places, self.limits)
            self._estimates[model] = TokenEstimate()
        return limiter

    @property
    def environment(self) -> tuple[str, ...]:
        """Names of the environment variables that the client reads where it runs."""
        return ()

    @abstractmethod
    def setup(self) -> None:
        """Set up the client; called once where it is used, after any pickling."""

    @abstractmethod
    async def _query_model_impl(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        """Ask once, without retry and concurrency logic; subclasses implement this, not `query_model`."""

    async def query_model(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        """Query the model with automatic retry and concurrency control; return its `n` texts.

        Raises `RequestError`: which kind says why it failed in the end.
        """
        completion = await self.complete(messages, model, conversation_formatter, generation_config)
        return completion.texts

    async def complete(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> Completion:
        """As `query_model`, returning everything that the server said."""
        if type(messages) is not list:
            if isinstance(messages, str):  # type: ignore[unreachable]
                raise ConfigError("messages is one text: give a list of {'role': ..., 'content': ...}")
            messages = list(messages)  # an iterator would be empty at the second attempt
        question = Question(messages, model, conversation_formatter, generation_config)
        tries = Tries()
        while True:
            asked, permit = await self._admitted(question, tries)
            outcome = await asked._attempt(question, tries, permit)  # noqa: SLF001 - itself, or one of its own
            if not isinstance(outcome, Judged):
                return outcome
            delay = asked._delay(outcome, tries)  # noqa: SLF001 - as above
            if delay is not None:
                await self.limiter_for(model).pause(delay)

    async def _admitted(self, question: Question, tries: Tries) -> tuple[AsyncLLMClient, Permit]:
        """Wait until an attempt may be sent; return the client to send it with, and the permit."""
        limiter = self.limiter_for(question.model)
        estimate = self._estimates[question.model].of(question.messages, question.config)
        if tries.failure is None:
            permit = await limiter.acquire(estimate)
            if not self._health.proven:
                self._first.begin(tries)
            tries.deadline = time.monotonic() + self.deadline
            return self, permit
        try:
            async with asyncio.timeout(max(0.0, tries.deadline - time.monotonic())):
                return self, await limiter.acquire(estimate, urgent=True)
        except TimeoutError:
            raise self._given_up(self._too_late(tries.failure, tries), tries) from None

    async def _attempt(self, question: Question, tries: Tries, permit: Permit) -> Completion | Judged:
        """Make one attempt, and settle its permit."""
        tries.attempts += 1
        tries.started = started = time.monotonic()
        attempt = self._complete_impl(*question)
        if tries.deadline - started < self._longest_attempt:
            attempt = self._until(tries.deadline - started, attempt)
        try:
            completion = await attempt
        except Exception as error:  # noqa: BLE001 - judged, and raised unless it is known
            judged = verdict_on(error)
            permit.settle(None, judged.verdict, judged.seen)
            tries.add(judged)
            return judged
        except BaseException:
            permit.settle(None, NO)
            raise
        used = completion.usage.tokens
        permit.settle(used, OK, completion.limits)
        if used is not None:
            self._estimates[question.model].learn(question.messages, question.config.n or 1, used)
        now = time.monotonic()
        self._health.completed(now)
        completion.latency = now - started
        completion.attempts = tries.attempts
        completion.throttles = tries.throttles
        return completion

    async def _complete_impl(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None,
        generation_config: GenerationConfig | dict[str, Any] | None,
    ) -> Completion:
        texts = await self._query_model_impl(messages, model, conversation_formatter, generation_config)
        choices = [{"message": {"content": text}} for text in texts]
        return completion_from({"model": model, "choices": choices})

    def _delay(self, judged: Judged, tries: Tries) -> float | None:
        """Return the seconds until the next attempt, None where the limiter decides.

        Raises the failure, or what it amounts to, when there is no next attempt.
        """
        failure, verdict = judged.error, judged.verdict
        away = self._health.failed(failure, tries.started, first=not tries.outages)
        if verdict.kind is Kind.NO:
            error = self._too_late(None, tries) if isinstance(failure, _OutOfTime) else failure
            raise self._given_up(error, tries)
        if verdict.kind is Kind.THROTTLED:
            return None  # it makes everybody wait
        if away is not None and away < self.longest_outage:
            tries.retries -= 1  # it is not this request's fault
            tries.outages += 1
            delay = min(backoff(tries.outages, self.base_delay), LONGEST_DELAY_IN_OUTAGE)
        elif tries.retries > self.max_retries:
            raise self._given_up(self._final(failure, tries, away), tries)
        else:
            delay = backoff(tries.retries, self.base_delay, verdict.after)
        if time.monotonic() + delay >= tries.deadline:
            raise self._given_up(self._too_late(failure, tries), tries)
        return delay

    async def _until(self, seconds: float, attempt: Coroutine[Any, Any, Completion]) -> Completion:
        """Await `attempt` for as long as the deadline leaves."""
        try:
            async with asyncio.timeout(seconds) as bound:
                return await attempt
        except TimeoutError:
            if bound.expired():
                raise _OutOfTime from None
            raise

    def _too_late(self, failure: Exception | None, tries: Tries) -> DeadlineError:
        last = "was not answered in the time that was left" if failure is None else f"failed: {failure}"
        return DeadlineError(
            f"no answer within deadline={self.deadline:g} s and {tries.attempts} attempts; "
            f"the last one {last}",
            status=getattr(failure, "status", None),
            attempts=tries.attempts,
            throttles=tries.throttles,
        )

    def _given_up(self, error: Exception, tries: Tries) -> Exception:
        """Return what to raise for a request that failed with `error`: that no request succeeds, if so."""
        if self._health.proven or not isinstance(error, RequestError) or isinstance(error, FatalRequestError):
            return error
        counts = tries.attempts > 0 and not isinstance(error, ContextLengthError)
        if not self._first.fail(tries, counts=counts):
            return error
        return NothingSucceedsError(
            f"no request succeeds; the last one failed with {type(error).__name__}: {error}; "
            "check the model, the generation parameters and base_url",
            status=error.status,
            attempts=error.attempts,
            throttles=error.throttles,
            request_id=error.request_id,
        )

    def _final(self, failure: Exception, tries: Tries, away: float | None) -> Exception:
        if not self._health.answered and isinstance(failure, ConnectionFailedError):
            advice = "none was ever answered: check base_url and the network"
        elif away is not None and self._health.gone(failure):
            advice = f"no answer for {away:.0f} s: run again when the server is back, what was paid is kept"
        else:
            return failure
        return UnreachableError(
            f"{failure} ({tries.attempts} attempts), {advice}",
            attempts=tries.attempts,
            throttles=tries.throttles,
        )


class _OutOfTime(Exception):  # noqa: N818 - never leaves this module
    """The deadline came while an attempt was in flight."""
