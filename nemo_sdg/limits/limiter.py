"""The protocol between whoever sends requests and whoever allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nemo_sdg.limits.verdict import Verdict


class Permit(Protocol):
    """The right to have one attempt in flight; settle it exactly once."""

    def settle(self, tokens: int, verdict: Verdict) -> None:
        """Give the permit back, with the tokens that the attempt used and what it told."""
        ...


class Limiter(Protocol):
    """Decides when an attempt may be sent; callers cannot tell one process from a cluster."""

    async def acquire(self, estimated_tokens: int, *, urgent: bool = False) -> Permit:
        """Wait until one attempt of about `estimated_tokens` may be sent; `urgent` goes before new work.

        Raises `RunStopped` after `stop`.
        """
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
