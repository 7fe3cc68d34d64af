from __future__ import annotations

import json
import subprocess
import sys

import pytest

JOB = """
pipeline: multilingual_qa
num_samples: 12
languages: [English, French]
prompt: "Write a question and answer in {language}. Label them Question: and Answer:"
output: out
engine: local
simulator: {latency: {median: 0}}
"""

AWAY = ["run", "job.yaml", "--base-url", "http://127.0.0.1:9/v1", "--model", "m"]


@pytest.fixture
def nemo_sdg(tmp_path):
    """Return a function that types a command in an empty folder with a job.yaml."""
    (tmp_path / "job.yaml").write_text(JOB)

    def type_command(*arguments, environment=None):
        return subprocess.run(
            [sys.executable, "-c", "from nemo_sdg.cli import main; main()", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return type_command


def test_run_makes_the_dataset_and_says_so(nemo_sdg, tmp_path):
    """Without endpoint `nemo-sdg run` makes labelled rows; every line that it prints says so."""
    done = nemo_sdg("run", "job.yaml")

    assert done.returncode == 0, done.stderr
    assert "12 of 12 rows" in done.stderr
    assert all("simulated" in line.lower() for line in done.stderr.splitlines() if line.strip())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["state"], report["simulated"], report["models"]) == ("finished", True, ["simulated"])
    assert (tmp_path / "out" / "report.html").exists()


def test_run_again_says_finished_and_does_nothing(nemo_sdg, tmp_path):
    """The same command on a finished output says so, succeeds and leaves the report as it was."""
    nemo_sdg("run", "job.yaml")
    report = (tmp_path / "out" / "report.json").read_text()

    again = nemo_sdg("run", "job.yaml")

    assert again.returncode == 0
    assert "is finished: 12 rows of the simulated endpoint; nothing to do" in again.stderr
    assert (tmp_path / "out" / "report.json").read_text() == report


def test_daily_options_by_name(nemo_sdg, tmp_path):
    """Options given by name reach the job: rows, languages, format, output, sampling, concurrency."""
    done = nemo_sdg(
        *("run", "job.yaml", "--num-samples", "6", "--languages", "Greek, Polish", "--format", "jsonl"),
        *(
            "--output",
            "other",
            "--temperature",
            "0.5",
            "--top-p",
            "0.9",
            "--seed",
            "7",
            "--max-tokens",
            "300",
        ),
        *("--max-concurrent-requests", "3", "--workers", "1", "--set", "client.timeout=9", "--quiet"),
        *("--prompt", "In {language}, with Question: and Answer: please"),
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = [
        json.loads(line)
        for part in sorted((tmp_path / "other").glob("part-*.jsonl"))
        for line in part.read_text().splitlines()
    ]
    assert [row["row_id"] for row in rows] == list(range(6))
    assert {row["language"] for row in rows} == {"Greek", "Polish"}
    report = json.loads((tmp_path / "other" / "report.json").read_text())
    sampling = next(step["generation_config"] for step in report["settings"] if "generation_config" in step)
    assert (sampling["temperature"], sampling["top_p"], sampling["seed"], sampling["max_tokens"]) == (
        0.5,
        0.9,
        7,
        300,
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["run", "nope.yaml"], 2, "there is no config file nope.yaml"),
        (["run", "job.yaml", "--set", "num_sample=3"], 2, "did you mean 'num_samples'?"),
        (AWAY, 1, "check base_url"),
        (["run", "job.yaml", "--base-url", "nonsense", "--model", "m"], 2, "give a URL such as"),
        (
            [*AWAY, "--api-key-env", "NOT_SET_ANYWHERE"],
            2,
            "export NOT_SET_ANYWHERE",
        ),
        (["run", "job.yaml", "--prompt", "no placeholder"], 2, "prompt has no {language}"),
        (["run", "job.yaml", "--languages", "Klingon,English"], 2, "Klingon"),
        (["run", "job.yaml", "--set", "stages=[my_stages:X]"], 2, "there is no module my_stages"),
    ],
)
def test_mistakes_are_explained_in_one_message(nemo_sdg, arguments, status, message):
    """A newcomer's mistakes end with a status and a message that says what to do, not with a traceback."""
    done = nemo_sdg(*arguments)

    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stage_beside_the_config_is_found(nemo_sdg, tmp_path):
    """`stages: [my_stages:TitleStage]` loads the class from the file beside the config."""
    (tmp_path / "my_stages.py").write_text(
        "import pyarrow as pa\n"
        "from nemo_sdg import Stage\n"
        "class TitleStage(Stage):\n"
        "    requires = ('question',)\n"
        "    adds = ('title',)\n"
        "    def __init__(self, length=10):\n"
        "        self.length = length\n"
        "    def process(self, batch):\n"
        "        titles = [text[:self.length] for text in batch.column('question').to_pylist()]\n"
        "        return batch.append_column('title', pa.array(titles))\n"
    )

    done = nemo_sdg(
        "run", "job.yaml", "--format", "jsonl", "--set", 'stages=[{"my_stages:TitleStage": {length: 4}}]'
    )

    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "out" / "part-00000.jsonl").read_text().splitlines()[0])
    assert row["title"] == row["question"][:4]


def test_help_and_version(nemo_sdg):
    """--help lists the options with their groups, --version the version."""
    shown = nemo_sdg("run", "--help").stdout
    assert all(
        option in shown for option in ("--num-samples", "--base-url", "--set", "--workers", "Sampling")
    )
    assert nemo_sdg("--version").stdout.startswith("nemo-sdg 0.")


def test_a_log_as_json(nemo_sdg):
    """With --log-format json each line is a JSON object, and so is the reason why a command cannot begin."""
    done = nemo_sdg("run", "job.yaml", "--log-format", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert (lines[0]["event"], lines[-1]["event"], lines[-1]["state"]) == ("begin", "end", "finished")
    assert all(line["simulated"] for line in lines)

    wrong = nemo_sdg("run", "job.yaml", "--log-format", "json", "--workers", "none")
    assert wrong.returncode == 2
    (line,) = (json.loads(line) for line in wrong.stderr.splitlines())
    assert line["event"] == "error"
    assert "workers" in line["message"]


@pytest.mark.parametrize("options", [("--log-format", "xml"), ("--log-format", "json", "--quiet")])
def test_a_log_format_that_cannot_be(nemo_sdg, options):
    """A format that there is not, and one that is to be quiet, are refused."""
    done = nemo_sdg("run", "job.yaml", *options)
    assert done.returncode == 2
    assert "--log-format" in done.stderr
