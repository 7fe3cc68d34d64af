"""One request on its way to an answer."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.errors import OverloadedError, RequestError
from nemo_sdg.limits import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.failure import Judged
    from nemo_sdg.client.member import Member


class Question(NamedTuple):
    """What is asked, whoever is asked and however often."""

    messages: Iterable[Mapping[str, Any]]
    model: str
    conversation_formatter: ConversationFormatter | None
    generation_config: GenerationConfig | dict[str, Any] | None

    @property
    def config(self) -> GenerationConfig:
        """The generation config; raises `ConfigError` for one of no use."""
        return GenerationConfig.of(self.generation_config)


_numbers = itertools.count()


class Tries:
    """How often a question was asked, and what came of it."""

    __slots__ = (
        "__weakref__",
        "asked",
        "attempts",
        "deadline",
        "failure",
        "failures",
        "hedged",
        "moves",
        "number",
        "outages",
        "retries",
        "since",
        "started",
        "throttles",
    )

    def __init__(self) -> None:
        self.attempts = self.hedged = self.moves = self.outages = self.retries = self.throttles = 0
        self.failure: Exception | None = None
        """Of the last attempt."""
        self.failures: list[tuple[int, str, Exception]] | None = None
        """Of all attempts where they are recorded, with when (Unix nanoseconds) and the kind of verdict."""
        self.asked: Member | None = None
        """Who was asked last, where there is a choice."""
        self.number = next(_numbers)
        """Of the request, in this process."""
        self.since: float | None = None
        """When the first attempt began of those that the present outage has cost; None: it has cost none."""
        self.started = self.deadline = 0.0
        """Of the last attempt, and of all; by the monotonic clock."""

    def add(self, judged: Judged) -> None:
        """Count an attempt that failed."""
        failure, kind = judged.error, judged.verdict.kind
        self.failure = failure
        if self.failures is not None:
            self.failures.append((time.time_ns(), kind.name.lower(), failure))
        full = kind is Kind.THROTTLED or isinstance(failure, OverloadedError)
        self.retries += kind is Kind.TRANSIENT and not full
        self.throttles += full
        if isinstance(failure, RequestError):
            if failure.attempts == 0:  # refused before it was sent
                self.attempts -= 1
            failure.attempts, failure.throttles = self.attempts, self.throttles
