"""Whether servers take the request field `response_format`, found out with one request for each model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from nemo_sdg.errors import BadRequestError, RequestError
from nemo_sdg.stages.reasoning import split_reasoning

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nemo_sdg.client import AsyncLLMClient, Completion


class NativeSupport:
    """What is known of one client and model; belongs to one process.

    While nothing is known one request at a time goes out, so that a server which refuses the field, or passes
    it over, shows that once and not for each request that could be in flight.
    """

    def __init__(self) -> None:
        self.known: bool | None = None
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def ask(
        self, natively: Callable[[], Awaitable[Completion]], in_words: Callable[[], Awaitable[Completion]]
    ) -> Completion:
        """Return the answer of whichever of the two the server can do; raises what that one raises."""
        if self.known is None:
            async with self._lock():
                if self.known is None:
                    return await self._find_out(natively, in_words)
        return await (self._either(natively, in_words) if self.known else in_words())

    async def _find_out(
        self, natively: Callable[[], Awaitable[Completion]], in_words: Callable[[], Awaitable[Completion]]
    ) -> Completion:
        try:
            completion = await self._either(natively, in_words)
        except BadRequestError:
            raise  # both ways were refused, so it is about this one prompt: nothing is known yet
        except RequestError:
            self.known = True  # let the others go on; who is refused asks in words
            raise
        if self.known is None:
            self.known = _is_json(completion)
        return completion

    async def _either(
        self, natively: Callable[[], Awaitable[Completion]], in_words: Callable[[], Awaitable[Completion]]
    ) -> Completion:
        try:
            return await natively()
        except BadRequestError as error:
            # Its subclasses are about the prompt; without a status it was never sent.
            if type(error) is not BadRequestError or error.status is None:
                raise
        completion = await in_words()
        self.known = False
        return completion

    def _lock(self) -> asyncio.Lock:
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def support_of(client: AsyncLLMClient, model: str) -> NativeSupport:
    """Return what is known of `model` at the server of `client`, for all stages that ask it."""
    return _KNOWN.setdefault(client, {}).setdefault(model, NativeSupport())


def _is_json(completion: Completion) -> bool:
    """Return whether the server did as it was asked: it takes the field, but some pass it over."""
    answers = [split_reasoning(text)[1].strip() for text in completion.texts]
    return all(answer.startswith("{") for answer in answers if answer)


_KNOWN: WeakKeyDictionary[AsyncLLMClient, dict[str, NativeSupport]] = WeakKeyDictionary()
