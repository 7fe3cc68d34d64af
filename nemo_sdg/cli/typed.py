"""What was typed, for the report: the command without credentials."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.redact import HIDDEN, may_be_key, redacted

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
            words += [_OTHERWISE.get(name, f"--{name.replace('_', '-')}"), _private(shown, name)]
    for assignment in assignments or ():
        words += ["--set", _shown(assignment)]
    return shlex.join(words)


def origin_of(config: JobConfig, command: str) -> Origin:
    """Return what the report says of where a run came from: `command`, and what of `config` was set."""
    from nemo_sdg.report.numbers import Origin  # noqa: PLC0415 - --help is quick without

    return Origin(command, _private(_plain(config.model_dump(exclude_unset=True))))


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


def _private(value: Any, name: str = "") -> Any:
    """Return the JSON value that `name` has, without credentials, those given as a variable's name too."""
    if isinstance(value, str) and name.endswith("_env") and may_be_key(value):
        return HIDDEN
    if isinstance(value, dict):
        return redacted({key: _private(below, key) for key, below in value.items()})
    if isinstance(value, list):
        return [_private(below, name) for below in value]
    return redacted(value)


def _shown(assignment: str) -> str:
    """Return KEY=VALUE, without the value if it holds a credential anywhere."""
    import yaml  # noqa: PLC0415 - --help is quick without

    key, equals, value = assignment.partition("=")
    try:
        given = {key.rpartition(".")[2]: yaml.safe_load(value)}
    except (yaml.YAMLError, ValueError):
        return f"{key}{equals}{HIDDEN}"
    return assignment if _private(given) == given else f"{key}{equals}{HIDDEN}"
