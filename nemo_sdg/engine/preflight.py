"""Looking at the endpoints before anything is started or paid for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nemo_sdg.client.loop_thread import LoopThread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.base import PaidStage


def preflight(stages: Sequence[PaidStage]) -> list[str]:
    """Return what a person should know; raises `FatalRequestError` for an endpoint that cannot be used.

    All endpoints are asked at the same time, in a thread, for a notebook has a loop running already.
    """

    async def look() -> list[list[str]]:
        try:
            return await asyncio.gather(*(stage.check() for stage in stages))
        finally:
            for stage in stages:
                await stage.close_paid()

    thread = LoopThread("nemo-sdg-preflight")
    try:
        return [note for notes in thread.run(look()) for note in notes]
    finally:
        thread.stop()
