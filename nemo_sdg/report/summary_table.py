"""The summary of a run as a table on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console
from rich.text import Text

from nemo_sdg.report.advice import advice
from nemo_sdg.report.facts import heading
from nemo_sdg.report.phrases import BANNER
from nemo_sdg.report.text import crop, display_width, one_line

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport
    from nemo_sdg.report.stream import SteadyStream
    from nemo_sdg.report.summary import Section

_COLOURS = {"finished": "bold green", "stopped": "bold yellow", "failed": "bold red"}
_TITLE, _LABEL = 10, 16


def print_table(report: RunReport, sections: list[Section], stream: SteadyStream) -> None:
    """Print `sections` one under another, with lines between them; how it ended and what to do come last.

    The end is what stays on a small screen. Nothing is padded at the right (as rich's tables are): a terminal
    that draws some script wider than was counted would wrap the line.
    """
    console = Console(file=cast("TextIO", stream), force_terminal=True, highlight=False, markup=False)
    line = "─" if console.encoding.startswith("utf") else "-"
    rule = Text(line * (console.width - 1), style="dim", no_wrap=True)
    room = max(10, console.width - _TITLE - _LABEL - 1)
    for section in sections:
        console.print(rule)
        for position, (label, value) in enumerate(section.facts):
            title = section.title if position == 0 else ""
            shown = value if section.whole else crop(value, room)
            cells = ((_cell(title, _TITLE), "bold"), (_cell(label, _LABEL), "dim"), shown)
            console.print(Text.assemble(*cells, no_wrap=True), soft_wrap=section.whole, crop=False)
    console.print(rule)
    console.print(Text(one_line(f"{report.pipeline}: {heading(report)}"), _COLOURS.get(report.state, "bold")))
    if report.simulated:
        console.print(Text(BANNER, "bold yellow"))
    for label, text in advice(report):
        console.print(Text(f"{label}: {text}"))


def _cell(text: str, width: int) -> str:
    shown = crop(text, width - 1)
    return shown + " " * (width - display_width(shown))
