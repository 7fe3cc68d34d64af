from __future__ import annotations

import random

import pytest

from nemo_sdg.limits.exchange import Report
from nemo_sdg.planner.delayed_link import DelayedLink
from nemo_sdg.planner.virtual_time import in_virtual_time


@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_an_answer_takes_its_time(delay):
    """A grant comes back after both ways, twice the delay on average; at once without delay."""
    times = []

    async def main(loop):
        link = DelayedLink(loop, delay, random.Random(0))
        for _ in range(200):
            began = loop.time()
            answered = loop.create_future()
            link.send(Report(member="m", job=""), answered.set_result)
            grant = await answered
            times.append(loop.time() - began)
            assert grant.window >= 1
        return link.messages

    assert in_virtual_time(main) == 200
    assert sum(times) / 200 == pytest.approx(2 * delay, rel=0.1)


def test_all_who_use_it_share_one_budget():
    """What one member has in flight is not left for the next: together they keep to the limit in flight."""
    from nemo_sdg.limits import Limits

    limits = Limits(max_concurrent_requests=10)
    windows = []

    async def main(loop):
        link = DelayedLink(loop, 0.0, random.Random(0))
        for member in ("a", "b", "c"):
            report = Report(member=member, job="", limits=limits, most=8, waiting=8)
            link.send(report, lambda grant: windows.append(grant.window))

    in_virtual_time(main)

    assert sum(windows) <= 10
