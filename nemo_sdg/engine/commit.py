"""Committing a shard: part file, rejected rows, and last the mark that it is done."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.engine.folder import rejected
from nemo_sdg.engine.manifest import FileMark

if TYPE_CHECKING:
    import pyarrow as pa

    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import ShardDone
    from nemo_sdg.stages.base import Sink
    from nemo_sdg.stages.rows import Rejection


def commit_shard(
    folder: RunFolder, sink: Sink, rows: pa.Table, rejections: list[Rejection], done: ShardDone
) -> None:
    """Put the results of a shard in their place; doing it twice changes nothing."""
    store, files = folder.store, {}
    if rejections:
        lines = b"".join(msgspec.json.encode(rejection) + b"\n" for rejection in rejections)
        store.write(rejected(done.index), lines)
        files[rejected(done.index)] = FileMark.of(BytesIO(lines))
    else:
        store.delete(rejected(done.index))
    part = folder.part(done.index, sink.suffix)
    if rows.num_rows == 0:
        store.delete(part)  # it would lack the columns of stages that had no row to work on
    else:
        with store.whole_file(part) as aside:
            sink.write(rows, aside)
            with aside.open("rb") as written:
                files[part] = FileMark.of(written)
    done.files = files
    folder.write_done(done)
