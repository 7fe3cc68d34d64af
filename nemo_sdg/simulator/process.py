"""A simulator in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgspec

from nemo_sdg.errors import ConfigError, NemoSDGError
from nemo_sdg.simulator.settings import SimulatorSettings

if TYPE_CHECKING:
    from types import TracebackType

    from nemo_sdg.simulator.settings import Faults, Latency, Limits

# How long a process that was asked to end may take before it is killed.
END_SECONDS = 5.0


class SimulatorProcess:
    """Runs a simulator in a child process, which ends when this process does; a context manager."""

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Prepare; entering the context starts it and raises `NemoSDGError` if it cannot listen."""
        self._settings = settings or SimulatorSettings()
        self._host = host
        self._port = port
        self.base_url = ""
        """What clients are to be given; empty before the start."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process is not None
        return self._process.pid

    def stats(self) -> dict[str, Any]:
        """Return what `GET /stats` returns."""
        figures: dict[str, Any] = msgspec.json.decode(self._ask("GET", "/stats"))
        return figures

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._ask("POST", "/stats/reset")

    def control(
        self,
        *,
        latency: Latency | None = None,
        limits: Limits | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Replace the sections of the settings that are given, from the next request on."""
        given = {"latency": latency, "limits": limits, "faults": faults}
        change = {key: value for key, value in given.items() if value is not None}
        self._ask("POST", "/control", msgspec.json.encode(change))

    def __enter__(self) -> Self:
        command = [
            sys.executable,
            "-m",
            "nemo_sdg.simulator",
            "--host",
            self._host,
            "--port",
            str(self._port),
        ]
        # Settings go through standard input: a command line shows in the list of processes, keys must not.
        # As long as that pipe is open the child lives.
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, "--embedded"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A child that ended already says why on its error output, and no URL comes from it.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(msgspec.json.encode(self._settings) + b"\n")
            self._process.stdin.flush()
        self.base_url = self._process.stdout.readline().decode().strip()
        if not self.base_url:
            self._end()
            raise NemoSDGError(
                f"The simulator could not start on {self._host}:{self._port}; its error output says why."
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise ConfigError(msgspec.json.decode(answer)["error"]["message"])
        return answer
