"""When a request may be sent: verdicts on attempts, and limiters that act on them. Pure; no Ray, no HTTP."""

from nemo_sdg.limits.budget import FIRST_ATTEMPTS
from nemo_sdg.limits.budget_name import BudgetName
from nemo_sdg.limits.exchange import Link
from nemo_sdg.limits.headers import HeaderReader
from nemo_sdg.limits.limiter import Limiter, Permit
from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.link import LocalLink
from nemo_sdg.limits.places import Places
from nemo_sdg.limits.seen import LimitKind, Seen, SeenLimit
from nemo_sdg.limits.tokens import NO_TOKENS, Tokens
from nemo_sdg.limits.verdict import NO, OK, TRANSIENT, Kind, Verdict

__all__ = [
    "FIRST_ATTEMPTS",
    "NO",
    "NO_TOKENS",
    "OK",
    "TRANSIENT",
    "BudgetName",
    "HeaderReader",
    "Kind",
    "LimitKind",
    "Limiter",
    "Limits",
    "Link",
    "LocalLink",
    "Permit",
    "Places",
    "Seen",
    "SeenLimit",
    "Tokens",
    "Verdict",
]
