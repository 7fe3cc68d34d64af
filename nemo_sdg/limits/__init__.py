"""When a request may be sent: verdicts on attempts, and limiters that act on them. Pure; no Ray, no HTTP."""

from nemo_sdg.limits.headers import HeaderReader
from nemo_sdg.limits.limiter import Limiter, Permit
from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.local import FIRST_ATTEMPTS, LocalLimiter
from nemo_sdg.limits.seen import LimitKind, Seen, SeenLimit
from nemo_sdg.limits.tokens import NO_TOKENS, Tokens
from nemo_sdg.limits.verdict import NO, OK, TRANSIENT, Kind, Verdict

__all__ = [
    "FIRST_ATTEMPTS",
    "NO",
    "NO_TOKENS",
    "OK",
    "TRANSIENT",
    "HeaderReader",
    "Kind",
    "LimitKind",
    "Limiter",
    "Limits",
    "LocalLimiter",
    "Permit",
    "Seen",
    "SeenLimit",
    "Tokens",
    "Verdict",
]
