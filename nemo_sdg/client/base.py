"""The asynchronous client interface; it owns retries and concurrency for every client."""

from __future__ import annotations

import asyncio
import math
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.answer import completion_from
from nemo_sdg.client.conversation import Formatted
from nemo_sdg.client.failure import Judged, verdict_on
from nemo_sdg.client.flat import NOT_GIVEN, NotGiven, with_flat
from nemo_sdg.client.hedge import Hedge, HedgedAttempt, Hedger
from nemo_sdg.client.question import Question, Tries
from nemo_sdg.client.retrying import OutOfTime, Retrying
from nemo_sdg.client.reward import REWARD_CONFIG, rewards_of
from nemo_sdg.client.spans import spans
from nemo_sdg.client.token_estimate import TokenEstimate
from nemo_sdg.errors import ConfigError, ContentFilterError
from nemo_sdg.limits import NO, OK, BudgetName, Limiter, Limits, Places

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig
    from nemo_sdg.limits import Permit, Tokens

DEADLINE = 3600.0
"""Seconds: how long one request may take with all its attempts and waiting, unless said otherwise."""
_OF_THIS_PROCESS = {"_places", "_limiters", "_estimates", "_hedgers", "_health", "_first", "_spans"}


class AsyncLLMClient(Retrying, ABC):
    """Interface representing a client that asks an LLM inference server, many requests at a time.

    `max_concurrent_requests` attempts are in flight at most, over all event loops. A request is tried
    `max_retries` more times after a transient failure, after a delay of up to `base_delay` seconds that
    doubles each time; a throttled attempt costs no retry. `deadline` seconds bound all that together,
    beginning when the first attempt is let go. `limits` is what the endpoint allows (a `Limits` or a dict of
    its fields) for each model; what is not said is learnt. On a cluster it holds for all workers and jobs.
    `hedge` (a `Hedge` or a dict of its fields) has requests that take long sent twice, with what the limits
    leave over; each time is paid for. A subclass implements `setup` and `_query_model_impl`.
    """

    def __init__(
        self,
        max_concurrent_requests: int = 5,
        max_retries: int = 3,
        base_delay: float = 1.0,
        *,
        deadline: float = DEADLINE,
        limits: Limits | dict[str, Any] | None = None,
        hedge: Hedge | dict[str, Any] | None = None,
    ) -> None:
        super().__init__(max_retries, base_delay, deadline)
        self.max_concurrent_requests = max_concurrent_requests
        self.limits = Limits.of(limits)
        self.hedge = Hedge.of(hedge)
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
        super()._begin()
        self._places = Places(self.max_concurrent_requests)
        self._limiters: dict[str, Limiter] = {}
        self._estimates: dict[str, TokenEstimate] = {}
        self._hedgers: dict[str, Hedger] = {}
        self._spans = spans()

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
            if self.hedge is not None:
                self._hedgers[model] = Hedger(self.hedge)
        return limiter

    @property
    def endpoints(self) -> tuple[str, ...]:
        """URLs that requests go to, as far as they were given."""
        return ()

    async def check(self, model: str) -> list[str]:  # noqa: ARG002 - for subclasses
        """Look, without paying, whether `model` can be asked; return what a person should know.

        Raises `FatalRequestError` when no request could succeed.
        """
        return []

    @property
    def environment(self) -> tuple[str, ...]:
        """Names of the environment variables that the client reads where it runs."""
        return ()

    @property
    def conversation_formatter(self) -> ConversationFormatter | None:
        """What formats a conversation for which no other formatter is given; None: the server does."""
        return None

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
        *,
        max_tokens: int | NotGiven | None = NOT_GIVEN,
        n: int | NotGiven | None = NOT_GIVEN,
        seed: int | NotGiven | None = NOT_GIVEN,
        stop: str | list[str] | NotGiven | None = NOT_GIVEN,
        stream: bool | NotGiven | None = NOT_GIVEN,
        temperature: float | NotGiven | None = NOT_GIVEN,
        top_k: int | NotGiven | None = NOT_GIVEN,
        top_p: float | NotGiven | None = NOT_GIVEN,
    ) -> list[str]:
        """Query the model with automatic retry and concurrency control; return its `n` texts.

        A parameter that is given by itself wins over the one of `generation_config`; None leaves it out of
        the request. Raises `RequestError`: which kind says why it failed in the end.
        """
        config = with_flat(generation_config, max_tokens, n, seed, stop, stream, temperature, top_k, top_p)
        completion = await self.complete(messages, model, conversation_formatter, config)
        if completion.withheld:
            raise withheld_error(completion)
        return completion.texts

    async def query_reward_model(
        self,
        *,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
    ) -> dict[str, float]:
        """Return a reward model's scores of the answer that ends `messages`, by attribute.

        Raises `RequestError`, and `ParseError` when `model` is no reward model.
        """
        completion = await self.complete(messages, model, conversation_formatter, REWARD_CONFIG)
        if completion.withheld and not any(completion.logprobs):
            raise withheld_error(completion)
        return rewards_of(completion)

    async def complete(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> Completion:
        """As `query_model`, returning all that the server said, also what a filter has `withheld`."""
        conversation_formatter = conversation_formatter or self.conversation_formatter
        if type(messages) is not list:
            if isinstance(messages, str):  # type: ignore[unreachable]
                raise ConfigError("messages is one text: give a list of {'role': ..., 'content': ...}")
            messages = list(messages)  # an iterator would be empty at the second attempt
        if conversation_formatter is not None:  # here, so that what cannot be formatted takes no permit
            conversation: list[Any] = messages
            prompt = conversation_formatter.format_conversation(conversation)
            conversation_formatter = Formatted(prompt, special_tokens=conversation_formatter.special_tokens)
        question = Question(messages, model, conversation_formatter, generation_config)
        tries = Tries()
        if self._spans is None:
            return await self._answered(question, tries)
        tries.failures = []
        try:
            completion = await self._answered(question, tries)
        except BaseException as error:
            self._spans.record(self, question, tries, error)
            raise
        self._spans.record(self, question, tries, completion)
        return completion

    async def _answered(self, question: Question, tries: Tries) -> Completion:
        while True:
            permit = await self._admitted(question, tries)
            outcome = await self._attempt(question, tries, permit)
            if not isinstance(outcome, Judged):
                return outcome
            delay = self._delay(outcome, tries)
            if delay is not None:
                await self.limiter_for(question.model).pause(delay)

    async def _admitted(self, question: Question, tries: Tries) -> Permit:
        """Wait until an attempt may be sent."""
        if tries.failure is None:
            permit = await self._acquire(question, tries)
            if not self._health.proven:
                self._first.begin(tries)
            tries.deadline = time.monotonic() + self.deadline
            return permit
        try:
            async with asyncio.timeout(max(0.0, tries.deadline - time.monotonic())):
                return await self._acquire(question, tries)
        except TimeoutError:
            raise self._given_up(self._too_late(tries.failure, tries), tries) from None

    async def _acquire(self, question: Question, tries: Tries) -> Permit:
        limiter = self.limiter_for(question.model)
        return await limiter.acquire(self._estimate(question), urgent=tries.failure is not None)

    def _estimate(self, question: Question) -> Tokens:
        return self._estimates[question.model].of(question.messages, question.config)

    async def _attempt(self, question: Question, tries: Tries, permit: Permit) -> Completion | Judged:
        """Make one attempt, in two where the first takes long and that is wanted; settle its permit."""
        tries.attempts += 1
        tries.started = started = time.monotonic()
        hedger = self._hedgers.get(question.model)
        if hedger is None:
            outcome = await self._send(question, tries, permit)
        else:
            outcome = await HedgedAttempt(
                hedger,
                tries,
                send=partial(self._send, question, tries),
                spare=lambda: self.limiter_for(question.model).acquire_spare(self._estimate(question)),
            ).outcome(permit)
        if isinstance(outcome, Judged):
            tries.add(outcome)
            return outcome
        now = time.monotonic()
        self._health.completed(now)
        outcome.latency = now - started
        if hedger is not None:
            hedger.learn(outcome.latency)
        outcome.attempts = tries.attempts
        outcome.throttles = tries.throttles
        outcome.hedged = tries.hedged
        return outcome

    async def _send(self, question: Question, tries: Tries, permit: Permit) -> Completion | Judged:
        """Send `question` once, and settle the permit."""
        attempt = self._complete_impl(*question)
        left = tries.deadline - time.monotonic()
        if left < self._longest_attempt:
            attempt = self._until(left, attempt)
        try:
            completion = await attempt
        except Exception as error:  # noqa: BLE001 - judged, and raised unless it is known
            judged = self._health.judge(verdict_on(error))
            permit.settle(None, judged.verdict, judged.seen)
            return judged
        except BaseException:
            permit.settle(None, NO)
            raise
        used = completion.usage.tokens
        estimates = self._estimates[question.model]
        permit.settle(estimates.charged(permit.estimate, used, permit.began), OK, completion.limits)
        if used is not None:
            estimates.learn(question.messages, question.config.n or 1, used)
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

    async def _until(self, seconds: float, attempt: Coroutine[Any, Any, Completion]) -> Completion:
        """Await `attempt` for as long as the deadline leaves."""
        try:
            async with asyncio.timeout(seconds) as bound:
                return await attempt
        except TimeoutError:
            if bound.expired():
                raise OutOfTime from None
            raise


def withheld_error(completion: Completion) -> ContentFilterError:
    """Return the error for an answer of which a content filter has left nothing."""
    return ContentFilterError(
        "the server's content filter withholds the answer (finish_reason content_filter): change the prompt",
        attempts=completion.attempts,
        throttles=completion.throttles,
        request_id=completion.request_id,
    )
