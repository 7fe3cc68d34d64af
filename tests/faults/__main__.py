"""Kills and stops jobs by a seeded schedule for as long as is wanted, and shows what that cost.

    ./dev faults [--seconds 600] [--seed 0] [--only local|ray|cluster] [--round N]

A round is one job, run to its end through one event, or through several again and again. What is wrong is
shown with the seed and the number of the round, and `--seed S --round N` does that round alone.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from faults.check import rows_of
from faults.cluster import Cluster
from faults.jobs import Command, Job
from faults.runner import CLUSTER, LOCAL, OWN_RAY, go_through
from faults.schedule import Event, schedule
from faults.table import Table
from rich.console import Console

from nemo_sdg.simulator import Latency, SimulatorProcess, SimulatorSettings

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY = Latency.lognormal(0.1, 0.5)
ROWS = 240
WIDTH = 140  # where no terminal says it
SEVERAL = 0.4  # of the rounds have more than one event
SHARES = {"local": 0.4, "ray": 0.2, "cluster": 0.4}  # of the rounds
VICTIMS = {"local": LOCAL, "ray": OWN_RAY, "cluster": CLUSTER}


class Round(NamedTuple):
    """One job and what happens to it."""

    where: str
    events: list[Event]
    in_flight: int
    workers: int
    format: str


def planned(seed: int, number: int, places: dict[str, float]) -> Round:
    """Return the round of a seed and a number; it depends on nothing else."""
    chance = random.Random(f"round {seed} {number}")
    where = chance.choices(list(places), list(places.values()))[0]
    several = chance.random() < SEVERAL
    events = schedule(chance.getrandbits(32), VICTIMS[where], chance.randint(2, 6) if several else 1)
    workers = 1 if where == "local" else chance.choice((1, 2, 3))
    return Round(where, events, chance.choice((4, 8, 16)), workers, chance.choice(("parquet", "jsonl")))


def undisturbed(folder: Path, form: str) -> Path:
    """Run a job that nothing happens to; return its output."""
    with SimulatorProcess(SimulatorSettings()) as endpoint:
        job = Job(folder / f"undisturbed-{form}", endpoint.base_url, rows=ROWS, in_flight=64, format=form)
        command = Command(job)
        if command.wait() != 0:
            sys.exit(f"a run without any fault fails:\n{command.said()}")
        return job.output


def rounds(options: argparse.Namespace, folder: Path, cluster: Callable[[], Cluster], table: Table) -> None:
    """Go through rounds until the time is over."""
    rows = {form: rows_of(undisturbed(folder, form)) for form in ("parquet", "jsonl")}
    places = {options.only: 1.0} if options.only else SHARES
    until = time.monotonic() + options.seconds
    number = options.round or 0
    while time.monotonic() < until:
        plan = planned(options.seed, number, places)
        with SimulatorProcess(SimulatorSettings(latency=LATENCY)) as endpoint:
            job = Job(
                folder / str(number),
                endpoint.base_url,
                rows=ROWS,
                in_flight=plan.in_flight,
                workers=plan.workers,
                engine="local" if plan.where == "local" else "ray",
                format=plan.format,
                cluster=cluster() if plan.where == "cluster" else None,
            )
            outcome = go_through(job, plan.events, endpoint, LATENCY, rows[plan.format])
        only = f" --only {options.only}" if options.only else ""
        again = f"--seed {options.seed} --round {number}{only}: {_said(plan)}, in {job.folder}"
        table.add(plan.where, outcome, again)
        number += 1
        if options.round is not None:
            return


def _said(plan: Round) -> str:
    events = ", ".join(f"{event.victim} at {event.asked:.2f} + {event.delay:.1f} s" for event in plan.events)
    return f"{plan.where}, {plan.workers} workers of {plan.in_flight}, {plan.format}: {events}"


def main() -> int:
    """Run what the command line asks for; return 1 when anything was lost or paid twice."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__, formatter_class=form)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(SHARES))
    parser.add_argument("--round", type=int)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nemo-sdg-faults-"))
    table = Table(Console(width=None if sys.stdout.isatty() else WIDTH))
    with ExitStack() as stack:
        started: list[Cluster] = []

        def cluster() -> Cluster:
            if not started:
                started.append(stack.enter_context(Cluster()))
            return started[0]

        with suppress(KeyboardInterrupt):
            rounds(options, folder, cluster, table)
    table.show()
    return int(bool(table.failures))


if __name__ == "__main__":
    sys.exit(main())
