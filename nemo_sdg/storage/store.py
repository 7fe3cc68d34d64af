"""A folder by names: on disk or in an object store, with the same promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path


class Appender(Protocol):
    """The end of a growing file; safe for several threads."""

    files: list[str]
    """The names of the files that were written so far."""

    def write(self, content: bytes) -> None:
        """Add `content`, which outlives the process only after a `flush`."""
        ...

    def flush(self, *, patiently: bool = True) -> None:
        """Keep what was written, or raise OSError: at once, or `patiently` after having tried for a while.

        What could not be kept is tried again by the next call.
        """
        ...

    def close(self) -> None:
        """Flush, and let go."""
        ...


class Store(ABC):
    """Files in one folder, by names with "/" between their parts.

    A file is whole or not there, however the process ends. Methods raise OSError for what cannot be done,
    `FileNotFoundError` where there is no such file, `OutputError` where a link leads out of the folder. A
    store can be pickled: it is opened again where it is used. Safe for several threads.
    """

    url: str
    """For people: the absolute path, or the URL without credentials."""
    remedy: str
    """What a person should do when it cannot be used."""
    appends: bool
    """Whether a file can grow; else an appender writes a further file with each flush."""

    @staticmethod
    def open(path: Path | str, filesystem: Any = None) -> Store:
        """Return the store at `path`: a folder, the URL of one, or a path on a `pyarrow.fs.FileSystem`.

        Raises `ConfigError` for a URL that cannot be understood.
        """
        from nemo_sdg.storage.urls import opened  # noqa: PLC0415 - it knows all kinds of stores

        return opened(path, filesystem)

    @abstractmethod
    def make(self, *folders: str) -> None:
        """Make the store's own folder and `folders`, where a folder is more than a part of names."""

    @abstractmethod
    def try_writing(self) -> None:
        """Raise OSError if no file can be written here; leaves no file behind."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return what is in a file."""

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return what is in each of several files; those that are gone are left out."""
        found = {}
        for name in names:
            try:
                found[name] = self.read(name)
            except FileNotFoundError:
                continue
        return found

    @abstractmethod
    def open_input(self, name: str) -> IO[bytes]:
        """Return a file to read at any place of."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, in place of the one before."""

    @abstractmethod
    def whole_file(self, name: str) -> AbstractContextManager[Path]:
        """Yield a local path to write to; the file takes its place when the context ends well."""

    @abstractmethod
    def append(self, name: str) -> Appender:
        """Return the end of the file `name`; without `appends`, of a row of files beside it."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Return whether there is such a file, or a folder with files."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """Return the names of all files below `folder`, sorted, without what is still being written."""

    @abstractmethod
    def sizes(self, folder: str = "") -> dict[str, int]:
        """Return the bytes of each file directly in `folder`, by name, but for those being written."""

    @abstractmethod
    def delete(self, *names: str) -> None:
        """Delete files; one that is not there is none the worse."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Return whether there is no file at all."""

    @abstractmethod
    def delete_unfinished(self, folder: str = "") -> None:
        """Delete what writers that were killed left behind directly in `folder`."""

    def __repr__(self) -> str:
        """Show where it is, without credentials."""
        return f"<{type(self).__name__} {self.url}>"
