from __future__ import annotations

import pytest

from nemo_sdg.limits import Limits
from nemo_sdg.limits.exchange import Load, Report
from nemo_sdg.limits.members import Members
from nemo_sdg.simulator.settings import Limits as Allowed
from tests.limits.fleet import LIMITS, PER_MINUTE, Fleet, fullest


def member(members, name, job="job", **report):
    """Return a member that has said `report`."""
    return members.take_in(Report(name, job, **report))


def test_counts_are_of_those_who_take_part():
    """Sums over all follow reports, grants and departures."""
    members = Members()
    first = member(members, "a", most=10, in_flight=3)
    member(members, "b", "other", most=5, in_flight=1)
    members.grant(first, 7)
    assert (len(members), members.jobs, members.in_flight, members.most) == (2, 2, 4, 15)
    member(members, "a", most=10, in_flight=9)
    assert members.in_flight == 10
    members.remove(first)
    assert (len(members), members.jobs, members.in_flight, members.most, members.held) == (1, 1, 1, 5, 1)


def test_a_window_that_shrinks_is_held_until_it_is_known():
    """Until a member has spoken again it may have as many in flight as it was granted before."""
    members = Members()
    first = member(members, "a", most=20)
    members.grant(first, 20)
    member(members, "a", most=20, window=20)
    members.grant(first, 5)
    assert members.held == 20
    member(members, "a", most=20, window=5, in_flight=4)
    members.grant(first, 5)
    assert members.held == 5


@pytest.mark.parametrize(
    ("wants", "targets"),
    [
        ({"a": ("x", 50), "b": ("x", 50)}, [10, 10]),
        ({"a": ("x", 50), "b": ("x", 4)}, [16, 4]),
        ({"a": ("x", 50), "b": ("y", 50), "c": ("y", 50)}, [10, 5, 5]),
        ({"a": ("x", 3), "b": ("y", 50), "c": ("y", 50)}, [3, 9, 8]),
        ({"a": ("x", 0), "b": ("y", 0)}, [10, 10]),  # what nobody wants is at hand for who does next
    ],
)
def test_windows_are_divided_by_jobs_first(wants, targets):
    """A window of 20 is divided fairly between jobs, then in them; nobody gets more than it wants before."""
    members = Members()
    for name, (job, want) in wants.items():
        member(members, name, job, most=100, waiting=want)
    members.divide(20)

    assert [one.target for one in members] == targets


def test_turns_go_to_who_was_given_least():
    """Of two jobs that want the same, each has every second turn, however many members it has."""
    members = Members()
    for name, job in (("a", "x"), ("b", "y"), ("c", "y"), ("d", "y")):
        one = member(members, name, job)
        one.wanted.extend([Load(1)] * 100)
        one.job.wants(one)
    served = turns(members, 120)

    assert served.count("a") == 60
    assert [served.count(name) for name in "bcd"] == [20, 20, 20]


def turns(members, number):
    """Serve so many turns of 10 ms; return whose they were."""
    names = ""
    for _ in range(number):
        one = members.next()
        one.wanted.popleft()
        one.job.serve(one, 0.01)
        names += one.name
    return names


def wants(members, name, job):
    """Return a member that wants much."""
    one = member(members, name, job)
    one.wanted.extend([Load(1)] * 5000)
    one.job.wants(one)
    return one


def test_a_member_that_was_away_saves_nothing_up():
    """Who comes to a job that went on without it has every second turn of then on."""
    members = Members()
    member(members, "b", "x")
    wants(members, "a", "x")
    turns(members, 500)
    wants(members, "b", "x")
    assert turns(members, 100).count("b") == pytest.approx(50, abs=1)


def test_a_new_job_has_no_claim_on_the_past():
    """A job that is new has every second turn, whatever others were given before."""
    members = Members()
    wants(members, "a", "x")
    turns(members, 500)
    wants(members, "b", "y")
    assert turns(members, 100).count("b") == pytest.approx(50, abs=1)


def test_a_job_that_was_away_catches_up_with_a_second_at_most():
    """Of 20 s that a job let others have it gets one back, and then every second turn."""
    members = Members()
    member(members, "b", "y")
    wants(members, "a", "x")
    turns(members, 2000)
    wants(members, "b", "y")
    assert turns(members, 100).count("b") >= 50
    turns(members, 100)
    assert turns(members, 100).count("b") == pytest.approx(50, abs=1)


def test_nobody_has_a_turn_that_wants_nothing():
    """Members that left or want nothing any more are passed over."""
    members = Members()
    gone, done, left = (member(members, name) for name in "abc")
    for one in (gone, done, left):
        one.wanted.append(Load(1))
        one.job.wants(one)
    members.remove(gone)
    done.wanted.clear()
    assert members.next() is left
    left.wanted.clear()
    assert members.next() is None


@pytest.mark.parametrize("workers", [(1, 1), (1, 3), (2, 5)])
def test_two_jobs_have_half_each(in_virtual_time, workers):
    """Two busy jobs share a rate within 5 % of half each, whatever their numbers of workers."""

    async def main(loop):
        fleet = Fleet(loop, 0, PER_MINUTE, limits=LIMITS)
        for job, number in zip("ab", workers, strict=True):
            fleet.work(number, job)
        await fleet.until(30)
        fleet.end()
        return [fleet.goodput(5, 30, job) for job in "ab"]

    assert in_virtual_time(main) == [pytest.approx(50, rel=0.05)] * 2


def test_two_jobs_have_half_of_what_may_be_in_flight(in_virtual_time):
    """Without a rate two jobs, of one and three workers, share max_concurrent_requests evenly."""

    async def main(loop):
        fleet = Fleet(loop, 0, Allowed(), limits=Limits(max_concurrent_requests=40))
        fleet.work(1, "a")
        fleet.work(3, "b")
        await fleet.until(30)
        fleet.end()
        return fleet.goodput(5, 30, "a") / fleet.goodput(5, 30)

    assert in_virtual_time(main) == pytest.approx(0.5, rel=0.1)


def test_what_one_job_leaves_the_other_gets(in_virtual_time):
    """A job that asks 20 a second gets them; the other, which could use more, gets the rest."""

    async def main(loop):
        fleet = Fleet(loop, 0, PER_MINUTE, limits=LIMITS)
        fleet.work(2, "a", demand=10)
        fleet.work(2, "b")
        await fleet.until(35)
        fleet.end()
        a, b = (fleet.goodput(5, 35, job) for job in "ab")
        return a, b, sum(time >= 5 for worker in fleet.workers[:2] for time in worker.admitted)

    a, b, asked = in_virtual_time(main)
    assert a == pytest.approx(20, rel=0.15)
    assert a * 30 >= 0.97 * asked - 10
    assert a + b >= 97


def test_no_catching_up_after_an_absence(in_virtual_time):
    """A job that was away for 20 s has half again, and a second's worth of precedence at most."""

    async def main(loop):
        fleet = Fleet(loop, 0, PER_MINUTE, limits=LIMITS)
        fleet.work(2, "b")
        away = fleet.work(2, "a", rows=250)
        await fleet.until(30)
        alone = fleet.goodput(20, 30, "b")
        for worker in away:
            worker.rows_come(2000)
        await fleet.until(42)
        fleet.end()
        return fleet, alone, sorted(time for worker in away for time in worker.admitted if time >= 30)

    fleet, alone, back = in_virtual_time(main)
    assert alone >= 95
    assert sum(time < 32 for time in back) <= 2 * 50 + 50 + 10
    assert sum(36 <= time < 42 for time in back) == pytest.approx(300, rel=0.05)
    assert fullest([time for time, _ in fleet.admitted], 1.0) <= 150
    assert fleet.turned_away == 0
