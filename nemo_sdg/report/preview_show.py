"""Shows a preview: in colours on a terminal, as plain lines elsewhere, as data to a program."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, cast

import msgspec

from nemo_sdg.report.formats import plural
from nemo_sdg.report.phrases import BANNER, MARK
from nemo_sdg.report.preview_text import Line, row_lines, summary_lines
from nemo_sdg.report.stream import SteadyStream
from nemo_sdg.report.text import crop, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from nemo_sdg.report.traces import PreviewSummary, RowTrace

_WIDTH = 80  # where no terminal shows it
_LEAST = 40
_STYLES = {
    "title": "bold",
    "stage": "bold cyan",
    "good": "bold green",
    "odd": "yellow",
    "bad": "bold red",
    "dim": "dim",
}


class PreviewData:
    """Writes one JSON object to `stream` at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = SteadyStream(stream)
        self._content: dict[str, Any] = {}

    def begin(self, pipeline: str, rows: int, *, simulated: bool) -> None:
        """See `PreviewText.begin`."""
        self._content = {"pipeline": pipeline, "rows_total": rows, "simulated": simulated, "rows": []}

    def row(self, trace: RowTrace) -> None:
        """Keep what became of a row."""
        self._content["rows"].append({"fate": trace.fate, **msgspec.structs.asdict(trace)})

    def end(self, summary: PreviewSummary) -> None:
        """Write all."""
        encoded = msgspec.json.encode({**self._content, "summary": summary}, enc_hook=str)
        self._stream.write(msgspec.json.format(encoded).decode() + "\n")
        self._stream.flush()


class PreviewText:
    """Writes rows to `stream` as they come; `full` cuts no text short."""

    def __init__(self, stream: TextIO, *, full: bool) -> None:
        self._stream = SteadyStream(stream)
        self._full = full
        self._console: Any = None
        self._simulated = False
        self._mark = ""
        self._width = _WIDTH

    def begin(self, pipeline: str, rows: int, *, simulated: bool) -> None:
        """Write what this is a preview of: a pipeline, and how many rows it has."""
        self._simulated = simulated
        if self._stream.isatty():
            from rich.console import Console  # noqa: PLC0415 - rich is slow to import

            self._console = Console(
                file=cast("TextIO", self._stream), force_terminal=True, highlight=False, markup=False
            )
            # A column is left free: a cursor in the last one makes some terminals wrap.
            self._width = max(_LEAST, shutil.get_terminal_size().columns - 1)
        elif simulated:
            self._mark = MARK
            self._width -= len(MARK)
        heading = f"{pipeline}: preview of a job of {plural(rows, 'row')}; nothing is written"
        self._write([Line(crop(one_line(heading), self._width), "title")])
        if simulated and self._console is not None:
            self._write([Line(crop(BANNER, self._width), "odd")])

    def row(self, trace: RowTrace) -> None:
        """Write what became of a row."""
        self._write(row_lines(trace, self._width, full=self._full))

    def end(self, summary: PreviewSummary) -> None:
        """Write what it came to."""
        self._write(summary_lines(summary, self._width, simulated=self._simulated))

    def _write(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if self._console is None:
                self._stream.write(f"{self._mark}{line.text}".rstrip() + "\n")
            else:
                from rich.text import Text  # noqa: PLC0415 - see above

                text = Text(line.text, _STYLES.get(line.kind, ""), no_wrap=True)
                self._console.print(text, soft_wrap=True, crop=False)
        self._stream.flush()
