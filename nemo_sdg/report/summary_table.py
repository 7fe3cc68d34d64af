"""The summary of a run as a table on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nemo_sdg.report.facts import heading
from nemo_sdg.report.phrases import BANNER
from nemo_sdg.report.summary import advice
from nemo_sdg.report.text import crop, one_line

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport
    from nemo_sdg.report.stream import SteadyStream
    from nemo_sdg.report.summary import Section

_COLOURS = {"finished": "bold green", "stopped": "bold yellow", "failed": "bold red"}
_TITLE, _LABEL = 9, 21


def print_table(report: RunReport, sections: list[Section], stream: SteadyStream) -> None:
    """Print `sections` one under another with the heading above and the paths, uncut, below."""
    console = Console(file=cast("TextIO", stream), force_terminal=True, highlight=False, markup=False)
    colour = _COLOURS.get(report.state, "bold")
    console.print(Text(one_line(f"{report.pipeline}: {heading(report)}"), colour))
    if report.simulated:
        console.print(Text(BANNER, "bold yellow"))
    for line in advice(report):
        console.print(Text(line))
    table = Table(box=box.HORIZONTALS, show_header=False, show_edge=True, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True, overflow="crop")
    room = max(10, console.width - _TITLE - _LABEL - 8)
    for section in sections:
        if section.whole:
            continue
        title = section.title
        for position, (label, value) in enumerate(section.facts):
            last = position == len(section.facts) - 1
            table.add_row(
                title if position == 0 else "",
                Text(crop(label, _LABEL)),
                Text(crop(value, room)),
                end_section=last,
            )
    console.print(table)
    for section in sections:
        for label, value in section.facts if section.whole else []:
            # Uncut and without padding, so that a path can be copied however long it is.
            console.print(Text.assemble((f"{label:<14}", "dim"), value), soft_wrap=True)
