"""Finding processes that we started, and killing them by number."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Process(NamedTuple):
    """A process as /proc shows it."""

    pid: int
    parent: int
    title: str


def of_session(session: int) -> list[Process]:
    """Return the processes of a session, by number: whatever a command started, orphans too.

    Each command that we start has a session of its own, and Ray's processes stay in it.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            state, parent, _, its = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state != "Z":
                title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(Process(int(folder.name), int(parent), title))
    return sorted(found)


def below(pid: int, processes: Iterable[Process]) -> list[Process]:
    """Return those of `processes` that descend from `pid`."""
    processes = list(processes)
    found = [process for process in processes if process.parent == pid]
    for process in found:  # grows while it is gone through
        found += [child for child in processes if child.parent == process.pid]
    return found


def is_worker(process: Process) -> bool:
    """Return whether it is a Ray actor that runs shards."""
    return process.title.startswith("ray::") and "RayWorker" in process.title


def is_budget(process: Process) -> bool:
    """Return whether it is the actor that has a budget."""
    return process.title.startswith("ray::BudgetActor")


def is_raylet(process: Process) -> bool:
    """Return whether it is the raylet of a Ray node."""
    return "/raylet/raylet " in process.title


def is_gcs(process: Process) -> bool:
    """Return whether it is what a Ray cluster keeps its state in."""
    return "/gcs_server " in process.title


def kill(processes: Iterable[Process]) -> list[Process]:
    """`kill -9` them as nearly at once as can be; return those that were there."""
    killed = []
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
            killed.append(process)
    return killed


def clear(session: int, seconds: float = 5.0) -> list[Process]:
    """End what is left of a session; return what did not go within `seconds` by itself."""
    deadline = time.monotonic() + seconds
    while (left := of_session(session)) and time.monotonic() < deadline:
        time.sleep(0.1)
    kill(left)
    return left
