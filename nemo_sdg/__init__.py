"""Synthetic text data with LLMs on a cluster.

Names are imported when they are first used, so that `import nemo_sdg` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nemo_sdg.client import (
        AsyncEndpointPool,
        AsyncLLMClient,
        AsyncOpenAIClient,
        Completion,
        ConversationFormatter,
        GenerationConfig,
        Hedge,
        LLMClient,
        OpenAIClient,
    )
    from nemo_sdg.limits import Limits
    from nemo_sdg.pipeline import Pipeline
    from nemo_sdg.report.numbers import RunReport
    from nemo_sdg.stages import (
        CompositeStage,
        FunctionStage,
        JsonlReader,
        JsonlWriter,
        LanguageFilter,
        LengthFilter,
        LLMGenerationStage,
        ParquetReader,
        ParquetWriter,
        ParseJson,
        ParseQuestionAnswer,
        ParseRegex,
        PrefixFilter,
        PromptTemplateStage,
        QAMultilingualSyntheticStage,
        Resources,
        SampleSource,
        SelectColumns,
        Stage,
    )

_HOMES = {
    "nemo_sdg.client": (
        "AsyncEndpointPool",
        "AsyncLLMClient",
        "AsyncOpenAIClient",
        "Completion",
        "ConversationFormatter",
        "GenerationConfig",
        "Hedge",
        "LLMClient",
        "OpenAIClient",
    ),
    "nemo_sdg.limits": ("Limits",),
    "nemo_sdg.pipeline": ("Pipeline",),
    "nemo_sdg.report.numbers": ("RunReport",),
    "nemo_sdg.stages": (
        "CompositeStage",
        "FunctionStage",
        "JsonlReader",
        "JsonlWriter",
        "LLMGenerationStage",
        "LanguageFilter",
        "LengthFilter",
        "ParquetReader",
        "ParquetWriter",
        "ParseJson",
        "ParseQuestionAnswer",
        "ParseRegex",
        "PrefixFilter",
        "PromptTemplateStage",
        "QAMultilingualSyntheticStage",
        "Resources",
        "SampleSource",
        "SelectColumns",
        "Stage",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AsyncEndpointPool",
    "AsyncLLMClient",
    "AsyncOpenAIClient",
    "Completion",
    "CompositeStage",
    "ConversationFormatter",
    "FunctionStage",
    "GenerationConfig",
    "Hedge",
    "JsonlReader",
    "JsonlWriter",
    "LLMClient",
    "LLMGenerationStage",
    "LanguageFilter",
    "LengthFilter",
    "Limits",
    "OpenAIClient",
    "ParquetReader",
    "ParquetWriter",
    "ParseJson",
    "ParseQuestionAnswer",
    "ParseRegex",
    "Pipeline",
    "PrefixFilter",
    "PromptTemplateStage",
    "QAMultilingualSyntheticStage",
    "Resources",
    "RunReport",
    "SampleSource",
    "SelectColumns",
    "Stage",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nemo_sdg' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
