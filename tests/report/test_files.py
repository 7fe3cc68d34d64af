from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest

from nemo_sdg.errors import OutputError
from nemo_sdg.report.files import read_report, write_page, write_report
from nemo_sdg.report.numbers import UseAt
from nemo_sdg.storage import Store


def test_there_and_back(report, tmp_path):
    """What was written is what is read, in readable UTF-8."""
    written = report(samples=[{"q": "日本 القاهرة", "n": [1, None, 0.5]}], endpoints=["https://host/v1"])
    write_report(written, Store.open(tmp_path))
    write_page(written, None, Store.open(tmp_path))
    path = tmp_path / "report.json"
    assert read_report(Store.open(tmp_path)) == written
    assert '\n  "pipeline": "multilingual_qa",\n' in path.read_text("utf-8")
    assert "日本 القاهرة" in path.read_text("utf-8")
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["report.html", "report.json"]


def test_no_credential_is_kept(report, tmp_path):
    """Neither file has a credential that stood in a URL, a message or the settings."""
    settings = [{"api_key": "hunter2", "base_url": "https://u:hunter2@h", "api_key_env": "SOME_KEY"}]
    made = report(settings=settings, state="failed", message="https://u:hunter2@h is gone")
    write_report(made, Store.open(tmp_path))
    write_page(made, None, Store.open(tmp_path))
    for name in ("report.json", "report.html"):
        text = (tmp_path / name).read_text("utf-8")
        assert "hunter2" not in text
        assert "SOME_KEY" in text
    assert made.settings[0]["api_key"] == "hunter2"


def test_any_row_can_be_written(report, tmp_path):
    """Half characters, numbers that JSON has not, dates and unknown objects do not lose the report."""
    row = {
        "half": "a\ud800",
        "nan": float("nan"),
        "when": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "exact": Decimal("1.5"),
        "path": Path("x"),
        "bytes": b"\xff",
        3: {"deep": float("inf")},
    }
    write_report(report(samples=[row], latency={"p50": float("nan"), "p99": 1.0}), Store.open(tmp_path))
    read = read_report(Store.open(tmp_path))
    assert read.samples[0]["half"] == "a\ufffd"
    assert read.samples[0]["nan"] is None
    assert read.samples[0]["path"] == "x"
    assert read.samples[0]["3"] == {"deep": None}
    assert read.latency == {"p99": 1.0}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pipeline": 3}'])
def test_what_is_no_report(tmp_path, content):
    """A file that is none is refused with what to give instead."""
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(OutputError, match=r"report\.json is not a report .* give the output folder"):
        read_report(Store.open(tmp_path))


def test_a_later_version_can_be_read(report, tmp_path):
    """Fields that this version does not know are passed over."""
    write_report(report(), Store.open(tmp_path))
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "new": 1}))
    assert read_report(Store.open(tmp_path)).state == "finished"


def test_limits_there_and_back(report, tmp_path, moments):
    """Limits and what held the job back are read as they were written, with nothing known as null."""
    held = {"requests per minute": 1.5}
    written = report(limits=moments((None, 0.0), (10.0, 5.0)), held_back=held)
    for moment in written.limits:
        for use in moment.endpoints:
            use.endpoint = "https://host.example/v1"
    write_report(written, Store.open(tmp_path))
    read = read_report(Store.open(tmp_path))
    assert read.limits == written.limits
    assert read.held_back == held


def test_limits_without_credentials_and_odd_numbers(report, tmp_path, use):
    """Credentials in URLs and names are left out; a number that JSON has not does not lose the report."""
    secret = "https://u:hunter2@h/v1?key=hunter2"
    odd = use((secret, 1.0, 2.0, secret), ("x", float("inf"), 1.0, ""), ("y", 1.0, float("nan"), ""))
    odd.endpoint = odd.model = secret
    odd.pause = float("inf")
    moments = [UseAt(float("nan"), [odd]), UseAt(1.0, [odd])]
    write_report(report(limits=moments, held_back={secret: 1.0, "z": float("nan")}), Store.open(tmp_path))
    assert not any("hunter2" in path.read_text("utf-8") for path in tmp_path.iterdir())
    read = read_report(Store.open(tmp_path))
    assert [moment.elapsed for moment in read.limits] == [1.0]
    assert read.limits[0].endpoints[0].endpoint == "https://h/v1"
    assert [limit.allowed for limit in read.limits[0].endpoints[0].limits] == [1.0, None]


def test_a_report_from_before_limits_can_be_read(report, tmp_path):
    """A report that has no limits is read, with none."""
    write_report(report(), Store.open(tmp_path))
    path = tmp_path / "report.json"
    old = {
        key: value
        for key, value in json.loads(path.read_text("utf-8")).items()
        if key not in ("limits", "held_back")
    }
    path.write_text(json.dumps(old))
    assert read_report(Store.open(tmp_path)).limits == []
