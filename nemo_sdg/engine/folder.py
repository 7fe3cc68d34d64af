"""The run folder: what lies where, and writing it so that a kill leaves nothing half done."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from nemo_sdg.errors import OutputError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages.base import Shard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

T = TypeVar("T")


class ShardDone(msgspec.Struct):
    """That a shard is committed, and what became of its rows; written last."""

    index: int
    counts: Counts
    models: list[str] = []
    """Which models answered."""


class Manifest(msgspec.Struct):
    """What a run is: made once, so that a resumed run sees the same shards and settings."""

    pipeline: str
    settings: list[dict[str, Any]]
    """Of each step; results depend on nothing else."""
    suffix: str
    """Of part files."""
    shards: list[Shard]
    version: str
    started: str
    """UTC, ISO 8601."""

    @property
    def rows(self) -> int:
        """Rows of the source."""
        return sum(shard.rows for shard in self.shards)


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


def changed_settings(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return in words what differs between the settings of two runs."""
    if [step.get("step") for step in before] != [step.get("step") for step in now]:
        return [f"the steps: {_names(before)} then, {_names(now)} now"]
    return [
        f"{new['step'].rpartition(':')[2]}.{change}"
        for old, new in zip(before, now, strict=True)
        for change in _changes(old, new)
    ]


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from (f"{key}.{change}" for change in _changes(before, now))
        elif before != now:
            # Long prompts mostly begin alike: show them from a little before where they differ.
            before, now = repr(before), repr(now)
            start = max(0, _first_difference(before, now) - 20)
            yield f"{key}: {_shown(before, start)} then, {_shown(now, start)} now"


def _first_difference(one: str, other: str) -> int:
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)


def _shown(text: str, start: int) -> str:
    return ("..." if start else "") + text[start : start + 60] + ("..." if len(text) > start + 60 else "")


def _names(settings: Sequence[Mapping[str, Any]]) -> str:
    return " > ".join(str(step.get("step", "?")).rpartition(":")[2] for step in settings)


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
