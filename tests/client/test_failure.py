from __future__ import annotations

import pytest

from nemo_sdg import errors
from nemo_sdg.client.failure import Refused, verdict_on
from nemo_sdg.errors import RequestError
from nemo_sdg.limits import NO, TRANSIENT, Kind, Verdict

THROTTLED = Verdict(Kind.THROTTLED)
VERDICTS = {
    "RequestError": NO,
    "BadRequestError": NO,
    "ContextLengthError": NO,
    "RateLimitError": THROTTLED,
    "OverloadedError": THROTTLED,
    "ServerError": TRANSIENT,
    "ConnectionFailedError": TRANSIENT,
    "NoConnectionError": TRANSIENT,
    "RequestTimeoutError": TRANSIENT,
    "DeadlineError": NO,
    "BadAnswerError": TRANSIENT,
    "FatalRequestError": NO,
    "AuthenticationError": NO,
    "ModelNotFoundError": NO,
    "QuotaExhaustedError": NO,
    "UnreachableError": NO,
}


def test_every_error_of_ours():
    """Each request error stays itself and has its verdict, or its base's; the table has all kinds."""
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RequestError)
    ]
    assert {kind.__name__ for kind in RequestError.__subclasses__()} <= VERDICTS.keys()
    for kind in kinds:
        nearest = next(base.__name__ for base in kind.__mro__ if base.__name__ in VERDICTS)
        error = kind("rate limit, timeout, connection")
        assert verdict_on(error)[:2] == (error, VERDICTS[nearest]), kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), errors.RequestTimeoutError),
        (TimeoutError("slow"), errors.RequestTimeoutError),
        (ConnectionResetError(104, "reset"), errors.ConnectionFailedError),
        (BrokenPipeError(), errors.ConnectionFailedError),
    ],
)
def test_errors_of_sockets(error, kind):
    """What sockets and timers raise is ours, and tried again."""
    ours, verdict = verdict_on(error)[:2]

    assert type(ours) is kind
    assert verdict == TRANSIENT


def test_a_judged_answer_keeps_its_verdict():
    """What read_refusal judged, with the wait that the server asked for, is not judged anew."""
    error = errors.ServerError("x")

    assert verdict_on(Refused(error, Verdict(Kind.TRANSIENT, 5)))[:2] == (error, Verdict(Kind.TRANSIENT, 5))


@pytest.mark.parametrize(
    "error", [ValueError("rate limit"), errors.ConfigError("timeout"), errors.RunStopped()]
)
def test_others(error):
    """An error of another origin is raised as it is, whatever words it has."""
    assert verdict_on(error)[:2] == (error, NO)
