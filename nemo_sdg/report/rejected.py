"""Rejected rows by their reason, with examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.redact import redacted
from nemo_sdg.report.cells import Cell, cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXAMPLES = 3
MOST_REASONS = 20
_LONG = 2_000
_MOST_MESSAGES = 8


class RejectedRow(NamedTuple):
    """One rejected row."""

    title: str
    facts: list[tuple[str, str]]
    message: Cell
    """Of the error."""
    texts: list[tuple[str, Cell]]
    """The messages that were sent, what was answered, and the row's columns."""


class RejectedFor(NamedTuple):
    """Rows rejected for one reason."""

    reason: str
    rows: int
    examples: list[RejectedRow]


def rejected_groups(
    numbers: Mapping[str, int], rejections: Iterable[Mapping[str, Any]]
) -> tuple[list[RejectedFor], int]:
    """Return the reasons with their examples, the most frequent first, and how many more there are.

    `numbers` are the rows by reason; `rejections` are lines of `rejected/part-*.jsonl`.
    """
    examples: dict[str, list[RejectedRow]] = {}
    for rejection in rejections:
        found = examples.setdefault(reason_of(rejection), [])
        if len(found) < EXAMPLES:
            found.append(_example(rejection))
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    groups = [RejectedFor(reason, rows, examples.get(reason, [])) for reason, rows in ordered[:MOST_REASONS]]
    return groups, max(0, len(ordered) - MOST_REASONS)


def reason_of(rejection: Mapping[str, Any]) -> str:
    """Return the reason under which a rejected row is counted."""
    return f"{rejection.get('stage')}: {rejection.get('error')}"


def _example(rejection: Mapping[str, Any]) -> RejectedRow:
    facts = [
        (label, cell(rejection[key], 40).text)
        for key, label in (("http_status", "HTTP status"), ("attempts", "attempts"))
        if rejection.get(key) is not None
    ]
    messages = rejection.get("messages")
    messages = messages if isinstance(messages, list) else []
    texts = [
        (f"sent as {cell(message.get('role', '?'), 40).text}", cell(message.get("content"), _LONG))
        for message in messages[:_MOST_MESSAGES]
        if isinstance(message, dict)
    ]
    if more := len(messages) - _MOST_MESSAGES:
        texts += [("sent", cell(f"{more} more messages"))] if more > 0 else []
    if rejection.get("answer"):
        texts.append(("answered", cell(rejection["answer"], _LONG)))
    if rejection.get("row"):
        texts.append(("row", cell(redacted(rejection["row"]), _LONG)))
    title = f"Row {cell(rejection.get('row_id'), 40).text}"
    return RejectedRow(title, facts, cell(str(rejection.get("message", "")), _LONG), texts)
