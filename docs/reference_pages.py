"""What the reference says, from the code: public names, commands, keys of configs.

A page of the reference holds lines like `<!-- made: config_keys -->`; the function of that name says what
stands there.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sphinx.pycode import ModuleAnalyzer

import nemo_sdg
from nemo_sdg import errors
from nemo_sdg.cli.app import app
from nemo_sdg.client import Hedge
from nemo_sdg.engine.prices import Prices
from nemo_sdg.pipelines import NAMES, pipeline_module
from nemo_sdg.pipelines.job_config import ClientSettings, EndpointEntry, JobConfig
from nemo_sdg.simulator.__main__ import parser
from nemo_sdg.simulator.settings import Answers, Faults, Latency
from nemo_sdg.simulator.settings import Limits as SimulatedLimits
from nemo_sdg.stages import Sink, Source
from nemo_sdg.stages.base import PaidStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MADE = re.compile(r"^<!-- made: (\w+) -->$", re.MULTILINE)


def filled(page: str) -> str:
    """Return a page's source with what is made from the code in its place."""
    return _MADE.sub(lambda mark: PARTS[mark[1]](), page)


def public_names() -> str:
    """Return all names of `nemo_sdg`, by kind, with their docstrings."""
    kinds: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for name in sorted(nemo_sdg.__all__, key=str.lower):
        kinds[_kind(name)].append(name)
    return "\n".join(
        f"## {kind}\n\n{_KINDS[kind]}\n\n"
        + "\n".join(_autodoc("class", f"nemo_sdg.{name}") for name in names)
        for kind, names in kinds.items()
    )


_KINDS = {
    "Pipelines": "What is run, and what a run returns.",
    "Clients": "What asks an endpoint, and how it is asked.",
    "Sources": "Where rows come from: each begins a pipeline.",
    "Stages that ask a model": "Each answer is paid for, and kept.",
    "Other stages": "Prompts, parsers, filters, cleaners; and what stages of your own extend.",
    "Writers": "Where rows go: each ends a pipeline.",
}


def _kind(name: str) -> str:
    home = nemo_sdg._HOME_OF[name]  # noqa: SLF001 - of the same project
    if home != "nemo_sdg.stages":
        return "Pipelines" if name in ("Pipeline", "RunReport") else "Clients"
    thing = getattr(nemo_sdg, name)
    for base, kind in ((Source, "Sources"), (Sink, "Writers"), (PaidStage, "Stages that ask a model")):
        if issubclass(thing, base):
            return kind
    return "Other stages"


def _autodoc(kind: str, name: str) -> str:
    return f"```{{eval-rst}}\n.. auto{kind}:: {name}\n```\n"


def error_tree() -> str:
    """Return the tree of errors, as it is drawn where they are defined."""
    return f"```text\n{inspect.cleandoc(errors.__doc__ or '')}\n```"


def commands() -> str:
    """Return what `--help` says of each command, as tables."""
    group: Any = typer.main.get_command(app)
    return "\n".join(_command(name, command) for name, command in group.commands.items())


def _command(name: str, command: Any) -> str:
    if name == "simulate":
        text = f"```text\n{parser('nemo-sdg simulate').format_help()}```"
        return f"## nemo-sdg {name}\n\n{command.help}\n\n{text}\n"
    lines = [f"## nemo-sdg {name}", "", inspect.cleandoc(command.help)]
    panels: dict[str, list[Any]] = {}
    for parameter in command.params:
        panels.setdefault(getattr(parameter, "rich_help_panel", None) or "", []).append(parameter)
    for panel, parameters in panels.items():
        title = panel or "Arguments and options"
        lines += ["", f"| {title} | |", "| --- | --- |"]
        lines += [f"| {_typed(each)} | {_cell(each.help or '')} |" for each in parameters]
    return "\n".join([*lines, ""])


def _typed(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    return _cell(f"`{', '.join((*parameter.opts, *parameter.secondary_opts))}{value}`")


def config_keys() -> str:
    """Return the keys of all pipelines' configs, from their models."""
    shared = set(JobConfig.model_fields)
    parts = [
        _section("Keys of every pipeline", JobConfig, JobConfig.model_fields),
        *(_section(f"`{key}`", model, None, 3) for key, model in _BELOW.items()),
    ]
    for name in NAMES:
        module = pipeline_module(name)
        own = [key for key in module.Config.model_fields if key not in shared]
        about = (sys.modules[module.build.__module__].__doc__ or "").strip()
        parts.append(_section(f"`pipeline: {name}`", module.Config, own, about=about))
    return "\n".join(parts)


_BELOW = {
    "generation": nemo_sdg.GenerationConfig,
    "client": ClientSettings,
    "client.hedge": Hedge,
    "limits": nemo_sdg.Limits,
    "endpoints": EndpointEntry,
    "prices": Prices,
    "simulator.latency": Latency,
    "simulator.limits": SimulatedLimits,
    "simulator.faults": Faults,
    "simulator.answers": Answers,
}
"""Keys with keys below them."""


def _section(
    title: str, model: type, keys: Iterable[str] | None, depth: int = 2, about: str | None = None
) -> str:
    rows = list(_keys(model))
    if keys is not None:
        rows = [row for row in rows if row[0] in set(keys)]
    lines = [
        f"{'#' * depth} {title}",
        "",
        about or _summary(model),
        "",
        "| key | default | |",
        "| --- | --- | --- |",
    ]
    return "\n".join(
        [*lines, *(f"| `{key}` | {default} | {_cell(text)} |" for key, default, text in rows), ""]
    )


def _keys(model: type) -> Iterator[tuple[str, str, str]]:
    """Yield each key's name, default and meaning."""
    told = _attribute_docs(model)
    if issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            yield name, _default(field.default, field.is_required()), field.description or ""
    elif is_dataclass(model):
        for each in fields(model):
            yield each.name, _default(each.default, required=False), told.get(each.name, "")
    else:
        for each in msgspec.structs.fields(model):
            yield each.name, _default(each.default, each.required), told.get(each.name, "")


def _attribute_docs(model: type) -> dict[str, str]:
    told = {}
    for base in reversed(model.__mro__[:-1]):
        if base.__module__.startswith("nemo_sdg"):
            docs = ModuleAnalyzer.for_module(base.__module__).find_attr_docs()
            told.update(
                {name: " ".join(text) for (owner, name), text in docs.items() if owner == base.__name__}
            )
    return told


def _default(value: Any, required: bool) -> str:
    if required or value is PydanticUndefined:
        return "needed"
    if value is None or value is msgspec.NODEFAULT:
        return "none"
    if isinstance(value, str) and "\n" in value:
        return "a text of ours"
    if isinstance(value, (bool, int, float, str)):
        return f"`{str(value).lower() if isinstance(value, bool) else value}`"
    return "`[]`" if value == [] else "see below"


def _summary(model: type) -> str:
    return (inspect.getdoc(model) or "").partition("\n\n")[0]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part for part in (public_names, error_tree, commands, config_keys)
}
