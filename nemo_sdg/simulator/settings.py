"""What a simulator does: how fast it answers, what it allows and what it gets wrong."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

import msgspec

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.checks import check_number
from nemo_sdg.simulator.manners import DEFAULT, Answers

HeaderStyle = Literal["openai", "anthropic", "none"]

SHARES = (
    "error_500",
    "error_503",
    "error_529",
    "reset",
    "reset_mid_body",
    "hang",
    "truncated_json",
    "html_page",
    "empty_choices",
    "null_content",
    "invalid_utf8",
    "wrong_types",
    "slow_drip",
    "quota_exhausted",
)


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long an answer takes: the same for each request, or lognormally distributed."""

    median: float = 0.0
    """Seconds; half of the answers take longer."""
    sigma: float = 0.0
    """Standard deviation of the latency's natural logarithm; 0 makes every answer take `median`."""
    capacity: int | None = None
    """Requests served at once before latency grows by concurrency / capacity; None: it never does."""

    def __post_init__(self) -> None:
        check_number("latency.median", self.median, low=0)
        check_number("latency.sigma", self.sigma, low=0, high=10)
        check_number("latency.capacity", self.capacity, low=1, whole=True, optional=True)

    @classmethod
    def fixed(cls, seconds: float, *, capacity: int | None = None) -> Self:
        """Every answer takes `seconds`."""
        return cls(median=seconds, capacity=capacity)

    @classmethod
    def lognormal(cls, median: float, sigma: float, *, capacity: int | None = None) -> Self:
        """Answers take `median` seconds at the middle; `sigma` 1.0 is the spread of a busy endpoint."""
        return cls(median=median, sigma=sigma, capacity=capacity)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the endpoint allows before it answers 429; None is no limit."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Prompt and completion tokens together, as the simulator counts them."""
    max_concurrent: int | None = None
    burst_seconds: float = 1.0
    """How many seconds' worth of unused allowance can be spent at once."""
    headers: HeaderStyle = "openai"
    """Whose rate-limit headers answers carry."""

    def __post_init__(self) -> None:
        check_number("limits.requests_per_minute", self.requests_per_minute, above=0, optional=True)
        check_number("limits.tokens_per_minute", self.tokens_per_minute, above=0, optional=True)
        check_number("limits.max_concurrent", self.max_concurrent, low=1, whole=True, optional=True)
        check_number("limits.burst_seconds", self.burst_seconds, above=0)
        if self.headers not in get_args(HeaderStyle):
            raise ConfigError(
                f"limits.headers is {self.headers!r}; allowed are {', '.join(get_args(HeaderStyle))}"
            )


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which share of the admitted requests goes wrong, by what goes wrong; together at most 1."""

    error_500: float = 0.0
    error_503: float = 0.0
    error_529: float = 0.0
    reset: float = 0.0
    """The connection is reset in place of an answer."""
    reset_mid_body: float = 0.0
    """The connection is reset when half of the body is sent."""
    hang: float = 0.0
    """No answer comes until the client leaves."""
    truncated_json: float = 0.0
    html_page: float = 0.0
    """A web page with status 200, as captive portals and gateways send."""
    empty_choices: float = 0.0
    null_content: float = 0.0
    """`content` is null and `finish_reason` "content_filter"."""
    invalid_utf8: float = 0.0
    wrong_types: float = 0.0
    slow_drip: float = 0.0
    """The body arrives in small pieces over `drip_seconds`."""
    quota_exhausted: float = 0.0
    """429 with the code `insufficient_quota`: waiting does not help."""
    unauthorized_after: int | None = None
    """The key is revoked when this many requests have been answered with 200."""
    drip_seconds: float = 3.0

    def __post_init__(self) -> None:
        for name in SHARES:
            check_number(f"faults.{name}", getattr(self, name), low=0, high=1)
        total = sum(getattr(self, name) for name in SHARES)
        if total > 1 + 1e-9:
            raise ConfigError(f"faults: the shares add up to {total:g}; allowed is at most 1")
        check_number("faults.unauthorized_after", self.unauthorized_after, low=0, whole=True, optional=True)
        check_number("faults.drip_seconds", self.drip_seconds, low=0)


class SimulatorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set on a simulator; any wrong value raises `ConfigError`."""

    latency: Latency = Latency()
    limits: Limits = Limits()
    faults: Faults = Faults()
    answers: Answers = DEFAULT
    seed: int = 0
    """Decides which request meets which latency and fault, and what an unseeded request is answered."""
    api_keys: frozenset[str] | None = None
    """Accepted keys; None accepts every request."""
    models: tuple[str, ...] | None = None
    """Models that exist; None accepts any name."""
    max_model_len: int | None = None
    """Tokens of a prompt with its answer; what does not fit is refused as vLLM does. None: any number."""

    def __post_init__(self) -> None:
        for key, kind in (("latency", Latency), ("limits", Limits), ("faults", Faults), ("answers", Answers)):
            if not isinstance(getattr(self, key), kind):
                raise ConfigError(f"{key} is {getattr(self, key)!r}; allowed is a {kind.__name__}")
        check_number("seed", self.seed, whole=True)
        check_number("max_model_len", self.max_model_len, low=2, whole=True, optional=True)
        # A plain string is also a collection of strings, of one character each.
        if self.api_keys is not None and not isinstance(self.api_keys, (frozenset, set, list, tuple)):
            raise ConfigError("api_keys is not a set of strings; its value is not shown")
        if self.api_keys is not None and not all(isinstance(key, str) and key for key in self.api_keys):
            raise ConfigError("api_keys holds something else than non-empty strings; its value is not shown")
        if self.models is not None and (
            not isinstance(self.models, (tuple, list))
            or not all(isinstance(name, str) for name in self.models)
        ):
            raise ConfigError(f"models is {self.models!r}; allowed is a list of names, or None for any name")

    def __repr__(self) -> str:
        keys = "None" if self.api_keys is None else f"<{len(self.api_keys)} hidden>"
        return (
            f"SimulatorSettings(latency={self.latency!r}, limits={self.limits!r}, faults={self.faults!r},"
            f" answers={self.answers!r}, seed={self.seed!r}, api_keys={keys}, models={self.models!r},"
            f" max_model_len={self.max_model_len!r})"
        )

    def changed(self, body: bytes | dict[str, Any]) -> SimulatorSettings:
        """Return these settings with the sections latency, limits and faults that a JSON object holds.

        A section that is given is replaced whole: `{"faults": {}}` ends all faults.
        Raises `ConfigError` for anything else.
        """
        try:
            if isinstance(body, bytes):
                change = msgspec.json.decode(body, type=_Change)
            else:
                change = msgspec.convert(body, type=_Change)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise ConfigError(f"these settings cannot be used: {error}") from None
        given = {
            key: value
            for key, value in (
                ("latency", change.latency),
                ("limits", change.limits),
                ("faults", change.faults),
            )
            if value is not None
        }
        return msgspec.structs.replace(self, **given)


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    latency: Latency | None = None
    limits: Limits | None = None
    faults: Faults | None = None


def decode_settings(text: bytes) -> SimulatorSettings:
    """Read settings from JSON; raises `ConfigError` that says what is wrong and where."""
    try:
        return msgspec.json.decode(text, type=SimulatorSettings)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ConfigError(f"these settings cannot be used: {error}") from None
