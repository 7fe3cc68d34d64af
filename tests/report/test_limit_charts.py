from __future__ import annotations

from nemo_sdg.report.limit_charts import held_back, limit_charts
from nemo_sdg.report.numbers import UseAt


def test_a_few_moments(moments):
    """A long run is told by eight moments, the first and the last among them; a short one by all of them."""
    ((long,), _) = limit_charts(moments(*[(100.0, float(n)) for n in range(240)]))
    assert len(long.moments) == 8
    assert (long.moments[0], long.moments[-1]) == (("0 s", "0", "100"), ("3 min 59 s", "239", "100"))
    ((brief,), _) = limit_charts(moments((None, 1.0), None, (2.0, 1.0)))
    assert brief.moments == [("0 s", "1", "-"), ("2.0 s", "1", "2")]


def test_titles(moments):
    """A chart says whether it counts by the minute."""
    made = moments((2.0, 1.0)) + moments((2.0, 1.0), name="in flight")
    assert [chart.title for chart in limit_charts(made)[0]] == ["requests per minute", "in flight"]


def test_the_most_used_have_charts(use):
    """When there are too many limits those that were used most are shown, in their order."""
    many = [use(("requests", 100.0, float(n), ""), model=f"m{n}") for n in (50, 1, 99, *range(60, 72))]
    charts, left_out = limit_charts([UseAt(1.0, many)])
    assert left_out == 3
    assert [chart.endpoint for chart in charts] == ["m99", *(f"m{n}" for n in range(61, 72))]


def test_reasons(report):
    """Reasons have their share and their time; beyond eight, the others are one."""
    made = held_back(report(held_back={f"r{n}": 10.0 for n in range(10)}))
    assert len(made) == 9
    assert made[0] == ("r0", "10 %", 10.0, "10 s")
    assert made[-1] == ("2 more reasons", "20 %", 20.0, "20 s")
    assert held_back(report()) == []
