from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    JsonlWriter,
    LengthFilter,
    Pipeline,
    QAMultilingualSyntheticStage,
    Stage,
)
from nemo_sdg.errors import AuthenticationError, ConfigError, OutputError, UnreachableError
from nemo_sdg.report.numbers import RunReport
from nemo_sdg.simulator import Faults, Latency, Limits


def report_in(folder) -> RunReport:
    """Return what report.json holds."""
    return msgspec.json.decode((Path(folder) / "report.json").read_bytes(), type=RunReport)


def test_a_job_makes_every_row_once(simulator, qa_pipeline, run, rows_in, tmp_path):
    """All rows are there, once each, evenly over the languages; each was paid once."""
    endpoint = simulator()

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=90))

    rows = rows_in(tmp_path / "out")
    assert rows.column("row_id").to_pylist() == list(range(90))
    languages = rows.column("language").to_pylist()
    assert {language: languages.count(language) for language in set(languages)} == {
        "English": 30,
        "French": 30,
        "German": 30,
    }
    assert set(rows.column("model").to_pylist()) == {"simulated"}
    assert set(rows.column("status").to_pylist()) == {"ok"}
    assert None not in rows.column("question").to_pylist()
    assert len(set(rows.column("text").to_pylist())) > 80
    assert (report.state, report.counts.rows_written, report.counts.requests) == ("finished", 90, 90)
    assert report.simulated
    assert endpoint.stats()["requests"] == 90
    assert report_in(tmp_path / "out") == report


def test_the_same_seed_makes_the_same_rows(simulator, qa_pipeline, run, rows_in, tmp_path):
    """Two runs of the same job make the same dataset, whatever the concurrency and the shards."""
    endpoint = simulator()

    run(qa_pipeline(endpoint.base_url, tmp_path / "a", max_concurrent_requests=2), shard_rows=7)
    run(qa_pipeline(endpoint.base_url, tmp_path / "b", max_concurrent_requests=16))

    assert rows_in(tmp_path / "a").equals(rows_in(tmp_path / "b"))


def test_a_finished_run_does_nothing(simulator, qa_pipeline, run, tmp_path):
    """Running again into a finished folder sends nothing and changes no file."""
    endpoint = simulator()
    first = run(qa_pipeline(endpoint.base_url, tmp_path / "out"))
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("part-*")}
    requests = endpoint.stats()["requests"]

    again = run(qa_pipeline(endpoint.base_url, tmp_path / "out"))

    assert again == first
    assert endpoint.stats()["requests"] == requests
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("part-*")} == before


def test_other_settings_are_refused(simulator, qa_pipeline, run, tmp_path):
    """Another prompt into the same folder is refused by name; another concurrency is not."""
    endpoint = simulator()
    run(qa_pipeline(endpoint.base_url, tmp_path / "out"))

    with pytest.raises(OutputError, match=r"PromptTemplateStage\.messages: .* now\nthat makes useless"):
        run(qa_pipeline(endpoint.base_url, tmp_path / "out", prompt="Something else in {language}"))
    run(qa_pipeline(endpoint.base_url, tmp_path / "out", max_concurrent_requests=3), workers=5)


def test_a_changed_stage_after_generation_asks_nothing_again(simulator, qa_pipeline, run, rows_in, tmp_path):
    """Change what comes after the last stage that asks, and the rows are made anew from the kept answers."""
    endpoint = simulator()
    run(qa_pipeline(endpoint.base_url, tmp_path / "out"))

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", more=[LengthFilter(min_chars=10**6)]))
    assert (report.counts.rows_written, report.counts.filtered) == (0, {"length_filter": 40})
    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", more=[LengthFilter(min_chars=1)]))

    assert rows_in(tmp_path / "out").num_rows == 40
    assert (report.counts.requests, report.counts.reused) == (40, 40)
    assert endpoint.stats()["requests"] == 40


def test_settings_may_change_before_anything_was_paid(simulator, qa_pipeline, run, tmp_path):
    """A run that failed before its first answer can be started again with its mistake mended."""
    endpoint = simulator()
    with pytest.raises(UnreachableError):
        run(qa_pipeline("http://127.0.0.1:9/v1", tmp_path / "out", prompt="Typo in {language}"))

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out"))

    assert report.state == "finished"


def test_a_foreign_folder_is_left_alone(simulator, qa_pipeline, run, tmp_path):
    """An output folder with other files in it is refused, not written into."""
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(OutputError, match="holds files that are not of a run"):
        run(qa_pipeline(simulator().base_url, tmp_path))

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_runs_into_one_folder_are_refused(simulator, qa_pipeline, run, tmp_path):
    """While one run writes to a folder, a second one says so and stops."""
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.lock import locked

    folder = RunFolder(tmp_path / "out")
    folder.create()

    with locked(folder), pytest.raises(OutputError, match="another run is writing"):
        run(qa_pipeline(simulator().base_url, tmp_path / "out"))


def test_a_failed_job_of_the_simulated_endpoint_is_said_to_be(simulator, qa_pipeline, run, tmp_path):
    """The report says so also when no shard came back."""

    class Broken(Stage):
        def process(self, batch):  # noqa: ARG002 - the hook
            return None

    pipeline = qa_pipeline(simulator().base_url, tmp_path, more=[Broken()])
    pipeline.steps[2].model_name = "simulated"
    report = run(pipeline)
    assert (report.state, report.simulated) == ("failed", True)


def test_a_folder_that_cannot_be_written_to_is_said(simulator, qa_pipeline, run, tmp_path):
    """Where not even the lock can be opened, the message says why and what to do."""
    (tmp_path / "out" / "_run" / "lock").mkdir(parents=True)

    with pytest.raises(OutputError, match=r"cannot be written to \(Is a directory\): allow it, or choose"):
        run(qa_pipeline(simulator().base_url, tmp_path / "out"))


@pytest.mark.parametrize(
    "faults",
    [
        Faults(error_500=0.1, reset=0.1, truncated_json=0.05, html_page=0.05),
        Faults(error_503=0.02, error_529=0.02),
        Faults(empty_choices=0.1, reset_mid_body=0.1, invalid_utf8=0.1),
    ],
    ids=["failing", "overloaded", "garbled"],
)
def test_bad_servers_cost_no_row(simulator, qa_pipeline, run, rows_in, tmp_path, faults):
    """A server that fails now and then, in whatever way, costs tries and time, but not one row."""
    endpoint = simulator(faults=faults)
    pipeline = qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=60, max_retries=12)

    # Overload without Retry-After makes everybody wait a second and more; that is the point of it.
    report = run(pipeline)

    assert rows_in(tmp_path / "out").column("row_id").to_pylist() == list(range(60))
    assert report.counts.attempts > report.counts.requests == 60


def test_rows_that_fail_are_kept_with_their_reason(simulator, qa_pipeline, run, rows_in, tmp_path):
    """A row whose request fails in the end goes to rejected/ with stage, error, attempts and messages."""
    endpoint = simulator(faults=Faults(error_500=0.5))

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", max_retries=1))

    lines = [
        json.loads(line)
        for file in (tmp_path / "out" / "rejected").iterdir()
        for line in file.read_text().splitlines()
    ]
    good = rows_in(tmp_path / "out").column("row_id").to_pylist()
    assert sorted([line["row_id"] for line in lines] + good) == list(range(40))
    assert lines
    for line in lines:
        assert (line["stage"], line["error"], line["attempts"]) == ("llm_generation", "ServerError", 2)
        assert line["http_status"] == 500
        assert line["messages"][0]["role"] == "user"
    assert report.state == "finished"
    assert report.counts.rejected == {"llm_generation: ServerError": len(lines)}


def test_a_wrong_key_ends_the_job_before_any_work(simulator, qa_pipeline, run, tmp_path):
    """A key that the endpoint refuses is found before the first row, and is not in the message."""
    endpoint = simulator(api_keys=frozenset({"right"}))

    with pytest.raises(AuthenticationError, match="does not accept the API key") as caught:
        run(qa_pipeline(endpoint.base_url, tmp_path / "out", api_key="wrong-key-123"))

    assert "wrong-key-123" not in str(caught.value)
    assert endpoint.stats()["by_status"].get("200", 0) == 0


def test_an_unknown_model_ends_the_job_at_once(simulator, qa_pipeline, run, tmp_path):
    """When the endpoint does not serve the model, few requests are burnt, and the report says what to do."""
    endpoint = simulator(models=("llama-3.3-70b",))
    pipeline = qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=2000, max_concurrent_requests=512)

    report = run(pipeline)

    assert report.state == "failed"
    assert "does not know the model" in report.message
    assert endpoint.stats()["requests"] <= 64
    assert report.counts.rows_written == 0


def test_a_key_revoked_half_way_keeps_what_was_paid(simulator, qa_pipeline, run, rows_in, tmp_path):
    """When the key is revoked the job stops; with a working key it goes on, paying for no answer twice."""
    endpoint = simulator(faults=Faults(unauthorized_after=25), latency=Latency.fixed(0.01))

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=80))
    assert report.state == "failed"
    assert "API key" in report.message
    endpoint.control(faults=Faults())
    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=80))

    assert report.state == "finished"
    assert rows_in(tmp_path / "out").num_rows == 80
    assert endpoint.stats()["by_status"]["200"] == 80


def test_throttles_cost_no_row_and_no_retry(simulator, qa_pipeline, run, rows_in, tmp_path):
    """Under a limit far below the concurrency every row arrives, though no retry is allowed."""
    endpoint = simulator(limits=Limits(requests_per_minute=1200))

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", num_samples=60, max_retries=0))

    assert rows_in(tmp_path / "out").num_rows == 60
    assert report.counts.throttles > 0
    assert report.counts.rows_rejected == 0


def test_a_full_disk_stops_the_job_and_keeps_what_is_committed(
    simulator, qa_pipeline, run, rows_in, tmp_path
):
    """When a part cannot be written the job fails with the reason; run again, it finishes."""
    from nemo_sdg import ParquetWriter

    full = tmp_path / "full"
    full.touch()

    class OnFullDisk(ParquetWriter):
        def write(self, rows, file):
            if full.exists() and "part-00001" in file.name:
                raise OSError(28, "No space left on device")
            super().write(rows, file)

    endpoint = simulator()
    pipeline = qa_pipeline(endpoint.base_url, tmp_path / "out", writer=OnFullDisk)

    report = run(pipeline)
    assert report.state == "failed"
    assert "No space left on device" in report.message
    full.unlink()
    report = run(pipeline)

    assert report.state == "finished"
    assert rows_in(tmp_path / "out").num_rows == 40
    assert endpoint.stats()["requests"] == 40


JOB = """
import signal
import sys
sys.path.insert(0, {tests!r})
from conftest import LANGUAGES, PROMPT
from nemo_sdg import *
# A shell that runs tests in the background may have Ctrl-C ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
pipeline = Pipeline("qa", stages=[
    QAMultilingualSyntheticStage(PROMPT, LANGUAGES, AsyncOpenAIClient(
        base_url={base_url!r}, api_key="none", max_concurrent_requests=8), "m", {rows},
        {{"temperature": 0.9}}),
    ParquetWriter(path={output!r}),
])
report = pipeline.run(engine="local")
print(report.state)
"""


def start_job(base_url, output, rows):
    """Start a local run in a process of its own."""
    tests = str(Path(__file__).parents[1])
    code = JOB.format(base_url=base_url, output=str(output), rows=rows, tests=tests)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_answers(output, number):
    """Wait until so many answers are in the journal."""
    folder = Path(output) / "_run" / "answers"
    while True:
        if (
            folder.exists()
            and sum(file.read_bytes().count(b"\n") for file in folder.rglob("*.jsonl")) >= number
        ):
            return
        time.sleep(0.02)


def test_a_killed_run_goes_on_without_paying_twice(simulator, rows_in, tmp_path):
    """Killed and started again, the run makes exactly the rows, and asks again for hardly anything.

    At most for what was in flight, and what arrived in the last second before the kill.
    """
    endpoint = simulator(latency=Latency.lognormal(0.1, 0.5))
    output = tmp_path / "out"
    killed = start_job(endpoint.base_url, output, 200)
    wait_for_answers(output, 50)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = endpoint.stats()["requests"]

    resumed = start_job(endpoint.base_url, output, 200)
    out, _ = resumed.communicate()

    assert out.strip() == "finished"
    assert rows_in(output).column("row_id").to_pylist() == list(range(200))
    asked_again = endpoint.stats()["requests"] - 200
    assert 50 <= before < 200
    # 8 in flight, and a second of heartbeats at 8 requests each 0.1 s.
    assert asked_again <= 8 + 2 * 80


def test_ctrl_c_finishes_what_is_in_flight(simulator, rows_in, tmp_path):
    """After one Ctrl-C the run ends by itself, says so, and keeps every answer that it paid for."""
    endpoint = simulator(latency=Latency.fixed(0.2))
    output = tmp_path / "out"
    job = start_job(endpoint.base_url, output, 400)
    wait_for_answers(output, 20)

    job.send_signal(signal.SIGINT)
    out, _ = job.communicate()

    assert out.strip() == "stopped"
    assert report_in(output).counts.failures == 0
    paid = endpoint.stats()["by_status"]["200"]
    kept = sum(file.read_bytes().count(b"\n") for file in (output / "_run" / "answers").rglob("*.jsonl"))
    assert kept == paid < 400
    resumed = start_job(endpoint.base_url, output, 400)
    assert resumed.communicate()[0].strip() == "finished"
    assert rows_in(output).num_rows == 400
    assert endpoint.stats()["by_status"]["200"] == 400


def test_it_runs_in_a_notebook(simulator, qa_pipeline, run, tmp_path):
    """Where an event loop is running already, as in every notebook, a pipeline runs all the same."""

    async def cell():
        return run(qa_pipeline(simulator().base_url, tmp_path / "out"))

    assert asyncio.run(cell()).state == "finished"


class Broken(Stage):
    """Fails where it is set up."""

    def setup(self):
        raise ValueError("no such model file")

    def process(self, batch):
        return batch


def test_a_stage_that_cannot_be_set_up_fails_the_job(simulator, qa_pipeline, run, tmp_path):
    """What a stage's setup raises is why the run failed, before anything is paid."""
    endpoint = simulator()

    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", more=[Broken()]))

    assert report.state == "failed"
    assert report.message.startswith(f"{__file__}, line ")
    assert report.message.endswith(
        'setup: raise ValueError("no such model file"): ValueError: no such model file'
    )
    assert endpoint.stats()["requests"] == 0


def test_secrets_in_settings_are_in_no_file(simulator, run, tmp_path):
    """Neither a key given in code nor headers with credentials are anywhere in the run folder."""
    qa = QAMultilingualSyntheticStage(
        "In {language}",
        ["English", "French"],
        AsyncOpenAIClient(base_url=simulator().base_url, api_key="sk-secret-in-code"),
        "m",
        4,
        {"extra_kwargs": {"extra_headers": {"Authorization": "Bearer secret-in-header"}}},
    )

    run(Pipeline("p", stages=[qa, JsonlWriter(path=tmp_path / "out")]))

    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            assert b"sk-secret" not in file.read_bytes()
            assert b"secret-in-header" not in file.read_bytes()


def test_a_second_interrupt_stops_now(simulator, tmp_path):
    """The second Ctrl-C does not wait for answers that may take minutes."""
    endpoint = simulator(faults=Faults(hang=1.0))
    job = start_job(endpoint.base_url, tmp_path / "out", 40)
    while endpoint.stats()["concurrency"]["now"] < 8:
        time.sleep(0.05)

    job.send_signal(signal.SIGINT)
    time.sleep(1.0)
    assert job.poll() is None
    job.send_signal(signal.SIGINT)
    out, _ = job.communicate()  # hangs for ever when the claim is false

    assert out.strip() == "stopped"


def test_wrong_options_are_refused(simulator, qa_pipeline, run, tmp_path):
    """Unknown engines and numbers of workers that are none are refused by name before anything is made."""
    pipeline = qa_pipeline(simulator().base_url, tmp_path / "out")

    with pytest.raises(ConfigError, match="engine is 'spark': give 'ray' or 'local'"):
        run(pipeline, engine="spark")
    with pytest.raises(ConfigError, match="workers is 0"):
        run(pipeline, workers=0)
    assert not (tmp_path / "out").exists()
