from __future__ import annotations

import gc

import pytest

from nemo_sdg.client.first_requests import FirstRequests
from nemo_sdg.limits import FIRST_ATTEMPTS


class Request:
    pass


@pytest.fixture
def first():
    """Return the record of a new client."""
    return FirstRequests()


def fail(first, number, *, counts=True):
    """Begin and fail so many requests one after the other; return what was said to each."""
    said = []
    for _ in range(number):
        request = Request()
        first.begin(request)
        said.append(first.fail(request, counts=counts))
    return said


def test_all_of_the_first(first):
    """The failure of number FIRST_ATTEMPTS says so, none before it, and each after it."""
    assert fail(first, FIRST_ATTEMPTS + 1) == [False] * (FIRST_ATTEMPTS - 1) + [True, True]


def test_what_does_not_count(first):
    """Failures that do not count neither bring the verdict nor keep it away."""
    assert not any(fail(first, 2 * FIRST_ATTEMPTS, counts=False))
    assert fail(first, FIRST_ATTEMPTS)[-1]


def test_those_under_way_are_waited_for(first):
    """A slow request among many fast failures may yet succeed: the verdict comes with its failure."""
    slow = Request()
    first.begin(slow)

    assert not any(fail(first, 3 * FIRST_ATTEMPTS))
    assert first.fail(slow, counts=False)


def test_a_cancelled_request_is_not_waited_for(first):
    """A request that ended without a word keeps no verdict away."""
    gone = Request()
    first.begin(gone)
    assert not any(fail(first, FIRST_ATTEMPTS))
    del gone
    gc.collect()

    assert fail(first, 1) == [True]
