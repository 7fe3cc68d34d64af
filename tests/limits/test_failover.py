from __future__ import annotations

import msgspec
import pytest

from nemo_sdg.limits import Limits
from nemo_sdg.limits.budget import Budget
from nemo_sdg.limits.exchange import Grant, Memory, Report
from nemo_sdg.limits.failover import FailoverLink
from tests.limits.fleet import LIMITS, PER_MINUTE, Fleet, fullest, longest_gap


class Remote:
    """A remote link of which a test says when and what it answers."""

    def __init__(self):
        self.connected = True
        self.reports = []
        self.replies = []

    def send(self, report, reply):
        self.reports.append(report)
        self.replies.append(reply)


GRANT = Grant(
    window=6, paced=True, share=0.25, memory=Memory(seen={"tokens": 9000.0, "requests": 1200.0}, window=24)
)
REPORT = Report("a", "job", limits=Limits(requests_per_minute=6000), most=50, waiting=1)


def lost(*, silent):
    """Return a link that has had a grant and then lost its budget, its remote link, and the answers since."""
    remote, answers = Remote(), []
    link = FailoverLink(remote, lambda: 0.0)
    link.send(REPORT, answers.append)
    remote.replies[0](GRANT)
    link.send(REPORT, answers.append)
    if silent:
        link.send(REPORT, answers.append)
    else:
        remote.connected = False
        remote.replies[1](None)
    return link, remote, answers[1:]


@pytest.mark.parametrize("silent", [False, True])
def test_goes_on_with_its_share(silent):
    """A lost budget is replaced at once by a quarter of all rates, as told last, and the window in hand."""
    _, _, answers = lost(silent=silent)

    (grant,) = answers
    assert grant.paced
    assert grant.window == 6
    allowed = {use.name: use.allowed for use in grant.uses}
    assert allowed["requests"] == 300
    assert allowed["tokens"] == 2250


def test_a_late_answer_is_not_used():
    """What the lost budget says after all, when another has answered in its place, is dropped."""
    _, remote, answers = lost(silent=True)
    remote.replies[1](GRANT)

    assert len(answers) == 1


def test_comes_back_with_what_was_learnt():
    """The next budget hears once of the share and of what the lost one knew, and is followed from then on."""
    link, remote, answers = lost(silent=False)
    link.send(REPORT, answers.append)
    assert len(remote.reports) == 2
    remote.connected = True
    link.send(REPORT, answers.append)
    back = remote.reports[-1]
    remote.replies[-1](Grant(window=9))
    link.send(Report("a", "job"), answers.append)

    assert (back.share, back.memory) == (0.25, GRANT.memory)
    assert answers[-1] == Grant(window=9)
    assert remote.reports[-1].memory is None


def test_before_the_first_answer_nothing_is_sent():
    """A budget that takes long to start is waited for; who asked last gets its answer."""
    remote, answers = Remote(), []
    link = FailoverLink(remote, lambda: 0.0)
    for number in range(3):
        link.send(REPORT, lambda grant, number=number: answers.append((number, grant)))
    assert not answers
    remote.replies[0](GRANT)

    assert len(remote.replies) == 1
    assert answers == [(2, GRANT)]


def test_a_budget_that_never_was_is_asked_again():
    """While there has been no budget at all the limiter hears None, and the next report is sent as well."""
    remote, answers = Remote(), []
    link = FailoverLink(remote, lambda: 0.0)
    link.send(REPORT, answers.append)
    remote.replies[0](None)
    link.send(REPORT, answers.append)

    assert answers == [None]
    assert len(remote.reports) == 2


async def often_lost(loop, seed, *, silent, seconds=60):
    """Return a fleet of four workers, clocks hours apart, and when their budget was lost, for 3 s each."""
    fleet = Fleet(loop, seed, PER_MINUTE, limits=LIMITS)
    fleet.silent = silent
    for _ in range(4):
        fleet.work(skew=fleet.rng.uniform(0, 20_000), failover=True)
    losses, at = [], fleet.rng.uniform(8, 12)
    while at < seconds - 6:
        await fleet.until(at)
        fleet.budget = None
        losses.append(at)
        await fleet.until(at + 3)
        fleet.budget = Budget()
        at += 3 + fleet.rng.uniform(4, 15)
    await fleet.until(seconds)
    fleet.end()
    return fleet, losses


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_limit_holds_without_a_budget(in_virtual_time, seed, silent):
    """Budgets lost at random: every 10 s hold the limit within 2 % and what a rest allows, no long gap."""
    fleet, losses = in_virtual_time(lambda loop: often_lost(loop, seed, silent=silent))

    assert len(losses) >= 3
    assert fullest([time for time, _ in fleet.admitted], 10) <= 1.02 * 1000 + 26
    assert fleet.turned_away == 0
    for worker in fleet.workers:
        assert longest_gap(worker.admitted, 3, 60) <= 2.0
    assert fleet.goodput(5, 60) >= (85 if silent else 95)


def test_clocks_hours_apart_change_nothing(in_virtual_time):
    """Workers whose clocks differ by hours use the limit as others do."""

    async def main(loop):
        fleet = Fleet(loop, 1, PER_MINUTE, limits=LIMITS)
        for skew in (0.0, 36_000.0, 5.5, 86_400.0):
            fleet.work(skew=skew, failover=True)
        await fleet.until(20)
        fleet.end()
        return fleet

    fleet = in_virtual_time(main)
    assert fleet.steady() >= 97
    assert fleet.turned_away == 0


def test_a_pause_and_the_count_of_bursts_outlive_their_budget():
    """After a throttle everybody waits although the budget was lost, and the next throttle is a new burst."""
    remote, answers = Remote(), []
    link = FailoverLink(remote, lambda: 0.0)
    link.send(REPORT, answers.append)
    memory = Memory(seen=GRANT.memory.seen, window=GRANT.memory.window, pause=5.0)
    remote.replies[0](msgspec.structs.replace(GRANT, epoch=3, pause=5.0, memory=memory))
    remote.connected = False

    link.send(msgspec.structs.replace(REPORT, epoch=3, throttled=True), answers.append)
    remote.replies[1](None)

    share = answers[-1]
    assert share.pause >= 5.0
    assert share.epoch == 4


def test_who_leaves_says_so_to_the_budget_itself():
    """A member that leaves while an exchange is open is gone for the others, not only for its own share."""
    remote, answers = Remote(), []
    link = FailoverLink(remote, lambda: 0.0)
    link.send(REPORT, answers.append)

    link.send(Report("a", "job", leaving=True), answers.append)

    assert [report.leaving for report in remote.reports] == [False, True]
