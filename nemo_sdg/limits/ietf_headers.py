"""Limits as the drafts of the IETF write them (draft-ietf-httpapi-ratelimit-headers). No I/O.

Three forms are in use, of which the last is the latest:

- `RateLimit-Limit: 100`, `RateLimit-Remaining: 99`, `RateLimit-Reset: 30`
- `RateLimit: limit=100, remaining=99, reset=30`, and `RateLimit-Policy: 100;w=60`
- `RateLimit: "name";r=99;t=30`, and `RateLimit-Policy: "name";q=100;w=60`
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemo_sdg.limits.per_minute import UNKNOWN, seen_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.limits.seen import SeenLimit

_LONGEST = 1000  # characters of a header that are read
_NUMBERS = re.compile(r"\b([a-z]+) ?= ?([0-9]{1,18})(?![\w.])")
_OTHER_UNIT = re.compile(r'\bqu ?=(?! ?"?requests\b)')


def ietf_limit(headers: Mapping[str, str], now: float | None = None) -> SeenLimit | None:
    """Return the limit of requests that `headers` tell: of several policies the one that binds first."""
    policies = _items(headers.get("ratelimit-policy"))
    status = headers.get("ratelimit")
    if status is None:
        return seen_limit(
            headers.get("ratelimit-limit"),
            headers.get("ratelimit-remaining"),
            headers.get("ratelimit-reset"),
            _period(next(iter(policies.values()), {})),
            now,
        )
    if "limit=" in status or "remaining=" in status:
        said = dict(_NUMBERS.findall(status[:_LONGEST]))
        period = _period(next(iter(policies.values()), {}))
        return seen_limit(said.get("limit"), said.get("remaining"), said.get("reset"), period, now)
    left = _items(status)
    limits = []
    for name in policies or left:
        policy, now_left = policies.get(name, {}), left.get(name, {})
        if len(policies) == len(left) == 1:  # whatever they are called
            now_left = next(iter(left.values()))
        limits.append(seen_limit(policy.get("q"), now_left.get("r"), now_left.get("t"), _period(policy), now))
    return min((limit for limit in limits if limit is not None), key=_room, default=None)


def _period(policy: dict[str, str]) -> float:
    return float(policy.get("w", 0)) or UNKNOWN


def _room(limit: SeenLimit) -> tuple[float, float]:
    infinite = float("inf")
    return (
        infinite if limit.limit is None else limit.limit,
        infinite if limit.remaining is None else limit.remaining,
    )


def _items(header: str | None) -> dict[str, dict[str, str]]:
    """Return the numbers among each item's parameters, by its name."""
    found: dict[str, dict[str, str]] = {}
    for item in (header or "")[:_LONGEST].split(","):
        if not item.strip() or _OTHER_UNIT.search(item):
            continue
        found[item.partition(";")[0].strip()] = dict(_NUMBERS.findall(item))
    return found
