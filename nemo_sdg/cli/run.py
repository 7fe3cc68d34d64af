"""`nemo-sdg run`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nemo_sdg.cli.began import process_start
from nemo_sdg.cli.native_stderr import native_stderr_hidden

if TYPE_CHECKING:
    from nemo_sdg.pipelines.job_config import JobConfig

_JOB, _SAMPLING, _ENDPOINT, _RUN = "The job", "Sampling", "The endpoint", "The run"
EXIT_FAILED, EXIT_STOPPED = 1, 130


def run(
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
        str | None, typer.Option("--format", help="parquet or jsonl.", rich_help_panel=_JOB)
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
        int | None, typer.Option(help="Ray actors, each with a client.", rich_help_panel=_RUN)
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="ray, or local: one process, no Ray.", rich_help_panel=_RUN)
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster to join; else RAY_ADDRESS.", rich_help_panel=_RUN)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any other option, as client.timeout=60.", rich_help_panel=_RUN
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option(help="Show only errors.", rich_help_panel=_RUN)] = False,
) -> None:
    """Run a job, or go on where it was stopped.

    The same command again resumes an unfinished run, and does nothing when the output is finished.
    Ctrl-C once finishes what is in flight and keeps it; twice stops now.
    """
    began = process_start()
    from nemo_sdg.config import load_config  # noqa: PLC0415 - --help is quick without

    named = {
        "num_samples": num_samples,
        "languages": None if languages is None else _listed(languages),
        "prompt": prompt,
        "output": output,
        "format": output_format,
        "model": model,
        "base_url": base_url,
        "api_key_env": api_key_env,
        "client.max_concurrent_requests": max_concurrent_requests,
        "generation.temperature": temperature,
        "generation.top_p": top_p,
        "generation.max_tokens": max_tokens,
        "generation.seed": seed,
        "workers": workers,
        "engine": engine,
        "address": address,
    }
    changes = {key: value for key, value in named.items() if value is not None}
    raise typer.Exit(_run(load_config(config, changes, set_ or ()), began, quiet=quiet))


def _run(config: JobConfig, began: float, *, quiet: bool) -> int:
    from nemo_sdg.pipelines import pipeline_module  # noqa: PLC0415 - --help is quick without
    from nemo_sdg.report.observer import observer_for  # noqa: PLC0415 - see above

    with ExitStack() as stack:
        if config.simulated:
            config = stack.enter_context(_simulated(config))
        if config.engine == "ray":
            stack.enter_context(native_stderr_hidden())
        observer = observer_for(sys.stderr, quiet=quiet)
        pipeline = pipeline_module(config.pipeline).build(config)
        report = pipeline.run(
            engine=config.engine,
            workers=config.workers,
            address=config.address,
            shard_rows=config.shard_rows,
            observer=observer,
            began=began,
        )
    return {"finished": 0, "stopped": EXIT_STOPPED}.get(report.state, EXIT_FAILED)


def _simulated(config: JobConfig) -> Any:
    from nemo_sdg.cli.simulated import simulated_endpoint  # noqa: PLC0415 - not for real endpoints

    return simulated_endpoint(config)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
