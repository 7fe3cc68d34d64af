"""A config from a YAML file and what the command line changes in it, checked whole."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from nemo_sdg.config.faults import faults_of, shown
from nemo_sdg.config.yaml_text import parsed
from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines import NAMES, pipeline_module
from nemo_sdg.stages.shown import check_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemo_sdg.pipelines.job_config import JobConfig

_LARGEST = 16 << 20  # bytes
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def load_config(
    file: Path | str, changes: Mapping[str, Any] | None = None, assignments: Sequence[str] = ()
) -> JobConfig:
    """Return the config in the YAML `file`, with `changes` (dotted key to value) and `assignments` on top.

    An assignment is `key.key=value`, its value in YAML. Modules beside the file can be imported from then on,
    for stages of the user's own. Raises `ConfigError` that lists every fault.
    """
    path = Path(file)
    if "\0" in str(path):
        raise ConfigError(
            f"the config file is {str(path)!r}: a path cannot hold a NUL character; take it out"
        )
    values = _read(path)
    for key, value in (changes or {}).items():
        _assign(values, key, value)
    for assignment in assignments:
        key, value = _parsed(assignment)
        _assign(values, key, value)
    _check_texts(values)
    name = values.get("pipeline")
    if name not in NAMES:
        near = difflib.get_close_matches(str(name), NAMES, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        what = "is missing" if name is None else f"is {shown(name)}"
        raise ConfigError(f"{path}: pipeline {what}{hint}: allowed is {', '.join(NAMES)}")
    for folder in (str(path.resolve().parent), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.append(folder)
    model = pipeline_module(name).Config
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = "\n  ".join(faults_of(error, model))
        raise ConfigError(f"{path} cannot be used:\n  {faults}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)  # what is no file may have no end
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.y*ml")], n=1)
        hint = f": did you mean {path.parent / near[0]}?" if near else ": check the path"
        raise ConfigError(f"there is no config file {path}{hint}") from None
    except OSError as error:
        raise ConfigError(
            f"the config file {path} cannot be read: {error.strerror}; give a YAML file"
        ) from None
    if len(content) > _LARGEST:
        raise ConfigError(f"the config file {path} is larger than {_LARGEST >> 20} MiB: give a YAML file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = "text in UTF-16" if content[:2] in _UTF16 else f"no text: byte {error.start + 1} is not UTF-8"
        raise ConfigError(f"the config file {path} is {what}; save it as UTF-8") from None
    try:
        values = parsed(text)
    except ConfigError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    if values is None:
        raise ConfigError(f"{path} is empty: write 'key: value' lines")
    if not isinstance(values, dict):
        what = "a list" if isinstance(values, list) else f"nothing but {shown(values)}"
        raise ConfigError(f"{path} holds {what}: write 'key: value' lines")
    return values


def _parsed(assignment: str) -> tuple[str, Any]:
    key, equals, value = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"--set {shown(assignment)}: write key=value, such as --set generation.temperature=0.7"
        )
    try:
        return key.strip(), parsed(value)
    except ConfigError as error:
        raise ConfigError(f"--set {shown(assignment)}: the value cannot be read: {error}") from None


def _check_texts(value: Any, key: str = "") -> None:
    """Raise `ConfigError` naming the key of a text that no file or request could hold."""
    if isinstance(value, str):
        check_text(value, key)
        if "\0" in value:
            raise ConfigError(
                f"{key} has a NUL character at character {value.index(chr(0)) + 1}: take it out"
            )
    elif isinstance(value, (dict, list)):
        for name, below in value.items() if isinstance(value, dict) else enumerate(value):
            _check_texts(below, f"{key}.{name}" if key else str(name))


def _assign(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = values.setdefault(parent, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{key} cannot be set: {parent} is {shown(below)}, which has no keys below it")
        values = below
    values[last] = value
