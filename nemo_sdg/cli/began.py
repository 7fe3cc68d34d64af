"""When the command was typed."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STARTED = time.time()  # when this was imported: the second best answer


def process_start() -> float:
    """Return when this process started, in Unix seconds; imports come after that."""
    try:
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2]
        since_boot = int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
    except (OSError, ValueError, IndexError, AttributeError):  # not Linux
        return _STARTED
