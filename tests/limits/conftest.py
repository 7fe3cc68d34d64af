"""An event loop in simulated time."""

from __future__ import annotations

import pytest

from nemo_sdg.planner import virtual_time


@pytest.fixture(scope="session")
def in_virtual_time():
    """Return a function that runs `main(loop)` in simulated time and returns its result."""
    return virtual_time.in_virtual_time
