"""What tests share: simulated endpoints, small pipelines, one Ray for the session."""

from __future__ import annotations

import logging
import os
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemo_sdg import AsyncOpenAIClient, ParquetWriter, Pipeline, QAMultilingualSyntheticStage
from nemo_sdg.report.observer import Quiet
from nemo_sdg.simulator import SimulatorSettings, SimulatorThread

collect_ignore = [] if "NEMO_SDG_REAL" in os.environ else ["real"]  # ./dev real asks for it
LANGUAGES = ["English", "French", "German"]
PROMPT = "Write a question and its answer in {language}. Reply with Question: and Answer: lines."


@pytest.fixture
def simulator():
    """Yield a function that starts a simulated endpoint with given settings; all end with the test."""
    running = []

    def start(**settings):
        thread = SimulatorThread(SimulatorSettings(**settings))
        running.append(thread)
        return thread.__enter__()

    yield start
    for thread in running:
        thread.__exit__(None, None, None)


@pytest.fixture
def qa_pipeline():
    """Return a function that makes the QA pipeline for an endpoint and an output folder."""

    def make(base_url, output, *, num_samples=40, more=(), writer=ParquetWriter, prompt=PROMPT, **client):
        options = {"api_key": "none", "base_delay": 0.01, "max_concurrent_requests": 8, **client}
        stages = [
            QAMultilingualSyntheticStage(
                prompt=prompt,
                languages=LANGUAGES,
                client=AsyncOpenAIClient(base_url=base_url, **options),
                model_name="m",
                num_samples=num_samples,
                generation_config={"temperature": 0.9},
            ),
            *more,
            writer(path=output),
        ]
        return Pipeline("qa", stages=stages)

    return make


@pytest.fixture
def run():
    """Return a function that runs a pipeline without showing anything."""

    def go(pipeline, engine="local", **options):
        with Path(os.devnull).open("w") as nowhere:
            return pipeline.run(engine=engine, observer=Quiet(nowhere), **options)

    return go


class _Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def begin(self, title):
        """Pass over."""

    update = end = begin

    def note(self, text):
        """Keep a note."""
        self.notes.append(text)


@pytest.fixture
def go():
    """Return a function that runs a pipeline here and returns the report and what was said."""

    def run_noting(pipeline, **options):
        notes = _Notes()
        return pipeline.run(**{"engine": "local", "observer": notes, **options}), notes.notes

    return run_noting


@pytest.fixture
def rows_in():
    """Return a function that reads the dataset in a run folder, sorted by row."""

    def read(folder):
        parts = sorted(Path(folder).glob("part-*.parquet"))
        return pa.concat_tables([pq.read_table(part) for part in parts]).sort_by("row_id")

    return read


@pytest.fixture(scope="session")
def ray_instance():
    """Start the session's Ray, as `nemo-sdg run` does: it takes over ten seconds here."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield ray
    ray.shutdown()


class Bucket:
    """A bucket of a real S3-compatible server in this process."""

    def __init__(self, server):
        host, port = server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.name = f"bucket-{uuid.uuid4().hex[:8]}"
        self.url = f"s3://{self.name}"
        self._ask("PUT", self.name)

    def delete_all(self):
        """Delete all buckets with all that is in them."""
        self._ask("POST", "moto-api/reset")

    def _ask(self, method, path):
        request = urllib.request.Request(f"{self.endpoint}/{path}", method=method)
        with urllib.request.urlopen(request) as answer:
            answer.read()


@pytest.fixture(scope="session")
def s3_server():
    """Start the session's S3-compatible server."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """Return a new bucket; the environment leads to it."""
    bucket = Bucket(s3_server)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return bucket


def _stat(process: Path) -> list[str]:
    """Return what /proc says of a process, from its state on."""
    return (process / "stat").read_text().rpartition(")")[2].split()


@pytest.fixture
def worker_pids():
    """Return a function that finds the actors of our Ray that run workers, oldest first; not other Rays'."""

    def ours(pid: int) -> bool:
        while pid > 1:
            if pid == os.getpid():
                return True
            pid = int(_stat(Path("/proc") / str(pid))[1])
        return False

    def find() -> list[int]:
        found = []
        for process in Path("/proc").iterdir():
            with suppress(OSError):
                if (
                    process.name.isdigit()
                    and b"RayWorker" in (process / "cmdline").read_bytes()
                    and ours(int(process.name))
                ):
                    found.append((int(_stat(process)[19]), int(process.name)))
        return [pid for _, pid in sorted(found)]

    return find
