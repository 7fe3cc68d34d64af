"""What was typed, for the report: the command without credentials."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.redact import HIDDEN, redacted, without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nemo_sdg.pipelines.job_config import JobConfig
    from nemo_sdg.report.numbers import Origin

_OTHERWISE = {"output_format": "--format"}


def command_line(file: Path, options: Mapping[str, Any], assignments: Sequence[str] | None) -> str:
    """Return the command that runs the config in `file` with the `options` that were given."""
    words = ["nemo-sdg", "run", str(file)]
    for name, value in options.items():
        if value is not None:
            shown = ",".join(value) if isinstance(value, list) else str(value)
            words += [_OTHERWISE.get(name, f"--{name.replace('_', '-')}"), without_credentials(shown)]
    for assignment in assignments or ():
        words += ["--set", _shown(assignment)]
    return shlex.join(words)


def origin_of(config: JobConfig, command: str) -> Origin:
    """Return what the report says of where a run came from: `command`, and what of `config` was set."""
    from nemo_sdg.report.numbers import Origin  # noqa: PLC0415 - --help is quick without

    return Origin(command, redacted(_plain(config.model_dump(exclude_unset=True))))


def _plain(value: Any) -> Any:
    """Return what was set as JSON values; of limits without what nobody named."""
    if isinstance(value, msgspec.Struct):
        named = msgspec.structs.asdict(value)
        return {key: _plain(below) for key, below in named.items() if below is not None}
    if isinstance(value, dict):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(below) for below in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _shown(assignment: str) -> str:
    """Return KEY=VALUE, without the value if it holds a credential anywhere."""
    import yaml  # noqa: PLC0415 - --help is quick without

    key, equals, value = assignment.partition("=")
    try:
        given = {key.rpartition(".")[2]: yaml.safe_load(value)}
    except (yaml.YAMLError, ValueError):
        return f"{key}{equals}{HIDDEN}"
    return assignment if redacted(given) == given else f"{key}{equals}{HIDDEN}"
