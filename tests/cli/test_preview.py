from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from nemo_sdg.cli.simulated import simulated_endpoint
from nemo_sdg.config import load_config
from nemo_sdg.pipelines import pipeline_module

ROOT = Path(__file__).parents[2]
JOB = """
pipeline: multilingual_qa
num_samples: 40
languages: [Arabic, Japanese]
prompt: "Write a question and answer in {language}. Label them Question: and Answer:"
output: out
engine: ray
address: "127.0.0.1:1"
prices: {prompt: 1, completion: 2}
simulator: {latency: {median: 0.01}}
"""
COMMAND = [sys.executable, "-c", "from nemo_sdg.cli import main; main()"]


@pytest.fixture
def preview(tmp_path):
    """Return a function that previews the job with so many arguments more."""
    (tmp_path / "job.yaml").write_text(JOB)

    def type_command(*arguments):
        return subprocess.run(
            [*COMMAND, "preview", "job.yaml", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return type_command


def test_rows_are_shown_and_nothing_is_left(preview, tmp_path):
    """`nemo-sdg preview` shows rows, marked as simulated, without colour in a pipe; no file is left."""
    done = preview("-n", "2", "--from", "38")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("[simulated]") for line in lines)
    assert "\x1b" not in done.stdout
    for words in ("row 38 ---", "row 39 ---", "llm_generation", "language_filter", "40 rows: about", "cost"):
        assert words in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


def test_data(preview):
    """--json prints one object with every exchange, and the numbers of the preview."""
    done = preview("-n", "3", "--json")

    shown = json.loads(done.stdout)
    assert (shown["simulated"], shown["rows_total"], len(shown["rows"])) == (True, 40, 3)
    row = shown["rows"][0]
    asked = next(stage["exchanges"][0] for stage in row["stages"] if stage["exchanges"])
    assert row["fate"] == "kept"
    assert row["row"]["language"] in asked["messages"][0]["content"]
    assert asked["texts"][0].startswith("Question:")
    spent = sum(
        stage["prompt_tokens"]
        for row in shown["rows"]
        for each in row["stages"]
        for stage in each["exchanges"]
    )
    assert shown["summary"]["spent"]["prompt_tokens"] == spent


def test_a_terminal_has_colours_and_ctrl_c_ends_it(tmp_path):
    """On a terminal rows are in colours; Ctrl-C ends it with what came so far, 130 and no traceback."""
    (tmp_path / "job.yaml").write_text(JOB)
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "preview", "job.yaml", "-n", "40", "--max-concurrent-requests", "1"],
        cwd=tmp_path,
        stdout=end,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - some runners ignore it
    )
    os.close(end)
    shown = b""
    while b" kept" not in shown:
        shown += os.read(terminal, 65536)
    os.killpg(process.pid, signal.SIGINT)
    try:
        while chunk := os.read(terminal, 65536):
            shown += chunk
    except OSError:  # how a terminal ends
        pass

    assert process.wait() == 130
    text = shown.decode()
    assert "\x1b[1;32m" in text
    assert "SIMULATED ENDPOINT" in text
    assert "stopped: what was in flight is given up" in text
    assert "whole job" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--from", "40"], 2, "the input has rows 0 to 39"),
        (["--prompt", "In {langauge}"], 2, "did you mean"),
        (["--base-url", "http://127.0.0.1:9/v1", "--model", "m"], 1, "check base_url"),
        (["-n", "0"], 2, "--rows"),
    ],
)
def test_mistakes_are_explained(preview, arguments, status, message):
    """Mistakes end with the status and message that `run` has for them."""
    done = preview(*arguments)

    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_config_can_be_looked_at(file, monkeypatch):
    """All configs that come along can be checked and previewed as they are, to the last stage of some row."""
    monkeypatch.chdir(ROOT)
    with simulated_endpoint(load_config(file)) as config:
        pipeline = pipeline_module(config.pipeline).build(config)
        preview = pipeline.preview(12)
        traces = list(preview)
        (found,) = pipeline.checkup().endpoints

    assert any(trace.fate == "kept" for trace in traces)
    assert all(trace.exchanges for trace in traces if trace.fate == "kept")
    assert preview.summary().projected.requests > 0
    assert (found.answered, found.problem) == (True, "")
