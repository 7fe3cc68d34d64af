"""Synthetic text data with LLMs on a cluster.

Names are imported when they are first used, so that `import nemo_sdg` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nemo_sdg import hooks

if TYPE_CHECKING:
    from nemo_sdg.client import (
        AsyncEndpointPool,
        AsyncLLMClient,
        AsyncOpenAIClient,
        ClientvLLM,
        Completion,
        ConversationFormatter,
        GenerationConfig,
        Hedge,
        HuggingFaceFormatter,
        InstructFormat,
        InstructFormatter,
        LLMClient,
        NoFormat,
        OpenAIClient,
    )
    from nemo_sdg.limits import Limits
    from nemo_sdg.pipeline import Pipeline
    from nemo_sdg.report.numbers import RunReport
    from nemo_sdg.stages import (
        AppendPairs,
        CompositeStage,
        CSVReader,
        DistillStage,
        DiverseQAStage,
        DocumentJoiner,
        DocumentSplitter,
        ExplodeList,
        ExtractKnowledgeStage,
        FinishedFilter,
        FunctionStage,
        HuggingFaceReader,
        JsonlReader,
        JsonlWriter,
        KnowledgeListCleaner,
        KnowledgeListStage,
        LanguageFilter,
        LengthFilter,
        LineRemover,
        LLMGenerationStage,
        MarkdownRemover,
        ParquetReader,
        ParquetWriter,
        ParseJson,
        ParseQuestionAnswer,
        ParseRegex,
        PrefixFilter,
        PrefixRemover,
        PromptTemplateStage,
        QAMultilingualSyntheticStage,
        QuotationRemover,
        RangeFilter,
        RepeatRows,
        Resources,
        RewardStage,
        RubricJudgeStage,
        SampleSource,
        ScoreFilter,
        SelectColumns,
        Stage,
        TextCleaner,
        TextReader,
        TokenCountFilter,
        TransformStage,
        TranslationStage,
        WikipediaParaphrasingStage,
    )

_HOMES = {
    "nemo_sdg.client": (
        "AsyncEndpointPool",
        "AsyncLLMClient",
        "AsyncOpenAIClient",
        "ClientvLLM",
        "Completion",
        "ConversationFormatter",
        "GenerationConfig",
        "Hedge",
        "HuggingFaceFormatter",
        "InstructFormat",
        "InstructFormatter",
        "LLMClient",
        "NoFormat",
        "OpenAIClient",
    ),
    "nemo_sdg.limits": ("Limits",),
    "nemo_sdg.pipeline": ("Pipeline",),
    "nemo_sdg.report.numbers": ("RunReport",),
    "nemo_sdg.stages": (
        "AppendPairs",
        "CSVReader",
        "DocumentJoiner",
        "DocumentSplitter",
        "FinishedFilter",
        "RangeFilter",
        "TokenCountFilter",
        "KnowledgeListCleaner",
        "LineRemover",
        "MarkdownRemover",
        "PrefixRemover",
        "QuotationRemover",
        "TextCleaner",
        "TextReader",
        "DistillStage",
        "DiverseQAStage",
        "ExplodeList",
        "ExtractKnowledgeStage",
        "KnowledgeListStage",
        "TransformStage",
        "TranslationStage",
        "WikipediaParaphrasingStage",
        "CompositeStage",
        "FunctionStage",
        "HuggingFaceReader",
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
        "RepeatRows",
        "Resources",
        "RewardStage",
        "RubricJudgeStage",
        "SampleSource",
        "ScoreFilter",
        "SelectColumns",
        "Stage",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AppendPairs",
    "AsyncEndpointPool",
    "AsyncLLMClient",
    "AsyncOpenAIClient",
    "CSVReader",
    "ClientvLLM",
    "Completion",
    "CompositeStage",
    "ConversationFormatter",
    "DistillStage",
    "DiverseQAStage",
    "DocumentJoiner",
    "DocumentSplitter",
    "ExplodeList",
    "ExtractKnowledgeStage",
    "FinishedFilter",
    "FunctionStage",
    "GenerationConfig",
    "Hedge",
    "HuggingFaceFormatter",
    "HuggingFaceReader",
    "InstructFormat",
    "InstructFormatter",
    "JsonlReader",
    "JsonlWriter",
    "KnowledgeListCleaner",
    "KnowledgeListStage",
    "LLMClient",
    "LLMGenerationStage",
    "LanguageFilter",
    "LengthFilter",
    "Limits",
    "LineRemover",
    "MarkdownRemover",
    "NoFormat",
    "OpenAIClient",
    "ParquetReader",
    "ParquetWriter",
    "ParseJson",
    "ParseQuestionAnswer",
    "ParseRegex",
    "Pipeline",
    "PrefixFilter",
    "PrefixRemover",
    "PromptTemplateStage",
    "QAMultilingualSyntheticStage",
    "QuotationRemover",
    "RangeFilter",
    "RepeatRows",
    "Resources",
    "RewardStage",
    "RubricJudgeStage",
    "RunReport",
    "SampleSource",
    "ScoreFilter",
    "SelectColumns",
    "Stage",
    "TextCleaner",
    "TextReader",
    "TokenCountFilter",
    "TransformStage",
    "TranslationStage",
    "WikipediaParaphrasingStage",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nemo_sdg' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__


def _apply_stage(*args: Any, **options: Any) -> Any:
    from nemo_sdg.engine.apply import apply_stage  # noqa: PLC0415 - it brings Ray

    return apply_stage(*args, **options)


hooks.apply_stage = _apply_stage
