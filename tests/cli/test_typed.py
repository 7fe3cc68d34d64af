from __future__ import annotations

from pathlib import Path

import pytest

from nemo_sdg.cli.options import config_from
from nemo_sdg.cli.typed import command_line, origin_of

JOB = """
pipeline: multilingual_qa
num_samples: 12
languages: [English]
prompt: "In {language}"
output: out
limits: {requests_per_minute: 600}
generation: {seed: null}
"""


@pytest.fixture
def job(tmp_path):
    """Write the config, and return its path."""
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


def test_the_command_can_be_typed_again():
    """Options stand as they are typed, quoted where a shell needs it; those not given are not there."""
    given = {"num_samples": 5, "languages": ["Greek", "Old Irish"], "output_format": "jsonl", "model": None}
    assert command_line(Path("a job.yaml"), given, ["client.timeout=9"]) == (
        "nemo-sdg run 'a job.yaml' --num-samples 5 --languages 'Greek,Old Irish' --format jsonl "
        "--set client.timeout=9"
    )


@pytest.mark.parametrize(
    "assignment",
    [
        'stages=[{"m:S": {api_key: hunter2}}]',
        "simulator.token=hunter2",
        "simulator={api_keys: [hunter2]}",
        "base_url=https://u:hunter2@h/v1",
        "stages=[{api_key: hunter2",
        "api_key_env=hunter2abcdefghijklmnop",
        "endpoints=[{base_url: b, api_key_env: hunter2abcdefghijklmnop}]",
    ],
)
def test_a_value_that_holds_a_credential_is_not_shown(assignment):
    """A credential anywhere in what --set gives hides the whole value."""
    shown = command_line(Path("j"), {"base_url": "https://u:hunter2@h/v1"}, [assignment])
    assert "hunter2" not in shown
    assert "--base-url https://h/v1" in shown
    assert "hunter2" not in command_line(Path("j"), {"api_key_env": "hunter2abcdefghijklmnop"}, [])


def test_what_was_set_is_there(job):
    """The origin has what file, options and --set say, null too where it was said, and nothing else."""
    config = config_from(job, ["client.timeout=9"], {"num_samples": 7})
    origin = origin_of(config, "nemo-sdg run job.yaml")
    assert origin.command == "nemo-sdg run job.yaml"
    assert (origin.config["num_samples"], origin.config["client"]) == (7, {"timeout": 9.0})
    assert origin.config["limits"] == {"requests_per_minute": 600}
    assert origin.config["generation"]["seed"] is None
    assert "workers" not in origin.config


def test_a_key_in_place_of_a_name_is_not_shown(job):
    """A key that was given where the name of its variable belongs is not kept; a name is."""
    keys = ["SOME_KEY", "hunter2abcdefghijklmnop"]
    entries = ", ".join(f"{{base_url: 'http://h{key[0]}/v1', api_key_env: {key}}}" for key in keys)
    config = config_from(job, [f"endpoints=[{entries}]", "model=m", "limits={}"], {})
    shown = str(origin_of(config, "").config)
    assert "SOME_KEY" in shown
    assert "hunter2" not in shown
