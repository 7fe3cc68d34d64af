"""What a limiter counts between two exchanges with its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.limits.tokens import NO_TOKENS
from nemo_sdg.limits.verdict import Kind

if TYPE_CHECKING:
    from nemo_sdg.limits.seen import Seen
    from nemo_sdg.limits.tokens import Tokens
    from nemo_sdg.limits.verdict import Verdict


class Tally:
    """Counts attempts and what came of them; its fields are those of `Report`."""

    __slots__ = (
        "completed",
        "completion",
        "latency",
        "prompt",
        "proven",
        "seen",
        "sent",
        "spare_completion",
        "spare_prompt",
        "throttled",
        "until",
    )

    def __init__(self) -> None:
        self.sent = self.completed = 0
        self.prompt = self.completion = 0
        self.spare_prompt = self.spare_completion = 0
        """Tokens that were estimated for attempts and not used by them."""
        self.latency = 0.0
        self.proven = self.throttled = False
        self.until: float | None = None
        """Until when the server asked to wait, for an attempt that it turned away."""
        self.seen: Seen = {}

    def settle(
        self,
        verdict: Verdict,
        estimate: Tokens,
        used: Tokens | None,
        latency: float,
        *,
        current: bool,
        now: float,
    ) -> None:
        """Count an attempt's end; `current` says that it was admitted since the last burst of throttles."""
        if verdict.kind is Kind.OK:
            self.completed += 1
            self.latency += latency
            self.proven |= current
        elif verdict.kind is Kind.THROTTLED:
            self.throttled |= current
            if verdict.after is not None:
                self.until = max(self.until or now, now + verdict.after)
            used = NO_TOKENS  # what is turned away costs none
        prompt, completion = estimate if used is None else used
        self.prompt += prompt
        self.completion += completion
        self.spare_prompt += estimate[0] - prompt
        self.spare_completion += estimate[1] - completion
