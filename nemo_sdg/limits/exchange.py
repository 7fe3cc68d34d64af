"""What a limiter and the budget that it shares with others tell each other.

All times are durations in seconds, so that clocks of different machines never meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.seen import LimitKind, Seen

if TYPE_CHECKING:
    from collections.abc import Callable


LEASE = 3.0
"""Seconds after an exchange for which a grant holds; a member that is silent for longer is taken for dead."""


class Load(NamedTuple):
    """Consecutive requests with the tokens that they are thought to take."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0


class Slot(NamedTuple):
    """The right to send `load` from `after` seconds on."""

    after: float
    load: Load


class Use(NamedTuple):
    """One limit: what is allowed and what all members together use."""

    name: str
    """A `LimitKind`, used and allowed per minute, or "in flight"."""
    allowed: float | None
    used: float
    source: str
    """Who says so: "configured", "headers", "throttles" or "latency"."""


class Memory(msgspec.Struct, frozen=True):
    """What a budget has learnt and its successor should know."""

    seen: dict[LimitKind, float] = {}
    """Limits per minute, from headers."""
    window: int = 0
    """Attempts in flight over all members; 0: nothing learnt."""
    rate: float | None = None
    """Requests per second, learnt from throttles."""
    pause: float = 0.0
    """Nothing may be sent for so long."""


class Report(msgspec.Struct):
    """What a limiter says since its last exchange; its state where nothing else is said."""

    member: str
    job: str
    limits: Limits = Limits()
    """As configured for this member."""
    most: int = 1
    """Attempts that it can have in flight."""
    in_flight: int = 0
    window: int = 0
    """Attempts that it lets be in flight, by the last grant that it got."""
    waiting: int = 0
    """Requests that wait, whether they hold a slot or not."""
    wanted: list[Load] = []
    """Those that wait without a slot and could soon be sent, in order."""
    returned: Load = Load()
    """Of earlier slots, what will not be used; its tokens correct all estimates of what was sent since."""
    sent: int = 0
    used: tuple[int, int] = (0, 0)
    """Prompt and completion tokens, as far as servers told, else as estimated."""
    completed: int = 0
    latency: float = 0.0
    """Sum over those completed."""
    proven: bool = False
    """One of those completed was admitted after the burst number `epoch`."""
    throttled: bool = False
    """An attempt was turned away that had been admitted after the burst number `epoch`."""
    after: float | None = None
    """What the server asked to wait, for any attempt that was turned away, and is still to be waited."""
    epoch: int = 0
    seen: Seen = {}
    share: float | None = None
    """Of all rates, at the budget that was lost; None for a member that never had any."""
    memory: Memory | None = None
    """Of the budget that was lost."""
    leaving: bool = False


class Grant(msgspec.Struct):
    """What a budget lets one member do until the next exchange."""

    window: int
    """Attempts that may be in flight."""
    paced: bool = False
    """A rate limit is known: each attempt needs a slot."""
    slots: list[Slot] = []
    pause: float = 0.0
    """Nothing may be sent for so long."""
    epoch: int = 0
    """Bursts of throttles so far."""
    poll: float = 0.25
    """The next exchange is due then."""
    chunk: int = 1
    """Requests to put into one `Load` of `Report.wanted`."""
    share: float = 1.0
    """Of all rates, that the member may use should the budget be lost."""
    memory: Memory = Memory()
    uses: list[Use] = []


class Link(Protocol):
    """The way to a budget."""

    def send(self, report: Report, reply: Callable[[Grant | None], None]) -> None:
        """Have the budget answer `report`; `reply` may be called before this returns, or in any thread.

        It is called with None when the budget is lost.
        """
        ...
