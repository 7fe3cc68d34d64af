"""Tables in pages whose lines each name, in the last column, the test that does what the line says."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"[A-Za-z_]\w*")
_HEADING = "test"


class Line(NamedTuple):
    """A line of such a table."""

    there: str
    here: str
    test: str


def lines_of(page: Path) -> list[Line]:
    """Return the lines of all tables of a page; all its tables must have the last column `test`."""
    lines: list[Line] = []
    heading: list[str] = []
    for text in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in _CELL.split(text)[1:-1]]
        if not cells:
            heading = []
        elif not heading:
            heading = cells
            assert heading[-1] == _HEADING, f"{page.name}: a table ends with the column {heading[-1]!r}"
        elif set("".join(cells)) - set("-: "):
            assert len(cells) == len(heading), f"{page.name}: {text}"
            lines.append(Line(cells[0], cells[1], cells[-1].strip("`")))
    return lines


def untested(page: Path, module: Mapping[str, Any]) -> list[str]:
    """Return what is wrong between the lines of a page and the tests in `module`, the names of a test file.

    Each line has a test of its own, in which every name stands that is code in the line's second column.
    """
    wrong = []
    lines = lines_of(page)
    for line in lines:
        test = module.get(f"test_{line.test}")
        if test is None:
            wrong.append(f"{line.there}: there is no test_{line.test}")
            continue
        used = set(_NAME.findall(inspect.getsource(test)))
        shown = {name for code in _CODE.findall(line.here) for name in _NAME.findall(code)}
        if shown - used:
            wrong.append(f"{line.there}: test_{line.test} does not use {', '.join(sorted(shown - used))}")
        if not shown:
            wrong.append(f"{line.there}: no code stands for it")
    named = [line.test for line in lines]
    return wrong + [f"{name} stands in several lines" for name in sorted(set(named)) if named.count(name) > 1]
