"""The options that every command with a config has, and the config that they make."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path  # noqa: TC003 - typer reads it
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

import typer

from nemo_sdg.cli.completion import ENGINES, FORMATS, RETRIES, choices, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.pipelines.job_config import JobConfig

_JOB, _SAMPLING, _ENDPOINT, _RUN = "The job", "Sampling", "The endpoint", "The run"
_RECOVERY = "Going on, and when to end"

Fresh = Annotated[
    bool, typer.Option(help="Throw away what the output holds; asks first.", rich_help_panel=_RECOVERY)
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask before throwing away.", rich_help_panel=_RECOVERY)
]
Retry = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(RETRIES),
        help="Ask rows again that were rejected, or cut off at max_tokens.",
        autocompletion=choices(RETRIES),
        rich_help_panel=_RECOVERY,
    ),
]
LogFormat = Annotated[
    str | None,
    typer.Option(
        metavar="text|json",
        help="Lines of that format instead of the panel; see docs/log_format.md.",
        rich_help_panel=_RUN,
    ),
]
Quiet = Annotated[bool, typer.Option(help="Show only errors.", rich_help_panel=_RUN)]
Json = Annotated[bool, typer.Option("--json", help="Print data.", rich_help_panel=_RUN)]

_KEYS = {
    "output_format": "format",
    "max_concurrent_requests": "client.max_concurrent_requests",
    "temperature": "generation.temperature",
    "top_p": "generation.top_p",
    "max_tokens": "generation.max_tokens",
    "seed": "generation.seed",
}
"""Options that are called otherwise than their key in a config."""


class Given(NamedTuple):
    """A config file and what was given to change it."""

    file: Path
    options: dict[str, Any]
    """By name; None: not given."""
    assignments: list[str] | None
    """Of `--set`."""

    def config(self) -> JobConfig:
        """Return the config that these make; raises `ConfigError`."""
        return config_from(self.file, self.assignments, self.options)


def config_from(file: Path, assignments: list[str] | None, options: dict[str, Any]) -> JobConfig:
    """Return the config in `file`, changed by the `options` that were given and by `--set`."""
    from nemo_sdg.config import load_config  # noqa: PLC0415 - --help is quick without

    if options.get("languages") is not None:
        options["languages"] = [part.strip() for part in options["languages"].split(",") if part.strip()]
    given = {_KEYS.get(name, name): value for name, value in options.items() if value is not None}
    return load_config(file, given, assignments or ())


def _given(
    config: Annotated[Path, typer.Argument(help="YAML file, such as configs/multilingual_qa.yaml.")],
    *,
    num_samples: Annotated[int | None, typer.Option(help="Rows to make.", rich_help_panel=_JOB)] = None,
    languages: Annotated[
        str | None, typer.Option(help="Such as English,French.", rich_help_panel=_JOB)
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(help="What the model is asked; {language} is filled in.", rich_help_panel=_JOB),
    ] = None,
    output: Annotated[str | None, typer.Option(help="Folder for the dataset.", rich_help_panel=_JOB)] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            "--format", help="parquet or jsonl.", autocompletion=choices(FORMATS), rich_help_panel=_JOB
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="As the endpoint calls it.", rich_help_panel=_ENDPOINT)
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="OpenAI-compatible server; without, a simulated one.", rich_help_panel=_ENDPOINT),
    ] = None,
    api_key_env: Annotated[
        str | None,
        typer.Option(help="Environment variable that holds the API key.", rich_help_panel=_ENDPOINT),
    ] = None,
    max_concurrent_requests: Annotated[
        int | None, typer.Option(help="Requests in flight for each worker.", rich_help_panel=_ENDPOINT)
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="0 to 2.", rich_help_panel=_SAMPLING)] = None,
    top_p: Annotated[float | None, typer.Option(help="Above 0, up to 1.", rich_help_panel=_SAMPLING)] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Most tokens of an answer.", rich_help_panel=_SAMPLING)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of languages and of each row's sampling.", rich_help_panel=_SAMPLING),
    ] = None,
    workers: Annotated[
        str | None, typer.Option(help="Ray actors, each with a client; or auto.", rich_help_panel=_RUN)
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="ray, or local: one process, no Ray.", autocompletion=choices(ENGINES), rich_help_panel=_RUN
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to join; else RAY_ADDRESS.", rich_help_panel=_RUN)
    ] = None,
    max_rejected: Annotated[
        str | None,
        typer.Option(help="Share of rejected rows that ends the job, as 5%.", rich_help_panel=_RECOVERY),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Money that ends the job; needs prices.", rich_help_panel=_RECOVERY)
    ] = None,
    max_tokens_total: Annotated[
        int | None, typer.Option(help="Tokens that end the job.", rich_help_panel=_RECOVERY)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other option, as client.timeout=60.",
            autocompletion=settings,
            rich_help_panel=_RUN,
        ),
    ] = None,
) -> Given:
    """Return what was given."""
    options = dict(locals())
    return Given(options.pop("config"), options, options.pop("set_"))


def takes_config(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with a config file and all options that change it in place of its first parameter.

    The command gets these as `Given`.
    """
    _, *own = inspect.signature(command).parameters.values()
    written = SimpleNamespace(__annotations__={each.name: each.annotation for each in own})
    hints = get_type_hints(written, vars(sys.modules[command.__module__]), include_extras=True)
    file, *changes = inspect.signature(_given, eval_str=True).parameters.values()

    def with_config(**typed: Any) -> None:
        given = _given(**{each.name: typed.pop(each.name) for each in (file, *changes)})
        command(given, **typed)

    with_config.__name__, with_config.__doc__ = command.__name__, command.__doc__
    with_config.__annotations__ = {}
    own = [each.replace(annotation=hints[each.name]) for each in own]
    panels = {_panel(each) for each in changes}
    first_shown = [each for each in own if _panel(each) not in panels]
    last_shown = [each for each in own if _panel(each) in panels]
    with_config.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [file, *first_shown, *changes, *last_shown]
    )
    return with_config


def _panel(option: inspect.Parameter) -> Any:
    """Return the heading under which the help shows `option`."""
    return option.annotation.__metadata__[0].rich_help_panel
