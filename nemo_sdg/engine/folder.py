"""The run folder: what lies where, and writing it so that a kill leaves nothing half done."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from nemo_sdg.engine.manifest import Manifest, ShardDone
from nemo_sdg.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class RunFolder:
    """Paths and atomic writes below one output directory."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self._run = self.path / "_run"

    def part(self, shard: int, suffix: str) -> Path:
        """Return where the rows of `shard` go."""
        return self.path / f"part-{shard:05d}{suffix}"

    def rejected(self, shard: int) -> Path:
        """Return where the rejected rows of `shard` go, if there are any."""
        return self.path / "rejected" / f"part-{shard:05d}.jsonl"

    def answers(self, shard: int, worker: str) -> Path:
        """Return the journal of paid answers of `shard` that `worker` writes."""
        return self._run / "answers" / f"{shard:05d}-{worker}.jsonl"

    def answers_of_all(self, shard: int) -> list[Path]:
        """Return the journals of `shard` that any worker has written."""
        return sorted((self._run / "answers").glob(f"{shard:05d}-*.jsonl"))

    def heartbeat(self, worker: str) -> Path:
        """Return where `worker` says twice a second what it does."""
        return self._run / "workers" / f"{worker}.json"

    def heartbeats(self) -> list[Path]:
        """Return the heartbeats of all workers, those of dead ones included."""
        return sorted((self._run / "workers").glob("*.json"))

    @property
    def stop_mark(self) -> Path:
        """The file whose presence asks workers to finish what is in flight and stop."""
        return self._run / "stop"

    @property
    def lock(self) -> Path:
        """The file that the driver of a run holds locked."""
        return self._run / "lock"

    def create(self) -> None:
        """Make the folders; raises `OutputError` where that is not possible."""
        try:
            for folder in ("answers", "done", "workers"):
                (self._run / folder).mkdir(parents=True, exist_ok=True)
            (self.path / "rejected").mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the output folder {self.path} cannot be made ({error.strerror or error}): "
                "choose another with --output, or free space and rights there"
            ) from None

    def is_foreign(self) -> bool:
        """Return whether the folder holds files, but no run of ours."""
        return not self._run.exists() and self.path.exists() and any(self.path.iterdir())

    def manifest(self) -> Manifest | None:
        """Return the manifest of the run that is here; None when there is none."""
        file = self._run / "manifest.json"
        return _read(file, Manifest) if file.exists() else None

    def write_manifest(self, manifest: Manifest) -> None:
        """Begin a run here."""
        write_whole(self._run / "manifest.json", msgspec.json.format(msgspec.json.encode(manifest)))

    def forget_done(self) -> None:
        """Have all shards run again; answers and parts stay until then."""
        for file in (self._run / "done").glob("*.json"):
            file.unlink()

    def write_done(self, done: ShardDone) -> None:
        """Mark a shard as committed."""
        write_whole(self._run / "done" / f"{done.index:05d}.json", msgspec.json.encode(done))

    def is_done(self, shard: int) -> bool:
        """Return whether `shard` is committed."""
        return (self._run / "done" / f"{shard:05d}.json").exists()

    def done(self) -> dict[int, ShardDone]:
        """Return the committed shards by index."""
        found = [_read(file, ShardDone) for file in sorted((self._run / "done").glob("*.json"))]
        return {done.index: done for done in found}

    def first_rows(self, manifest: Manifest, number: int) -> list[dict[str, Any]]:
        """Return the first `number` rows of the dataset, or fewer where it has fewer."""
        rows: list[dict[str, Any]] = []
        for shard in manifest.shards:
            part = self.part(shard.index, manifest.suffix)
            if part.exists():
                rows += _head(part, number - len(rows))
            if len(rows) >= number:
                break
        return rows


def write_whole(file: Path, content: bytes) -> None:
    """Write `file` aside and rename it, so that nobody ever sees half of it."""
    with whole_file(file) as aside, aside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """Yield a path beside `file` to write to; it takes the place of `file` when the context ends well."""
    aside = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    try:
        yield aside
        aside.replace(file)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _head(part: Path, number: int) -> list[dict[str, Any]]:
    if part.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - not needed for JSON lines

        with pq.ParquetFile(part) as file:
            batch = next(file.iter_batches(batch_size=max(1, number)), None)
        rows = [] if batch is None else batch.slice(0, number).to_pylist()
    else:
        with part.open("rb") as lines:
            rows = [msgspec.json.decode(line) for line in islice(lines, number)]
    return rows


def _read(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (msgspec.DecodeError, OSError) as error:
        raise OutputError(
            f"{file} cannot be read ({error}): it was changed or damaged; use another output folder"
        ) from None
