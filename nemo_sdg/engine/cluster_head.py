"""Whether the head of a Ray cluster takes connections: before it is joined, and while a job runs on it.

Ray waits for a head that is not there for minutes, and ends the process without words when one is gone.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLIENT_PORT = 10001
"""Of addresses that begin with ray://, where they name none."""
_PATIENCE = 8.0  # seconds for a head that is just being started
_CONNECT = 3.0  # seconds for one connection
_PAUSE = 1.0  # seconds between two
_LOOK = 5.0  # seconds between two looks at a head in use
_MISSED = 3  # looks in a row that find nobody


def head_place(address: str) -> tuple[str, int] | None:
    """Return host and port of `address`, as host:port or ray://host:port; None of what names no place."""
    scheme, separator, rest = address.rpartition("://")
    if separator and scheme != "ray":
        return None
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port or (_CLIENT_PORT if scheme == "ray" else None)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def check_reachable(address: str, patience: float = _PATIENCE) -> None:
    """Raise `ConfigError` when nobody takes connections at `address` within `patience` seconds.

    Of "auto", and whatever else names no place, nothing is known here.
    """
    place = head_place(address)
    if place is None:
        return
    until = time.monotonic() + patience
    while why := _refusal(place):
        if time.monotonic() >= until:
            raise ConfigError(
                f"no Ray cluster can be joined at {address!r}: nobody takes connections there ({why}); check "
                "--address and RAY_ADDRESS, and that the cluster runs (ray status, on its head), or leave "
                "both out to run on this machine"
            )
        time.sleep(min(_PAUSE, patience))


@contextmanager
def head_watched(address: str, say: Callable[[str], None], look: float = _LOOK) -> Iterator[None]:
    """Within this context `say` what to do when the head at `address` is gone, and when it is back.

    It is looked at each `look` seconds.
    """
    place, ended = head_place(address), threading.Event()

    def watch() -> None:
        missed = 0
        while place is not None and not ended.wait(look):
            gone = _refusal(place) is not None
            if gone and missed + 1 == _MISSED:
                say(
                    f"the head of the Ray cluster at {address} is gone; unless it comes back Ray ends this "
                    "command within about a minute. What was paid for is kept: run the same command again"
                )
            elif not gone and missed >= _MISSED:
                say(f"the head of the Ray cluster at {address} is back")
            missed = missed + 1 if gone else 0

    watching = threading.Thread(target=watch, name="nemo-sdg-head", daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()


def _refusal(place: tuple[str, int]) -> str | None:
    """Return why no connection can be made; None when one can."""
    try:
        socket.create_connection(place, timeout=_CONNECT).close()
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    return None
