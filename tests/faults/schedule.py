"""What goes wrong when: seeded lists of moments and victims."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Event(NamedTuple):
    """One thing that goes wrong."""

    asked: float
    """Share of the rows that have been asked for when it comes; 0: as soon as the command has started."""
    delay: float
    """Seconds after that."""
    victim: str
    """What it happens to; see `runner.strike`."""


STARTING = 0.15  # of the events: before or around the first request
ENDING = 0.15  # of the events: around the last commits and the report
LONGEST_START = 1.5  # seconds after the command began


def schedule(seed: int, victims: Sequence[str], number: int) -> list[Event]:
    """Return `number` events in their order; the same seed gives the same ones.

    A moment is told by the simulator's count of requests, so that it comes at the same place of a job on a
    slow machine and on a fast one.
    """
    chance = random.Random(f"faults {seed}")
    events = []
    for _ in range(number):
        kind = chance.random()
        if kind < STARTING:
            asked, delay = 0.0, chance.uniform(0, LONGEST_START)
        elif kind < STARTING + ENDING:
            asked, delay = 0.99, chance.uniform(0, 0.5)
        else:
            asked, delay = chance.uniform(0.02, 0.98), chance.uniform(0, 0.2)
        events.append(Event(asked, delay, chance.choice(victims)))
    return sorted(events)
