"""Whole runs into a bucket of a real S3-compatible server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from nemo_sdg import JsonlWriter, ParquetWriter
from nemo_sdg.engine import flusher
from nemo_sdg.engine.folder import LEASE, RunFolder
from nemo_sdg.engine.lock import locked
from nemo_sdg.errors import OutputError
from nemo_sdg.simulator import Latency
from nemo_sdg.storage import remote


def rows_at(url):
    """Return the dataset at `url`, sorted by row."""
    store = RunFolder(url).store
    parts = [name for name in store.names() if name.startswith("part-")]
    return pa.concat_tables([pq.read_table(pa.BufferReader(store.read(part))) for part in parts]).sort_by(
        "row_id"
    )


def answers_at(url):
    """Return the number of answers that are kept at `url`."""
    folder = RunFolder(url)
    return sum(len(folder.entries(shard)) for shard in folder.journal_shards())


def test_a_run_into_a_bucket_makes_what_one_on_disk_makes(
    simulator, qa_pipeline, run, rows_in, bucket, tmp_path
):
    """The dataset is the same, nothing but results stays, and a second run has nothing to do."""
    endpoint = simulator()
    url = f"{bucket.url}/some/out"

    report = run(qa_pipeline(endpoint.base_url, url, num_samples=90))
    run(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=90))

    assert (report.state, report.output, report.counts.requests) == ("finished", url, 90)
    assert rows_at(url).equals(rows_in(tmp_path / "out"))
    folder = RunFolder(url)
    assert folder.read_report() == report
    assert not folder.store.exists(LEASE)
    assert {len(folder.journals(shard)) for shard in folder.journal_shards()} == {1}
    assert run(qa_pipeline(endpoint.base_url, url, num_samples=90)) == report
    assert endpoint.stats()["requests"] == 180


@pytest.mark.parametrize("writer", [ParquetWriter, JsonlWriter])
def test_any_file_system_of_arrow_will_do(simulator, qa_pipeline, run, tmp_path, writer):
    """A writer takes a file system that is no object store, and a path there; files are whole there too."""
    there = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())

    report = run(qa_pipeline(simulator().base_url, "out", writer=lambda path: writer(path, filesystem=there)))

    assert (report.state, report.counts.rows_written) == ("finished", 40)
    assert len(list((tmp_path / "out").glob("part-*"))) > 1
    assert not list((tmp_path / "out").rglob(".*"))


JOB = """
import signal
import sys
sys.path.insert(0, {tests!r})
from conftest import LANGUAGES, PROMPT
from nemo_sdg import *
signal.signal(signal.SIGINT, signal.default_int_handler)
pipeline = Pipeline("qa", stages=[
    QAMultilingualSyntheticStage(PROMPT, LANGUAGES, AsyncOpenAIClient(
        base_url={base_url!r}, api_key="none", max_concurrent_requests=8), "m", {rows},
        {{"temperature": 0.9}}),
    ParquetWriter(path={output!r}),
])
report = pipeline.run(engine="local")
print(report.state, report.counts.requests)
"""


def start_job(base_url, output, rows):
    """Start a local run in a process of its own."""
    code = JOB.format(base_url=base_url, output=output, rows=rows, tests=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_killed_run_goes_on_with_exact_counts(simulator, bucket):
    """`kill -9` of the driver twice: at the end each row is there once, and every kept answer was paid once.

    What the endpoint answered and no journal has is what was in flight or came since the last flush.
    """
    endpoint = simulator(latency=Latency.lognormal(0.1, 0.5))
    url = f"{bucket.url}/out"
    lost = 0
    for kept in (60, 120):
        job = start_job(endpoint.base_url, url, 240)
        while answers_at(url) < kept:
            assert job.poll() is None, job.communicate()
            time.sleep(0.05)
        os.kill(job.pid, signal.SIGKILL)
        job.communicate()
        time.sleep(1)  # what was in flight has arrived at the endpoint
        lost = endpoint.stats()["requests"] - answers_at(url)

    out, err = start_job(endpoint.base_url, url, 240).communicate()

    # The killed process was of this machine, so its lease is not watched.
    assert "watching for" not in err
    assert out.split() == ["finished", "240"]
    assert rows_at(url).column("row_id").to_pylist() == list(range(240))
    assert endpoint.stats()["requests"] == 240 + lost
    assert lost <= 2 * (8 + 2 * 80)  # 8 in flight, and two seconds at 8 requests each 0.1 s


def test_two_drivers_at_a_time_are_refused(simulator, qa_pipeline, run, bucket):
    """While one run writes to a bucket's folder, a second one is told who it is, and asks nothing."""
    folder = RunFolder(f"{bucket.url}/out")
    folder.create()
    endpoint = simulator()

    with (
        locked(folder),
        pytest.raises(OutputError, match=f"another run is writing .* process {os.getpid()} on"),
    ):
        run(qa_pipeline(endpoint.base_url, folder.url))

    assert endpoint.stats()["requests"] == 0


def test_a_run_whose_folder_is_taken_over_stops(simulator, qa_pipeline, run, bucket):
    """When another driver has the lease, this one stops its workers and says who has it."""
    endpoint = simulator(latency=Latency.fixed(0.2))
    folder = RunFolder(f"{bucket.url}/out")

    def take_over():
        while not folder.store.exists(LEASE) or endpoint.stats()["requests"] < 20:
            time.sleep(0.05)
        other = (
            folder.store.read(LEASE).replace(b'"token":"', b'"token":"other').replace(b'"pid":', b'"pid":1')
        )
        folder.store.write(LEASE, other)

    thief = threading.Thread(target=take_over)
    thief.start()
    report = run(qa_pipeline(endpoint.base_url, folder.url, num_samples=1000))
    thief.join()

    assert report.state == "failed"
    assert "another run has taken over" in report.message
    assert endpoint.stats()["by_status"]["200"] < 1000


def test_a_bucket_that_goes_away_ends_the_run(simulator, qa_pipeline, run, bucket, monkeypatch):
    """Deleted half-way, it stops the run before much more is paid for, and the report says what to do."""
    monkeypatch.setattr(flusher, "LONGEST", 2.0)
    monkeypatch.setattr(remote, "PATIENCE", 2.0)
    endpoint = simulator(latency=Latency.fixed(0.2))
    url = f"{bucket.url}/out"

    def delete():
        while endpoint.stats()["by_status"].get("200", 0) < 100:
            time.sleep(0.05)
        bucket.delete_all()

    deleter = threading.Thread(target=delete)
    deleter.start()
    report = run(qa_pipeline(endpoint.base_url, url, num_samples=4000))
    deleter.join()

    assert report.state == "failed"
    assert "check that the bucket" in report.message
    assert "run the same command again" in report.message
    assert endpoint.stats()["requests"] < 1000


def test_a_bucket_that_is_not_there_costs_nothing(simulator, qa_pipeline, run, bucket):
    """A bucket that is not there ends the job before anything is asked."""
    endpoint = simulator()

    with pytest.raises(OutputError, match="check that the bucket or server is there"):
        run(qa_pipeline(endpoint.base_url, f"{bucket.url}-other/out"))

    assert endpoint.stats()["requests"] == 0


@pytest.mark.ray
def test_a_run_on_ray_into_a_bucket(simulator, qa_pipeline, run, bucket, ray_instance):
    """Workers whose machine knows nothing of the bucket's server and keys get them from the driver."""
    endpoint = simulator(latency=Latency.fixed(0.05))
    assert ray_instance
    url = f"{bucket.url}/out"

    report = run(qa_pipeline(endpoint.base_url, url, num_samples=120), "ray", workers=2)

    assert (report.state, report.counts.requests) == ("finished", 120)
    assert rows_at(url).column("row_id").to_pylist() == list(range(120))
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    store = RunFolder(url).store
    assert not any(secret in content for content in store.read_all(store.names()).values())
