from __future__ import annotations

from faults.check import check
from faults.jobs import Command, Job
from faults.runner import strike


def test_a_run_goes_on_elsewhere_and_otherwise(endpoint, undisturbed, tmp_path):
    """Moved, through a link, from elsewhere, with other concurrency and limits: every row is paid once."""

    def until(share):
        while endpoint.stats()["requests"] < share * job.rows:
            assert command.running, command.said()

    job = Job(tmp_path / "first", endpoint.base_url)
    command = Command(job)
    until(0.2)
    strike(command, "Ctrl-C")

    moved = tmp_path / "another" / "place"
    moved.parent.mkdir()
    job.output.rename(moved)
    job = job.but(folder=tmp_path / "second", in_flight=3, workers=5)
    command = Command(job, output=moved)
    until(0.4)
    strike(command, "SIGTERM")

    (tmp_path / "link").symlink_to(moved)
    job = job.but(in_flight=32, options={"limits": {"requests_per_minute": 6000}})
    command = Command(job, output="../../link", cwd=moved)
    until(0.6)
    strike(command, "Ctrl-C")

    command = Command(job.but(options={}), output="./place", cwd=moved.parent)
    assert command.wait() == 0, command.said()

    assert not check(moved, job.rows, undisturbed)
    assert endpoint.stats()["requests"] == job.rows
