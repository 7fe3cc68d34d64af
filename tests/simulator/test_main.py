from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator import Answers, Faults, Latency, Limits, SimulatorSettings
from nemo_sdg.simulator.__main__ import main, parser, settings_from


def settings_of(*arguments):
    """Return the settings that a command line gives."""
    return settings_from(parser("simulator").parse_args(arguments))


def test_without_options_the_settings_are_the_defaults():
    """An empty command line means default settings."""
    assert settings_of() == SimulatorSettings()


def test_options_become_settings(monkeypatch):
    """Every option reaches its setting; the key comes from the environment."""
    monkeypatch.setenv("SIMULATED_KEY", "sk-secret")
    line = """
        --latency-median 0.2 --latency-sigma 1 --latency-capacity 9 --requests-per-minute 6000
        --tokens-per-minute 1e6 --max-concurrent 64 --burst-seconds 2 --headers anthropic --seed 5
        --fault hang=0.1 --fault reset=0.2 --unauthorized-after 7 --model a --model b
        --api-key-env SIMULATED_KEY --response-format refused --wrong-answers 0.2 --reasoning think
        --max-model-len 512
    """
    settings = settings_of(*line.split())

    assert settings == SimulatorSettings(
        latency=Latency(median=0.2, sigma=1, capacity=9),
        limits=Limits(
            requests_per_minute=6000,
            tokens_per_minute=1e6,
            max_concurrent=64,
            burst_seconds=2,
            headers="anthropic",
        ),
        faults=Faults(hang=0.1, reset=0.2, unauthorized_after=7),
        answers=Answers(response_format="refused", wrong=0.2, reasoning="think"),
        seed=5,
        api_keys=frozenset({"sk-secret"}),
        models=("a", "b"),
        max_model_len=512,
    )


@pytest.mark.parametrize(
    "arguments", [["--fault", "hang"], ["--fault", "mood=0.5"], ["--api-key-env", "NOT_SET_ANYWHERE"]]
)
def test_unusable_options_are_named(arguments):
    """An option that cannot be used is named with its value."""
    with pytest.raises(ConfigError) as caught:
        settings_of(*arguments)

    assert arguments[0] in str(caught.value)
    assert arguments[1] in str(caught.value)


def test_errors_are_one_line(capsys):
    """A wrong value ends the command with status 2 and one line that says why."""
    assert main(["--latency-median", "-1"]) == 2
    assert (
        capsys.readouterr().err
        == "python -m nemo_sdg.simulator: latency.median is -1.0; allowed is a number of at least 0\n"
    )


def test_the_command_serves_until_ctrl_c():
    """The command announces its URL, and Ctrl-C ends it with status 0 and no traceback."""
    # A suite that runs in the background hands on an ignored interrupt.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from nemo_sdg.simulator.__main__ import main\n"
        "sys.exit(main(['--port', '0']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert b"http://127.0.0.1:" in process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (0, b"")
