"""What happens to rows: Arrow in, Arrow out. No Ray."""

if __name__ == "stages":
    raise ImportError("import nemo_sdg.stages: the folder stages/ is a link for reading, not a package")

from nemo_sdg.stages.append_pairs import AppendPairs
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
from nemo_sdg.stages.document_joiner import DocumentJoiner
from nemo_sdg.stages.document_splitter import DocumentSplitter
from nemo_sdg.stages.explode_list import ExplodeList
from nemo_sdg.stages.filter_finished import FinishedFilter
from nemo_sdg.stages.filter_language import LanguageFilter
from nemo_sdg.stages.filter_length import LengthFilter
from nemo_sdg.stages.filter_prefix import PrefixFilter
from nemo_sdg.stages.filter_range import RangeFilter
from nemo_sdg.stages.filter_score import ScoreFilter
from nemo_sdg.stages.filter_tokens import TokenCountFilter
from nemo_sdg.stages.function import AsyncFunctionStage, FunctionStage, stage
from nemo_sdg.stages.generation import LLMGenerationStage
from nemo_sdg.stages.judge import RubricJudgeStage
from nemo_sdg.stages.knowledge_list import KnowledgeListCleaner
from nemo_sdg.stages.parse_json import ParseJson
from nemo_sdg.stages.parse_qa import ParseQuestionAnswer
from nemo_sdg.stages.parse_regex import ParseRegex
from nemo_sdg.stages.prompt import PromptTemplateStage
from nemo_sdg.stages.qa_multilingual import QAMultilingualSyntheticStage
from nemo_sdg.stages.reader_csv import CSVReader
from nemo_sdg.stages.reader_huggingface import HuggingFaceReader
from nemo_sdg.stages.reader_jsonl import JsonlReader
from nemo_sdg.stages.reader_parquet import ParquetReader
from nemo_sdg.stages.reader_text import TextReader
from nemo_sdg.stages.remove_lines import LineRemover
from nemo_sdg.stages.remove_markdown import MarkdownRemover
from nemo_sdg.stages.remove_prefix import PrefixRemover
from nemo_sdg.stages.remove_quotation import QuotationRemover
from nemo_sdg.stages.repeat_rows import RepeatRows
from nemo_sdg.stages.reward import RewardStage
from nemo_sdg.stages.rows import map_rows, reject
from nemo_sdg.stages.samples import SampleSource
from nemo_sdg.stages.select_columns import SelectColumns
from nemo_sdg.stages.step import Step
from nemo_sdg.stages.text_cleaner import TextCleaner
from nemo_sdg.stages.transform import (
    DistillStage,
    DiverseQAStage,
    ExtractKnowledgeStage,
    KnowledgeListStage,
    TransformStage,
    WikipediaParaphrasingStage,
)
from nemo_sdg.stages.translation import TranslationStage
from nemo_sdg.stages.writers import JsonlWriter, ParquetWriter

__all__ = [
    "AppendPairs",
    "AsyncFunctionStage",
    "CSVReader",
    "CompositeStage",
    "DistillStage",
    "DiverseQAStage",
    "DocumentJoiner",
    "DocumentSplitter",
    "ExplodeList",
    "ExtractKnowledgeStage",
    "FinishedFilter",
    "FunctionStage",
    "HuggingFaceReader",
    "JsonlReader",
    "JsonlWriter",
    "KnowledgeListCleaner",
    "KnowledgeListStage",
    "LLMGenerationStage",
    "LanguageFilter",
    "Ledger",
    "LengthFilter",
    "LineRemover",
    "MarkdownRemover",
    "MemoryLedger",
    "PaidStage",
    "ParquetReader",
    "ParquetWriter",
    "ParseJson",
    "ParseQuestionAnswer",
    "ParseRegex",
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
    "SampleSource",
    "ScoreFilter",
    "SelectColumns",
    "Shard",
    "Sink",
    "Source",
    "Stage",
    "Step",
    "TextCleaner",
    "TextReader",
    "TokenCountFilter",
    "TransformStage",
    "TranslationStage",
    "WikipediaParaphrasingStage",
    "map_rows",
    "reject",
    "stage",
]
