"""The table of a long run."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.table import Table as RichTable

if TYPE_CHECKING:
    from faults.runner import Outcome
    from rich.console import Console


@dataclass
class Line:
    """What rounds of a kind came to."""

    survived: int = 0
    """Events, in rounds with nothing wrong."""
    rounds: int = 0
    failed: int = 0
    lost: int = 0
    twice: int = 0
    litter: int = 0
    repeated: list[float] = field(default_factory=list)
    """Requests for each event of a round, which is exact where it has one."""
    used: list[float] = field(default_factory=list)
    """Of what may be repeated; only where something may."""


class Table:
    """Collects outcomes by where and what, and shows them."""

    def __init__(self, console: Console) -> None:
        self.failures: list[str] = []
        self._console = console
        self._rows: dict[tuple[str, str], Line] = defaultdict(Line)
        self._kinds: dict[str, int] = defaultdict(int)

    def add(self, where: str, outcome: Outcome, again: str) -> None:
        """Take in the outcome of a round, which `again` would repeat."""
        what = {0: "nothing (too late)", 1: outcome.struck[0] if outcome.struck else ""}.get(
            len(outcome.struck), "several"
        )
        line = self._rows[where, what]
        line.rounds += 1
        line.lost += outcome.found.lost
        line.twice += outcome.found.twice
        line.litter += outcome.found.litter
        if outcome.struck:
            line.repeated.append(outcome.repeated / len(outcome.struck))
        if outcome.bound:
            line.used.append(outcome.repeated / outcome.bound)
        if outcome.faults:
            line.failed += 1
            self.failures.append(f"{again}\n    {'; '.join(outcome.faults)}")
        else:
            line.survived += len(outcome.struck)
            for victim in outcome.struck:
                self._kinds[victim] += 1
        state = "; ".join(outcome.faults) or "as if nothing had happened"
        struck = ", ".join(outcome.struck) or "nothing"
        self._line(
            f"{where}: {struck}: {state}; {outcome.repeated} requests repeated of at most {outcome.bound}, "
            f"{outcome.commands} commands, {outcome.seconds:.0f} s"
        )

    def show(self) -> None:
        """Print the table, and what to type to repeat what failed."""
        table = RichTable(title="What was survived", caption="asked again: requests for each event")
        for name in ("engine", "what", "rounds", "survived", "failed", "rows lost", "rows twice"):
            table.add_column(name, justify="left" if name in {"engine", "what"} else "right")
        for name in ("asked again: median", "worst", "worst of bound", "leftovers"):
            table.add_column(name, justify="right")
        for (where, what), line in sorted(self._rows.items()):
            table.add_row(
                where,
                what,
                *(str(number) for number in (line.rounds, line.survived, line.failed, line.lost, line.twice)),
                f"{statistics.median(line.repeated):.1f}" if line.repeated else "-",
                f"{max(line.repeated):.1f}" if line.repeated else "-",
                f"{max(line.used):.0%}" if line.used else "-",
                str(line.litter),
            )
        self._console.print(table)
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self._kinds.items()))
        self._line(f"survived in all, alone and among several: {kinds or 'nothing'}")
        for failure in self.failures:
            self._line(f"FAILED ./dev faults {failure}")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
