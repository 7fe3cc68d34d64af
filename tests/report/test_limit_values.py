from __future__ import annotations

from nemo_sdg.report.limit_values import usable, usable_history, usable_reasons
from nemo_sdg.report.numbers import UseAt

NAN, INF = float("nan"), float("inf")


def test_numbers_that_cannot_be_shown(use):
    """A use that is no number is left out; an allowance that is none is not known; a pause is 0."""
    odd = use(("a", 1.0, NAN), ("b", INF, 2.0), ("c", NAN, 3.0), ("d", -1.0, -2.0), pause=NAN)
    (shown,) = usable([odd])
    assert [(limit.name, limit.allowed, limit.used) for limit in shown.limits] == [
        ("b", None, 2.0),
        ("c", None, 3.0),
        ("d", 0.0, 0.0),
    ]
    assert shown.pause == 0
    assert len(odd.limits) == 4


def test_what_can_be_shown_is_not_changed(use):
    """Good numbers stay as they are."""
    assert usable([use(pause=3.0)]) == [use(pause=3.0)]


def test_moments_in_order():
    """Moments without a place in time are left out, the others are in its order."""
    moments = [UseAt(elapsed, []) for elapsed in (3.0, NAN, 1.0, INF, -1.0)]
    assert [moment.elapsed for moment in usable_history(moments)] == [1.0, 3.0]


def test_reasons():
    """Only reasons that took a time are left."""
    assert usable_reasons({"a": 1.0, "b": 0.0, "c": NAN, "d": INF, "e": -1.0}) == {"a": 1.0}
