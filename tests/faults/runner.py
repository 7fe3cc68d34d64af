"""Runs a job to its end through whatever a schedule does to it, and says what that cost."""

from __future__ import annotations

import itertools
import math
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from faults import processes
from faults.check import Found, check
from faults.jobs import HANGS_AFTER, Command, Stuck

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa
    from faults.jobs import Job
    from faults.schedule import Event

    from nemo_sdg.simulator import Latency

LAST = 1.0
"""Seconds before a kill of which the answers may be asked for again."""
_LOOK = 0.02  # seconds between two looks at a run
_APPEARS = 60.0  # seconds that a victim is waited for
_GRACE = 0.05  # seconds that a command may have to stop before worse comes
_TRIES = 4  # starts beyond one for each event, before a job is taken to be stuck

_STOPS = ("Ctrl-C", "SIGTERM", "Ctrl-C twice", "SIGTERM then SIGKILL")
LOCAL = ("driver", *_STOPS)
"""What can go wrong on the local engine."""
OWN_RAY = ("worker", "all workers", "budget", "driver", "everything", "raylet", "gcs", *_STOPS)
"""With a Ray of the command's own."""
CLUSTER = ("worker", "all workers", "budget", "node", "driver", "everything", *_STOPS)
"""On a cluster that it joined."""


class Endpoint(Protocol):
    """A simulator, in a thread or in a process."""

    base_url: str

    def stats(self) -> dict[str, Any]:
        """Return what it counted."""


@dataclass
class Outcome:
    """What became of a job."""

    found: Found
    repeated: int = 0
    """Requests beyond one for each row."""
    bound: int = 0
    """How many those may be."""
    struck: list[str] = field(default_factory=list)
    """The events that came while there was something to strike."""
    commands: int = 0
    """How often the command was typed."""
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """What is wrong, in words."""
        found = self.found
        lines = [f"{found.lost} rows lost"] if found.lost else []
        lines += [f"{found.twice} rows twice"] if found.twice else []
        if not 0 <= self.repeated <= self.bound:
            lines.append(f"{self.repeated} requests repeated, at most {self.bound} may be")
        return lines + found.wrong


def bound_of_one(job: Job, latency: Latency) -> int:
    """Return the requests that the kill of one worker may cost: in flight, and those of the last second."""
    mean = latency.median * math.exp(latency.sigma**2 / 2)
    return job.in_flight + math.ceil(job.in_flight * LAST / mean)


def go_through(
    ways: Job | Sequence[Job],
    events: Iterable[Event],
    endpoint: Endpoint,
    latency: Latency,
    undisturbed: pa.Table | None = None,
) -> Outcome:
    """Run a job to its end while `events` happen; type the command again whenever it ends before.

    With several `ways` of running it they take turns. The endpoint must be fresh: all that it counts is this
    job's.
    """
    ways = ways if isinstance(ways, Sequence) else [ways]
    job = ways[0]
    began = time.monotonic()
    waiting = list(events)
    outcome = Outcome(Found())
    sessions: list[int] = []
    try:
        for way in itertools.islice(itertools.cycle(ways), len(waiting) + _TRIES):
            command = Command(way)
            sessions.append(command.session)
            outcome.commands += 1
            _disturb(command, waiting, endpoint, outcome, bound_of_one(way, latency))
            if command.wait() == 0:
                outcome.found = check(job.output, job.rows, undisturbed)
                break
        else:
            outcome.found.wrong.append(
                f"not finished after {outcome.commands} commands: {command.said()[-500:]}"
            )
    except Stuck as stuck:
        outcome.found.wrong.append(str(stuck))
    finally:
        for session in sessions:
            processes.clear(session, 0 if outcome.found else 10)
    outcome.repeated = endpoint.stats()["requests"] - job.rows
    outcome.seconds = time.monotonic() - began
    return outcome


def _disturb(command: Command, waiting: list[Event], endpoint: Endpoint, outcome: Outcome, one: int) -> None:
    """Watch a command until it ends, and strike when the next of the `waiting` events is due."""
    asked = before = endpoint.stats()["requests"]
    moved = time.monotonic()
    while command.running:
        now = endpoint.stats()["requests"]
        if now != asked:
            asked, moved = now, time.monotonic()
        if time.monotonic() - moved > HANGS_AFTER:
            raise Stuck(f"hangs: {command.said()[-500:]}")
        if waiting and _is_due(waiting[0], command.job.rows, before, asked):
            event = waiting.pop(0)
            time.sleep(event.delay)
            killed = strike(command, event.victim) if command.running else None
            if killed is not None:
                outcome.struck.append(event.victim)
                outcome.bound += killed * one
            moved = time.monotonic()
        time.sleep(_LOOK)


def _is_due(event: Event, rows: int, before: int, asked: int) -> bool:
    """Whether its moment has come; but for those at the start, when this command is at work again."""
    at_work = event.asked == 0 or asked > before or before >= rows
    return at_work and asked >= event.asked * rows


def strike(command: Command, victim: str) -> int | None:
    """Do to a running command what `victim` says; return how many workers lost what they had in memory.

    None when there was nothing to strike: the command ended before.
    """
    workers = command.job.workers_at_work
    if victim == "driver":
        command.kill()
        return workers
    if victim == "everything":
        everything = [process for process in command.processes() if _goes_with_all(command, process)]
        processes.kill(everything)
        return workers
    if victim in _STOPS:
        return _stop(command, victim, workers)
    return _kill_of_ray(command, victim)


def _goes_with_all(command: Command, process: processes.Process) -> bool:
    """Whether it is the run's own: nodes of a cluster that it joined stay."""
    own = command.job.cluster is None or process.pid == command.session
    return own or processes.is_worker(process) or processes.is_budget(process)


def _stop(command: Command, victim: str, workers: int) -> int | None:
    number = signal.SIGINT if "Ctrl-C" in victim else signal.SIGTERM
    command.signal(number)
    if victim in {"Ctrl-C", "SIGTERM"}:
        command.wait()  # the next event must not be its second signal
        return 0
    time.sleep(_GRACE)
    if not command.running:
        return 0
    if victim == "Ctrl-C twice":
        command.signal(number)
    else:
        processes.kill(process for process in command.processes() if _goes_with_all(command, process))
    return workers


def _kill_of_ray(command: Command, victim: str) -> int | None:
    deadline = time.monotonic() + _APPEARS
    while command.running and time.monotonic() < deadline:
        if killed := _killed(command, victim):
            workers = sum(processes.is_worker(process) for process in killed)
            return command.job.workers_at_work if victim in {"raylet", "gcs"} else workers
        time.sleep(_LOOK)
    return None


def _killed(command: Command, victim: str) -> list[processes.Process]:
    """Kill `victim`, if it is there; return what was killed."""
    if victim == "node":
        return [] if command.job.cluster is None else command.job.cluster.kill_node()
    there = command.processes()
    workers = [process for process in there if processes.is_worker(process)]
    if victim == "worker":
        return processes.kill(workers[-1:])
    if victim == "all workers":
        return processes.kill(workers)
    kinds = {"budget": processes.is_budget, "raylet": processes.is_raylet, "gcs": processes.is_gcs}
    return processes.kill(filter(kinds[victim], there))
