"""What answers say about the endpoint's limits. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.limits.header_sources import DRAFTS, Source, sources_in
from nemo_sdg.limits.ietf_headers import ietf_limit
from nemo_sdg.limits.per_minute import seen_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.limits.seen import Seen

SILENT = 20
"""Answers in a row without a limit after which only `_SIGN` is looked for."""
LOOK_AGAIN = 100
"""Every so many answers all forms are looked for."""
_SIGN = "retry-after"  # of a throttle: there are servers that tell their limits only then


class HeaderReader:
    """Reads the limits from the headers of one endpoint's answers, and learns which of the forms it sends.

    Any number of threads may use one.
    """

    def __init__(self) -> None:
        self._sources: tuple[Source, ...] = ()
        self._answers = 0
        self._silent = 0

    def read(self, headers: Mapping[str, str], now: float | None = None) -> Seen | None:
        """Return the limits that `headers` tell, None when they tell none; never raises.

        Header names are in lower case or the mapping ignores case. `now` is Unix time.
        """
        self._answers = answers = self._answers + 1
        if answers % LOOK_AGAIN:
            if self._silent >= SILENT:
                if _SIGN not in headers:
                    return None
            elif self._sources:
                seen = _read(self._sources, headers, now)
                if seen:
                    return seen
        sources = self._sources = sources_in(headers)
        seen = _read(sources, headers, now)
        self._silent = 0 if seen else self._silent + 1
        return seen or None


def _read(sources: tuple[Source, ...], headers: Mapping[str, str], now: float | None) -> Seen:
    seen: Seen = {}
    get = headers.get
    for source in sources:
        kind, limit, remaining, reset, period = source
        if kind in seen:
            continue
        if source is DRAFTS:
            told = ietf_limit(headers, now)
        else:
            told = seen_limit(get(limit), get(remaining), get(reset), period, now)
        if told is not None:
            seen[kind] = told
    return seen
