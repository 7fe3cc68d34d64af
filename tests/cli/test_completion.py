from __future__ import annotations

import pytest
from typer.main import get_command

from nemo_sdg.cli.app import app
from nemo_sdg.cli.completion import ENGINES, FORMATS, RETRIES, choices, settings
from nemo_sdg.engine.plan import Plan
from nemo_sdg.pipelines import NAMES
from nemo_sdg.pipelines.job_config import JobConfig


def test_names_that_begin_so():
    """A beginning is completed with the names that begin so."""
    assert choices(("ray", "local"))("l") == ["local"]
    assert choices(("ray", "local"))("") == ["ray", "local"]


def test_what_is_offered_is_what_is_allowed():
    """The names that a shell offers are those that a config takes."""
    fields = JobConfig.model_fields
    assert fields["engine"].annotation.__args__ == ENGINES
    assert fields["format"].annotation.__args__ == FORMATS
    for name in RETRIES:
        Plan("p", None, (), None, retry=name)


def test_keys_of_a_config_complete():
    """--set is offered the keys of all pipelines' configs, those below others too, and names of pipelines."""
    assert settings("pipeline") == [f"pipeline={name}" for name in NAMES]
    assert "client.timeout=" in settings("client.t")
    assert "num_samples=" in settings("")
    assert "transformation=" in settings("tr")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_that_asks_is_told(monkeypatch, capsys, shell):
    """What `--install-completion` sets up a shell to ask is answered with commands and values."""

    def asked(*words):
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", " ".join(words))
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
        monkeypatch.setenv("_NEMO_SDG_COMPLETE", f"complete_{shell}")
        with pytest.raises(SystemExit):
            get_command(app).main([], prog_name="nemo-sdg", complete_var="_NEMO_SDG_COMPLETE")
        return capsys.readouterr().out

    assert "verify" in asked("nemo-sdg", "ver")
    assert "local" in asked("nemo-sdg", "run", "job.yaml", "--engine", "l")
    assert "parquet" not in asked("nemo-sdg", "run", "con")  # files: the shell's own business
