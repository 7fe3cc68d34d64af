"""What the panel, the log lines, the summary and the page say of limits in the same words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nemo_sdg.redact import shown_url, without_credentials
from nemo_sdg.report.formats import duration, share, short
from nemo_sdg.report.limit_values import usable_reasons
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.report.numbers import LimitUse

IN_FLIGHT = "in flight"
"""The limit that is not counted by the minute."""
_SOURCES = {
    "headers": "from headers",
    "throttles": "from throttles",
    "latency": "from latency",
}


def unit(name: str) -> str:
    """Return what follows a number of the limit `name`."""
    return "" if name == IN_FLIGHT else "/min"


def said_by(source: str) -> str:
    """Return where a limit is known from; "" when that is not known."""
    return _SOURCES.get(source, one_line(without_credentials(source)))


def use_in_full(limit: LimitUse) -> str:
    """Return what is used of what is allowed, without saying where the limit is known from."""
    name = one_line(without_credentials(limit.name))
    if limit.allowed is None:
        return f"{name} {short(limit.used)}{unit(limit.name)}, no limit known"
    part = f" ({share(limit.used, limit.allowed)})" if limit.allowed else ""
    return f"{name} {short(limit.used)} of {short(limit.allowed)}{unit(limit.name)}{part}"


def use_in_short(limit: LimitUse) -> str:
    """Return which share of what is allowed is used."""
    what = one_line(without_credentials(limit.name)) + unit(limit.name)
    if limit.allowed is None:
        return f"{short(limit.used)} {what}"
    part = share(limit.used, limit.allowed) if limit.allowed else short(limit.used)
    return f"{part} of {short(limit.allowed)} {what}"


def paused(seconds: float) -> str:
    """Return that nobody may send, and for how long."""
    return f"paused {duration(seconds)}"


def endpoint_names(endpoints: Sequence[tuple[str, str]]) -> list[str]:
    """Return a short name for each URL and model: the model alone where that tells them apart."""
    models = [one_line(without_credentials(model)) for _, model in endpoints]
    places = [one_line(shown_url(url)) for url, _ in endpoints]
    names = models
    if len(set(models)) < len(models) or not all(models):
        pairs = zip(models, (place.rpartition("://")[2] for place in places), strict=True)
        names = [" at ".join(filter(None, pair)) or "endpoint" for pair in pairs]
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def reasons_held_back(seconds: dict[str, float]) -> list[tuple[str, float]]:
    """Return what kept workers from sending more, with its share from 0 to 1, the most important first."""
    found = usable_reasons(seconds)
    whole = sum(found.values())
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [(one_line(without_credentials(reason)), value / whole) for reason, value in ordered]
