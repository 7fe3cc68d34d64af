from __future__ import annotations

import msgspec

from nemo_sdg.report.files import read_report
from nemo_sdg.report.page import render_page
from nemo_sdg.report.summary import plain_lines
from nemo_sdg.storage import Store

_NEW = ("limits", "held_back", "cost", "max_cost", "given_up")
_NEW_COUNTS = ("hedged", "truncated")


def test_a_report_of_an_older_version_is_read(report, tmp_path):
    """A report.json that lacks what newer versions count is read, and shown without it."""
    old = msgspec.to_builtins(report())
    for name in _NEW:
        del old[name]
    for name in _NEW_COUNTS:
        del old["counts"][name]
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(old))

    read = read_report(Store.open(tmp_path))

    assert read == report()
    assert plain_lines(read) == plain_lines(report())
    assert render_page(read) == render_page(report())
    assert not any("spent" in line or "cut off" in line for line in plain_lines(read))
