"""What the tests of pages share: a prompt, rows through one stage, and ready pipelines."""

from __future__ import annotations

import asyncio

import pyarrow as pa
from typer.testing import CliRunner

from nemo_sdg import PromptTemplateStage, SampleSource
from nemo_sdg.cli.app import app
from nemo_sdg.config import load_config
from nemo_sdg.pipelines import pipeline_module
from nemo_sdg.stages.rows import split_rejected
from tests.code_blocks import ROOT

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
OPTIONS = {"api_key": "none", "base_delay": 0.01}
SOURCE = SampleSource(12, {"language": ["English", "French"]})
PROMPT = PromptTemplateStage("A question and its answer in {language}.")


def made(stage, **columns):
    """Return the rows that a stage makes of these columns, and what it rejects."""
    number = len(next(iter(columns.values())))
    batch = pa.table({"row_id": pa.array(range(number), pa.int64()), **columns})
    stage.setup()
    rows = stage.process(batch)
    return split_rejected(asyncio.run(rows) if asyncio.iscoroutine(rows) else rows)


def ready(name, base_url, output, *assignments, model="m"):
    """Return the pipeline of a file in `configs`; paths in it begin at the top of the repository."""
    changes = {"output": str(output), "base_url": base_url, "model": model}
    config = load_config(ROOT / "configs" / f"{name}.yaml", changes, assignments)
    return pipeline_module(config.pipeline).build(config)


def typed(line):
    """Return what became of a command that was typed in the working folder of this process."""
    program, *arguments = line.split()
    assert program == "nemo-sdg"
    return CliRunner().invoke(app, arguments, catch_exceptions=False)
