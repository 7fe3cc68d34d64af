from __future__ import annotations

import pytest

from nemo_sdg.limits import OK, Limiter, Limits, LocalLink, Tokens
from nemo_sdg.limits.budget import LEASE, Budget
from nemo_sdg.limits.exchange import Grant, Load, Report, Slot
from nemo_sdg.limits.lease import LATE, Lease
from nemo_sdg.simulator.settings import Limits as Allowed
from tests.limits.fleet import Fleet, throttled

NONE = Limits()


def granted(now=0.0, **grant):
    """Return a lease that was granted something at `now`."""
    lease = Lease("a", "job")
    lease.report(now, NONE, 8, 0, [])
    lease.accept(Grant(**{"window": 8, "paced": True, **grant}), now)
    return lease


def sends(lease, now):
    """Return how many attempts may be sent at `now`, and count them as sent."""
    lease.advance(now)
    number = 0
    while lease.may_send(now) and number < 100:
        lease.spend(Tokens())
        number += 1
    return number


def test_a_slot_is_of_use_when_its_time_has_come():
    """Slots count from the moment of the grant, by the limiter's own clock."""
    lease = granted(5000.0, slots=[Slot(0.0, Load(1)), Slot(0.2, Load(3)), Slot(0.4, Load(1))])
    assert [sends(lease, 5000 + later) for later in (0.0, 0.1, 0.21, 0.3, 0.41)] == [1, 0, 3, 0, 1]
    assert lease.next_event(5000.0) <= 5000.25


def test_without_a_rate_nothing_needs_a_slot():
    """An unpaced grant lets any number go; a paced one after it takes that back."""
    lease = granted(paced=False)
    assert sends(lease, 0.0) == 100
    lease.report(0.1, NONE, 8, 0, [])
    lease.accept(Grant(window=8, paced=True), 0.1)
    assert sends(lease, 0.1) == 0
    assert lease.report(0.2, NONE, 8, 0, []).returned == Load()


def test_slots_that_are_of_no_use_are_given_back():
    """Who holds five slots and has one request returns four, with their tokens when none is held."""
    lease = granted(slots=[Slot(0.0, Load(5, 500, 50))])
    lease.advance(0.0)
    assert lease.report(0.1, NONE, 8, 0, [Tokens(100, 10)]).returned.requests == 4
    lease.accept(Grant(window=8, paced=True), 0.1)
    assert lease.report(0.2, NONE, 8, 0, []).returned == Load(1, 500, 50)


def test_tokens_are_settled_with_their_estimates():
    """What estimates were too high is returned, what they were too low is owed."""
    lease = granted(slots=[Slot(0.0, Load(2, 200, 40))])
    lease.advance(0.0)
    for used in (Tokens(50, 10), Tokens(400, 20)):
        lease.spend(Tokens(100, 20))
        lease.settle(Tokens(100, 20), used, OK, None, 0.1, 0, 0.2)
    report = lease.report(0.3, NONE, 8, 0, [])

    assert report.returned == Load(0, 50 - 300, 10)
    assert report.used == (450, 30)
    assert (report.sent, report.completed, report.latency) == (2, 2, pytest.approx(0.2))


def test_what_is_turned_away_costs_no_tokens():
    """The tokens that were estimated for a throttled attempt are returned, none are counted as used."""
    lease = granted(slots=[Slot(0.0, Load(1, 100, 20))])
    lease.advance(0.0)
    lease.spend(Tokens(100, 20))
    lease.settle(Tokens(100, 20), None, throttled(3.0), None, 0.0, 0, 1.0)
    report = lease.report(2.0, NONE, 8, 0, [])

    assert (report.throttled, report.after, report.used) == (True, 2.0, (0, 0))
    assert report.returned[1:] == (100, 20)


def test_after_a_throttle_nothing_goes_until_the_budget_has_said_so():
    """A throttle stops the lease at once and makes an exchange due; slots in hand are given back."""
    lease = granted(slots=[Slot(0.0, Load(3)), Slot(0.2, Load(2))])
    lease.advance(0.0)
    lease.spend(Tokens())
    lease.settle(Tokens(), None, throttled(), None, 0.0, 0, 0.1)
    assert not lease.may_send(0.1)
    assert lease.due == 0.1
    assert lease.report(0.1, NONE, 8, 0, [Tokens()]).returned.requests == 4
    lease.accept(Grant(window=8, paced=True, pause=1.5, epoch=1, slots=[Slot(0.0, Load(1))]), 0.1)
    assert sends(lease, 1.55) == 0
    assert sends(lease, 1.65) == 1


def test_a_throttle_during_an_exchange_is_not_forgotten():
    """A grant that does not know of the last throttle does not end the pause."""
    lease = granted(slots=[Slot(0.0, Load(3))])
    lease.advance(0.0)
    lease.spend(Tokens())
    lease.report(0.1, NONE, 8, 1, [])
    lease.settle(Tokens(), None, throttled(5.0), None, 0.0, 0, 0.1)
    lease.accept(Grant(window=8, paced=True), 0.11)
    assert not lease.may_send(0.2)
    assert lease.due <= 0.11


def test_an_exchange_without_answer_is_tried_again():
    """LATE seconds after a report the next one is due; not before."""
    lease = Lease("a", "job")
    lease.report(10.0, NONE, 8, 0, [])
    lease.hurry(10.1)
    assert lease.due == pytest.approx(10 + LATE)


def test_a_tick_keeps_a_member_with_long_requests(in_virtual_time):
    """While requests take minutes and nothing else happens, `tick` keeps their window from others."""

    async def main(loop):
        fleet = Fleet(loop, 0, Allowed(), limits=Limits(max_concurrent_requests=20), sigma=0.0)
        first, other = fleet.work(2, places=20, demand=0.0001)
        first.rows_come(20)
        await fleet.until(2)
        fleet.endpoint.median = 120
        first.rows_come(20)
        await fleet.until(60)
        other.rows_come(20)
        await fleet.until(100)
        flying = fleet.endpoint.in_flight, first.limiter.in_flight
        await fleet.until(400)
        fleet.end()
        return flying, fleet.endpoint.peak, len(fleet.endpoint.done)

    assert in_virtual_time(main) == ((20, 20), 20, 60)


def test_who_is_silent_is_forgotten():
    """A member that says nothing for LEASE is taken for dead; when it speaks again it takes part again."""
    budget = Budget()
    spoken = [(0.0, "a"), (0.0, "b"), *((float(second), "a") for second in range(1, 7)), (8 + LEASE, "b")]
    members = []
    for now, name in [*spoken, (8.1 + LEASE, "a")]:
        budget.exchange(Report(name, "job"), now)
        members.append(len(budget._members))

    assert members == [1, 2, 2, 2, 2, 1, 1, 1, 1, 2]


def test_leaving_frees_what_was_held(in_virtual_time):
    """Who leaves is forgotten at once, and its part goes to the others."""

    async def main(loop):
        budget = Budget()
        limiters = [Limiter(20, Limits(max_concurrent_requests=20), clock=loop.time) for _ in range(2)]
        for limiter in limiters:
            limiter.join(LocalLink(loop.time, budget), "job")
            (await limiter.acquire()).settle(None, OK)
        limiters[0].leave()
        return len(budget._members), budget._members.held <= 20

    assert in_virtual_time(main) == (1, True)
