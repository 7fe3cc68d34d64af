"""One endpoint of several that serve the same requests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nemo_sdg.client.rest import Rest

if TYPE_CHECKING:
    from nemo_sdg.client.base import AsyncLLMClient
    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.failure import Judged
    from nemo_sdg.client.health import Health
    from nemo_sdg.client.question import Question, Tries
    from nemo_sdg.limits import Limiter, Permit, Tokens

_log = logging.getLogger("nemo_sdg")


class Member:
    """A client as a part of a pool: what it calls the model, and whether it is to be asked."""

    def __init__(self, client: AsyncLLMClient, model: str | None) -> None:
        self.client = client
        self.model = model
        self.rest = Rest()
        self._logged: set[type[Exception]] = set()

    def __str__(self) -> str:
        """Name the endpoint, and the model if that is its own."""
        where = ", ".join(self.client.endpoints) or type(self.client).__name__
        return f"{where} ({self.model})" if self.model else where

    def limiter(self, model: str) -> Limiter:
        """Return what admits its requests to the pool's `model`."""
        return self.client.limiter_for(self.model or model)

    @property
    def health(self) -> Health:
        """What its client knows of the endpoint."""
        return self.client._health  # noqa: SLF001 - a pool's clients are its own

    def estimate(self, question: Question) -> Tokens:
        """Return the tokens that `question` will take here."""
        return self.client._estimate(self._here(question))  # noqa: SLF001 - as above

    async def attempt(self, question: Question, tries: Tries, permit: Permit) -> Completion | Judged:
        """Ask once."""
        return await self.client._attempt(self._here(question), tries, permit)  # noqa: SLF001 - as above

    def give_back(self, permit: Permit, tries: Tries) -> None:
        """Take back the permit that `tries` was given and does not use."""
        permit.release()
        self.rest.leave(tries)

    def note(self, error: Exception) -> None:
        """Say in the log, once for each kind of `error`, that it is left alone."""
        if type(error) not in self._logged:
            self._logged.add(type(error))
            _log.warning("the endpoint %s is left alone, and tried again from time to time: %s", self, error)

    def _here(self, question: Question) -> Question:
        return question if self.model is None else question._replace(model=self.model)
