from __future__ import annotations

import pytest

from nemo_sdg.report.limit_phrases import (
    endpoint_names,
    reasons_held_back,
    said_by,
    use_in_full,
    use_in_short,
)
from nemo_sdg.report.numbers import LimitUse


@pytest.mark.parametrize(
    ("limit", "full", "brief"),
    [
        (("requests", 6000, 5870), "requests 5,870 of 6,000/min (98 %)", "98 % of 6,000 requests/min"),
        (("tokens", 2e6, 1.2e6), "tokens 1.2 M of 2.0 M/min (60 %)", "60 % of 2.0 M tokens/min"),
        (("in flight", 64, 64), "in flight 64 of 64 (100 %)", "100 % of 64 in flight"),
        (("requests", None, 120), "requests 120/min, no limit known", "120 requests/min"),
        (("requests", 0, 3), "requests 3 of 0/min", "3 of 0 requests/min"),
        (("requests", 10, 12), "requests 12 of 10/min (120 %)", "120 % of 10 requests/min"),
    ],
)
def test_use(limit, full, brief):
    """A use is said with what is allowed, by the minute but for what is in flight, and divides by nothing."""
    assert use_in_full(LimitUse(*map(_float, limit))) == full
    assert use_in_short(LimitUse(*map(_float, limit))) == brief


def _float(value):
    return float(value) if isinstance(value, int) else value


def test_sources():
    """Where a limit is known from is said in words; what is not known is not said."""
    known = ["configured", "headers", "throttles", "latency", ""]
    assert [said_by(source) for source in known] == [
        "configured",
        "from headers",
        "from throttles",
        "from latency",
        "",
    ]


@pytest.mark.parametrize(
    ("endpoints", "names"),
    [
        ([("https://a/v1", "x"), ("https://a/v1", "y")], ["x", "y"]),
        ([("https://u:p@a/v1?key=1", "x"), ("https://b/v1", "x")], ["x at a/v1", "x at b/v1"]),
        ([("https://a/v1", "x"), ("https://a/v1", "x")], ["x at a/v1", "x at a/v1 (2)"]),
        ([("", ""), ("", "")], ["endpoint", "endpoint (2)"]),
    ],
)
def test_names(endpoints, names):
    """Endpoints are told apart by as little as is needed, never by a credential."""
    assert endpoint_names(endpoints) == names


def test_reasons():
    """Reasons come with their share of all, the most important first; none are divided by nothing."""
    assert reasons_held_back({"b": 1.0, "a": 1.0, "c": 2.0, "d": 0.0}) == [
        ("c", 0.5),
        ("a", 0.25),
        ("b", 0.25),
    ]
    assert reasons_held_back({}) == []
    assert reasons_held_back({"x": float("nan")}) == []


def test_hostile_text_is_harmless():
    """Names that come from elsewhere are one line, without control characters and credentials."""
    evil = "\x1b[2J\nat https://u:hunter2@h"
    texts = [
        use_in_full(LimitUse(evil, 1.0, 1.0)),
        use_in_short(LimitUse(evil, 1.0, 1.0)),
        said_by(evil),
        *endpoint_names([(evil, evil), (evil, evil)]),
        reasons_held_back({evil: 1.0})[0][0],
    ]
    assert not any("\x1b" in text or "\n" in text or "hunter2" in text for text in texts)
