"""Several endpoints, or keys, that serve the same requests."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nemo_sdg.client.base import AsyncLLMClient
from nemo_sdg.client.failure import Judged
from nemo_sdg.client.line import Line, of_request
from nemo_sdg.client.member import Member
from nemo_sdg.errors import ConfigError, ConnectionFailedError, FatalRequestError
from nemo_sdg.limits import BudgetName, Kind
from nemo_sdg.limits.waiting import threadsafe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig
    from nemo_sdg.client.health import Health
    from nemo_sdg.client.question import Question, Tries
    from nemo_sdg.limits import Limiter, Permit


class AsyncEndpointPool(AsyncLLMClient):
    """Asks several endpoints, or one with several keys, for the same model, many requests at a time.

    A request goes to whichever of `clients` admits it first; each keeps its own limits, throttles, places,
    `timeout` and `hedge`. `models` says what each of them calls the model, None where it is called as in the
    request. Retries, delays and the deadline are those of the first client.

    An endpoint that fails is left alone for a while and then tried with one request; what it failed to answer
    goes to another one at no cost of retries. A request fails for the endpoint's sake only when no other
    endpoint works. Raises `ConfigError` for arguments of no use.
    """

    def __init__(self, clients: Sequence[AsyncLLMClient], models: Sequence[str | None] | None = None) -> None:
        self.clients = list(clients)
        if not self.clients:
            raise ConfigError("the pool has no endpoint: give at least one AsyncOpenAIClient")
        for client in self.clients:
            if not isinstance(client, AsyncLLMClient) or isinstance(client, AsyncEndpointPool):
                raise ConfigError(
                    f"an endpoint of the pool is a {type(client).__name__}: give an AsyncOpenAIClient or "
                    "another AsyncLLMClient that is no pool"
                )
        if len({id(client) for client in self.clients}) < len(self.clients):
            raise ConfigError("the pool has the same client twice: give each endpoint a client of its own")
        self.models = [None] * len(self.clients) if models is None else list(models)
        if len(self.models) != len(self.clients):
            raise ConfigError(
                f"models has {len(self.models)} names for {len(self.clients)} endpoints: give one for each, "
                "None where it is the request's"
            )
        first = self.clients[0]
        super().__init__(
            sum(client.max_concurrent_requests for client in self.clients),
            first.max_retries,
            first.base_delay,
            deadline=first.deadline,
        )

    def __repr__(self) -> str:
        """Show where requests go."""
        return f"{type(self).__name__}({self.clients!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what belongs to this process."""
        state = super().__getstate__()
        for name in ("_members", "_lines", "_lock"):
            del state[name]
        return state

    def _begin(self) -> None:
        super()._begin()
        pairs = zip(self.clients, self.models, strict=True)
        self._members = [Member(client, model) for client, model in pairs]
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Line]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """URLs that requests go to, as far as they were given."""
        return tuple(dict.fromkeys(url for client in self.clients for url in client.endpoints))

    @property
    def conversation_formatter(self) -> ConversationFormatter | None:
        """What formats conversations: the first formatter that a client has, for all of the clients."""
        formatters = (client.conversation_formatter for client in self.clients)
        return next((formatter for formatter in formatters if formatter is not None), None)

    @property
    def environment(self) -> tuple[str, ...]:
        """Names of the environment variables that the clients read where they run."""
        return tuple(dict.fromkeys(name for client in self.clients for name in client.environment))

    def limiters(self, model: str) -> Mapping[BudgetName, Limiter]:
        """Return what admits the requests to `model`, by whose limits these are: one for each endpoint.

        Raises `ConfigError` where two have the same limits.
        """
        limiters: dict[BudgetName, Limiter] = {}
        for member in self._members:
            for name, limiter in member.client.limiters(member.model or model).items():
                if name in limiters:
                    raise ConfigError(
                        f"the pool has two endpoints with the same URL, key and model: {name.endpoint} and "
                        f"{name.model}; leave one out"
                    )
                limiters[name] = limiter
        return limiters

    def limiter_for(self, model: str) -> Limiter:
        """Return what admits the requests to `model` at the first endpoint; `limiters` has them all."""
        return self._members[0].limiter(model)

    def setup(self) -> None:
        """Set up the clients; raises what their `setup` raises."""
        for client in self.clients:
            client.setup()

    async def close(self) -> None:
        """Close the connections of the running event loop; the pool can be used again."""
        for client in self.clients:
            close = getattr(client, "close", None)
            if close is not None:
                await close()

    async def check(self, model: str) -> list[str]:
        """Look at all endpoints at the same time; return what a person should know of each.

        Raises `FatalRequestError` when none can be used.
        """
        found = await asyncio.gather(
            *(member.client.check(member.model or model) for member in self._members), return_exceptions=True
        )
        notes, fatal = [], []
        for member, said in zip(self._members, found, strict=True):
            if isinstance(said, FatalRequestError):
                fatal.append(said)
                notes.append(f"{member} cannot be used: {said}")
            elif isinstance(said, BaseException):
                raise said
            else:
                notes += [f"{member}: {note}" for note in said]
        if len(fatal) == len(self._members):
            raise fatal[0]
        return notes

    async def _query_model_impl(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        raise NotImplementedError("a pool's clients ask")

    async def _acquire(self, question: Question, tries: Tries) -> Permit:
        question.config  # noqa: B018 - here its error reaches the one who gave it
        hopeless = self._hopeless()
        if hopeless is not None:
            raise of_request(hopeless, tries)
        return await self._line(question.model).acquire(question, tries)

    def _line(self, model: str) -> Line:
        loop = asyncio.get_running_loop()
        lines = self._lines.get(loop)
        if lines is None:
            with self._lock:
                lines = self._lines[loop] = {}
        line = lines.get(model)
        if line is None:
            line = lines[model] = Line(self._members, model)
        return line

    def _hopeless(self) -> Exception | None:
        """Return why no request can succeed, if it is so."""
        for member in self._members:
            if not member.rest.hopeless or member.rest.left() == 0:
                return None
        return self._members[0].rest.error

    async def _attempt(self, question: Question, tries: Tries, permit: Permit) -> Completion | Judged:
        member = tries.asked
        assert member is not None
        try:
            outcome = await member.attempt(question, tries, permit)
        except BaseException:
            member.rest.leave(tries)
            raise
        if not isinstance(outcome, Judged):
            member.rest.answered(tries)
            self._health.completed(time.monotonic())
        return outcome

    def _delay(self, judged: Judged, tries: Tries, asked: Health | None = None) -> float | None:
        member = tries.asked
        assert asked is None
        assert member is not None
        hopeless = isinstance(judged.error, FatalRequestError)
        if not hopeless and judged.verdict.kind is not Kind.TRANSIENT:
            member.rest.answered(tries, completed=False)
            return super()._delay(judged, tries, member.health)
        others = [other for other in self._members if other is not member]
        alone = not any(other.rest.works for other in others)
        if not member.rest.failed(judged.error, tries, alone=alone):
            broken = isinstance(judged.error, ConnectionFailedError)
            if not broken or alone or tries.moves >= len(others):
                return super()._delay(judged, tries, member.health)
            tries.moves += 1  # perhaps the endpoint goes away; else the request breaks them all
            self._move(judged, tries, member)
            return None
        member.note(judged.error)
        if alone and hopeless and not self._wake(others):
            self._refuse_all(judged.error)
            return super()._delay(judged, tries, member.health)
        self._move(judged, tries, member)
        return None

    def _move(self, judged: Judged, tries: Tries, member: Member) -> None:
        """Let the request go to another member at once, at no cost of retries."""
        member.health.failed(judged.error, tries.started, tries.number)
        tries.since = None
        tries.retries -= judged.verdict.kind is Kind.TRANSIENT

    def _wake(self, others: Sequence[Member]) -> bool:
        """Have somebody work: one of `others` that may come back."""
        for other in others:
            if not other.rest.hopeless:
                other.rest.work()
                return True
        return False

    def _refuse_all(self, error: Exception) -> None:
        """Have those who wait, in all event loops, fail with `error`."""
        with self._lock:
            everywhere = list(self._lines.items())
        for loop, lines in everywhere:
            for line in list(lines.values()):
                threadsafe(loop, line.refuse, error)
