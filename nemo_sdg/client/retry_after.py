"""How long the server asks to wait, from its headers or its error. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemo_sdg.limits import HeaderReader
from nemo_sdg.limits.durations import DURATION, duration, seconds_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.client.error_body import ErrorBody

LONGEST_WAIT = 3600.0
"""Seconds: a server that asks for more is asked again after this."""
LONGEST_RESET = 120.0
"""Seconds: a limit that is there again only after more than this is not waited for at once."""
_PHRASE = re.compile(rf"\b(?:try again|retry) (?:in|after) ({DURATION})", re.IGNORECASE)
_READ = 4000  # characters of a message in which the phrase is looked for


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds to wait, 0 to `LONGEST_WAIT`, or None when `headers` name none.

    Reads `retry-after-ms` first, then `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
    LiteLLM's names a minute for requests in flight, too, of which the next one may end at once: that is none.
    Header names are in lower case or the mapping ignores case. `now` is Unix time.
    """
    if headers.get("rate_limit_type") == "max_parallel_requests":
        return None
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is None:
        seconds = seconds_until(value, now)
    return None if seconds is None else _bounded(seconds)


def wait_in_error(error: ErrorBody) -> float | None:
    """Return the seconds to wait that a server's error names, 0 to `LONGEST_WAIT`, or None.

    Google gives them among the details (google.rpc.RetryInfo); OpenAI, Groq, Azure and Google write "try
    again in 6m0s", "retry in 17.3s" or "retry after 20 seconds".
    """
    for detail in error.details:
        delay = detail.get("retryDelay")
        seconds = duration(delay) if isinstance(delay, str) else None
        if seconds is not None:
            return _bounded(seconds)
    phrase = _PHRASE.search(error.text[:_READ])
    seconds = duration(phrase[1]) if phrase else None
    return None if seconds is None else _bounded(seconds)


def wait_for_reset(headers: Mapping[str, str], error: ErrorBody) -> float | None:
    """Return the seconds until the first of the limits of which nothing remains is there again, or None.

    None if that takes more than `LONGEST_RESET`. OpenRouter has the headers of a throttle in its error.
    """
    metadata = error.error.get("metadata")
    inner = metadata.get("headers") if isinstance(metadata, dict) else None
    lower = (
        {str(name).lower(): str(value) for name, value in inner.items()} if isinstance(inner, dict) else {}
    )
    seen = HeaderReader().read(headers) or HeaderReader().read(lower) or {}
    resets = (limit.reset for limit in seen.values() if limit.remaining == 0 and limit.reset)
    return min((reset for reset in resets if reset <= LONGEST_RESET), default=None)


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and number == number else None  # noqa: PLR0124 - NaN is no number


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)
