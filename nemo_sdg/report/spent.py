"""What the tokens of a run cost, where prices are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.report.formats import money

if TYPE_CHECKING:
    from nemo_sdg.report.facts import Fact
    from nemo_sdg.report.numbers import RunReport, RunTitle, Snapshot

_NOT_PAID = "simulated endpoint: what it would have cost"
_NOTHING_PAID = "simulated: nothing is paid"
_LEAST_NEWS = 1.005
_SMALL = 1e-4


def spent_so_far(title: RunTitle, snapshot: Snapshot, in_the_end: float | None = None) -> str:
    """Return the money for all tokens, of what may be spent if that is limited; "" without prices.

    `in_the_end` is what all rows will have cost.
    """
    if snapshot.cost is None:
        return ""
    whole = f"{_steady(snapshot.cost)}{_limit(title.max_cost)} so far"
    if in_the_end is not None and in_the_end > _LEAST_NEWS * snapshot.cost:
        whole += f", about {_rounded(in_the_end)} for all rows"
    return f"{whole} ({_NOTHING_PAID})" if title.simulated else whole


def spent_lines(report: RunReport) -> list[Fact]:
    """Return the same of a whole run and for each thousand rows, in lines short enough for 80 columns."""
    if report.cost is None:
        return []
    return [
        ("spent", f"{money(report.cost)}{_limit(report.max_cost)}"),
        ("", f"{_per_thousand(report)} per 1,000 rows written"),
        *([("", _NOT_PAID)] if report.simulated else []),
    ]


def spent_facts(report: RunReport) -> list[Fact]:
    """Return the same as figures, with a label that says of what."""
    if report.cost is None:
        return []
    note = f" ({_NOT_PAID})" if report.simulated else ""
    return [
        (f"spent{_limit(report.max_cost)}{note}", money(report.cost)),
        ("spent per 1,000 rows written", _per_thousand(report)),
    ]


def _limit(most: float | None) -> str:
    return "" if most is None else f" of {money(most)}"


def _steady(value: float) -> str:
    """Return an amount that grows, in as many digits whatever they are: what is beside it must not jump."""
    return f"{value:#.4g}" if _SMALL <= value < 1 else money(value)


def _rounded(value: float) -> str:
    """Return an estimate, of which no more than two digits are known."""
    return money(float(f"{value:.2g}"))


def _per_thousand(report: RunReport) -> str:
    written = report.counts.rows_written
    return "-" if report.cost is None or not written else money(1000 * report.cost / written)
