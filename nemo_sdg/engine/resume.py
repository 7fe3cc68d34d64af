"""What a run begins with: nothing, or what earlier runs into the same folder have left."""

from __future__ import annotations

import importlib.metadata
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.engine.changes import (
    changes_between,
    name_of,
    other_columns_only,
    raised_only,
    without_max_tokens,
)
from nemo_sdg.engine.entries import paid_for
from nemo_sdg.engine.manifest import Manifest
from nemo_sdg.engine.retry import ask_rejected_again, ask_truncated_again
from nemo_sdg.errors import OutputError
from nemo_sdg.report.formats import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import ShardDone
    from nemo_sdg.engine.plan import Plan
    from nemo_sdg.report.numbers import Counts
    from nemo_sdg.stages.base import Shard

_AT_A_TIME = 16  # journals that are read, where each takes a while to come
_ANEW = "start over with --fresh, or choose another folder with --output"


class Beginning(NamedTuple):
    """What a run has and what it has to do."""

    manifest: Manifest
    done: dict[int, ShardDone]
    """The committed shards."""
    kept: dict[int, Counts]
    """What was paid already for shards that are to run."""
    notes: list[str]
    """What a person should know of it."""

    @property
    def waiting(self) -> list[Shard]:
        """The shards that are to run."""
        return [shard for shard in self.manifest.shards if shard.index not in self.done]


def begin(plan: Plan, folder: RunFolder) -> Beginning:
    """Return what a run of `plan` begins with; the folder is changed to fit.

    Answers are kept under all that determines them, so what follows the last stage that asks may change, and
    rows are then made anew from the answers. Raises `OutputError` where an answer that was paid for would be
    useless, or where the input is not what it was.
    """
    notes = []
    if plan.fresh and (found := holdings(folder)) is not None:
        folder.clear()
        folder.create()
        notes.append(f"thrown away: {found}")
    manifest, done = folder.manifest(), folder.done()
    journals = folder.journal_shards()
    if not done and not journals:
        manifest = _new_manifest(plan)
        folder.write_manifest(manifest)
        return Beginning(manifest, {}, {}, [*notes, *_nothing_to_retry(plan, 0)])
    if manifest is None:
        raise OutputError(
            f"{folder.url} has answers or rows but no _run/manifest.json: put it back, or {_ANEW}"
        )
    more = _grow(plan, manifest)
    _refuse_lost_answers(plan, folder, manifest)
    if changes := plan.source.changes(manifest.shards):
        listed = "\n  ".join(changes)
        raise OutputError(
            f"the input of {folder.url} has changed since its run began:\n  {listed}\nput it back, or {_ANEW}"
        )
    notes += _without_damaged(folder, done)
    again = 0
    if plan.retry == "rejected":
        again = ask_rejected_again(plan, folder, done)
    elif plan.retry == "truncated":
        again = ask_truncated_again(folder, done, journals - done.keys())
    notes += _nothing_to_retry(plan, again)
    words = _make_anew(plan, folder, manifest, done)
    kept = _kept(folder, (shard.index for shard in manifest.shards if shard.index not in done))
    beginning = Beginning(manifest, done, kept, notes)
    if more:
        notes.append(f"{more:,} rows more than before")
    if words:
        notes.append(f"rows are made anew from the answers that are kept, for {'; '.join(words)}")
    if beginning.waiting:
        notes.append(_found(beginning, again, plan.retry))
    return beginning


def check_goes_on(plan: Plan, folder: RunFolder) -> None:
    """Raise `OutputError` when `plan` cannot go on with the run in `folder`; nothing is changed there."""
    manifest = folder.manifest()
    if manifest is not None:
        _grow(plan, manifest)
        _refuse_lost_answers(plan, folder, manifest)


def holdings(folder: RunFolder) -> str | None:
    """Return in words what a run has left in `folder`; None: nothing that was paid for or made."""
    done = folder.done()
    answers = _kept(folder, folder.journal_shards())
    rows = sum(mark.counts.rows_written for mark in done.values())
    requests = sum(counts.requests for counts in answers.values())
    tokens = sum(counts.prompt_tokens + counts.completion_tokens for counts in answers.values())
    if not done and not answers:
        return None
    return f"{rows:,} rows and {requests:,} paid answers ({tokens:,} tokens) in {folder.url}"


def _new_manifest(plan: Plan) -> Manifest:
    return Manifest(
        pipeline=plan.name,
        settings=plan.settings(),
        suffix=plan.sink.suffix,
        shards=plan.source.plan(plan.shard_rows),
        version=importlib.metadata.version("nemo-sdg"),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        paid=plan.paid_steps(),
        origin=plan.origin,
    )


def _nothing_to_retry(plan: Plan, again: int) -> list[str]:
    return [f"nothing to ask again: no row is {plan.retry}"] if plan.retry and not again else []


def _grow(plan: Plan, manifest: Manifest) -> int:
    """Append the shards of what the source has more than before to `manifest`; return the number of rows."""
    settings = plan.settings()[0]
    if settings == manifest.settings[0]:
        return 0
    shards = plan.source.grown(manifest.settings[0], manifest.shards, plan.shard_rows)
    if shards is None:
        return 0
    manifest.shards += shards
    manifest.settings[0] = settings
    return sum(shard.rows for shard in shards)


def _refuse_lost_answers(plan: Plan, folder: RunFolder, manifest: Manifest) -> None:
    """Raise `OutputError` when an answer would have to be paid for again, or would not be what was asked."""
    before, now = manifest.settings, plan.settings()
    first = changes_between(without_max_tokens(before), without_max_tokens(now)).first
    there = first < min(len(before), len(now))
    useless = first + 1 if there and other_columns_only(before[first], now[first]) else first
    lost = [number for number in manifest.paid if number >= useless]
    asked = [number for number in plan.paid_steps() if number >= useless]
    if first == 0 or (lost and asked):
        listed = "\n  ".join(changes_between(before, now).words)
        whose = ", ".join(name_of(before[number]) for number in lost) or "no stage"
        raise OutputError(
            f"{folder.url} holds a run with other settings:\n  {listed}\n"
            f"that makes useless the answers of: {whose}. To keep them take the change back; to ask again "
            f"{_ANEW}"
        )
    same = slice(min(first, len(before), len(now)))
    raised = plan.retry == "truncated" and raised_only(before[same], now[same])
    if before[same] != now[same] and not raised:
        words = "; ".join(changes_between(before[same], now[same]).words)
        raise OutputError(
            f"{folder.url} holds a run with other settings:\n  {words}\n"
            "answers that are kept may be longer or shorter than that: raise max_tokens and add --retry "
            f"truncated, which asks those again that were cut off; lowered, take the change back, or {_ANEW}"
        )


def _without_damaged(folder: RunFolder, done: dict[int, ShardDone]) -> list[str]:
    """Take shards out of `done` whose files are gone or have another length than when they were written.

    Marks of shards that cannot be read go as well.
    """
    folder.forget_done(folder.done_shards() - done.keys())
    sizes = folder.parts()
    damaged = {
        shard: name
        for shard, mark in done.items()
        for name, file in mark.files.items()
        if sizes.get(name) != file.size
    }
    if not damaged:
        return []
    folder.forget_done(damaged)
    for shard in damaged:
        del done[shard]
    return [f"made anew from the answers, for they are gone or torn: {', '.join(damaged.values())}"]


def _make_anew(plan: Plan, folder: RunFolder, manifest: Manifest, done: dict[int, ShardDone]) -> list[str]:
    """Have rows made anew where that gives other ones; return why in words.

    The manifest is written last: what a kill leaves is found and done again.
    """
    words = changes_between(without_max_tokens(manifest.settings), without_max_tokens(plan.settings())).words
    if manifest.suffix != plan.sink.suffix:
        words.append(f"format: {manifest.suffix[1:]} then, {plan.sink.suffix[1:]} now")
    if words:
        folder.forget_done()
        if manifest.suffix != plan.sink.suffix:
            for shard in manifest.shards:
                folder.remove_part(shard.index, manifest.suffix)
        done.clear()
    manifest.settings, manifest.paid, manifest.suffix = plan.settings(), plan.paid_steps(), plan.sink.suffix
    manifest.origin = plan.origin
    folder.write_manifest(manifest)
    return words


def _kept(folder: RunFolder, shards: Iterable[int]) -> dict[int, Counts]:
    there = sorted(folder.journal_shards().intersection(shards))
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        counts = threads.map(lambda shard: paid_for(folder.entries(shard)), there)
        return dict(zip(there, counts, strict=True))


def _found(beginning: Beginning, again: int, retry: str | None) -> str:
    waiting = sum(shard.rows for shard in beginning.waiting)
    rows = beginning.manifest.rows
    answers = sum(counts.reused for counts in beginning.kept.values())
    asked_again = ""
    if again:
        asked_again = f"; {plural(again, f'{retry} row')} {'is' if again == 1 else 'are'} asked again"
    return (
        f"resuming: {rows - waiting:,} of {plural(rows, 'row')} done; for the {waiting:,} to do "
        f"{plural(answers, 'answer')} kept{asked_again}"
    )
