"""What the configs of pipelines share that have a model write."""

from __future__ import annotations

from pydantic import Field

from nemo_sdg.pipelines.job_config import JobConfig
from nemo_sdg.stages.structured import Way  # noqa: TC001 - pydantic reads it


class GeneratingConfig(JobConfig):
    """The config of a pipeline that has a model write."""

    reasoning: bool = False
    """Whether what a model thinks aloud goes into columns of its own, reasoning and reasoning_tokens."""


class StructuredConfig(GeneratingConfig):
    """The config of a pipeline whose model answers in JSON."""

    structured: Way = "auto"
    """How JSON is asked for: native (response_format), prompt, or auto: natively where the server can."""
    correction_turns: int = Field(default=1, ge=0, le=10)
    """Further requests, at most, that tell the model what is wrong with its JSON."""
