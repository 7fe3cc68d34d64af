from __future__ import annotations

import json
from contextvars import copy_context

import pytest

from nemo_sdg.cli.log_format import choose, show_error
from nemo_sdg.errors import ConfigError


@pytest.mark.parametrize("log_format", [None, "text"])
def test_errors_as_text(capsys, log_format):
    """Without --log-format json an error is a line that a person reads."""
    context = copy_context()
    assert context.run(choose, log_format, quiet=False) == log_format
    context.run(show_error, "no such file")
    assert capsys.readouterr().err == "nemo-sdg: no such file\n"


def test_errors_as_json(capsys):
    """With it an error is a JSON object, without credentials."""
    context = copy_context()
    context.run(choose, "json", quiet=False)
    context.run(show_error, "no https://me:hunter2@host")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["message"]) == ("error", "no https://host")


@pytest.mark.parametrize(("log_format", "quiet"), [("yaml", False), ("", False), ("json", True)])
def test_what_cannot_be(log_format, quiet):
    """Another format, and one that is to be quiet, are named."""
    with pytest.raises(ConfigError, match="--log-format"):
        choose(log_format, quiet=quiet)
