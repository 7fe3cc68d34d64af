"""The protocol between the client and what carries its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from nemo_sdg.errors import BadAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.client.payload import Payload

LARGEST_ANSWER = 64 * 2**20
"""Bytes: an answer that is larger is refused, so that a broken server cannot fill a worker's memory."""


def too_large() -> BadAnswerError:
    """Return what to raise for an answer that is larger."""
    return BadAnswerError(f"the answer is larger than {LARGEST_ANSWER:,} bytes: lower max_tokens or n")


class HTTPAnswer(NamedTuple):
    """One HTTP answer, whole."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case, or in any case in a mapping that ignores it."""
    body: bytes


class Transport(Protocol):
    """Carries one attempt; raises our `RequestError`s where no whole answer came. Safe on any event loop."""

    async def post(self, payload: Payload) -> HTTPAnswer:
        """Send `payload` and return the answer, whatever its status."""
        ...

    async def get(self, path: str) -> HTTPAnswer:
        """Ask for `path` below the base URL."""
        ...

    def redact(self, text: str) -> str:
        """Return `text` without the credential, should a server have echoed it."""
        ...

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        ...
