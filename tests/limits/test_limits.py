from __future__ import annotations

import math

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.limits import Limits


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, "many", True])
def test_rates_are_checked(name, value):
    """A rate is a number above 0; the error names it and its value."""
    with pytest.raises(ConfigError, match=f"limits.{name} is {value!r}"):
        Limits(**{name: value})


@pytest.mark.parametrize("value", [0, -1, 2.5, "5", True])
def test_the_number_in_flight_is_checked(value):
    """max_concurrent_requests is a whole number of at least 1."""
    with pytest.raises(ConfigError, match=f"limits.max_concurrent_requests is {value!r}"):
        Limits(max_concurrent_requests=value)


def test_made_of_what_a_config_has():
    """Limits, a mapping or nothing will do; small rates may be fractions."""
    limits = Limits(requests_per_minute=0.5)
    assert Limits.of(limits) is limits
    assert Limits.of(None) == Limits()
    assert Limits.of({"tokens_per_minute": 5}) == Limits(tokens_per_minute=5)


@pytest.mark.parametrize("value", [{"rpm": 5}, 60, "6000"])
def test_unknown_names_are_refused(value):
    """The error says what is unknown, and what there is."""
    with pytest.raises(ConfigError, match=r"limits has no .*: it takes requests_per_minute, tokens_per_m"):
        Limits.of(value)
