"""What one attempt at a request told about the endpoint, as a value."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What to do after an attempt."""

    OK = "ok"
    NO = "no"
    """Sending the same request again would not help."""
    TRANSIENT = "transient"
    """It may succeed when sent again; costs one retry."""
    THROTTLED = "throttled"
    """The endpoint is full: everybody waits; costs no retry."""


class Verdict(NamedTuple):
    """The kind, and the seconds that the server asked to wait, if it said."""

    kind: Kind
    after: float | None = None


OK = Verdict(Kind.OK)
NO = Verdict(Kind.NO)
TRANSIENT = Verdict(Kind.TRANSIENT)
