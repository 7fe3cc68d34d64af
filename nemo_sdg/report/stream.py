"""A text stream that never stops a run: failures to show something are swallowed."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO


class SteadyStream(io.TextIOBase):
    """Writes to `stream`; characters outside its encoding become "?", and failures to write are ignored.

    A run must outlive the terminal or the pipe that shows it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What `stream` encodes to; UTF-8 where it does not say."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str, /) -> int:
        """Write `text`; return its length."""
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Send what was written on its way."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Say whether a terminal shows it."""
        return is_terminal(self._stream)

    def fileno(self) -> int:
        """Return the descriptor of `stream`."""
        return self._stream.fileno()


def is_terminal(stream: TextIO) -> bool:
    """Say whether `stream` is shown on a terminal."""
    try:
        return stream.isatty()
    except (OSError, ValueError, AttributeError):
        return False
