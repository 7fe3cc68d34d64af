"""Whether an unsuccessful answer says that the account may ask nothing more, wait as one may. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemo_sdg.client.error_body import ErrorBody

_NO_CREDIT = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_too_low",
}
_NO_CREDIT_TEXT = "Your credit balance is too low"  # so Anthropic begins, with status 400


def exhausted_account(status: int, error: ErrorBody, said: str) -> str | None:
    """Return what to tell of an account that may ask nothing more, None of another."""
    throttle = status == 429  # noqa: PLR2004
    if (
        status == 402  # noqa: PLR2004
        or (throttle and error.names & _NO_CREDIT)
        or (
            status == 400  # noqa: PLR2004
            and "invalid_request_error" in error.names
            and error.text.startswith(_NO_CREDIT_TEXT)
        )
    ):
        return f"the account has no credit left ({said}): add credit or use another key, then run again"
    if throttle and _of_a_day(error):
        return (
            f"the quota of this day is used up ({said}): run again tomorrow, ask for a higher quota, "
            "or use another key or model"
        )
    return None


def _of_a_day(error: ErrorBody) -> bool:
    """Tell whether a quota of Google's was of a day; of a minute all others are."""
    for detail in error.details:
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else []:
            if isinstance(violation, dict) and "PerDay" in str(violation.get("quotaId")):
                return True
    return False
