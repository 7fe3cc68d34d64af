"""The run folder: what lies where, on disk or in an object store."""

from __future__ import annotations

import re
import uuid
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from nemo_sdg.engine.entries import encode, read_entries
from nemo_sdg.engine.manifest import Manifest, ShardDone
from nemo_sdg.errors import OutputError
from nemo_sdg.report.card import CARD, is_ours, write_card
from nemo_sdg.report.files import read_report, write_page, write_report
from nemo_sdg.stages.rows import Rejection
from nemo_sdg.storage import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from nemo_sdg.engine.entries import Entry
    from nemo_sdg.report.analysis import Analysis
    from nemo_sdg.report.numbers import RunReport
    from nemo_sdg.stages.base import Sink

T = TypeVar("T")
RUN = "_run"
LOCK = f"{RUN}/lock"
LEASE = f"{RUN}/lock.json"
_MANIFEST = f"{RUN}/manifest.json"
_ANSWERS = f"{RUN}/answers"
_DONE = f"{RUN}/done"
_REJECTED = "rejected"
_PART = re.compile(rf"({_REJECTED}/)?part-\d+\.")
_OURS = re.compile(
    rf"part-\d+\.[a-z0-9]+(?<!\.bak)$|{_REJECTED}/part-\d+\.jsonl$|report\.(json|html)$"
    rf"|{RUN}/(answers|done)/|{RUN}/(stop|workers/.*)$"
)


class RunFolder:
    """What a run keeps in the folder or object store `place`.

    Its methods raise `OutputError` where the folder cannot be used, with what to do. It can be pickled.
    """

    def __init__(self, place: Path | str | Store) -> None:
        self.store = place if isinstance(place, Store) else Store.open(place)

    @classmethod
    def of(cls, sink: Sink) -> RunFolder:
        """Return the folder that `sink` writes to."""
        return cls(Store.open(sink.path, getattr(sink, "filesystem", None)))

    @property
    def url(self) -> str:
        """For people: the absolute path, or the URL without credentials."""
        return self.store.url

    def create(self) -> None:
        """Make the folders."""
        try:
            self.store.make(_ANSWERS, _DONE, _REJECTED)
        except OSError as error:
            raise self._not_made(error) from None

    def _not_made(self, error: OSError) -> OutputError:
        return OutputError(
            f"the output folder {self.url} cannot be made ({_reason(error)}): choose another with "
            f"--output, or {self.store.remedy}"
        )

    def is_foreign(self) -> bool:
        """Return whether the folder holds files, but no run of ours."""
        with self._usable():
            return not self.store.exists(RUN) and not self.store.is_empty()

    def check_ours(self) -> None:
        """Raise `OutputError` where the folder `is_foreign`."""
        if self.is_foreign():
            raise OutputError(
                f"{self.url} holds files that are not of a run: choose an empty or new folder with --output"
            )

    def check_writable(self) -> None:
        """Raise `OutputError` where nothing can be written."""
        try:
            self.store.try_writing()
        except OSError as error:
            raise self._not_made(error) from None

    def manifest(self) -> Manifest | None:
        """Return the manifest of the run that is here; None when there is none."""
        with self._usable():
            try:
                content = self.store.read(_MANIFEST)
            except FileNotFoundError:
                return None
        return self._decoded(_MANIFEST, content, Manifest)

    def write_manifest(self, manifest: Manifest) -> None:
        """Begin a run here, or say what has changed of it."""
        with self._usable():
            self.store.write(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))

    def done(self) -> dict[int, ShardDone]:
        """Return the committed shards by index; one whose mark is damaged is not among them."""
        with self._usable():
            contents = self.store.read_all(self.store.names(_DONE))
        found = {}
        for content in contents.values():
            with suppress(msgspec.DecodeError):
                done = msgspec.json.decode(content, type=ShardDone)
                found[done.index] = done
        return found

    def done_shards(self) -> set[int]:
        """Return the indices of the committed shards; one listing."""
        with self._usable():
            return {int(name.rpartition("/")[2].partition(".")[0]) for name in self.store.names(_DONE)}

    def done_mark(self, shard: int) -> ShardDone | None:
        """Return what became of `shard`; None while it is not committed."""
        name = done_file(shard)
        with self._usable():
            try:
                content = self.store.read(name)
            except FileNotFoundError:
                return None
        return self._decoded(name, content, ShardDone)

    def write_done(self, done: ShardDone) -> None:
        """Mark a shard as committed."""
        with self._usable():
            self.store.write(done_file(done.index), msgspec.json.encode(done))

    def forget_done(self, shards: Iterable[int] | None = None) -> None:
        """Have shards run again (None: all); answers and parts stay until then."""
        with self._usable():
            self.store.delete(*(self.store.names(_DONE) if shards is None else map(done_file, shards)))

    def delete_unfinished(self) -> None:
        """Delete what writers that were killed left behind."""
        with self._usable():
            for folder in ("", _REJECTED, RUN, _DONE):
                self.store.delete_unfinished(folder)

    def part(self, shard: int, suffix: str) -> str:
        """Return the name under which the rows of `shard` go."""
        return f"part-{shard:05d}{suffix}"

    def parts(self) -> dict[str, int]:
        """Return the bytes of each file of rows, of rejected ones too, by name."""
        with self._usable():
            found = {**self.store.sizes(), **self.store.sizes(_REJECTED)}
        return {name: size for name, size in found.items() if _PART.match(name)}

    def remove_part(self, shard: int, suffix: str) -> None:
        """Delete the rows of `shard`."""
        with self._usable():
            self.store.delete(self.part(shard, suffix))

    def rejections(self, shard: int) -> list[Rejection]:
        """Return why rows of `shard` were rejected."""
        name = rejected(shard)
        with self._usable():
            try:
                content = self.store.read(name)
            except FileNotFoundError:
                return []
        return [self._decoded(name, line, Rejection) for line in content.splitlines() if line]

    def journal(self, shard: int, worker: str) -> str:
        """Return the name of the journal of paid answers of `shard` that `worker` writes."""
        return f"{_ANSWERS}/{shard:05d}/{worker}.jsonl"

    def journals(self, shard: int) -> list[str]:
        """Return the names of the journals of `shard` that any worker has written."""
        with self._usable():
            return self.store.names(f"{_ANSWERS}/{shard:05d}")

    def journal_shards(self) -> set[int]:
        """Return the shards that have any journal; one listing."""
        with self._usable():
            return {int(name.split("/")[2]) for name in self.store.names(_ANSWERS)}

    def entries(self, shard: int, journals: Iterable[str] | None = None) -> list[Entry]:
        """Return the whole entries of the `journals` of `shard` (None: of all of them)."""
        names = self.journals(shard) if journals is None else journals
        with self._usable():
            return read_entries(self.store.read_all(names).values())

    def replace_entries(
        self, shard: int, entries: Sequence[Entry], journals: Iterable[str] | None = None
    ) -> None:
        """Keep `entries` in place of what the `journals` of `shard` hold (None: all of them).

        Killed in between, both are there; then the same entry counts once, see `read_entries`.
        """
        before = self.journals(shard) if journals is None else list(journals)
        with self._usable():
            if entries:
                lines = b"".join(encode(entry) + b"\n" for entry in entries)
                self.store.write(self.journal(shard, f"all-{uuid.uuid4().hex[:12]}"), lines)
            self.store.delete(*before)

    def clear(self) -> None:
        """Remove what a run of ours has made, and nothing else; the lock stays with who holds it.

        First the marks that shards are done, last the manifest: a kill in between leaves a run that is
        not finished.
        """
        store = self.store
        self.forget_done()
        with self._usable():
            store.delete(*filter(_OURS.match, store.names()))
            if is_ours(store):
                store.delete(CARD)
            store.delete(_MANIFEST)
        self.delete_unfinished()

    def first_rows(self, manifest: Manifest, number: int) -> list[dict[str, Any]]:
        """Return the first `number` rows of the dataset, or fewer where it has fewer."""
        rows: list[dict[str, Any]] = []
        with self._usable():
            for shard in manifest.shards:
                if len(rows) >= number:
                    break
                try:
                    rows += self._head(self.part(shard.index, manifest.suffix), number - len(rows))
                except FileNotFoundError:
                    continue
        return rows

    def read_report(self) -> RunReport | None:
        """Return the report of the latest run; None when there is none."""
        with self._usable():
            try:
                return read_report(self.store)
            except FileNotFoundError:
                return None

    def write_report(self, report: RunReport) -> None:
        """Write `report.json` and, beside rows, the card by which others load them."""
        with self._usable():
            write_report(report, self.store)
            write_card(report, self.store)

    def write_page(self, report: RunReport, analysis: Analysis) -> None:
        """Write `report.html`."""
        with self._usable():
            write_page(report, analysis, self.store)

    def _head(self, part: str, number: int) -> list[dict[str, Any]]:
        with self.store.open_input(part) as stream:
            if not part.endswith(".parquet"):
                return [msgspec.json.decode(line) for line in islice(stream, number)]
            import pyarrow.parquet as pq  # noqa: PLC0415 - not needed for JSON lines

            with pq.ParquetFile(stream) as file:
                batch = next(file.iter_batches(batch_size=number), None)
            return [] if batch is None else batch.slice(0, number).to_pylist()

    def _decoded(self, name: str, content: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise OutputError(
                f"{self.url}/{name} cannot be read ({error}): it was changed or damaged; use another output "
                "folder"
            ) from None

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"the output folder {self.url} cannot be used ({_reason(error)}): {self.store.remedy}, then "
                "run the same command again"
            ) from None


def rejected(shard: int) -> str:
    """Return the name under which the rejected rows of `shard` go, if there are any."""
    return f"{_REJECTED}/part-{shard:05d}.jsonl"


def done_file(shard: int) -> str:
    """Return the name of the mark that `shard` is committed."""
    return f"{_DONE}/{shard:05d}.json"


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
