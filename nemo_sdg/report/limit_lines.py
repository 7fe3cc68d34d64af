"""The limits of this moment as a few lines or as parts of a log line; nothing while none is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.report.formats import share
from nemo_sdg.report.limit_phrases import (
    IN_FLIGHT,
    endpoint_names,
    paused,
    reasons_held_back,
    said_by,
    use_in_full,
    use_in_short,
)
from nemo_sdg.report.limit_values import usable, usable_reasons
from nemo_sdg.report.text import crop, display_width

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import EndpointUse, LimitUse, Snapshot

_MOST_ENDPOINTS = 3
_MOST_LIMITS = 4
_REASONS = 2
_LEAST_HELD_BACK = 1.0
"""Seconds; less is an accident of the beginning."""
_LEAST_SHARE = 0.005


class Line(NamedTuple):
    """What is said of one limit or endpoint."""

    text: str
    paused: bool = False
    """Nobody may send: to be seen at once."""


def limit_lines(snapshot: Snapshot, room: int) -> list[Line]:
    """Return a line for each limit of the one endpoint, or for each of several endpoints.

    Names and sources are cut so that the numbers find room in `room` columns.
    """
    endpoints = _worth_saying(snapshot)
    if len(snapshot.endpoints) == 1:
        return [line for _, use in endpoints for line in _of_one(use, room)]
    lines = [
        Line(f"{crop(name, room // 2)}: {_in_short(use)}", use.pause > 0)
        for name, use in endpoints[:_MOST_ENDPOINTS]
    ]
    rest = [use for _, use in endpoints[_MOST_ENDPOINTS:]]
    return lines + ([Line(f"and {_more(rest)}", any(use.pause for use in rest))] if rest else [])


def limit_parts(snapshot: Snapshot) -> list[str]:
    """Return the same for a line of a log, one part for each endpoint."""
    endpoints = _worth_saying(snapshot)
    if len(snapshot.endpoints) == 1:
        return [f"limits: {_in_short(use, in_flight=False)}" for _, use in endpoints]
    parts = [f"limits of {name}: {_in_short(use)}" for name, use in endpoints[:_MOST_ENDPOINTS]]
    rest = [use for _, use in endpoints[_MOST_ENDPOINTS:]]
    return parts + ([f"limits of {_more(rest)}"] if rest else [])


def held_back(snapshot: Snapshot) -> str:
    """Return what kept the workers from sending more, the most important first; "" when nothing much did."""
    if sum(usable_reasons(snapshot.held_back).values()) < _LEAST_HELD_BACK:
        return ""
    reasons = reasons_held_back(snapshot.held_back)[:_REASONS]
    return ", ".join(f"{share(part, 1)} {reason}" for reason, part in reasons if part >= _LEAST_SHARE)


def _worth_saying(snapshot: Snapshot) -> list[tuple[str, EndpointUse]]:
    """Return the endpoints that have a known limit or a pause, with their names.

    What may be in flight is no news here: the state of every run says it over all workers.
    """
    endpoints = usable(snapshot.endpoints)
    names = endpoint_names([(use.endpoint, use.model) for use in endpoints])
    return [
        (name, use)
        for name, use in zip(names, endpoints, strict=True)
        if use.pause or any(limit.allowed is not None for limit in _by_minute(use))
    ]


def _by_minute(use: EndpointUse) -> list[LimitUse]:
    return [
        limit for limit in use.limits if limit.name != IN_FLIGHT and (limit.used or limit.allowed is not None)
    ]


def _of_one(use: EndpointUse, room: int) -> list[Line]:
    texts = []
    for limit in _by_minute(use)[:_MOST_LIMITS]:
        text, source = use_in_full(limit), said_by(limit.source)
        if limit.allowed is None or not source:
            texts.append(text)
        else:
            whole = f"{text}, {source}"
            texts.append(whole if display_width(whole) <= room else text)
    if use.pause:  # before the first limit: a line of its own would come and go, and all below it would jump
        texts[:1] = ["; ".join([paused(use.pause), *texts[:1]])]
    return [Line(text, bool(use.pause) and position == 0) for position, text in enumerate(texts)]


def _in_short(use: EndpointUse, *, in_flight: bool = True) -> str:
    limits = _by_minute(use)
    if in_flight:
        limits += [limit for limit in use.limits if limit.name == IN_FLIGHT and limit.allowed is not None]
    pause = [paused(use.pause)] if use.pause else []
    return ", ".join(pause + [use_in_short(limit) for limit in limits])


def _more(rest: list[EndpointUse]) -> str:
    fullest = max(
        (limit for use in rest for limit in use.limits if limit.allowed),
        key=lambda limit: limit.used / (limit.allowed or 1),
        default=None,
    )
    parts = [f"{len(rest)} more"]
    if fullest and fullest.allowed:
        parts.append(f"up to {share(fullest.used, fullest.allowed)} used")
    if waiting := sum(use.pause > 0 for use in rest):
        parts.append(f"{waiting} paused")
    return ", ".join(parts)
