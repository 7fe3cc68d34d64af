"""What /proc says of processes: command lines, children, listening sockets."""

from __future__ import annotations

import ipaddress
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

_LISTENING = "0A"
_PROC = Path("/proc")


class Listener(NamedTuple):
    """A listening TCP socket."""

    pid: int
    address: str
    port: int
    command: str

    @property
    def only_here(self) -> bool:
        """Whether no other machine can reach it."""
        address = ipaddress.ip_address(self.address)
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback


def processes() -> dict[int, int]:
    """Return the parent of each process."""
    parents = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return parents


def family(pid: int) -> set[int]:
    """Return `pid` and all processes that come of it and whose parents live."""
    parents = processes()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def command_of(pid: int) -> str:
    """Return the command line of a process, "" when it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def listeners(pids: set[int]) -> list[Listener]:
    """Return the listening sockets of `pids`."""
    found = []
    for pid in sorted(pids):
        inodes = _sockets(pid)
        for table in ("tcp", "tcp6"):
            with suppress(OSError):
                for line in (_PROC / str(pid) / "net" / table).read_text().splitlines()[1:]:
                    columns = line.split()
                    if columns[3] == _LISTENING and columns[9] in inodes:
                        address, port = columns[1].split(":")
                        found.append(Listener(pid, _address(address), int(port, 16), command_of(pid)))
    return found


def _sockets(pid: int) -> set[str]:
    inodes = set()
    with suppress(OSError):
        for handle in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                target = str(handle.readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes


def _address(written: str) -> str:
    """Return the address that the kernel writes as hexadecimal words, each in this machine's order."""
    packed = b"".join(bytes.fromhex(written[at : at + 8])[::-1] for at in range(0, len(written), 8))
    return str(ipaddress.ip_address(packed))


class Watch:
    """Notes all processes' command lines, and the listeners of some families, while it is entered."""

    def __init__(self) -> None:
        self.commands: set[str] = set()
        self.listeners: set[Listener] = set()
        self.roots: set[int] = set()
        """Whose families to look at for listeners."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            self.look()

    def look(self) -> None:
        """Look once; at the listeners of processes that were there before, for the new ones have none yet."""
        self.commands |= {command_of(pid) for pid in processes()}
        for root in list(self.roots):
            self.listeners |= set(listeners(family(root)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
