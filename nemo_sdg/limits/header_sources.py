"""The headers in which endpoints tell their limits. No I/O.

Read are these forms, after what their providers document and what their answers were seen to hold:

- OpenAI: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, reset as "6m0s". Groq too, whose requests
  are those of a day; Azure and GitHub, with `-renewalperiod-` for the seconds of the period, and -1 where
  they do not count; LiteLLM's proxy, which has the provider's behind `llm_provider-`: its own go first.
- LiteLLM's proxy for its keys, users and teams: `x-ratelimit-api_key-{limit,remaining}-{requests,tokens}`,
  per minute.
- Mistral: `x-ratelimit-{limit,remaining}-{req,tokens}-minute`, and once `ratelimitbysize-*` for tokens.
- Cerebras: `x-ratelimit-{limit,remaining,reset}-tokens-minute`; its requests are of a day and are not read.
- Fireworks: `x-ratelimit-{limit,remaining}-tokens-{prompt,generated}`. Its documents say per second, but what
  it was seen to send (36,000, its documented least a minute) is per minute.
- Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, per
  minute, reset in RFC 3339.
- Together: `x-ratelimit-{limit,remaining,reset}` and `x-tokenlimit-{limit,remaining}`, per second. Without
  the latter the former are somebody else's, as OpenRouter's, whose reset is Unix time in milliseconds.
- The IETF's drafts: `RateLimit` and `RateLimit-Policy`, or `RateLimit-{Limit,Remaining,Reset}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.limits.durations import duration
from nemo_sdg.limits.per_minute import HINTED, MINUTE, SECOND, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.limits.seen import LimitKind


_LITELLMS = ("api_key", "model_per_key", "user", "team")
"""Whose limits LiteLLM tells, the nearest first."""


class Source(NamedTuple):
    """The names of the headers that tell one limit."""

    kind: LimitKind
    limit: str
    remaining: str
    reset: str
    period: float


def _x(kind: LimitKind, suffix: str, period: float, *, family: str = "x-ratelimit-") -> Source:
    limit, remaining, reset = (f"{family}{what}{suffix}" for what in ("limit", "remaining", "reset"))
    return Source(kind, limit, remaining, reset, period)


def _anthropic(kind: LimitKind, name: str) -> Source:
    start = f"anthropic-ratelimit-{name}"
    return Source(kind, f"{start}-limit", f"{start}-remaining", f"{start}-reset", MINUTE)


def _litellm(kind: LimitKind, whose: str) -> Source:
    start = f"x-ratelimit-{whose}"
    return Source(kind, f"{start}-limit-{kind}", f"{start}-remaining-{kind}", f"{start}-reset-{kind}", MINUTE)


_OWN = (
    _x("requests", "-requests", HINTED),
    _x("tokens", "-tokens", HINTED),
    _x("requests", "-req-minute", MINUTE),
    _x("requests", "-requests-minute", MINUTE),
    _x("tokens", "-tokens-minute", MINUTE),
    _x("tokens", "-minute", MINUTE, family="x-ratelimitbysize-"),
    _x("tokens", "", HINTED, family="ratelimitbysize-"),
    _x("prompt_tokens", "-tokens-prompt", MINUTE),
    _x("completion_tokens", "-tokens-generated", MINUTE),
    _anthropic("requests", "requests"),
    _anthropic("tokens", "tokens"),
    _anthropic("prompt_tokens", "input-tokens"),
    _anthropic("completion_tokens", "output-tokens"),
    *(_litellm("requests", whose) for whose in _LITELLMS),
    *(_litellm("tokens", whose) for whose in _LITELLMS),
)
_PLAIN = _x("requests", "", UNKNOWN)
_TOGETHER = (_x("requests", "", SECOND), _x("tokens", "", SECOND, family="x-tokenlimit-"))
DRAFTS = Source("requests", "ratelimit", "ratelimit-remaining", "", UNKNOWN)
"""Stands for all headers of the drafts, which `ietf_limit` reads."""
_PASSED_ON = tuple(
    source._replace(
        limit=f"llm_provider-{source.limit}",
        remaining=f"llm_provider-{source.remaining}",
        reset=f"llm_provider-{source.reset}",
    )
    for source in _OWN
)


def sources_in(headers: Mapping[str, str]) -> tuple[Source, ...]:
    """Return those sources of which `headers` have something, the ones to be believed first."""
    plain = _TOGETHER if _TOGETHER[1].limit in headers else (_PLAIN,)
    return tuple(
        _with_period(source, headers)
        for source in (*_OWN, *plain, DRAFTS, *_PASSED_ON)
        if source.remaining in headers or source.limit in headers
    )


def _with_period(source: Source, headers: Mapping[str, str]) -> Source:
    name = source.limit.replace("-limit-", "-renewalperiod-")
    if source.period != HINTED or name == source.limit:
        return source
    renewal = duration(headers.get(name, ""))
    return source._replace(period=renewal) if renewal else source
