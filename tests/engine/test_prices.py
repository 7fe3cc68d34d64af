from __future__ import annotations

import pytest

from nemo_sdg.engine.prices import Prices
from nemo_sdg.errors import ConfigError


def test_tokens_cost_what_the_prices_say():
    """Prices are for a million tokens, prompt and completion apart."""
    prices = Prices.of({"prompt": 0.5, "completion": 2})

    assert prices is not None
    assert prices.cost(2_000_000, 250_000) == pytest.approx(1.5)
    assert Prices.of(prices) is prices
    assert Prices.of(None) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "prices is 3: give prompt and completion"),
        ({"prompt": 1}, "prices.completion is missing"),
        ({"prompt": 1, "completion": -1}, "prices.completion is -1: give the money"),
        ({"prompt": "cheap", "completion": 1}, "prices.prompt is 'cheap'"),
        ({"prompt": 1, "completion": float("inf")}, "prices.completion is inf"),
        ({"prompt": 1, "completion": 1, "image": 1}, "prices has no 'image'"),
    ],
)
def test_wrong_prices_are_refused(value, message):
    """What is no price is an error that names it and says what to give."""
    with pytest.raises(ConfigError, match=message):
        Prices.of(value)
