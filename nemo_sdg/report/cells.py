"""Values of rows and settings as a page may show them: harmless, without credentials, and not too long."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.text import without_surrogates

LONG = 6_000
"""Characters; a page with whole books in it would not open."""
_FOLDED = 400
"""Characters, beyond which only a beginning is seen at first."""
_FOLDED_LINES = 8
_PREVIEW = 240
_ONE_LINE = 72
"""Characters; lists and objects up to this length are not spread over lines."""
_LAID_OUT = 20_000
"""Characters; longer ones would take long to be, and are cut anyhow."""
_MARGIN = 1_000
"""Characters looked at beyond the cut: half a credential would not be known as one."""
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {0x7F: 0x2421}
"""What shows a control character."""


class Cell(NamedTuple):
    """A value as text."""

    text: str
    preview: str = ""
    """What is seen while it is folded; "" when it is short enough to be seen as a whole."""
    whole: int = 0
    """Characters of the value, of which `text` is the beginning; 0: it is all of it."""

    @property
    def note(self) -> str:
        """What was left out, in words."""
        return f"… ({self.whole:,} characters in all)" if self.whole else ""


def cell(value: Any, most: int = LONG) -> Cell:
    """Return `value` to be shown, at most `most` characters of it; what is no text as JSON."""
    text = value if isinstance(value, str) else _json(value)
    whole = len(text)
    text = without_credentials(text[: most + _MARGIN])[:most]
    return _made(without_surrogates(text).translate(_PICTURES), whole if whole > most else 0)


def shorter(it: Cell, most: int) -> Cell:
    """Return a cell with at most `most` characters of its text."""
    return it if len(it.text) <= most else _made(it.text[:most], it.whole or len(it.text))


def _made(text: str, whole: int) -> Cell:
    folded = len(text) > _FOLDED or text.count("\n") >= _FOLDED_LINES
    preview = "\n".join(text[:_PREVIEW].splitlines()[: _FOLDED_LINES // 2]) + "…" if folded else ""
    return Cell(text, preview, whole)


def plain(value: Any) -> str:
    """Return the text of a cell, with what was left out of it."""
    made = cell(value)
    return made.text + made.note


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
        if _ONE_LINE < len(text) <= _LAID_OUT:
            text = json.dumps(value, ensure_ascii=False, default=str, indent=2)
    except (TypeError, ValueError, RecursionError):  # keys that JSON has not, for one
        text = str(value)
    return text
