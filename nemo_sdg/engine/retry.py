"""Giving up answers so that their rows are asked again: rejected ones, and those that were cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.client.answer import completion_from
from nemo_sdg.engine.entries import DIGEST
from nemo_sdg.errors import BadAnswerError, ContentFilterError
from nemo_sdg.stages.base import PaidStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nemo_sdg.engine.entries import Entry
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import ShardDone
    from nemo_sdg.engine.plan import Plan
    from nemo_sdg.stages.rows import Rejection


def ask_rejected_again(plan: Plan, folder: RunFolder, done: dict[int, ShardDone]) -> int:
    """Have all rows that a stage which asks, or one after it, has rejected go through the stages again.

    Takes the shards of those rows out of `done`; returns the number of rows. Rows that are made from one
    request (`n` above 1) are asked together; where a stage after the one that asked has rejected, so are all
    rows of that `row_id`.
    """
    rows = 0
    for shard in [shard for shard, mark in done.items() if mark.counts.rejected]:
        again = [each for each in folder.rejections(shard) if _paid_before(plan, each)]
        if not again:
            continue
        keys = {key for each in again for key in each.kept or ()}
        questions = {_question(plan, each) for each in again if each.kept is None}
        _give_up(folder, shard, _of(keys, questions))
        folder.forget_done([shard])
        del done[shard]
        rows += len({(each.row_id, *(each.kept or ())) for each in again})
    return rows


def ask_truncated_again(folder: RunFolder, done: dict[int, ShardDone], open_shards: Iterable[int]) -> int:
    """Have all rows go through the stages again whose answers were cut off; see `ask_rejected_again`.

    Returns the number of answers.
    """
    rows = 0
    for shard in [*(shard for shard, mark in done.items() if mark.counts.truncated), *open_shards]:
        rows += _give_up(folder, shard, _cut_off)
        if shard in done:
            folder.forget_done([shard])
            del done[shard]
    return rows


def _give_up(folder: RunFolder, shard: int, which: Callable[[Entry], bool]) -> int:
    """Mark answers of `shard` as forgotten; they stay in the journal, for they were paid for."""
    entries = folder.entries(shard)
    again = [not entry.forgotten and which(entry) for entry in entries]
    if any(again):
        changed = [
            msgspec.structs.replace(entry, forgotten=True) if now else entry
            for entry, now in zip(entries, again, strict=True)
        ]
        folder.replace_entries(shard, changed)
    return sum(again)


def _of(keys: set[str], questions: set[str | None]) -> Callable[[Entry], bool]:
    return lambda entry: entry.key in keys or entry.key[:-DIGEST] in questions


def _cut_off(entry: Entry) -> bool:
    try:
        return "length" in completion_from(entry.raw).finish_reasons
    except BadAnswerError:  # nobody could use it anyway
        return False


def _question(plan: Plan, rejection: Rejection) -> str | None:
    """Return what the key begins with of the answer that led to `rejection`; None: there was no answer."""
    stage = _paid_before(plan, rejection)[-1]
    failed = rejection.attempts is not None and rejection.error != ContentFilterError.__name__
    if stage.name == rejection.stage and failed:
        return None
    return stage.key_prefix(rejection.row_id)


def _paid_before(plan: Plan, rejection: Rejection) -> list[PaidStage]:
    """Return the stages that ask, up to the one that rejected; all of them if it is not there any more."""
    if rejection.stage == plan.source.name:
        return []
    names = [stage.name for stage in plan.stages]
    end = names.index(rejection.stage) + 1 if rejection.stage in names else len(names)
    return [stage for stage in plan.stages[:end] if isinstance(stage, PaidStage)]
