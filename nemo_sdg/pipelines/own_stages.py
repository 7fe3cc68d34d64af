"""Stages from the user's own files, named in a config as `module:Class`."""

from __future__ import annotations

import difflib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages import Stage, stage
from nemo_sdg.stages.own_code import place_of, told

if TYPE_CHECKING:
    from collections.abc import Sequence

StageEntry = str | dict[str, dict[str, Any] | None]
"""`module:Class` or `module:function`; with arguments `{module:Class: {argument: value}}`."""


def load_stages(entries: Sequence[StageEntry]) -> list[Stage]:
    """Return the stages that `entries` name; raises `ConfigError` naming the entry and what is wrong."""
    return [_load(entry) for entry in entries]


def _load(entry: StageEntry) -> Stage:
    if isinstance(entry, str):
        name, arguments = entry, {}
    elif len(entry) == 1:
        name, given = next(iter(entry.items()))
        arguments = given or {}
    else:
        raise ConfigError(
            f"stages has an entry of {', '.join(entry) or 'nothing'}: give one 'module:Class' with its "
            "arguments below it"
        )
    found = _find(name)
    if isinstance(found, type) and issubclass(found, Stage):
        try:
            return found(**arguments)
        except ConfigError:
            raise
        except TypeError as error:
            names = ", ".join(map(str, arguments)) or "no arguments"  # no values: some are credentials
            why = told(error) if place_of(error) else error
            raise ConfigError(f"stages: {name} cannot be made with {names:.200}: {why}") from error
        except Exception as error:
            raise ConfigError(f"stages: {name} cannot be made: {told(error)}") from error
    if isinstance(found, Stage):
        return found
    if callable(found) and not isinstance(found, type):
        if arguments:
            raise ConfigError(f"stages: {name} is a function and takes no arguments: make it a Stage class")
        return stage(found)
    raise ConfigError(
        f"stages: {name} is {type(found).__name__}: name a Stage class or a function on a batch"
    )


def _find(name: str) -> Any:
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError(f"stages has {name!r}: write 'module:Class', such as my_stages:TitleStage")
    # Only names: what has dots in front or slashes would be looked for outside the folders of modules.
    for part in (*module_name.split("."), attribute):
        if not part.isidentifier():
            raise ConfigError(
                f"stages has {name!r:.200}: {part!r:.80} is no name in Python; write 'module:Class', such as "
                "my_stages:TitleStage"
            )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            raise ConfigError(
                f"stages: {module_name} needs {error.name}, which is not installed: {place_of(error)}"
            ) from error
        near = difflib.get_close_matches(module_name, _modules_nearby(), n=1)
        raise ConfigError(
            f"stages: there is no module {module_name}: "
            + (f"did you mean {near[0]}? Else " if near else "")
            + f"put {module_name.replace('.', '/')}.py beside the config file or into the current folder"
        ) from error
    except Exception as error:
        raise ConfigError(f"stages: {module_name} cannot be imported: {told(error)}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = [name for name in vars(module) if not name.startswith("_")]
        near = difflib.get_close_matches(attribute, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "name a Stage class or a function that is in it"
        raise ConfigError(f"stages: {module.__file__} has no {attribute}: {hint}") from None


def _modules_nearby() -> set[str]:
    """Return the names of modules in the folders where a user's own are looked for."""
    return {file.stem for folder in (Path.cwd(), *map(Path, sys.path[-2:])) for file in folder.glob("*.py")}
