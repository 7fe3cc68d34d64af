"""The event loop that simulators run on: uvloop's where it is installed, else the standard one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop

with contextlib.suppress(ImportError):
    pass
