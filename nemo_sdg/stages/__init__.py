"""What happens to rows: Arrow in, Arrow out. No Ray."""

if __name__ == "stages":
    raise ImportError("import nemo_sdg.stages: the folder stages/ is a link for reading, not a package")

from nemo_sdg.stages.base import (
    CompositeStage,
    Ledger,
    MemoryLedger,
    PaidStage,
    Resources,
    Shard,
    Sink,
    Source,
    Stage,
)
from nemo_sdg.stages.filter_language import LanguageFilter
from nemo_sdg.stages.filter_length import LengthFilter
from nemo_sdg.stages.filter_prefix import PrefixFilter
from nemo_sdg.stages.function import AsyncFunctionStage, FunctionStage, stage
from nemo_sdg.stages.generation import LLMGenerationStage
from nemo_sdg.stages.parse_json import ParseJson
from nemo_sdg.stages.parse_qa import ParseQuestionAnswer
from nemo_sdg.stages.parse_regex import ParseRegex
from nemo_sdg.stages.prompt import PromptTemplateStage
from nemo_sdg.stages.qa_multilingual import QAMultilingualSyntheticStage
from nemo_sdg.stages.reader_jsonl import JsonlReader
from nemo_sdg.stages.reader_parquet import ParquetReader
from nemo_sdg.stages.rows import map_rows, reject
from nemo_sdg.stages.samples import SampleSource
from nemo_sdg.stages.select_columns import SelectColumns
from nemo_sdg.stages.step import Step
from nemo_sdg.stages.writers import JsonlWriter, ParquetWriter

__all__ = [
    "AsyncFunctionStage",
    "CompositeStage",
    "FunctionStage",
    "JsonlReader",
    "JsonlWriter",
    "LLMGenerationStage",
    "LanguageFilter",
    "Ledger",
    "LengthFilter",
    "MemoryLedger",
    "PaidStage",
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
    "Shard",
    "Sink",
    "Source",
    "Stage",
    "Step",
    "map_rows",
    "reject",
    "stage",
]
