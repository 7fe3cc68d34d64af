from __future__ import annotations

import pytest

from nemo_sdg.report.limit_series import Point, limit_series
from nemo_sdg.report.numbers import UseAt


def test_a_point_for_each_moment(moments):
    """A moment in which a limit is missing is a point of which nothing is known."""
    (series,) = limit_series(moments((10.0, 1.0), None, (None, 3.0)))
    assert series.points == [Point(0, 10, 1), Point(1), Point(2, None, 3)]
    assert (series.name, series.endpoint, series.sources) == ("requests", "", ["configured"])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([(100.0, 0.0), (100.0, 90.0), (50.0, 30.0)], "mean 80 % of 50 to 100/min, configured"),
        ([(100.0, 90.0), (100.0, 0.0)], "mean 45 % of 100/min, configured"),
        ([(None, 400.0), (100.0, 50.0)], "mean 50 % of 100/min, configured"),
        ([(100.0, 0.0), None], "mean 0 % of 100/min, configured"),
        ([(None, 0.0), (None, 4.0), (None, 6.0)], "mean 5/min, no limit known"),
        ([(0.0, 2.0)], "mean - of 0/min, configured"),
    ],
)
def test_the_mean(moments, values, words):
    """The mean is that of use against allowance, from the first use on, where both are known."""
    assert limit_series(moments(*values))[0].words == words


def test_sources_one_after_another(moments):
    """A limit that was learnt later says from what, each source once; in flight is not by the minute."""
    made = [
        moments((9.0, 9.0), name="in flight", source=source)[0] for source in ("configured", "latency") * 2
    ]
    assert limit_series(made)[0].words == "mean 100 % of 9, configured, then from latency"


def test_endpoints_are_apart(use):
    """Two credentials for one model of one URL are two endpoints; each has a name when there are several."""
    moments = [UseAt(1.0, [use(("requests", 10.0, n, "")) for n in (1.0, 2.0)])]
    first, second = limit_series(moments)
    assert (first.endpoint, second.endpoint) == ("small at host.example/v1", "small at host.example/v1 (2)")
    assert (first.mean_share, second.mean_share) == (0.1, 0.2)


def test_what_was_neither_known_nor_used(moments):
    """A limit of which nothing was ever known or used is not there; nothing comes of nothing."""
    assert limit_series(moments((None, 0.0), None)) == []
    assert limit_series([]) == []


def test_numbers_that_are_none(use):
    """Moments come in the order of time; those without a place in it and odd numbers are left out."""
    nan = float("nan")
    made = [UseAt(t, [use(("requests", 10.0, used, ""))]) for t, used in ((2.0, 5.0), (nan, 9.0), (1.0, nan))]
    (series,) = limit_series(made)
    assert series.points == [Point(1), Point(2, 10, 5)]
