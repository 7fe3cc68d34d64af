from __future__ import annotations

import pytest

from nemo_sdg.report.limit_lines import held_back, limit_lines, limit_parts


@pytest.fixture
def lines(snapshot):
    """Make the lines of some endpoints."""
    return lambda *endpoints, room=69: [
        line.text for line in limit_lines(snapshot(1, endpoints=list(endpoints)), room)
    ]


def test_one_endpoint(lines, use):
    """Each limit of the one endpoint has its line; what may be in flight is said elsewhere."""
    assert lines(use()) == [
        "requests 5,870 of 6,000/min (98 %), configured",
        "tokens 1.2 M of 2.0 M/min (60 %), from headers",
    ]


def test_the_source_gives_way(lines, use):
    """Where room is short, a line loses who says so before it loses numbers."""
    assert lines(use(), room=39) == ["requests 5,870 of 6,000/min (98 %)", "tokens 1.2 M of 2.0 M/min (60 %)"]


def test_unknown_limits_beside_known_ones(lines, use):
    """Beside a known limit, what is used without one is said too; what is not even used is not."""
    assert lines(use(("requests", 100.0, 5.0, ""), ("tokens", None, 70.0, ""), ("x", None, 0.0, ""))) == [
        "requests 5 of 100/min (5 %)",
        "tokens 70/min, no limit known",
    ]


def test_several_endpoints(lines, use):
    """Each endpoint has one line, up to three; of the others number, fullest and pauses are said."""
    many = [use(model=f"m{n}", pause=3.0 * (n in (1, 4))) for n in range(5)]
    assert lines(*many) == [
        "m0: 98 % of 6,000 requests/min, 60 % of 2.0 M tokens/min, 59 % of 512 in flight",
        "m1: paused 3.0 s, 98 % of 6,000 requests/min, 60 % of 2.0 M tokens/min, 59 % of 512 in flight",
        "m2: 98 % of 6,000 requests/min, 60 % of 2.0 M tokens/min, 59 % of 512 in flight",
        "and 2 more, up to 98 % used, 1 paused",
    ]


def test_pauses_are_marked(snapshot, use):
    """Just the line of an endpoint that is paused is marked, that of the others when one of them is."""
    many = [use(model=f"m{n}", pause=3.0 * (n in (1, 4))) for n in range(5)]
    assert [line.paused for line in limit_lines(snapshot(1, endpoints=many), 69)] == [
        False,
        True,
        False,
        True,
    ]
    assert [line.paused for line in limit_lines(snapshot(1, endpoints=[use(pause=1.0)]), 69)] == [True, False]


def test_an_endpoint_is_named_when_it_is_not_the_only_one(lines, snapshot, use):
    """The one endpoint of two that has a limit is said with its name, in a log too."""
    two = [use(), use(("requests", None, 5.0, ""), model="other")]
    assert lines(*two)[0].startswith("small: 98 %")
    assert limit_parts(snapshot(1, endpoints=two))[0].startswith("limits of small: 98 %")


def test_a_pause_without_a_limit(lines, use):
    """A throttle of an endpoint that says nothing of limits is seen nevertheless."""
    assert lines(use(("requests", None, 0.0, ""), pause=12.0)) == ["paused 12 s"]


def test_nothing_to_say(lines, snapshot, use):
    """No known limit, no line."""
    for endpoints in ([], [use(("requests", None, 5.0, ""))], [use(("in flight", 5.0, 5.0, ""))]):
        assert lines(*endpoints) == []
        assert limit_parts(snapshot(1, endpoints=endpoints)) == []


def test_a_log_is_short(snapshot, use):
    """A line of a log has as many endpoints as the panel."""
    parts = limit_parts(snapshot(1, endpoints=[use(model=f"m{n}") for n in range(9)]))
    assert parts[0] == (
        "limits of m0: 98 % of 6,000 requests/min, 60 % of 2.0 M tokens/min, 59 % of 512 in flight"
    )
    assert parts[3:] == ["limits of 6 more, up to 98 % used"]


def test_numbers_that_are_none(lines, use):
    """Numbers that cannot be said stop nothing."""
    nan, inf = float("nan"), float("inf")
    assert lines(use(("a", 1.0, nan, ""), ("b", inf, 1.0, ""), ("c", 4.0, 1.0, ""), pause=inf)) == [
        "b 1/min, no limit known",
        "c 1 of 4/min (25 %)",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ({}, ""),
        ({"a": 0.9}, ""),
        ({"a": 3.0}, "100 % a"),
        ({"a": 1.0, "b": 3.0, "c": 2.0}, "50 % b, 33 % c"),
        ({"a": 300.0, "b": 1.0}, "99.7 % a"),
    ],
)
def test_held_back(snapshot, seconds, said):
    """The two most important reasons are said, unless they are next to nothing."""
    assert held_back(snapshot(1, held_back=seconds)) == said


def test_a_long_name_gives_way(lines, use):
    """The name of an endpoint leaves half of the room to its numbers."""
    first, _ = lines(use(model="x" * 90, pause=3.0), use(model="y"), room=40)
    assert first.startswith("x" * 19 + "…: paused 3.0 s")
