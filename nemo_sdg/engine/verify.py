"""Checking what a run has left: every shard whole, no row twice, counts as the report says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nemo_sdg.engine.folder import done_file, rejected
from nemo_sdg.engine.manifest import FileMark
from nemo_sdg.errors import OutputError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages.rows import ROW_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import Manifest, ShardDone
    from nemo_sdg.stages.base import Shard

_MOST_NAMED = 5
_AGAIN = "run the same command again"


class Problem(NamedTuple):
    """Something that is not as it should be."""

    what: str
    remedy: str
    pending: bool = False
    """Nothing is wrong: the run has only not come so far."""


class Verified(NamedTuple):
    """What a check has found."""

    rows: int
    """In the dataset, of shards that are whole."""
    shards: int
    finished: int
    """Shards that are committed."""
    problems: list[Problem]


def verify(folder: RunFolder, each: Callable[[], object] = lambda: None) -> Verified:
    """Check the run in `folder`; `each` is called after every shard. All of the dataset is read.

    Raises `OutputError` where there is no run, or one whose manifest is damaged.
    """
    manifest = folder.manifest()
    if manifest is None:
        raise OutputError(f"{folder.url} holds no run: give the output folder of `nemo-sdg run`")
    done = folder.done()
    problems: list[Problem] = []
    total, rows = Counts(), 0
    for shard in manifest.shards:
        mark = done.get(shard.index)
        if mark is not None:
            wrong = list(_wrong(folder, manifest, shard, mark))
            problems += (Problem(what, _anew(folder, shard.index)) for what in wrong)
            rows += 0 if wrong else mark.counts.rows_written
            total.add(mark.counts)
        each()
    problems += _unfinished(manifest, done)
    problems += _strangers(folder, manifest, done)
    problems += _report(folder, manifest, done, total)
    return Verified(rows, len(manifest.shards), len(done), problems)


def _wrong(folder: RunFolder, manifest: Manifest, shard: Shard, mark: ShardDone) -> Iterator[str]:
    """Yield in words what is wrong with a committed shard."""
    part = folder.part(shard.index, manifest.suffix)
    if mark.counts.rows_written and part not in mark.files:
        yield f"shard {shard.index} has {mark.counts.rows_written:,} rows and no part file"
    whole = True
    for name, expected in mark.files.items():
        try:
            with folder.store.open_input(name) as stream:
                found = FileMark.of(stream)
        except OSError:
            yield f"{name} is missing"
            whole = False
            continue
        if found != expected:
            sizes = f"{found.size:,} bytes now, {expected.size:,} then"
            other = "its content differs" if found.size == expected.size else sizes
            yield f"{name} is not as it was written: {other}"
            whole = False
    if not whole:
        return
    if part in mark.files:
        yield from _wrong_rows(folder, part, shard, mark)
    refused = len(folder.rejections(shard.index))
    if refused != mark.counts.rows_rejected:
        counted = f"{mark.counts.rows_rejected:,} were counted"
        yield f"shard {shard.index} has {refused:,} rejected rows, {counted}"
    if mark.counts.rows_read != shard.rows:
        yield f"shard {shard.index} counts {mark.counts.rows_read:,} rows read, it has {shard.rows:,}"


def _wrong_rows(folder: RunFolder, part: str, shard: Shard, mark: ShardDone) -> Iterator[str]:
    try:
        ids, rows = _rows(folder, part)
    except (OSError, ValueError, msgspec.DecodeError) as error:
        yield f"{part} cannot be read: {error}"
        return
    if len(ids) != mark.counts.rows_written:
        yield f"{part} has {len(ids):,} rows, {mark.counts.rows_written:,} were counted"
    last = shard.first_row + shard.rows - 1
    if ids and not shard.first_row <= min(ids) <= max(ids) <= last:
        yield f"{part} has row_id {min(ids)} to {max(ids)}, it should be {shard.first_row} to {last}"
    # A stage may make several of one row: those may be equal, as answers to one request are at temperature 0.
    if len(set(ids)) < len(ids) and (twice := _twice(rows())) > mark.counts.added:
        yield f"{part} has {twice:,} rows twice"


def _rows(folder: RunFolder, part: str) -> tuple[list[int], Callable[[], list[dict[str, Any]]]]:
    """Return the row ids of a part, and a function that returns its rows."""
    with folder.store.open_input(part) as stream:
        if part.endswith(".parquet"):
            table = pq.read_table(stream)
            return pc.cast(table.column(ROW_ID), "int64").to_pylist(), table.to_pylist
        lines = [msgspec.json.decode(line) for line in stream]
    return [line[ROW_ID] for line in lines], lambda: lines


def _twice(rows: list[dict[str, Any]]) -> int:
    """Return how many rows are there before, in all columns."""
    return len(rows) - len({msgspec.json.encode(row, enc_hook=repr, order="deterministic") for row in rows})


def _unfinished(manifest: Manifest, done: dict[int, ShardDone]) -> Iterator[Problem]:
    waiting = [shard for shard in manifest.shards if shard.index not in done]
    if waiting:
        rows = sum(shard.rows for shard in waiting)
        yield Problem(
            f"not finished: {len(waiting):,} of {len(manifest.shards):,} shards, {rows:,} rows",
            _AGAIN,
            pending=True,
        )


def _strangers(folder: RunFolder, manifest: Manifest, done: dict[int, ShardDone]) -> Iterator[Problem]:
    """Yield parts that belong to no committed shard: readers of the folder would take them for data."""
    known = {name for mark in done.values() for name in mark.files}
    waiting = {
        name
        for shard in manifest.shards
        if shard.index not in done
        for name in (folder.part(shard.index, manifest.suffix), rejected(shard.index))
    }
    found = [name for name in sorted(folder.parts()) if name not in known]
    if early := [name for name in found if name in waiting]:
        yield Problem(f"{_named(early)}: written, but not committed", _AGAIN, pending=True)
    if others := [name for name in found if name not in waiting]:
        yield Problem(f"{_named(others)}: of no shard of this run", "remove what is not this run's")


def _report(
    folder: RunFolder, manifest: Manifest, done: dict[int, ShardDone], total: Counts
) -> Iterator[Problem]:
    if len(done) < len(manifest.shards):
        return  # a run that was killed may have an older report
    report = folder.read_report()
    if report is None:
        yield Problem("report.json is missing", f"{_AGAIN}: it is made from the counts of the shards")
        return
    said, is_so = report.counts, total
    for name in ("rows_read", "rows_written", "rows_rejected", "rows_filtered"):
        if getattr(said, name) != getattr(is_so, name):
            yield Problem(
                f"report.json counts {getattr(said, name):,} {name.replace('_', ' ')}, the shards "
                f"{getattr(is_so, name):,}",
                f"remove report.json and {_AGAIN}",
            )


def _anew(folder: RunFolder, shard: int) -> str:
    return f"remove {folder.url}/{done_file(shard)} and {_AGAIN}: its rows are made anew from the answers"


def _named(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
