"""What `--log-format` does on the command line."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from nemo_sdg.report.observer import LogFormat

_chosen: ContextVar[LogFormat | None] = ContextVar("log_format", default=None)


def choose(log_format: str | None, *, quiet: bool) -> LogFormat | None:
    """Have this command's errors shown in `log_format`, and return that.

    Raises `ConfigError` for one that there is not, and when all is to be quiet.
    """
    if log_format is not None and quiet:
        raise ConfigError(f"--quiet and --log-format {log_format} are both given: leave one out")
    match log_format:
        case None | "text" | "json":
            _chosen.set(log_format)
            return log_format
    raise ConfigError(f"--log-format is {log_format!r}: give text or json, or leave it out")


def show_error(message: str) -> None:
    """Write why a command could not do its work, in the format that was chosen."""
    line = f"nemo-sdg: {message}\n"
    if _chosen.get() == "json":
        from nemo_sdg.report.log_json import json_line  # noqa: PLC0415 - only when asked for

        line = json_line("error", {"message": message})
    sys.stderr.write(line)
