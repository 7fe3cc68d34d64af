"""Ready pipelines: each module has a config model and `build(config) -> Pipeline`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if __name__ == "pipelines":
    raise ImportError("import nemo_sdg.pipelines: the folder pipelines/ is a link for reading, not a package")

if TYPE_CHECKING:
    from nemo_sdg.pipeline import Pipeline
    from nemo_sdg.pipelines.job_config import JobConfig

NAMES = ("multilingual_qa", "open_qa", "nemotron_cc", "translation", "judge", "reward")
"""What `pipeline:` in a config may say."""


class PipelineModule(Protocol):
    """What a module of this package offers."""

    Config: type[JobConfig]

    def build(self, config: Any) -> Pipeline:
        """Return the pipeline that `config` describes."""
        ...


def pipeline_module(name: str) -> PipelineModule:
    """Return the module of a ready pipeline; `name` is one of `NAMES`."""
    module: Any = importlib.import_module(f"{__name__}.{name}")
    return module  # type: ignore[no-any-return]
