"""Checks of settings."""

from __future__ import annotations

from nemo_sdg.errors import ConfigError


def check_number(
    key: str,
    value: object,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    whole: bool = False,
    optional: bool = False,
) -> None:
    """Raise `ConfigError`, which names key, value and what is allowed, unless the value is a right number."""
    if value is None and optional:
        return
    allowed = "a whole number" if whole else "a number"
    if low is not None:
        allowed += f" of at least {low:g}"
    if above is not None:
        allowed += f" above {above:g}"
    if high is not None:
        allowed += f" and at most {high:g}"
    if optional:
        allowed += ", or None"
    right = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if right:
        assert isinstance(value, (int, float))
        right = (
            abs(value) < float("inf")
            and (low is None or value >= low)
            and (above is None or value > above)
            and (high is None or value <= high)
        )
    if not right:
        raise ConfigError(f"{key} is {value!r}; allowed is {allowed}")
