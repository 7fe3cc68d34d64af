from __future__ import annotations

import sys

import pytest
from faults.cluster import Cluster
from faults.jobs import Job
from faults.runner import go_through
from faults.schedule import Event

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several nodes on one machine"),
]


def test_nothing_on_a_cluster_is_needed(simulator, latency, undisturbed, tmp_path):
    """A worker, the budget, a node with all on it, the driver: whatever is killed, the dataset is the same.

    After the driver's death the job goes on in one process, without the cluster.
    """
    victims = ("worker", "budget", "node", "driver")
    events = [Event(share, 0, victim) for share, victim in zip((0.1, 0.2, 0.35, 0.7), victims, strict=True)]
    endpoint = simulator(latency=latency)
    with Cluster() as cluster:
        on_ray = Job(tmp_path, endpoint.base_url, in_flight=4, workers=2, engine="ray", cluster=cluster)
        local = on_ray.but(engine="local", in_flight=16, cluster=None)

        outcome = go_through([on_ray, local], events, endpoint, latency, undisturbed)

    assert not outcome.faults
    assert outcome.struck == list(victims)
    assert outcome.commands == 2
