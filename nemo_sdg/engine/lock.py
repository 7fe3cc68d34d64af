"""One driver at a time for a run folder."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nemo_sdg.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.engine.folder import RunFolder


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the folder's lock, which ends with this process however that ends.

    Raises `OutputError` when another run holds it.
    """
    with (folder.path / "_run" / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another run is writing to {folder.path}: wait for it, or choose another --output"
            ) from None
        except OSError:
            pass  # a file system without locks: then nobody can be kept out
        yield
