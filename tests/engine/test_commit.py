from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.engine.commit import commit_shard
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.manifest import ShardDone
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages import JsonlWriter, ParquetWriter
from nemo_sdg.stages.rows import Rejection

ROWS = pa.table({"row_id": [0, 1], "text": ["a", "b"]})


def files(path):
    """Return the names of all files below `path`."""
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def commit(tmp_path, writer=ParquetWriter, rejections=(), rows=ROWS):
    """Commit one shard and return its folder."""
    folder = RunFolder(tmp_path)
    folder.create()
    done = ShardDone(0, Counts(rows_written=rows.num_rows))
    commit_shard(folder, writer(path=tmp_path), rows, list(rejections), done)
    return folder


@pytest.mark.parametrize("writer", [ParquetWriter, JsonlWriter])
def test_commit_twice_is_commit_once(tmp_path, writer):
    """A shard that is committed again leaves the same files with the same content."""
    rejection = Rejection(1, "parse", "ParseError", "no")
    commit(tmp_path, writer, [rejection])
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}

    commit(tmp_path, writer, [rejection])

    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before
    assert len(before) == 3


def test_rejections_of_an_earlier_attempt_go(tmp_path):
    """When the rows of a shard are all good at last, its old rejections are gone."""
    commit(tmp_path, rejections=[Rejection(1, "parse", "ParseError", "no")])

    commit(tmp_path)

    assert list((tmp_path / "rejected").iterdir()) == []


def test_a_failed_write_commits_nothing(tmp_path):
    """When the part cannot be written, the shard is not done and nothing half-written stays."""

    class Failing(ParquetWriter):
        def write(self, rows, file):
            del rows
            file.write_bytes(b"half")
            raise OSError("No space left on device")

    folder = RunFolder(tmp_path)
    folder.create()

    with pytest.raises(OSError, match="No space"):
        commit_shard(folder, Failing(path=tmp_path), ROWS, [], ShardDone(0, Counts()))

    assert files(tmp_path) == []
    assert folder.done_mark(0) is None
