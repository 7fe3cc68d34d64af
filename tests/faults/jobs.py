"""The job that is put under fault, and the real command that runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from faults import odd_rows, processes

if TYPE_CHECKING:
    from pathlib import Path

    from faults.cluster import Cluster

HANGS_AFTER = 90.0
"""Seconds after which a command that neither ends nor asks is taken to hang."""

# A shell that runs us in the background has Ctrl-C ignored, which children inherit.
_MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from nemo_sdg.cli import main; main()"
)


class Stuck(Exception):  # noqa: N818 - a finding, not an error of ours
    """A command hangs, or does not get a job finished however often it is typed."""


@dataclass(frozen=True)
class Job:
    """What is run into `folder`/out. A job with the same rows and seed makes the same dataset."""

    folder: Path
    base_url: str
    rows: int = 240
    shard_rows: int | None = 10
    in_flight: int = 8
    workers: int = 1
    engine: str = "local"
    format: str = "parquet"
    cluster: Cluster | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        """The run folder."""
        return self.folder / "out"

    @property
    def workers_at_work(self) -> int:
        """How many workers the run has."""
        return self.workers if self.engine == "ray" else 1

    def write(self) -> Path:
        """Write the job's config and its stage; return the config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(odd_rows.__file__, self.folder)
        config: dict[str, Any] = {
            "pipeline": "multilingual_qa",
            "num_samples": self.rows,
            "languages": ["English", "French", "German"],
            "prompt": "Write a question and its answer in {language}. Label them Question: and Answer:",
            "model": "simulated",
            "base_url": self.base_url,
            "client": {"max_concurrent_requests": self.in_flight, "base_delay": 0.05},
            "check_language": False,
            "stages": ["odd_rows:OddRows"],
            "output": "out",
            "format": self.format,
            "engine": self.engine,
            "workers": self.workers,
            "shard_rows": self.shard_rows,
            **self.options,
        }
        if self.cluster is not None:
            config["address"] = self.cluster.address
        file = self.folder / "job.yaml"
        file.write_text(yaml.safe_dump(config))
        return file

    def but(self, **changes: Any) -> Job:
        """Return this job with something changed."""
        return replace(self, **changes)


class Command:
    """`nemo-sdg run` of a job, in a session of its own."""

    def __init__(self, job: Job, *, output: Path | str | None = None, cwd: Path | None = None) -> None:
        """Start it; in the job's folder, or elsewhere with another `output`."""
        config = job.write()
        words = ["run", str(config.absolute()), *(() if output is None else ("--output", str(output)))]
        environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
        if job.cluster is not None:
            environment |= job.cluster.environment
        self.job = job
        self.log = job.folder / f"log-{time.time():.3f}.txt"
        with self.log.open("wb") as log:  # not a pipe: what survives the command would hold it open
            self._process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, *words],
                cwd=cwd or job.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.session = self._process.pid
        self.ours = [self.session] if job.cluster is None else [self.session, job.cluster.session]

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for its end; return its exit status."""
        try:
            return self._process.wait(HANGS_AFTER)
        except subprocess.TimeoutExpired:
            raise Stuck(f"does not end: {self.said()[-500:]}") from None

    def processes(self) -> list[processes.Process]:
        """Return the processes that it started, and those of the cluster that it joined."""
        return [process for session in self.ours for process in processes.of_session(session)]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9` of the command alone."""
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        """Return what it printed."""
        return self.log.read_text(errors="replace")


def state_in(output: Path) -> str:
    """Return the state that the report of a run says."""
    file = output / "report.json"
    return str(msgspec.json.decode(file.read_bytes())["state"]) if file.exists() else ""
