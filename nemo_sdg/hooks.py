"""Where a lower layer reaches a higher one: the package's top says which function answers.

`import nemo_sdg` sets them, whatever of it is imported first; so no layer imports one above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

apply_stage: Callable[..., Any]
"""Put a stage on a Ray dataset; `nemo_sdg.engine.apply.apply_stage`."""
