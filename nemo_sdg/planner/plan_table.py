"""A plan on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO, cast

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nemo_sdg.planner.plan_text import COLUMNS, cells, ending, facts, heading, notes, wrapped
from nemo_sdg.report.phrases import BANNER

if TYPE_CHECKING:
    from nemo_sdg.planner.job_plan import JobPlan
    from nemo_sdg.report.stream import SteadyStream

WIDEST = 100


def print_plan(plan: JobPlan, stream: SteadyStream) -> None:
    """Print `plan` in colours."""
    console = Console(file=cast("TextIO", stream), force_terminal=True, highlight=False, markup=False)
    width = min(WIDEST, console.width) - 1
    console.print(Text(heading(plan), "bold"))
    if plan.simulated:
        console.print(Text(BANNER, "bold yellow"))
    console.print()
    for label, text in facts(plan):
        for line in wrapped(label, text, width):
            shown = Text(line, no_wrap=True)
            shown.stylize("dim", 0, len(label))
            console.print(shown)
    console.print(_table(plan, console))  # which begins and ends with an empty line
    end = ending(plan)
    for line in [*([end] if end else []), *notes(plan)]:
        console.print(Text(f" {line}"))
    console.print()
    console.print(Text("assumed", "dim"))
    for assumption in plan.assumptions:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text("-", "dim"), Text(assumption, "dim"))
        console.print(grid, width=width)


def _table(plan: JobPlan, console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD if console.encoding.startswith("utf") else box.ASCII2, pad_edge=True)
    for above, below in COLUMNS:
        table.add_column(f"{above}\n{below}", justify="right", no_wrap=True)
    for row in plan.scaling.rows:
        table.add_row(*cells(row), style="bold" if row.workers == plan.workers else None)
    return table
