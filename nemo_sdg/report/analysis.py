"""What a page says of the rows themselves, beside the numbers of the run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.report.cells import cell
from nemo_sdg.report.duplicates import Duplicates, duplicates
from nemo_sdg.report.languages import Languages
from nemo_sdg.report.rejected import RejectedFor
from nemo_sdg.report.sample import ShownRow, shown_rows
from nemo_sdg.report.text_columns import lengths, main_column, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_COLUMNS = 6
_MOST_REASONS = 12
_TOKENS = ("prompt_tokens", "completion_tokens")
_FINISHED = "finish_reason"


class InputFile(msgspec.Struct, frozen=True):
    """A file that rows were read from."""

    file: str
    digest: str
    size: int | None = None
    """Bytes."""


class Analysis(msgspec.Struct):
    """What was found in the rows that were looked at; what could not be found is empty."""

    notes: list[str] = []
    """What is missing and why."""
    seen: int = 0
    """Rows that were looked at."""
    rows: int = 0
    """Rows of the dataset."""
    lengths: dict[str, list[int]] = {}
    """Characters of each text, by column."""
    tokens: dict[str, list[int]] = {}
    """Of each answer in a row, by column."""
    finished: dict[str, list[tuple[str, int]]] = {}
    """Why answers ended, by column, with the number of answers."""
    duplicates: Duplicates | None = None
    languages: Languages | None = None
    shown: list[ShownRow] = []
    rejected: list[RejectedFor] = []
    more_reasons: int = 0
    """Reasons of rejections that are not in `rejected`."""
    inputs: list[InputFile] = []
    more_inputs: int = 0


def analysis_of(rows: Sequence[Mapping[str, Any]]) -> Analysis:
    """Return what can be told from `rows` alone, whatever columns they have."""
    sizes = lengths(rows)
    main = main_column(sizes)
    largest = sorted(sizes, key=lambda name: (name != main, -sum(sizes[name])))[:_MOST_COLUMNS]
    found = None
    if main is not None:
        texts = [(str(row.get("row_id", "")), text_of(row.get(main)) or "") for row in rows]
        found = duplicates(main, texts)
    return Analysis(
        seen=len(rows),
        lengths={name: sizes[name] for name in largest},
        tokens=_tokens(rows),
        finished=_finished(rows),
        duplicates=found,
        shown=shown_rows(rows),
    )


def _tokens(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        for name, value in row.items():
            if name.endswith(_TOKENS) and isinstance(value, int) and value >= 0:
                found.setdefault(name, []).append(value)
    return dict(list(found.items())[:_MOST_COLUMNS])


def _finished(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        for name, value in row.items():
            if not name.endswith(_FINISHED):
                continue
            for reason in value if isinstance(value, list) else [value]:
                if isinstance(reason, str):
                    found.setdefault(name, Counter())[cell(reason, 60).text] += 1
    ordered = {name: counter.most_common(_MOST_REASONS) for name, counter in found.items()}
    return dict(list(ordered.items())[:_MOST_COLUMNS])
