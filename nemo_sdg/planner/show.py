"""Shows a plan to a person or a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.planner.plan_text import plain_lines
from nemo_sdg.report.phrases import MARK
from nemo_sdg.report.stream import SteadyStream

if TYPE_CHECKING:
    from typing import TextIO

    from nemo_sdg.planner.job_plan import JobPlan

_WIDTH = 80


def show(plan: JobPlan, stream: TextIO, *, as_json: bool = False) -> None:
    """Write `plan`: a table on a terminal, aligned lines elsewhere, one JSON object when asked for that."""
    steady = SteadyStream(stream)
    if as_json:
        steady.write(msgspec.json.format(msgspec.json.encode(plan)).decode() + "\n")
    elif steady.isatty():
        from nemo_sdg.planner.plan_table import print_plan  # noqa: PLC0415 - rich is slow to import

        print_plan(plan, steady)
    else:
        mark = MARK if plan.simulated else ""
        lines = plain_lines(plan, _WIDTH - len(mark))
        steady.write("".join(f"{mark}{line}".rstrip() + "\n" for line in lines))
    steady.flush()
