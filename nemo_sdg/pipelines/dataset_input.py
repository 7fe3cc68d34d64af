"""What the configs of pipelines share that read a dataset: where it is, and in what format."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.job_config import JobConfig
from nemo_sdg.stages import CSVReader, HuggingFaceReader, JsonlReader, ParquetReader, TextReader
from nemo_sdg.stages.input_files import find_files
from nemo_sdg.stages.reader_csv import SUFFIXES as CSV_SUFFIXES
from nemo_sdg.stages.reader_huggingface import SAVED
from nemo_sdg.stages.reader_jsonl import SUFFIXES as JSONL_SUFFIXES
from nemo_sdg.stages.reader_parquet import SUFFIXES as PARQUET_SUFFIXES
from nemo_sdg.stages.reader_text import SUFFIXES as TEXT_SUFFIXES
from nemo_sdg.stages.reader_text import Unit
from nemo_sdg.stages.rows import ROW_ID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nemo_sdg.stages import Source

Format = Literal["parquet", "jsonl", "csv", "text", "huggingface"]
_SUFFIXES: dict[Format, tuple[str, ...]] = {
    "parquet": PARQUET_SUFFIXES,
    "jsonl": JSONL_SUFFIXES,
    "csv": CSV_SUFFIXES,
    "text": TEXT_SUFFIXES,
}


class InputOptions(JobConfig):
    """How `input` is read."""

    input_format: Format | None = None
    """Of the input: parquet, jsonl, csv, text, or huggingface (of save_to_disk); none: by names of files."""
    columns: list[str] | None = None
    """Columns of the input to read, beside those named here; none: all."""
    csv_types: dict[str, Literal["string", "int", "float", "bool"]] | None = None
    """Types of columns of CSV files that are not text."""
    text_rows: Unit = "file"
    """What of text files is a row: file, paragraph or line."""
    split: str | None = None
    """Which split of a huggingface dataset to read, where it has several."""


class DatasetConfig(InputOptions):
    """The config of a pipeline that works on a dataset."""

    input: str | list[str] = Field(min_length=1)
    """The dataset: a file, a folder, a glob pattern or a list of those, the output of another run, or what
    save_to_disk has made."""


def open_input(
    config: InputOptions, path: str | list[str], needed: Mapping[str, str], text_column: str = "text"
) -> Source:
    """Return a reader of the dataset at `path`.

    `needed` maps columns that must be there to the key of the config that names each; `text_column` is what
    that of text files is called. Raises `ConfigError` for what cannot be read, and for a missing column.
    """
    path = _of_run(path)
    kind = config.input_format or _format(path)
    source = _reader(config, kind, path, text_column)
    there = [name for name in source.adds or () if name != ROW_ID]
    for column, key in needed.items():
        if column not in there:
            raise ConfigError(
                f"{key} is {column!r}, but the input has {', '.join(there)}: name a column that is there"
            )
    if config.columns is None:
        return source
    return _reader(config, kind, path, text_column, [*dict.fromkeys([*needed, *config.columns])])


def check_free(there: Collection[str], made: Iterable[str], needed: Collection[str] = ()) -> None:
    """Raise `ConfigError` when one of `made`, columns that a pipeline makes, is `there` in its input.

    The columns `needed` cannot be left out: they can only be renamed.
    """
    clash = next((name for name in made if name in there), None)
    if clash is not None:
        leave_out = "" if clash in needed else ", or leave it out by columns"
        raise ConfigError(
            f"the input has a column {clash!r}, which the pipeline makes itself: rename it in the input"
            f"{leave_out}"
        )


def _reader(
    config: InputOptions,
    kind: Format,
    path: str | list[str],
    text_column: str,
    columns: Sequence[str] | None = None,
) -> Source:
    if kind == "text":
        return TextReader(path, row=config.text_rows, column=text_column)
    if kind == "csv":
        return CSVReader(path, columns=columns, types=config.csv_types)
    if kind == "huggingface":
        if isinstance(path, list):
            raise ConfigError("input is a list: give the one folder that save_to_disk has made")
        return HuggingFaceReader(path, split=config.split, columns=columns)
    return (ParquetReader if kind == "parquet" else JsonlReader)(path, columns=columns)


def _of_run(path: str | list[str]) -> str | list[str]:
    """Return `path`, with the parts of a run for its output folder: what lies beside them is no data."""
    if isinstance(path, list):
        return [_parts(one) for one in path]
    return _parts(path)


def _parts(path: str) -> str:
    if (Path(path).expanduser() / "_run").is_dir():
        return f"{glob.escape(path.rstrip('/'))}/part-*"
    return path


def _format(path: str | list[str]) -> Format:
    """Return the format of the input by the names of its files; text only where there is nothing else."""
    names = [path] if isinstance(path, str) else path
    if any((Path(name).expanduser() / mark).exists() for name in names for mark in SAVED):
        return "huggingface"
    every = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
    names = [name.rstrip("*") for name in names]
    if not all(name.endswith(every) for name in names):
        names = find_files(path, every)
    kinds = [kind for kind, suffixes in _SUFFIXES.items() if any(name.endswith(suffixes) for name in names)]
    if len(kinds) > 1 and "text" in kinds:
        kinds.remove("text")  # a README beside the data
    if len(kinds) != 1:
        what = f"has files of the formats {' and '.join(kinds)}" if kinds else "has names of no known ending"
        raise ConfigError(f"input is {path!r}, which {what}: set input_format, or name the files")
    return kinds[0]
