from __future__ import annotations

import pytest

from nemo_sdg.report.numbers import Counts, RunTitle
from nemo_sdg.report.spent import spent_facts, spent_lines, spent_so_far

_NOT_PAID = "simulated endpoint: what it would have cost"


class _Capped(RunTitle, frozen=True):
    max_cost: float | None = 20.0


@pytest.fixture
def capped():
    """Make the title of a run that may spend 20."""
    return lambda *, simulated=False: _Capped("qa", "out", 9, [], [], simulated, "local", 2)


def test_without_prices_nothing_is_said(title, snapshot, report):
    """Money is only spoken of where prices are known, even if there is a limit."""
    assert spent_so_far(title(), snapshot(1)) == ""
    assert spent_lines(report(max_cost=5.0)) == spent_facts(report(max_cost=5.0)) == []


def test_money_so_far(title, snapshot, capped):
    """What is spent is said with what may be, and of the simulated endpoint that nobody has to pay."""
    made = snapshot(1, cost=4.56)
    assert spent_so_far(title(), made) == "4.56 so far"
    assert spent_so_far(capped(), made, 4.5601) == "4.56 of 20.00 so far"
    assert spent_so_far(capped(), made, 31.4) == "4.56 of 20.00 so far, about 31.00 for all rows"
    assert spent_so_far(title(), snapshot(1, cost=0.0057)) == "0.005700 so far"
    expected = "4.56 of 20.00 so far (simulated: nothing is paid)"
    assert spent_so_far(capped(simulated=True), made) == expected


def test_money_in_the_end(report):
    """A report says what was spent, of what, and how much for a thousand rows of the dataset."""
    made = report(cost=4.9, max_cost=20.0)
    assert spent_lines(made) == [("spent", "4.90 of 20.00"), ("", "5.00 per 1,000 rows written")]
    assert spent_facts(made) == [("spent of 20.00", "4.90"), ("spent per 1,000 rows written", "5.00")]


def test_money_for_nothing(report):
    """Money that made no row has no price of a thousand rows, and is no division by zero."""
    made = report(cost=0.0123, counts=Counts())
    assert spent_lines(made) == [("spent", "0.0123"), ("", "- per 1,000 rows written")]


def test_simulated_money(report):
    """Money of the simulated endpoint is said to be what it would have cost."""
    made = report(cost=4.9, max_cost=20.0, simulated=True)
    assert spent_lines(made)[2] == ("", _NOT_PAID)
    assert spent_facts(made)[0] == (f"spent of 20.00 ({_NOT_PAID})", "4.90")
