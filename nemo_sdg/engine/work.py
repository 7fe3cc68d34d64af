"""What a pool of workers has to do, and what travels between pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import pyarrow as pa

from nemo_sdg.engine.span import Span
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages.base import PaidStage, Shard
from nemo_sdg.stages.rows import Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.base import Resources, Sink, Source, Stage


class PoolWork(NamedTuple):
    """The stages of one pool of workers; the first pool also reads, the last also commits."""

    source: Source | None
    stages: tuple[Stage, ...]
    sink: Sink | None
    resources: Resources | None
    """Of one worker; None: hardly any, for it mostly waits."""
    workers: int
    sends: bool = True
    """False: only answers that are kept are used, for nothing more may be spent."""

    @property
    def generates(self) -> bool:
        """Whether it asks a model, with as many workers as the job has."""
        return any(isinstance(stage, PaidStage) and not _alone(stage) for stage in self.stages)

    def overlap(self, shard_rows: int) -> int:
        """Return how many shards of `shard_rows` a worker must have at a time so that requests never run dry.

        Eight times as many rows as may be in flight, for each stage that asks: a shard stays open until its
        slowest answer, which with a heavy tail takes several times the mean.
        """
        overlap = 1
        for stage in self.stages:
            if isinstance(stage, PaidStage):
                overlap += -(-_ROWS_AT_HAND * stage.most_in_flight // max(1, shard_rows))
        return min(overlap, _MOST_OVERLAP)


_ROWS_AT_HAND = 8  # for each request that may be in flight
_MOST_OVERLAP = 256  # threads of a worker


class Parcel(msgspec.Struct):
    """A shard on its way: before the first pool its plan, after the last one what became of it."""

    shard: Shard
    state: Literal["going", "done", "stopped", "failed"] = "going"
    error: str = ""
    """Class of the error that ends the job."""
    message: str = ""
    rows: bytes = b""
    """Arrow stream of the rows between two pools."""
    rejections: list[Rejection] = []
    counts: Counts = msgspec.field(default_factory=Counts)
    """Of this attempt at the shard."""
    earlier: Counts = msgspec.field(default_factory=Counts)
    """What attempts before had paid."""
    counted: Counts = msgspec.field(default_factory=Counts)
    """Of the answers in the shard's journals, those that are in `counts` and `earlier`: a later pool finds
    them all, and adds what is missing, such as what a worker that was killed had paid."""
    models: list[str] = []
    span: Span = msgspec.field(default_factory=Span)


def divide(source: Source, stages: Sequence[Stage], sink: Sink, workers: int) -> list[PoolWork]:
    """Return the pools for a pipeline: stages that ask for resources or workers of their own get a pool each.

    All others run together with the stages that ask a model: fewer processes start sooner, and no rows cross
    the object store.
    """
    groups: list[list[Stage]] = []
    for stage in stages:
        if groups and not _alone(stage) and not _alone(groups[-1][0]):
            groups[-1].append(stage)
        else:
            groups.append([stage])
    groups = groups or [[]]
    pools = []
    for index, group in enumerate(groups):
        alone = group[0] if group and _alone(group[0]) else None
        pools.append(
            PoolWork(
                source=source if index == 0 else None,
                stages=tuple(group),
                sink=sink if index == len(groups) - 1 else None,
                resources=alone.resources if alone else None,
                workers=(alone.workers if alone else None) or workers,
            )
        )
    return pools


def _alone(stage: Stage) -> bool:
    return stage.resources is not None or stage.workers is not None


def pack(rows: pa.Table) -> bytes:
    """Return `rows` as an Arrow stream."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(stream.getvalue())


def unpack(stream: bytes) -> pa.Table:
    """Return the rows of an Arrow stream."""
    with pa.ipc.open_stream(stream) as reader:
        return reader.read_all()
