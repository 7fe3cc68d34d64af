"""The lock of a folder in an object store: an object that its holder keeps changing.

There is no lock that would end with a process, and clocks of machines may differ. So whoever finds a lease
watches it: one that does not change for a while, by the watcher's own clock, is nobody's.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.engine.folder import LEASE
from nemo_sdg.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.engine.folder import RunFolder

BEAT = 5.0
"""Seconds between two changes of a lease."""
WATCH = 15.0
"""Seconds for which a lease must not have changed before another driver takes it."""
LOOK = 1.0
"""Seconds between two looks at another's, and from taking one to the first look at it."""


class Holder(msgspec.Struct):
    """Who holds a lease: what the object says."""

    token: str
    """Of one driver alone."""
    host: str
    machine: str
    """Tells machines, and containers on them, apart: process numbers mean nothing elsewhere."""
    pid: int
    time: str
    """When it began, in UTC, for people."""
    beat: int = 0
    """Counts the changes."""

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended: its process was one of this machine."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


class Lease:
    """Takes the lease of `folder`, keeps it and gives it back."""

    def __init__(self, folder: RunFolder) -> None:
        self.lost = ""
        """Why it is another's by now, in words; empty while it is ours."""
        self._folder = folder
        self._store = folder.store
        self._mine = Holder(
            uuid.uuid4().hex,
            socket.gethostname(),
            _machine(),
            os.getpid(),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="nemo-sdg-lease", daemon=True)

    def take(self, note: Callable[[str], None]) -> None:
        """Take it; raises `OutputError` when another driver is using it."""
        try:
            holder = self._holder()
            if holder is not None and not holder.ended:
                self._watch(holder, note)
            self._write()
        except OSError as error:
            raise OutputError(
                f"the output folder {self._folder.url} cannot be locked ({error}): {self._store.remedy}"
            ) from None
        self._keeper.start()

    def is_held(self) -> bool:
        """Return whether another driver has it, as far as one look tells."""
        holder = self._holder()
        return holder is not None and not holder.ended

    def leave(self) -> None:
        """Give it back, if it is still ours."""
        self._ended.set()
        self._keeper.join()
        with suppress(OSError):  # then the next driver watches it for a while
            holder = self._holder()
            if holder is not None and holder.token == self._mine.token:
                self._store.delete(LEASE)

    def _watch(self, holder: Holder, note: Callable[[str], None]) -> None:
        note(
            f"{self._folder.url} was last used by process {holder.pid} on {holder.host}: watching for "
            f"{WATCH:.0f} s whether it still is"
        )
        until = time.monotonic() + WATCH
        while time.monotonic() < until:
            time.sleep(LOOK)
            now = self._holder()
            if now is None:
                return
            if now != holder:
                raise OutputError(
                    f"another run is writing to {self._folder.url}, process {now.pid} on {now.host} since "
                    f"{now.time}: wait for it, or choose another --output"
                )

    def _keep(self) -> None:
        pause = LOOK  # two drivers that took it in the same moment find out soon
        while not self._ended.wait(pause):
            pause = BEAT
            with suppress(OSError):  # workers notice when the store is away; the next look tells the rest
                holder = self._holder()
                if holder is not None and holder.token != self._mine.token:
                    self.lost = (
                        f"another run has taken over {self._folder.url}, process {holder.pid} on "
                        f"{holder.host}: wait for it, or choose another --output"
                    )
                    return
                self._mine.beat += 1
                self._write()

    def _holder(self) -> Holder | None:
        try:
            return msgspec.json.decode(self._store.read(LEASE), type=Holder)
        except (FileNotFoundError, msgspec.DecodeError):  # damaged: whoever wrote it writes it again
            return None

    def _write(self) -> None:
        self._store.write(LEASE, msgspec.json.encode(self._mine))


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return socket.gethostname()
