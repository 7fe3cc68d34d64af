"""Looking at the endpoints before anything is started or paid for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.base import PaidStage


def preflight(stages: Sequence[PaidStage]) -> list[str]:
    """Return what a person should know; raises `FatalRequestError` for an endpoint that cannot be used.

    Each endpoint is asked at the same time, on copies that do not outlive the look.
    """

    async def look() -> list[list[str]]:
        return await asyncio.gather(*(stage.check() for stage in stages))

    return [warning for warnings in asyncio.run(look()) for warning in warnings]
