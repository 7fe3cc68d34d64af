"""A store on disk."""

from __future__ import annotations

import os
import tempfile
import threading
import uuid
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from nemo_sdg.errors import OutputError
from nemo_sdg.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedWriter
    from pathlib import Path

_ASIDE = "."  # names of files that are being written begin so


class LocalStore(Store):
    """A folder on a file system of this machine, or one that all machines share.

    Files are written aside and renamed, so that nobody ever sees half of one.
    """

    appends = True
    remedy = "make room or mend the file system"

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.url = str(self.path)

    def make(self, *folders: str) -> None:
        """See `Store.make`."""
        self.path.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            self.place(folder).mkdir(parents=True, exist_ok=True)

    def try_writing(self) -> None:
        """See `Store.try_writing`."""
        there = next(above for above in (self.path, *self.path.parents) if above.exists())
        with tempfile.TemporaryFile(dir=there):
            pass

    def read(self, name: str) -> bytes:
        """See `Store.read`."""
        return (self.path / name).read_bytes()

    def open_input(self, name: str) -> IO[bytes]:
        """See `Store.open_input`."""
        return (self.path / name).open("rb")

    def write(self, name: str, content: bytes) -> None:
        """See `Store.write`."""
        with self.whole_file(name) as aside:
            aside.write_bytes(content)

    @contextmanager
    def whole_file(self, name: str) -> Iterator[Path]:
        """See `Store.whole_file`; the path is in the same folder."""
        file = self._writable(name)
        aside = file.with_name(f"{_ASIDE}{file.name}.{uuid.uuid4().hex}")
        try:
            yield aside
            with aside.open("rb") as written:
                os.fsync(written.fileno())
            aside.replace(file)
        except BaseException:
            with suppress(FileNotFoundError):
                aside.unlink()
            raise

    def append(self, name: str) -> LocalAppender:
        """See `Store.append`."""
        return LocalAppender(self._writable(name), name)

    def exists(self, name: str) -> bool:
        """See `Store.exists`."""
        return (self.path / name).exists()

    def names(self, folder: str = "") -> list[str]:
        """See `Store.names`; links to folders are not followed."""
        top = self.path / folder
        found = [
            f"{where}/{file}"
            for where, _, files in os.walk(top)
            for file in files
            if not file.startswith(_ASIDE)
        ]
        start = len(str(self.path)) + 1
        return sorted(path[start:] for path in found)

    def sizes(self, folder: str = "") -> dict[str, int]:
        """See `Store.sizes`."""
        before = f"{folder}/" if folder else ""
        top = self.path / folder
        files = os.scandir(top) if top.is_dir() else ()
        return {
            before + file.name: file.stat().st_size
            for file in files
            if not file.name.startswith(_ASIDE) and file.is_file()
        }

    def delete(self, *names: str) -> None:
        """See `Store.delete`."""
        for name in names:
            self._inside(name).unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """See `Store.is_empty`; an empty folder in it is something too."""
        return not self.path.exists() or not any(self.path.iterdir())

    def delete_unfinished(self, folder: str = "") -> None:
        """See `Store.delete_unfinished`."""
        top = self.place(folder) if folder else self.path
        for file in top.glob(f"{_ASIDE}*.{'[0-9a-f]' * 32}"):
            file.unlink(missing_ok=True)

    def place(self, name: str) -> Path:
        """Return where `name` is; raises `OutputError` where a link leads elsewhere."""
        path = self._inside(name)
        if path.is_symlink():
            raise self._leads_out(path)
        return path

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as the path."""
        return (LocalStore, (self.path,))

    def _writable(self, name: str) -> Path:
        """Return where `name` goes. Its folder is made, if only that is missing: a lost disk is none."""
        path = self._inside(name)
        if path.parent != self.path:
            with suppress(FileExistsError):
                path.parent.mkdir()
        return path

    def _inside(self, name: str) -> Path:
        above = self.path
        for part in name.split("/")[:-1]:
            above /= part
            if above.is_symlink():
                raise self._leads_out(above)
        return self.path / name

    def _leads_out(self, path: Path) -> OutputError:
        return OutputError(
            f"{path} is a link, and what it leads to is not this run's: remove the link, or choose another "
            "output folder"
        )


class LocalAppender:
    """The end of a file on disk, which is there from now on."""

    def __init__(self, file: Path, name: str) -> None:
        self.files = [name]
        self._stream: BufferedWriter = os.fdopen(os.open(file, _APPEND, 0o666), "ab")
        self._lock = threading.Lock()

    def write(self, content: bytes) -> None:
        """See `Appender.write`."""
        self._stream.write(content)

    def flush(self, *, patiently: bool = True) -> None:  # noqa: ARG002 - a disk needs no second try
        """See `Appender.flush`: the operating system has it then, where a kill does not reach it."""
        with self._lock:
            if not self._stream.closed:
                self._stream.flush()

    def close(self) -> None:
        """See `Appender.close`."""
        with self._lock:
            self._stream.close()


_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
