from __future__ import annotations

import json
import subprocess
import sys

import pytest

JOB = """
pipeline: multilingual_qa
num_samples: 40
languages: [English, French]
prompt: "Write a question and answer in {language}. Label them Question: and Answer:"
output: out
"""


@pytest.fixture
def check(tmp_path):
    """Return a function that checks the job with so many arguments more."""
    (tmp_path / "job.yaml").write_text(JOB)

    def type_command(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from nemo_sdg.cli import main; main()", "check", "job.yaml", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return type_command


def test_without_endpoint_the_simulated_one_is_named(check, tmp_path):
    """Without base_url the simulated endpoint is asked and named; nothing is paid, nothing left behind."""
    done = check()

    assert done.returncode == 0, done.stderr
    assert all(line.startswith("[simulated]") for line in done.stdout.splitlines())
    assert "base_url is not set" in done.stdout
    assert "paid" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


def test_a_real_endpoint_is_asked_after_saying_so(check, simulator):
    """What is to be paid is said first; --json prints one object with the status."""
    url = simulator().base_url

    done = check("--base-url", url, "--model", "m", "--json")

    assert "asking the endpoint one question, which is paid" in done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["rows"], found["simulated"]) == (0, 40, False)
    assert found["endpoints"][0]["answered"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--base-url", "http://127.0.0.1:9/v1", "--model", "m"], 1, "check base_url"),
        (["--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--offline"], 0, "no endpoint was asked"),
        (["--prompt", "In {langauge}"], 2, "did you mean"),
        (["--output", "."], 2, "choose an empty or new folder"),
        (["--set", "num_sample=3"], 2, "did you mean 'num_samples'?"),
    ],
)
def test_exit_status(check, arguments, status, words):
    """0 when all is well, 1 when an endpoint fails, 2 for a wrong config, each with what to do."""
    done = check(*arguments)

    assert done.returncode == status
    said = (done.stdout + done.stderr).replace("[simulated]", "")
    assert words in " ".join(said.split())
    assert "Traceback" not in done.stderr
