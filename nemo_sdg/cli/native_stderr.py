"""Keeping what compiled libraries print out of a person's sight."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def native_stderr_hidden() -> Iterator[None]:
    """Send what C++ code prints to standard error nowhere; what Python prints still arrives.

    Ray's core warns there, over the live panel, of things that are Ray Data's own; it keeps them in its log
    files as well.
    """
    shown = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    before = sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), 2)
    sys.stderr = shown
    try:
        yield
    finally:
        sys.stderr = before
        shown.flush()
        os.dup2(shown.fileno(), 2)
        shown.close()
