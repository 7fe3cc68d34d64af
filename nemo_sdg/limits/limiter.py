"""The protocol between whoever sends requests and whoever allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nemo_sdg.limits.tokens import NO_TOKENS

if TYPE_CHECKING:
    from nemo_sdg.limits.seen import Seen
    from nemo_sdg.limits.tokens import Tokens
    from nemo_sdg.limits.verdict import Verdict


class Permit(Protocol):
    """The right to have one attempt in flight; settle or release it, exactly once."""

    def settle(self, tokens: Tokens | None, verdict: Verdict, seen: Seen | None = None) -> None:
        """Give the permit back after its attempt.

        `tokens` are those that it used, None where the server did not say; `seen` is what its answer's
        headers told of the limits.
        """
        ...

    def release(self) -> None:
        """Give the permit back unused: no attempt was made."""
        ...


class Limiter(Protocol):
    """Decides when an attempt may be sent; callers cannot tell one process from a cluster."""

    async def acquire(self, estimate: Tokens = NO_TOKENS, *, urgent: bool = False) -> Permit:
        """Wait until one attempt of about `estimate` tokens may be sent; `urgent` goes before new work.

        Raises `RunStopped` after `stop`.
        """
        ...

    def acquire_spare(self, estimate: Tokens = NO_TOKENS) -> Permit | None:
        """Return a permit that nobody else could use now, None when there is none: for what can be left."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`; raises `RunStopped` as soon as there is `stop`."""
        ...

    @property
    def most_in_flight(self) -> int:
        """The attempts that it ever lets be in flight."""
        ...

    def stop(self) -> None:
        """Admit nothing more: those who wait or pause, and whoever comes, get `RunStopped`."""
        ...

    def flow(self) -> tuple[int, int]:
        """Return the attempts in flight, and how many may be in flight now."""
        ...
