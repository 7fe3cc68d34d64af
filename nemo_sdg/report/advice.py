"""What a person may do after a run: why it ended early, how to go on, what to ask again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.formats import plural
from nemo_sdg.report.phrases import cut_off
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from nemo_sdg.report.facts import Fact
    from nemo_sdg.report.numbers import RunReport

_LONGEST = 400
"""Columns of an example."""
_KEPT = "finished rows and answers are kept"
_SAYS_HOW = re.compile(r"\b(run again|command again|to go on|raise it)\b")
"""In messages that know better what to do first, such as to raise a limit."""


def advice(report: RunReport) -> list[Fact]:
    """Return advice as labels and sentences, the most urgent first; nothing when all is well."""
    return [*_going_on(report), *_asking_again(report)]


def _going_on(report: RunReport) -> list[Fact]:
    why = one_line(without_credentials(report.message))
    if report.state == "running":
        return [("not finished", "this page has what is there so far")]
    if report.state == "finished":
        return [("look at this", why)] if why else []
    if _SAYS_HOW.search(why):
        return [("why", why), ("when you go on", _KEPT)]
    first = "mend that, then " if report.state == "failed" and why else ""
    return [*([("why", why)] if why else []), ("to go on", f"{first}run the same command again: {_KEPT}")]


def _asking_again(report: RunReport) -> list[Fact]:
    counts = report.counts
    found = []
    if report.rejection:
        found.append(("a rejected row", one_line(without_credentials(report.rejection), _LONGEST)))
    if counts.truncated:
        remedy = "raise generation.max_tokens and run again with --retry truncated"
        found.append((cut_off(counts), remedy))
    # An unfinished run is to be finished first.
    if counts.rows_rejected and report.state == "finished":
        which = f"{plural(counts.rows_rejected, 'rejected row')} in rejected/"
        found.append((which, "run again with --retry rejected to ask those again"))
    return found
