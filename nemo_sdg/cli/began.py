"""When the command was typed."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STARTED = time.time() - time.process_time()  # without waiting for the disk: the second best answer
_MOST_IMPORTING = 10.0  # seconds


def process_start() -> float:
    """Return when this process started, in Unix seconds; imports come after that."""
    try:
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2]
        since_boot = int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")
        start = time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
    except (OSError, ValueError, IndexError, AttributeError):  # not Linux
        return _STARTED
    # A wrapper that set up an environment and then became this process would count as well.
    return start if _STARTED - start < _MOST_IMPORTING else _STARTED
