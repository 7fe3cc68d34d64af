"""A store behind `pyarrow.fs`: an object store, HDFS, or what else there is an interface for."""

from __future__ import annotations

import io
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
from pyarrow import fs

from nemo_sdg.storage.segments import SegmentAppender
from nemo_sdg.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds for which what fails is tried again, besides what the file system's own client does: Amazon's takes
up to 6 s for a refused connection and 30 s for one that hangs."""
_PAUSE = 0.5  # seconds between two tries
_AT_A_TIME = 16  # requests
_WHOLE = ("s3", "gcs", "abfs")  # where a file appears when it is whole
_ASIDE = "."


class RemoteStore(Store):
    """A folder of a `pyarrow.fs.FileSystem`.

    In object stores a file appears with the end of the request that writes it. Elsewhere it is written aside
    and renamed.
    """

    appends = False

    def __init__(self, filesystem: Any, place: str, shown: str, given: tuple[Any, ...]) -> None:
        self._fs = filesystem
        self._root = place.strip("/")
        self._given = given
        self._whole = filesystem.type_name in _WHOLE
        self.url = shown
        self.remedy = (
            "check that the bucket or server is there, that the network leads to it and that the credentials "
            "may write to it"
        )

    def make(self, *folders: str) -> None:
        """See `Store.make`; an object store has no folders, so only its bucket is looked for."""
        if self._whole:
            bucket = self._root.partition("/")[0]
            if not bucket or self._told(self._fs.get_file_info, bucket).type == fs.FileType.NotFound:
                raise FileNotFoundError(f"there is no bucket {bucket!r}")
            return
        for folder in ("", *folders):
            self._told(self._fs.create_dir, self._path(folder), recursive=True)

    def try_writing(self) -> None:
        """See `Store.try_writing`; a file is written and deleted."""
        self.make()
        probe = f"{_ASIDE}{uuid.uuid4().hex}"
        self.write_once(probe, b"")
        self.delete(probe)

    def read(self, name: str) -> bytes:
        """See `Store.read`."""

        def whole() -> bytes:
            with self._fs.open_input_stream(self._path(name)) as stream:
                return bytes(stream.read())

        return self._patiently(whole)

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """See `Store.read_all`."""

        def one(name: str) -> bytes | None:
            try:
                return self.read(name)
            except FileNotFoundError:
                return None

        names = list(names)
        found = zip(names, _side_by_side(one, names), strict=True)
        return {name: content for name, content in found if content is not None}

    def open_input(self, name: str) -> IO[bytes]:
        """See `Store.open_input`."""
        return io.BufferedReader(self._told(self._fs.open_input_file, self._path(name)))

    def write(self, name: str, content: bytes) -> None:
        """See `Store.write`."""
        self._patiently(lambda: self.write_once(name, content))

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file like `write`, and raise OSError at the first failure."""
        path = self._path(name)
        if self._whole:
            self._put(path, content)
            return
        folder, _, base = path.rpartition("/")
        aside = f"{folder}/{_ASIDE}{base}.{uuid.uuid4().hex}"
        self._told(self._fs.create_dir, folder, recursive=True)
        self._put(aside, content)
        self._told(self._fs.move, aside, path)

    @contextmanager
    def whole_file(self, name: str) -> Iterator[Path]:
        """See `Store.whole_file`; the path is among this machine's temporary files."""
        with tempfile.TemporaryDirectory(prefix="nemo-sdg-") as folder:
            file = Path(folder) / name.rpartition("/")[2]
            yield file
            self.write(name, file.read_bytes())

    def append(self, name: str) -> SegmentAppender:
        """See `Store.append`: each flush writes a further file."""
        return SegmentAppender(self, name)

    def exists(self, name: str) -> bool:
        """See `Store.exists`."""
        found = self._patiently(lambda: self._fs.get_file_info(self._path(name)))
        return bool(found.type != fs.FileType.NotFound)

    def names(self, folder: str = "") -> list[str]:
        """See `Store.names`."""
        return sorted(name for name in self._listed(folder) if not name.rpartition("/")[2].startswith(_ASIDE))

    def sizes(self, folder: str = "") -> dict[str, int]:
        """See `Store.sizes`."""
        found = self._listed(folder, recursive=False)
        return {name: size for name, size in found.items() if not name.rpartition("/")[2].startswith(_ASIDE)}

    def delete(self, *names: str) -> None:
        """See `Store.delete`."""

        def one(name: str) -> None:
            with suppress(FileNotFoundError):
                self._fs.delete_file(self._path(name))

        _side_by_side(lambda name: self._patiently(lambda: one(name)), names)

    def is_empty(self) -> bool:
        """See `Store.is_empty`."""
        return not self._listed("", recursive=False) and not self._listed("")

    def delete_unfinished(self, folder: str = "") -> None:
        """See `Store.delete_unfinished`."""
        self.delete(
            *(
                name
                for name in self._listed(folder, recursive=False)
                if name.rpartition("/")[2].startswith(_ASIDE)
            )
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as what it was opened by."""
        return (Store.open, self._given)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".strip("/")

    def _listed(self, folder: str, *, recursive: bool = True) -> dict[str, int]:
        selector = fs.FileSelector(self._path(folder), recursive=recursive, allow_not_found=True)
        found = self._patiently(lambda: self._fs.get_file_info(selector))
        start = len(self._root) + 1 if self._root else 0
        return {info.path[start:]: info.size for info in found if info.type == fs.FileType.File}

    def _put(self, path: str, content: bytes) -> None:
        """Write all of `content` in one call: closing after half of it would publish that."""

        def put() -> None:
            stream = self._fs.open_output_stream(path)
            stream.write(content)
            stream.close()

        self._told(put)

    def _told(self, do: Callable[..., T], *args: object, **options: object) -> T:
        """Call `do`; raises OSError for whatever Arrow raises."""
        try:
            return do(*args, **options)
        except OSError:
            raise
        except pa.ArrowException as error:
            raise OSError(str(error)) from None

    def _patiently(self, do: Callable[[], T]) -> T:
        """Call `do` again while it fails, for a while; not where a file is missing."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self._told(do)
            except FileNotFoundError:
                raise
            except OSError:
                if time.monotonic() + _PAUSE > until:
                    raise
                time.sleep(_PAUSE)


def _side_by_side(do: Callable[[str], T], names: Iterable[str]) -> list[T]:
    names = list(names)
    if len(names) < 2:  # noqa: PLR2004 - one needs no threads
        return [do(name) for name in names]
    with ThreadPoolExecutor(min(_AT_A_TIME, len(names)), thread_name_prefix="nemo-sdg-store") as threads:
        return list(threads.map(do, names))
