"""The options that several commands share, and the config that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nemo_sdg.pipelines.job_config import JobConfig

_JOB, _SAMPLING, _ENDPOINT, _RUN = "The job", "Sampling", "The endpoint", "The run"
_RECOVERY = "Going on, and when to end"

ConfigFile = Annotated[Path, typer.Argument(help="YAML file, such as configs/multilingual_qa.yaml.")]
NumSamples = Annotated[int | None, typer.Option(help="Rows to make.", rich_help_panel=_JOB)]
Languages = Annotated[str | None, typer.Option(help="Such as English,French.", rich_help_panel=_JOB)]
Prompt = Annotated[
    str | None,
    typer.Option(help="What the model is asked; {language} is filled in.", rich_help_panel=_JOB),
]
Output = Annotated[str | None, typer.Option(help="Folder for the dataset.", rich_help_panel=_JOB)]
OutputFormat = Annotated[str | None, typer.Option("--format", help="parquet or jsonl.", rich_help_panel=_JOB)]
Model = Annotated[str | None, typer.Option(help="As the endpoint calls it.", rich_help_panel=_ENDPOINT)]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="OpenAI-compatible server; without, a simulated one.", rich_help_panel=_ENDPOINT),
]
ApiKeyEnv = Annotated[
    str | None,
    typer.Option(help="Environment variable that holds the API key.", rich_help_panel=_ENDPOINT),
]
MaxConcurrentRequests = Annotated[
    int | None, typer.Option(help="Requests in flight for each worker.", rich_help_panel=_ENDPOINT)
]
Temperature = Annotated[float | None, typer.Option(help="0 to 2.", rich_help_panel=_SAMPLING)]
TopP = Annotated[float | None, typer.Option(help="Above 0, up to 1.", rich_help_panel=_SAMPLING)]
MaxTokens = Annotated[int | None, typer.Option(help="Most tokens of an answer.", rich_help_panel=_SAMPLING)]
Seed = Annotated[
    int | None,
    typer.Option(help="Of languages and of each row's sampling.", rich_help_panel=_SAMPLING),
]
Workers = Annotated[
    str | None, typer.Option(help="Ray actors, each with a client; or auto.", rich_help_panel=_RUN)
]
Engine = Annotated[str | None, typer.Option(help="ray, or local: one process, no Ray.", rich_help_panel=_RUN)]
Address = Annotated[
    str | None, typer.Option(help="Ray cluster to join; else RAY_ADDRESS.", rich_help_panel=_RUN)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Any other option, as client.timeout=60.", rich_help_panel=_RUN
    ),
]
Fresh = Annotated[
    bool, typer.Option(help="Throw away what the output holds; asks first.", rich_help_panel=_RECOVERY)
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask before throwing away.", rich_help_panel=_RECOVERY)
]
Retry = Annotated[
    str | None,
    typer.Option(
        metavar="rejected|truncated",
        help="Ask rows again that were rejected, or cut off at max_tokens.",
        rich_help_panel=_RECOVERY,
    ),
]
MaxRejected = Annotated[
    str | None,
    typer.Option(help="Share of rejected rows that ends the job, as 5%.", rich_help_panel=_RECOVERY),
]
MaxCost = Annotated[
    float | None, typer.Option(help="Money that ends the job; needs prices.", rich_help_panel=_RECOVERY)
]
MaxTokensTotal = Annotated[
    int | None, typer.Option(help="Tokens that end the job.", rich_help_panel=_RECOVERY)
]
Quiet = Annotated[bool, typer.Option(help="Show only errors.", rich_help_panel=_RUN)]

_KEYS = {
    "output_format": "format",
    "max_concurrent_requests": "client.max_concurrent_requests",
    "temperature": "generation.temperature",
    "top_p": "generation.top_p",
    "max_tokens": "generation.max_tokens",
    "seed": "generation.seed",
}
"""Options that are called otherwise than their key in a config."""


def config_from(file: Path, assignments: list[str] | None, options: dict[str, Any]) -> JobConfig:
    """Return the config in `file`, changed by the `options` that were given and by `--set`."""
    from nemo_sdg.config import load_config  # noqa: PLC0415 - --help is quick without

    if options.get("languages") is not None:
        options["languages"] = [part.strip() for part in options["languages"].split(",") if part.strip()]
    given = {_KEYS.get(name, name): value for name, value in options.items() if value is not None}
    return load_config(file, given, assignments or ())
