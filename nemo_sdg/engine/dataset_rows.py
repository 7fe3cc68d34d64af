"""Rows of anybody's dataset through stages: ids for those that have none, and none of them lost."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from nemo_sdg.engine.shard_runner import ShardState
from nemo_sdg.errors import ConfigError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages.base import MemoryLedger
from nemo_sdg.stages.columns import check_present
from nemo_sdg.stages.rows import OK, REJECTED, REJECTION, ROW_ID, STATUS, set_column, split_rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.engine.shard_runner import StageSequence
    from nemo_sdg.stages.base import Stage
    from nemo_sdg.stages.rows import Rejection

REASON = "rejection"
"""Column with the reason why a row is rejected; null for those that are not."""
_OURS = (STATUS, REASON)


def through_stage(stage: Stage, sequence: StageSequence, batch: pa.Table) -> pa.Table:
    """Return what `batch` becomes in `sequence`, which is that of `stage`: with its rejected rows last.

    Those that an earlier stage has rejected pass by. Raises what ends the job.
    """
    batch, passing = _parted(_with_ids(_without_foreign_marks(batch)))
    if batch.num_rows:
        check_present(batch, stage.requires, stage.name, stage.column_hint)
    state = _Keeping(batch, [], Counts())
    sequence.run(state, MemoryLedger())
    fine = _marked(state.rows, [OK] * state.rows.num_rows, [None] * state.rows.num_rows)
    try:
        return pa.concat_tables([fine, *state.kept, passing], promote_options="permissive")
    except pa.ArrowInvalid as error:
        raise ConfigError(
            f"stage {stage.name} changes the type of a column, which rejected rows have as it was ({error}): "
            "have it make a column of another name"
        ) from None


class _Keeping(ShardState):
    """Keeps rejected rows as the stage left them, for a dataset has no folder for them."""

    kept: list[pa.Table] = msgspec.field(default_factory=list)

    def without_rejected(self, rows: pa.Table) -> pa.Table:
        """See `ShardState.without_rejected`."""
        going, rejections = split_rejected(rows)
        if rejections:
            refused = rows.filter(pc.is_valid(rows.column(REJECTION))).drop_columns([REJECTION])
            reasons = [f"{one.stage}: {_named(one)}" for one in rejections]
            self.kept.append(_marked(refused, [REJECTED] * len(reasons), reasons))
        return going


def _marked(rows: pa.Table, status: Sequence[str], reasons: Sequence[str | None]) -> pa.Table:
    """Return `rows` with the two marks as their last columns."""
    rows = rows.drop_columns([name for name in _OURS if name in rows.column_names])
    rows = rows.append_column(STATUS, pa.array(status, pa.string()))
    return rows.append_column(REASON, pa.array(reasons, pa.string()))


def _without_foreign_marks(batch: pa.Table) -> pa.Table:
    """Return `batch` with columns that are called as ours and are not ours under a name of their own.

    Ours are always together.
    """
    names = batch.column_names
    if all(name in names for name in _OURS) or not any(name in names for name in _OURS):
        return batch
    return batch.rename_columns([f"source_{name}" if name in _OURS else name for name in names])


def _parted(batch: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows that go on, without marks, and those that an earlier stage has rejected."""
    if STATUS not in batch.column_names:
        return batch, _marked(batch.slice(0, 0), [], [])
    rejected = pc.fill_null(pc.equal(batch.column(STATUS), REJECTED), fill_value=False)
    return batch.filter(pc.invert(rejected)).drop_columns(list(_OURS)), batch.filter(rejected)


def _with_ids(batch: pa.Table) -> pa.Table:
    if ROW_ID not in batch.column_names:
        ids = pa.array(map(_id_of, batch.to_pylist()), pa.int64())
        return batch.add_column(0, ROW_ID, ids)
    ids = batch.column(ROW_ID)
    if not pa.types.is_integer(ids.type) or ids.null_count:
        what = "holds nulls" if pa.types.is_integer(ids.type) else f"is {ids.type}"
        raise ConfigError(
            f"the dataset's column {ROW_ID!r} {what}: give each row a whole number there, or rename the "
            "column, and ids are made from what rows hold"
        )
    return set_column(batch, ROW_ID, ids.cast(pa.int64()))


def _id_of(row: dict[str, Any]) -> int:
    """Return 63 bits that digest what `row` holds, whatever the order of its columns."""
    content = msgspec.json.encode(sorted(row.items()), enc_hook=_plain)
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") >> 1


def _plain(value: Any) -> Any:
    # Tensors of Ray Data come as arrays, whose text would leave out the middle.
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _named(rejection: Rejection) -> str:
    """Return the message of `rejection` with the class of its error, which some messages have."""
    named = f"{rejection.error}: " in rejection.message
    return rejection.message if named else f"{rejection.error}: {rejection.message}"
