"""One driver at a time for a run folder."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from nemo_sdg.engine.folder import LOCK
from nemo_sdg.engine.lease import Lease
from nemo_sdg.errors import OutputError
from nemo_sdg.storage import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nemo_sdg.engine.folder import RunFolder


class Lock:
    """The right to write to a run folder."""

    @property
    def lost(self) -> str:
        """Why it is another driver's by now, in words; empty while it is ours."""
        return ""


class _LeasedLock(Lock):
    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    @property
    def lost(self) -> str:
        return self._lease.lost


def _opened(folder: RunFolder, file: Path) -> TextIO:
    try:
        return file.open("w")
    except OSError as error:
        raise OutputError(
            f"the output folder {folder.url} cannot be written to ({error.strerror or error}): allow it, or "
            "choose another with --output"
        ) from None


def is_held(folder: RunFolder) -> bool:
    """Return whether a run seems to be writing to `folder`; it is not kept from doing so."""
    if not isinstance(folder.store, LocalStore):
        return Lease(folder).is_held()
    try:
        with folder.store.place(LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is no lock yet, or the file system has none
        return False
    return False


@contextmanager
def locked(folder: RunFolder, note: Callable[[str], None] = lambda _: None) -> Iterator[Lock]:
    """Hold the folder's lock: on disk one that ends with this process however that ends, else a lease.

    Raises `OutputError` when another run holds it. `note` is told what is being waited for.
    """
    if isinstance(folder.store, LocalStore):
        with _opened(folder, folder.store.place(LOCK)) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(
                    f"another run is writing to {folder.url}: wait for it, or choose another --output"
                ) from None
            except OSError:
                pass  # a file system without locks: then nobody can be kept out
            yield Lock()
        return
    lease = Lease(folder)
    lease.take(note)
    try:
        yield _LeasedLock(lease)
    finally:
        lease.leave()
