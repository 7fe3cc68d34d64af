"""A config from a YAML file and what the command line changes in it, checked whole."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from nemo_sdg.config.faults import faults_of
from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines import NAMES, pipeline_module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemo_sdg.pipelines.job_config import JobConfig


def load_config(
    file: Path | str, changes: Mapping[str, Any] | None = None, assignments: Sequence[str] = ()
) -> JobConfig:
    """Return the config in the YAML `file`, with `changes` (dotted key to value) and `assignments` on top.

    An assignment is `key.key=value`, its value in YAML. Modules beside the file can be imported from then on,
    for stages of the user's own. Raises `ConfigError` that lists every fault.
    """
    path = Path(file)
    values = _read(path)
    for key, value in (changes or {}).items():
        _assign(values, key, value)
    for assignment in assignments:
        key, value = _parsed(assignment)
        _assign(values, key, value)
    name = values.get("pipeline")
    if name not in NAMES:
        near = difflib.get_close_matches(str(name), NAMES, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        what = "is missing" if name is None else f"is {name!r}"
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
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.y*ml")], n=1)
        hint = f": did you mean {path.parent / near[0]}?" if near else ": check the path"
        raise ConfigError(f"there is no config file {path}{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the config file {path} cannot be read: {error}") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {_where(error)}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {type(values).__name__}: write 'key: value' lines")
    return values


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _parsed(assignment: str) -> tuple[str, Any]:
    key, equals, value = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {assignment!r}: write key=value, such as --set generation.temperature=0.7")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {assignment!r}: the value is not YAML: {_where(error)}") from None


def _assign(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = values.setdefault(parent, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{key} cannot be set: {parent} is {below!r}, which has no keys below it")
        values = below
    values[last] = value
