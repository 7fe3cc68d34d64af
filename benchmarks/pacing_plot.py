"""Draws how eight workers share one limit, in simulated time: docs/explanation/pacing.svg.

    .venv/bin/python benchmarks/pacing_plot.py docs/explanation/pacing.svg

Three ways to keep to a limit of 20 requests a second that the endpoint's answers do not name: each worker
tries again by itself after a 429, as SDKs do; our limiters, which learn the limit; our limiters, which were
told. It prints what came of each. The limiters, the budget and the endpoint's rules are the real ones.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nemo_sdg.limits import Kind, Limiter, Limits
from nemo_sdg.planner.delayed_link import DelayedLink
from nemo_sdg.planner.endpoint import ModelledEndpoint
from nemo_sdg.planner.virtual_time import in_virtual_time
from nemo_sdg.simulator.settings import Latency, SimulatorSettings
from nemo_sdg.simulator.settings import Limits as Allowed

WORKERS, PLACES, SECONDS, PER_SECOND = 8, 32, 120, 20
BAR = 2
"""Seconds for which a bar stands."""
ENDPOINT = SimulatorSettings(
    latency=Latency.lognormal(2.0, 0.6),
    limits=Allowed(requests_per_minute=60 * PER_SECOND, headers="none"),
)
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
"""Seconds between tries of a worker that tries again by itself."""

Counts = tuple[Counter[int], Counter[int]]
"""Answers, and attempts turned away, by the number of the bar."""


def count(attempt_by: Callable[[ModelledEndpoint, asyncio.AbstractEventLoop], list]) -> Counts:
    """Return what comes of workers, each of them a coroutine that makes one request after the other."""
    answered, refused = Counter(), Counter()

    async def main(loop: asyncio.AbstractEventLoop) -> None:
        random.seed(0)
        endpoint = ModelledEndpoint(ENDPOINT, loop.time, random.Random(0))
        attempts = attempt_by(endpoint, loop)

        async def place(attempt: Callable) -> None:
            while True:
                verdict = await attempt()
                (answered if verdict.kind is Kind.OK else refused)[int(loop.time() / BAR)] += 1

        tasks = [asyncio.ensure_future(place(attempt)) for attempt in attempts for _ in range(PLACES)]
        await asyncio.sleep(SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    in_virtual_time(main)
    return answered, refused


def alone(endpoint: ModelledEndpoint, _loop: asyncio.AbstractEventLoop) -> list:
    """Workers of which each place waits by itself after a 429, longer each time."""

    async def attempt() -> object:
        tries = attempt.tries.setdefault(asyncio.current_task(), [0])
        if tries[0]:
            longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries[0] - 1))
            await asyncio.sleep(longest * random.uniform(0.75, 1))
        verdict, _ = await endpoint.ask(1)
        tries[0] = 0 if verdict.kind is Kind.OK else tries[0] + 1
        return verdict

    attempt.tries = {}
    return [attempt] * WORKERS


def together(limits: Limits) -> Callable:
    """Return what makes workers whose limiters share one budget that knows `limits`."""

    def workers(endpoint: ModelledEndpoint, loop: asyncio.AbstractEventLoop) -> list:
        link = DelayedLink(loop, 0.001, random.Random(0))

        def worker() -> Callable:
            limiter = Limiter(PLACES, limits, loop.time)
            limiter.join(link, "")

            async def attempt() -> object:
                permit = await limiter.acquire()
                verdict, seen = await endpoint.ask(1)
                permit.settle(None, verdict, seen)
                return verdict

            return attempt

        return [worker() for _ in range(WORKERS)]

    return workers


WAYS = {
    "each worker tries again by itself": alone,
    "one budget, which learns the limit": together(Limits()),
    "one budget, which was told the limit": together(Limits(requests_per_minute=60 * PER_SECOND)),
}
WIDTH, LEFT, PANEL, GAP, TOP_OF_SCALE = 720, 50, 120, 46, 60


def drawn(ways: dict[str, Counts]) -> str:
    """Return an SVG with a panel for each way."""
    height = len(ways) * (PANEL + GAP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        '<g font-family="sans-serif" font-size="12">',
        "<title>Answers and refusals a second, for three ways to keep to a limit</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for number, (name, counts) in enumerate(ways.items()):
        parts.append(_panel(30 + number * (PANEL + GAP), name, *counts))
    legend = (
        f'<rect x="{LEFT}" y="{height - 25}" width="12" height="12" fill="#7fb3e6"/>'
        f'<text x="{LEFT + 18}" y="{height - 15}">answers a second</text>'
        f'<rect x="{LEFT + 150}" y="{height - 25}" width="12" height="12" fill="#c0392b"/>'
        f'<text x="{LEFT + 168}" y="{height - 15}">turned away (429) a second</text>'
        f'<path d="M{LEFT + 360} {height - 19}h24" stroke="#333" stroke-dasharray="5 4"/>'
        f'<text x="{LEFT + 392}" y="{height - 15}">the limit, {PER_SECOND} a second</text>'
    )
    return "\n".join([*parts, legend, "</g>", "</svg>", ""])


def _panel(top: int, name: str, answered: Counter[int], refused: Counter[int]) -> str:
    wide = (WIDTH - LEFT - 20) / SECONDS * BAR

    def y(value: float) -> float:
        return top + PANEL * (1 - min(value, TOP_OF_SCALE) / TOP_OF_SCALE)

    def bars(counts: Counter[int], colour: str, part: float) -> str:
        places = "".join(
            f"M{LEFT + bar * wide + wide * part:.1f} {top + PANEL}V{y(counts[bar] / BAR):.1f}"
            for bar in range(SECONDS // BAR)
            if counts[bar]
        )
        return f'<path d="{places}" stroke="{colour}" stroke-width="{wide * 0.4:.1f}"/>'

    ticks = "".join(
        f'<text x="{LEFT - 8}" y="{y(value) + 4:.0f}" text-anchor="end">{value}</text>'
        for value in (0, 20, 40, 60)
    )
    seconds = "".join(
        f'<text x="{LEFT + second * wide / BAR:.0f}" y="{top + PANEL + 15}" text-anchor="middle">{second}'
        f"{' s' if second == SECONDS else ''}</text>"
        for second in range(0, SECONDS + 1, 20)
    )
    return "\n".join(
        [
            f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{name}</text>',
            bars(answered, "#7fb3e6", 0.3),
            bars(refused, "#c0392b", 0.7),
            f'<path d="M{LEFT} {y(PER_SECOND):.1f}H{WIDTH - 20}" stroke="#333" stroke-dasharray="5 4"/>',
            f'<path d="M{LEFT} {top}V{top + PANEL}H{WIDTH - 20}" fill="none" stroke="#888"/>',
            ticks,
            seconds,
        ]
    )


def main(file: Path) -> None:
    """Simulate all ways, print what came of them, and draw them into `file`."""
    ways = {name: count(way) for name, way in WAYS.items()}
    for name, (answered, refused) in ways.items():
        late = sum(number for bar, number in answered.items() if SECONDS / 2 <= bar * BAR < SECONDS)
        share = late / (SECONDS / 2 * PER_SECOND)
        attempts = answered.total() + refused.total()
        print(f"{name}: {share:.1%} of the limit in the end, {refused.total()} of {attempts} turned away")
    file.write_text(drawn(ways), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
