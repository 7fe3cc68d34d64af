from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

JOB = """
pipeline: multilingual_qa
num_samples: 64
languages: [English, French]
prompt: "Write a question and answer in {language}. Label them Question: and Answer:"
output: out
engine: local
check_language: false
simulator: {latency: {median: 0.01}}
"""

AWAY = ["--base-url", "http://127.0.0.1:9/v1", "--model", "m"]


@pytest.fixture
def nemo_sdg(tmp_path):
    """Return a function that types a command in an empty folder with a job.yaml."""
    (tmp_path / "job.yaml").write_text(JOB)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}

    def type_command(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from nemo_sdg.cli import main; main()", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return type_command


@pytest.fixture
def planned(nemo_sdg):
    """Return a function that plans and returns the data."""

    def plan(*arguments):
        done = nemo_sdg("plan", "job.yaml", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return plan


def test_plan_says_what_to_expect_and_leaves_nothing(nemo_sdg, tmp_path):
    """`nemo-sdg plan` prints the plan, each line marked as simulated, and makes no folder."""
    done = nemo_sdg("plan", "job.yaml", "--set", "prices={prompt: 1, completion: 2}")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.startswith("[simulated]") and len(line) <= 80 for line in lines)
    for words in (
        "plan for 64 rows (nothing was sent)",
        "with 1 worker (engine local)",
        "useful",
        "assumed:",
    ):
        assert words in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


def test_a_real_endpoint_needs_no_key_and_hears_nothing(planned):
    """Without --measure an endpoint that is away, with a key that is not set, can be planned for."""
    plan = planned(*AWAY, "--api-key-env", "NOT_SET_ANYWHERE", "--set", "limits.requests_per_minute=600")

    assert (plan["simulated"], plan["measured"]) == (False, 0)
    assert plan["stages"][0]["endpoint"] == "http://127.0.0.1:9/v1"
    assert plan["latency"]["source"] == "assumed"
    assert plan["limit"]["requests_per_second"] == 10


def test_the_options_of_run_change_the_plan(planned):
    """Rows, workers, engine, model, tokens and any other key can be set as for `run`."""
    plan = planned(
        *AWAY,
        *("--num-samples", "100", "--workers", "3", "--engine", "ray", "--max-tokens", "50", "--seed", "3"),
        *("--max-concurrent-requests", "4", "--latency", "0.5", "--languages", "Greek", "--output", "other"),
        *("--set", "generation.n=2", "--set", "prices={prompt: 0, completion: 100}"),
    )

    assert (plan["rows"], plan["workers"], plan["engine"]) == (100, 3, "ray")
    assert plan["stages"][0]["completion_tokens"] == 100
    assert plan["cost"] == pytest.approx(100 * 100 * 100 / 1_000_000)
    assert (plan["latency"]["median"], plan["latency"]["source"]) == (0.5, "given")
    assert plan["expected"]["in_flight"] <= 12


def test_measure_asks_first(nemo_sdg):
    """--measure sends so many requests to the endpoint that a run would ask, and shows how far it is."""
    done = nemo_sdg(
        *("plan", "job.yaml", "--json", "--measure", "20"),
        *("--set", "simulator={latency: {median: 0.05}, limits: {tokens_per_minute: 600000}}"),
    )

    assert done.returncode == 0, done.stderr
    assert "[simulated] measuring: 20 of 20 requests answered" in done.stderr
    plan = json.loads(done.stdout)
    assert (plan["measured"], plan["latency"]["source"]) == (20, "measured")
    assert plan["latency"]["median"] >= 0.05
    assert plan["stages"][0]["completion_tokens"] < 200
    assert plan["limit"]["name"] == "tokens per minute"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nope.yaml"], 2, "there is no config file nope.yaml"),
        (["job.yaml", "--set", "num_sample=3"], 2, "did you mean 'num_samples'?"),
        (["job.yaml", "--set", "prices={prompt: -1, completion: 1}"], 2, "prices.prompt"),
        (["job.yaml", "--set", "prices={prompt: 1}"], 2, "prices.completion"),
        (["job.yaml", "--latency", "-1"], 2, "--latency is -1.0: give seconds, above 0"),
        (["job.yaml", "--latency", "2", "--measure", "3"], 2, "give one of them"),
        (["job.yaml", "--prompt", "no placeholder"], 2, "prompt has no {language}"),
        (["job.yaml", "--set", "simulator={latency: {medium: 1}}"], 2, "medium"),
        (["job.yaml", *AWAY, "--measure", "3"], 1, "check base_url"),
        (["job.yaml", *AWAY, "--measure", "3", "--api-key-env", "NOT_SET_ANYWHERE"], 2, "export NOT_SET"),
    ],
)
def test_mistakes_are_explained_in_one_message(nemo_sdg, arguments, status, message):
    """Mistakes end with the status and the message that `run` has for them, not with a traceback."""
    done = nemo_sdg("plan", *arguments)

    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_help_groups_the_options(nemo_sdg):
    """`nemo-sdg plan --help` lists its own options and those that it shares with `run`."""
    shown = nemo_sdg("plan", "--help").stdout

    assert all(option in shown for option in ("--measure", "--latency", "--json", "--set", "--workers"))
