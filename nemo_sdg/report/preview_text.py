"""What became of a row in lines for a person: what was asked, answered and made of it."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.report.formats import duration, money, number, plural
from nemo_sdg.report.text import crop, display_width, one_line, value_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.report.traces import Exchange, PreviewSummary, RowTrace, Spent, StageTrace

_LABEL = 13
"""Columns in front of texts."""
_SHORT = 24  # columns of a value that needs no line of its own
_HEAD, _TAIL = 9, 3  # lines of a text, unless all of it is wanted
_LOOKED_AT = 20_000  # characters at either end
_ROWS = 3  # that one row has become, unless all are wanted
_FATES = {"kept": "good", "filtered": "odd", "rejected": "bad"}
_NOT_PAID = "simulated endpoint: what it would have cost"


class Line(NamedTuple):
    """A line and what it is, for its colour: "title", "stage", "good", "odd", "bad", "dim" or ""."""

    text: str
    kind: str = ""


def row_lines(trace: RowTrace, width: int, *, full: bool = False) -> Iterator[Line]:
    """Yield the lines of one row, none wider than `width` columns; `full` cuts no text short."""
    shown = _Shown(width, full)
    ends = f" {trace.fate}" + (f", {len(trace.made)} rows" if len(trace.made) > 1 else "")
    head = f"row {trace.row_id} "
    yield Line(head + "-" * max(1, width - len(head) - len(ends)) + ends, _FATES[trace.fate])
    yield from shown.values("", {key: value for key, value in trace.row.items() if key != "row_id"})
    for refused in trace.rejected:
        yield from shown.text("rejected", f"{refused.error}: {refused.message}", "bad")
    for position, stage in enumerate(trace.stages, 2):  # the source is the first step
        yield from _stage_lines(stage, position, shown)


class _Shown:
    """How texts are shown: in so many columns, cut short or not."""

    def __init__(self, width: int, full: bool) -> None:
        self.width = width
        self.full = full

    def text(self, label: str, text: str, kind: str = "") -> Iterator[Line]:
        """Yield `text` in lines, `label` before the first, or above it where it is too long for that."""
        before, indent = f"  {label} ", " " * _LABEL
        if display_width(before) > _LABEL:
            yield Line(crop(before.rstrip(), self.width), kind)
            before = indent
        before += indent[display_width(before) :]
        for line in self._lines(text or "(empty)"):
            yield Line(before + line, kind)
            before = indent

    def _lines(self, text: str) -> Iterator[str]:
        """Yield `text` in lines, without its middle where it is long and not all is wanted."""
        room = self.width - _LABEL
        if self.full:
            yield from wrapped(text, room)
            return
        lines = list(wrapped(text[:_LOOKED_AT], room))
        last = lines if len(text) <= _LOOKED_AT else list(wrapped(text[-_LOOKED_AT:], room))
        if len(lines) > _HEAD + _TAIL + 1:
            shown = sum(map(len, (*lines[:_HEAD], *last[-_TAIL:])))
            between = f"... {plural(len(text) - shown, 'character')} more, all with --full ..."
            lines = [*lines[:_HEAD], crop(between, room), *last[-_TAIL:]]
        yield from lines

    def values(
        self, sign: str, values: dict[str, Any], known: frozenset[str] = frozenset()
    ) -> Iterator[Line]:
        """Yield columns and their values: short ones together, long texts each by itself."""
        short, long = [], []
        for name, value in values.items():
            line = value_line(value, 2 * _SHORT)
            if name == "messages" and isinstance(value, list):
                short.append(f"messages ({len(value)})")
            elif isinstance(value, str) and value in known:
                short.append(f"{one_line(name)} = the answer")
            elif display_width(line) <= _SHORT:
                short.append(f"{one_line(name)} {line}".rstrip())
            else:
                long.append((f"{sign} {one_line(name)}".lstrip(), _plain(value)))
        if short:
            yield from self.text(sign, ", ".join(short))
        for label, text in long:
            yield from self.text(label, text)


def _stage_lines(stage: StageTrace, position: int, shown: _Shown) -> Iterator[Line]:
    rows = f" ({plural(stage.rows, 'row')})" if stage.rows > 1 else ""
    yield Line(crop(f" {position} {one_line(stage.stage)}{rows}", shown.width), "stage")
    for exchange in stage.exchanges if shown.full else stage.exchanges[:_ROWS]:
        yield from _exchange_lines(exchange, shown)
    yield from _more(len(stage.exchanges), "request", shown)
    known = frozenset(chain.from_iterable(exchange.texts for exchange in stage.exchanges))
    nothing = True
    for change in stage.made if shown.full else stage.made[:_ROWS]:
        for sign, values in (("+", change.added), ("~", change.changed)):
            yield from shown.values(sign, values, known)
            nothing = nothing and not values
    yield from _more(len(stage.made), "row", shown)
    if stage.removed:
        yield from shown.text("-", ", ".join(map(one_line, stage.removed)))
        nothing = False
    if stage.joined:
        yield from shown.text("joined", f"{plural(stage.joined, 'row')} went into others")
        nothing = False
    if stage.filtered:
        looked = ", ".join(f"{key} {value_line(value, _SHORT)}" for key, value in stage.settings.items())
        yield from shown.text("left out", f"{plural(stage.filtered, 'row')}: {looked}", "odd")
        nothing = False
    for refused in stage.rejected:
        yield from shown.text("rejected", f"{refused.error}: {refused.message}", "bad")
        nothing = False
    if nothing:
        yield from shown.text("", "nothing changed", "dim")


def _more(rows: int, noun: str, shown: _Shown) -> Iterator[Line]:
    if rows > _ROWS and not shown.full:
        yield Line(" " * _LABEL + f"... {plural(rows - _ROWS, f'more {noun}')}: --full shows all", "dim")


def _exchange_lines(exchange: Exchange, shown: _Shown) -> Iterator[Line]:
    if exchange.prompt is None:
        for message in exchange.messages:
            yield from shown.text(one_line(str(message.get("role", ""))), _plain(message.get("content")))
    else:
        yield from shown.text("prompt", exchange.prompt)
    if exchange.error:
        yield from shown.text("no answer", exchange.error, "bad")
        return
    for choice, text in enumerate(exchange.texts):
        reasoning = exchange.reasoning[choice] if choice < len(exchange.reasoning) else None
        if reasoning:
            yield from shown.text("reasoning", reasoning, "dim")
        yield from shown.text("answer", text)
    reasons = ", ".join(str(reason) for reason in exchange.finish_reasons)
    tries = f", {exchange.attempts} attempts" if exchange.attempts > 1 else ""
    tokens = f"{number(exchange.prompt_tokens)} + {number(exchange.completion_tokens)} tokens"
    how = f"{reasons}; {tokens}; {duration(exchange.latency)}{tries}; {one_line(exchange.model)}"
    yield from shown.text("", how, "odd" if "length" in exchange.finish_reasons else "dim")


def summary_lines(summary: PreviewSummary, width: int, *, simulated: bool) -> Iterator[Line]:
    """Yield what the rows of a preview came to, and what the whole job would."""
    shown = _Shown(width, full=True)
    yield Line("-" * width, "dim")
    filtered, rejected = sum(summary.filtered.values()), sum(summary.rejected.values())
    told = f"{plural(summary.rows, 'row')}: {summary.kept} kept"
    if filtered:
        told += f", {filtered} left out ({_by(summary.filtered)})"
    if rejected:
        told += f", {rejected} rejected ({_by(summary.rejected)})"
    yield from shown.text("preview", told, "title")
    yield from shown.text("asked", _spent(summary.spent))
    if not summary.rows:
        return
    if filtered and not summary.spent.requests:
        yield from shown.text("", "no row came so far: see more with -n, or others with --from", "bad")
        return
    whole = f"all {plural(summary.rows_total, 'row')}: about {_spent(summary.projected)}"
    yield from shown.text("whole job", f"{whole}, if all are like these")
    if simulated and summary.spent.cost is not None:
        yield from shown.text("", _NOT_PAID, "dim")
    if summary.spent.cost is None:
        yield from shown.text("", "set prices to see what that costs", "dim")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _by(counts: dict[str, int]) -> str:
    return ", ".join(f"{one_line(key)} {number(count)}" for key, count in counts.items())


def _spent(spent: Spent) -> str:
    tokens = f"{number(round(spent.prompt_tokens))} + {number(round(spent.completion_tokens))} tokens"
    cost = "" if spent.cost is None else f", cost {money(spent.cost)}"
    return f"{plural(round(spent.requests), 'request')}, {tokens}{cost}"
