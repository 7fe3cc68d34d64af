from __future__ import annotations

from faults.jobs import Job
from faults.runner import CLUSTER, LOCAL, go_through
from faults.schedule import schedule


def test_killed_at_any_moment_again_and_again(endpoint, latency, undisturbed, tmp_path):
    """Whatever kills and stops hit it, the same command again makes the same rows, and hardly pays twice."""
    events = schedule(5, LOCAL, 5)

    outcome = go_through(Job(tmp_path, endpoint.base_url), events, endpoint, latency, undisturbed)

    assert not outcome.faults
    assert len(outcome.struck) >= 4  # the last may come when all is over


def test_a_stop_loses_nothing(endpoint, latency, undisturbed, tmp_path):
    """Ctrl-C and SIGTERM, wherever they come, cost not one request."""
    events = schedule(3, ("Ctrl-C", "SIGTERM"), 3)

    outcome = go_through(Job(tmp_path, endpoint.base_url), events, endpoint, latency, undisturbed)

    assert not outcome.faults
    assert len(outcome.struck) >= 2
    assert outcome.repeated == 0


def test_the_same_seed_gives_the_same_schedule():
    """A schedule is told by its seed, its moments come in order, and all kinds of victims are in it."""
    events = schedule(11, CLUSTER, 200)

    assert events == schedule(11, CLUSTER, 200) != schedule(12, CLUSTER, 200)
    assert [event.asked for event in events] == sorted(event.asked for event in events)
    assert {event.victim for event in events} == set(CLUSTER)
