"""`nemo-sdg run`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import typer

from nemo_sdg.cli import options
from nemo_sdg.cli.began import process_start
from nemo_sdg.cli.native_stderr import native_stderr_hidden

if TYPE_CHECKING:
    from nemo_sdg.pipelines.job_config import JobConfig

EXIT_FAILED, EXIT_STOPPED = 1, 130


def run(
    config: options.ConfigFile,
    *,
    num_samples: options.NumSamples = None,
    languages: options.Languages = None,
    prompt: options.Prompt = None,
    output: options.Output = None,
    output_format: options.OutputFormat = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    api_key_env: options.ApiKeyEnv = None,
    max_concurrent_requests: options.MaxConcurrentRequests = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    max_tokens: options.MaxTokens = None,
    seed: options.Seed = None,
    workers: options.Workers = None,
    engine: options.Engine = None,
    address: options.Address = None,
    set_: options.Set = None,
    quiet: options.Quiet = False,
) -> None:
    """Run a job, or go on where it was stopped.

    The same command again resumes an unfinished run, and does nothing when the output is finished.
    Ctrl-C once finishes what is in flight and keeps it; twice stops now.
    """
    began = process_start()
    job = options.config_from(
        config,
        set_,
        {
            "num_samples": num_samples,
            "languages": languages,
            "prompt": prompt,
            "output": output,
            "output_format": output_format,
            "model": model,
            "base_url": base_url,
            "api_key_env": api_key_env,
            "max_concurrent_requests": max_concurrent_requests,
            "temperature": temperature,
            "top_p": top_p,
            "max_tokens": max_tokens,
            "seed": seed,
            "workers": workers,
            "engine": engine,
            "address": address,
        },
    )
    raise typer.Exit(_run(job, began, quiet=quiet))


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
