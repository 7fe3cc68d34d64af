from __future__ import annotations

import msgspec

from nemo_sdg.limits import Limits, SeenLimit
from nemo_sdg.limits.exchange import Grant, Load, Memory, Report, Slot, Use


def test_reports_and_grants_travel():
    """What is said comes out as it went in, also where numbers are missing."""
    report = Report(
        "a",
        "job",
        limits=Limits(requests_per_minute=60),
        wanted=[Load(1, 2, 3)],
        returned=Load(0, -5, 7),
        used=(3, 4),
        seen={"tokens": SeenLimit(None, 0.0, 1.5)},
        after=0.5,
        memory=Memory({"requests": 5.0}, 7, None),
    )
    grant = Grant(window=3, slots=[Slot(0.1, Load(1))], uses=[Use("in flight", None, 3.0, "latency")])

    for sent in (report, grant):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=type(sent)) == sent
