"""Dividing a whole number among those who want some of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def fair_shares(total: int, wants: Sequence[int]) -> list[int]:
    """Return whole shares of `total`, none above its want, that are as equal as they can be (max-min fair).

    What cannot be divided goes to the first of them: whoever has something keeps it while it wants it.
    """
    shares = [0] * len(wants)
    left = max(0, total)
    open_ = [number for number, want in enumerate(wants) if want > 0]
    while open_ and left >= len(open_):
        each = left // len(open_)
        level = min(each, *(wants[number] - shares[number] for number in open_))
        for number in open_:
            shares[number] += level
        left -= level * len(open_)
        open_ = [number for number in open_ if shares[number] < wants[number]]
    for number in open_[:left]:
        shares[number] += 1
    return shares
