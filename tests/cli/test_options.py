from __future__ import annotations

import inspect

import pytest
from typer.main import get_command

from nemo_sdg.cli.app import app

COMMANDS = get_command(app).commands
OWN = {
    "run": {"fresh", "yes", "retry", "quiet", "log_format"},
    "check": {"offline", "as_json"},
    "preview": {"rows", "first", "full", "as_json"},
    "plan": {"measure", "latency", "as_json", "quiet"},
}


def names(command):
    """Return the names of what a command takes."""
    return {parameter.name for parameter in COMMANDS[command].params}


@pytest.mark.parametrize("command", OWN)
def test_commands_with_a_config_take_the_same_options(command):
    """Every option that changes a config is there for each command that takes one, declared once."""
    assert names(command) - OWN[command] == names("run") - OWN["run"]
    assert {"config", "set_", "num_samples", "base_url", "model", "max_cost"} <= names(command)


def test_the_file_comes_first():
    """The config is the only argument, and what is a command's own is shown before what it shares."""
    for command, own in OWN.items():
        first, second, *_ = inspect.signature(COMMANDS[command].callback).parameters
        assert first == "config"
        assert command == "run" or second in own
