from __future__ import annotations

import random
import shutil

import pytest
from faults import damage
from faults.check import check
from faults.jobs import Command


@pytest.fixture
def job(finished, endpoint, tmp_path):
    """Return a finished job that may be damaged; its endpoint has counted nothing yet."""
    shutil.copytree(finished.output, tmp_path / "out")
    return finished.but(folder=tmp_path, base_url=endpoint.base_url)


def again(job, undisturbed):
    """Type the command again; return what is wrong with the dataset."""
    command = Command(job)
    assert command.wait() == 0, command.said()
    return check(job.output, job.rows, undisturbed)


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_answers_are_asked_again_and_no_other(seed, job, endpoint, undisturbed):
    """Torn, garbled and emptied journals cost the answers that are damaged; what lies about costs nothing."""
    chance = random.Random(seed)
    shards = damage.uncommit(job.output, 9)
    files = [file for file in damage.journals(job.output) if set(shards) & {file.stem[:5], file.parent.name}]
    assert len(files) == 9
    hit = sum(damage.tear(file, chance) for file in files[:3])
    hit += sum(damage.garble(file, chance) for file in files[3:6])
    hit += damage.empty(files[6])
    damage.strew(job.output)

    found = again(job, undisturbed)

    assert not found
    # Garbled bytes at the edge of a line may have left both lines whole as far as they are needed.
    assert hit - 3 <= endpoint.stats()["requests"] <= hit


def test_parts_without_marks_are_made_again_for_nothing(job, endpoint, undisturbed):
    """Shards whose marks are gone are made again from the answers, in the place of what is there."""
    damage.uncommit(job.output, 24)
    (job.output / "report.json").unlink()

    found = again(job, undisturbed)

    assert not found
    assert endpoint.stats()["requests"] == 0


def test_marks_without_parts_are_no_rows(job, endpoint, undisturbed):
    """A part that is gone, and one that is torn, are made again from the answers: marks alone are no rows."""
    first, second, *_ = sorted(job.output.glob("part-*"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-100])

    found = again(job, undisturbed)

    assert not found
    assert endpoint.stats()["requests"] == 0
