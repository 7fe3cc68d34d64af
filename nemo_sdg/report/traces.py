"""What became of rows on their way through a pipeline, stage by stage, as data."""

from __future__ import annotations

from typing import Any

import msgspec


class Exchange(msgspec.Struct):
    """One request to a model and its answer."""

    model: str
    messages: list[dict[str, Any]]
    """As they were sent, before a conversation formatter."""
    prompt: str | None = None
    """What a conversation formatter made of the messages, and was sent in their place."""
    texts: list[str] = []
    """The answer, one text for each choice, as the model wrote it."""
    reasoning: list[str | None] = []
    finish_reasons: list[str | None] = []
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency: float = 0.0
    """Seconds of the attempt that succeeded."""
    attempts: int = 1
    error: str = ""
    """Why there is no answer."""


class RowChange(msgspec.Struct):
    """What is new in a row behind a stage."""

    added: dict[str, Any]
    """Values of new columns."""
    changed: dict[str, Any]
    """New values of columns that were there before."""


class Refused(msgspec.Struct):
    """Why a stage rejected a row."""

    error: str
    """Class of the error."""
    message: str


class StageTrace(msgspec.Struct):
    """What one stage made of a row, or of the rows that it has become."""

    stage: str
    rows: int
    """Rows that it got."""
    exchanges: list[Exchange]
    made: list[RowChange]
    """For each row that goes on."""
    removed: list[str]
    """Columns that are gone behind it."""
    filtered: int = 0
    """Rows that it left out."""
    joined: int = 0
    """Rows that went into others."""
    rejected: list[Refused] = []
    settings: dict[str, Any] = {}
    """Its settings, and what it looked at, where it left rows out."""


class RowTrace(msgspec.Struct):
    """What became of one row of the input."""

    row_id: int
    row: dict[str, Any]
    """As the source gave it."""
    stages: list[StageTrace]
    made: list[dict[str, Any]]
    """The rows of the dataset that it became."""
    rejected: list[Refused]
    """Why the source has rejected it."""

    @property
    def fate(self) -> str:
        """What became of it: "kept", "rejected" or "filtered"."""
        if self.made:
            return "kept"
        refused = self.rejected or any(stage.rejected for stage in self.stages)
        return "rejected" if refused else "filtered"

    @property
    def exchanges(self) -> list[Exchange]:
        """All requests that were made for it."""
        return [exchange for stage in self.stages for exchange in stage.exchanges]


class Spent(msgspec.Struct):
    """Requests and tokens, and their price."""

    requests: float
    prompt_tokens: float
    completion_tokens: float
    cost: float | None
    """Money; None without prices."""


class PreviewSummary(msgspec.Struct):
    """The numbers of a preview."""

    rows: int
    kept: int
    filtered: dict[str, int]
    """Rows that stages left out, by stage."""
    rejected: dict[str, int]
    """Rows that were rejected, by "stage: error class"."""
    spent: Spent
    rows_total: int
    """Rows of the whole job."""
    projected: Spent
    """What the whole job takes if all rows are like these."""
