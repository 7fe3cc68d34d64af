from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import ray

from nemo_sdg import Limits as Said
from nemo_sdg import Resources
from nemo_sdg.simulator import Latency, Limits
from nemo_sdg.stages import Stage, stage

pytestmark = pytest.mark.ray


@pytest.fixture(autouse=True)
def _on_ray(ray_instance):
    """Every test here runs on the session's Ray."""


def test_a_job_on_two_actors_makes_every_row_once(simulator, qa_pipeline, run, rows_in, tmp_path):
    """Two actors make the rows that one process makes, each paid for once, with both of them at work."""
    endpoint = simulator(latency=Latency.fixed(0.2))

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "ray", num_samples=120), "ray", workers=2)
    run(qa_pipeline(endpoint.base_url, tmp_path / "local", num_samples=120))

    assert (report.state, report.workers, report.counts.requests) == ("finished", 2, 120)
    assert rows_in(tmp_path / "ray").equals(rows_in(tmp_path / "local"))
    stats = endpoint.stats()
    assert stats["requests"] == 240
    assert stats["concurrency"]["peak"] > 8  # more than one worker alone may have in flight


def test_a_stage_of_the_users_own_file_travels(simulator, qa_pipeline, run, rows_in, tmp_path, monkeypatch):
    """A stage from a file that is installed nowhere runs on the actors, its helper module included."""
    (tmp_path / "my_helper.py").write_text("def shout(text):\n    return text.upper()\n")
    (tmp_path / "my_stages.py").write_text(
        "import pyarrow as pa\n"
        "import my_helper\n"
        "from nemo_sdg import Stage\n"
        "class TitleStage(Stage):\n"
        "    requires = ('question',)\n"
        "    adds = ('title',)\n"
        "    def process(self, batch):\n"
        "        titles = [my_helper.shout(text) for text in batch.column('question').to_pylist()]\n"
        "        return batch.append_column('title', pa.array(titles))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from my_stages import TitleStage

    pipeline = qa_pipeline(simulator().base_url, tmp_path / "out", more=[TitleStage()])
    monkeypatch.undo()

    report = run(pipeline, "ray")

    assert report.state == "finished"
    rows = rows_in(tmp_path / "out")
    assert rows.column("title").to_pylist() == [text.upper() for text in rows.column("question").to_pylist()]
    for name in ("my_stages", "my_helper"):
        sys.modules.pop(name)


class Pid(Stage):
    """Says which process it ran in, and what a variable was there."""

    requires = ("text",)
    adds = ("pid", "secret_length")
    environment = ("NEMO_SDG_TEST_SECRET",)

    def process(self, batch):
        import pyarrow as pa

        secret = os.environ.get("NEMO_SDG_TEST_SECRET", "")
        count = batch.num_rows
        return batch.append_column("pid", pa.array([os.getpid()] * count)).append_column(
            "secret_length", pa.array([len(secret)] * count)
        )


def test_a_stage_with_resources_runs_in_actors_of_its_own(
    simulator, qa_pipeline, run, rows_in, tmp_path, monkeypatch
):
    """A stage that asks for resources runs elsewhere than the one before it; rows and variables reach it."""
    monkeypatch.setenv("NEMO_SDG_TEST_SECRET", "s3cret")

    def before(batch):
        import pyarrow as pa

        return batch.append_column("first_pid", pa.array([os.getpid()] * batch.num_rows))

    apart = Pid().with_(resources=Resources(cpus=0.5), workers=1)
    pipeline = qa_pipeline(simulator().base_url, tmp_path / "out", more=[stage(before), apart])

    report = run(pipeline, "ray", workers=1)

    rows = rows_in(tmp_path / "out")
    assert (report.state, rows.num_rows, report.counts.rows_read) == ("finished", 40, 40)
    (first,), (second,) = set(rows.column("first_pid").to_pylist()), set(rows.column("pid").to_pylist())
    assert first != second
    assert set(rows.column("secret_length").to_pylist()) == {6}
    assert "s3cret" not in "".join(
        file.read_text(errors="replace") for file in (tmp_path / "out").rglob("*.json*") if file.is_file()
    )


def test_a_killed_worker_costs_nothing_but_what_was_in_flight(
    simulator, qa_pipeline, run, rows_in, tmp_path, worker_pids
):
    """`kill -9` of an actor loses no row and makes none twice; its paid answers are not paid again."""
    endpoint = simulator(latency=Latency.lognormal(0.2, 0.5))
    pipeline = qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=400, max_concurrent_requests=16)
    killed = []

    def kill_one():
        while endpoint.stats()["requests"] < 100:
            time.sleep(0.05)
        killed.extend(worker_pids()[:1])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    report = run(pipeline, "ray", workers=2)
    killer.join()

    assert killed
    assert report.state == "finished"
    assert rows_in(tmp_path / "out").column("row_id").to_pylist() == list(range(400))
    # 16 in flight, and what came in since the last heartbeat: half a second at 16 each 0.2 s, and noise.
    assert endpoint.stats()["requests"] - 400 <= 16 + 120


def test_an_unknown_model_stops_all_workers(simulator, qa_pipeline, run, tmp_path):
    """A fatal answer to one worker ends the job on all, and reaches the caller with what to do."""
    endpoint = simulator(models=("other",))
    pipeline = qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=3000, max_concurrent_requests=256)

    report = run(pipeline, "ray", workers=2)

    assert report.state == "failed"
    assert "does not know the model" in report.message
    assert endpoint.stats()["requests"] <= 2 * 64


class Closing(Stage):
    """Leaves a file behind when it is closed."""

    def __init__(self, folder):
        self.folder = str(folder)

    def process(self, batch):
        return batch

    def close(self):
        (Path(self.folder) / f"closed-{os.getpid()}").touch()


def test_stages_are_closed_on_their_actors(simulator, qa_pipeline, run, tmp_path):
    """`close` of a stage runs on the actor when the run is over."""
    closing = tmp_path / "closing"
    closing.mkdir()
    pipeline = qa_pipeline(simulator().base_url, tmp_path / "out", more=[Closing(closing)])

    run(pipeline, "ray", workers=1)

    deadline = time.monotonic() + 30
    while not list(closing.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)  # Ray ends actors in the background
    assert len(list(closing.iterdir())) == 1


class Broken(Stage):
    """Fails where it is set up."""

    def setup(self):
        raise ValueError("no such model file")

    def process(self, batch):
        return batch


def test_a_stage_that_cannot_be_set_up_is_the_reason(simulator, qa_pipeline, run, tmp_path):
    """A failing setup on an actor is told as what it is, not as a failure of Ray."""
    report = run(qa_pipeline(simulator().base_url, tmp_path / "out", more=[Broken()]), "ray", workers=1)

    assert report.state == "failed"
    assert report.message.startswith(f"{__file__}, line ")
    assert report.message.endswith("ValueError: no such model file")


def test_pools_that_do_not_fit_are_refused(simulator, qa_pipeline, run, tmp_path):
    """Workers that Ray has no room for are an error with numbers, not an endless wait."""
    greedy = Closing(tmp_path).with_(resources=Resources(gpus=1), workers=3)

    report = run(qa_pipeline(simulator().base_url, tmp_path / "out", more=[greedy]), "ray")

    assert report.state == "failed"
    assert "together want 3 GPU and Ray has 0: lower workers" in report.message


def test_what_ray_shows_of_a_worker_holds_no_secret():
    """Ray Data keeps its operators' arguments for its dashboard; ours cannot be looked into."""
    from ray.data._internal.metadata_exporter import sanitize_for_struct

    from nemo_sdg.engine.ray_engine import Cargo

    shown = sanitize_for_struct(
        {"fn_constructor_args": (Cargo({"KEY": "sk-secret"}, b"sk-secret"), "folder")}
    )

    assert "sk-secret" not in str(shown)
    assert "folder" in str(shown)


def test_throttled_workers_lose_nothing(simulator, qa_pipeline, run, rows_in, tmp_path):
    """Two workers under a limit of the endpoint get every row, though no retry is allowed."""
    endpoint = simulator(limits=Limits(headers="none", requests_per_minute=1800))

    report = run(
        qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=60, max_retries=0), "ray", workers=2
    )

    assert rows_in(tmp_path / "out").num_rows == 60
    assert report.counts.throttles > 0


PER_SECOND = 40
LATENCY = Latency.lognormal(0.1, 0.5)


def server(**limits):
    """Return the settings of an endpoint that turns away what is beyond its limit."""
    return {"latency": LATENCY, "limits": Limits(requests_per_minute=60 * PER_SECOND, **limits)}


class Answers(threading.Thread):
    """Notes over time how many requests an endpoint has answered."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.marks = []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            self.marks.append((time.monotonic(), self.endpoint.stats()["by_status"].get("200", 0)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def until(self, number):
        while not self.marks or self.marks[-1][1] < number:
            time.sleep(0.05)

    def steady(self):
        """Return the answers in a second between a tenth and nine tenths of all."""
        last = self.marks[-1][1]
        low, high = (next(mark for mark in self.marks if mark[1] >= part * last) for part in (0.1, 0.9))
        return (high[1] - low[1]) / (high[0] - low[0])


@pytest.mark.parametrize("known", ["configured", "headers"])
def test_workers_share_a_limit(known, simulator, qa_pipeline, run, rows_in, tmp_path):
    """Three workers with far more concurrency than needed use one limit, and are hardly ever turned away.

    Without sharing hundreds would be; limits read from headers are not known to the very first requests.
    """
    endpoint = simulator(**server(headers="openai" if known == "headers" else "none"))
    limits = Said(requests_per_minute=60 * PER_SECOND) if known == "configured" else None
    pipeline = qa_pipeline(
        endpoint.base_url, tmp_path / "out", num_samples=400, max_concurrent_requests=64, limits=limits
    )

    with Answers(endpoint) as answers:
        report = run(pipeline, "ray", workers=3, shard_rows=8)

    assert (report.state, rows_in(tmp_path / "out").num_rows) == ("finished", 400)
    assert endpoint.stats()["by_status"].get("429", 0) <= (16 if known == "configured" else 40)
    assert 0.85 * PER_SECOND <= answers.steady() <= 1.05 * PER_SECOND
    (use,) = [use for use in report.limits[-1].endpoints[0].limits if use.name == "requests"]
    assert (use.allowed, use.source) == (60 * PER_SECOND, known)
    assert max(report.held_back, key=report.held_back.get) == "requests per minute"


def test_limits_outlive_their_budget_and_a_worker(
    simulator, qa_pipeline, run, rows_in, tmp_path, worker_pids
):
    """The budget's actor is killed twice, then a worker: nothing is lost, paid twice or sent too soon."""
    endpoint = simulator(**server(headers="none"))
    pipeline = qa_pipeline(
        endpoint.base_url,
        tmp_path / "out",
        num_samples=700,
        max_concurrent_requests=64,
        limits={"requests_per_minute": 60 * PER_SECOND},
    )
    killed = []

    def kill():
        for number in (100, 250):
            answers.until(number)
            (name,) = [
                actor["name"]
                for actor in ray.util.list_named_actors(all_namespaces=True)
                if actor["name"] == f"budget-{_name(pipeline).digest}"
            ]
            ray.kill(ray.get_actor(name, namespace="nemo_sdg"))
            killed.append(name)
        answers.until(450)
        worker = worker_pids()[0]
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)

    with Answers(endpoint) as answers:
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        report = run(pipeline, "ray", workers=2, shard_rows=8)
        killer.join()

    assert len(killed) == 3
    assert (report.state, rows_in(tmp_path / "out").num_rows) == ("finished", 700)
    stats = endpoint.stats()
    assert stats["by_status"].get("429", 0) <= 20
    assert stats["by_status"]["200"] <= 700 + 64  # those in flight at the worker that was killed
    fullest = max(
        (late - early) / (then - since)
        for since, early in answers.marks
        for then, late in answers.marks
        if 5 <= then - since < 5.2
    )
    assert fullest <= 1.1 * PER_SECOND  # answers; they bunch a little more than what was sent


def _name(pipeline):
    (stage,) = [step for step in pipeline.steps if hasattr(step, "limiters")]
    (name,) = stage.limiters
    return name
