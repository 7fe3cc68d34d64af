"""The exception tree."""

from __future__ import annotations

import pickle
import re

import pytest

from nemo_sdg import errors
from nemo_sdg.errors import AuthenticationError, ConfigError, MissingKeyError, NemoSDGError, RequestError

CLASSES = {name: thing for name, thing in vars(errors).items() if isinstance(thing, type)}
REQUEST_ERRORS = [kind for kind in CLASSES.values() if issubclass(kind, RequestError)]


def test_tree_is_as_drawn():
    """The drawing at the top of the file has every class below its base, and no other."""
    drawn: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([\s│├└─]*)([A-Z]\w+)(\s|$)", line)
        if found:
            depth = len(found[1])
            above = [(at, name) for at, name in above if at < depth]
            drawn[found[2]] = above[-1][1] if above else None
            above.append((depth, found[2]))

    assert drawn == {
        name: None if kind is NemoSDGError else kind.__mro__[1].__name__ for name, kind in CLASSES.items()
    }


@pytest.mark.parametrize("kind", REQUEST_ERRORS)
def test_request_errors_travel(kind):
    """A request error keeps its message and attributes through pickling."""
    error = kind("so", status=418, attempts=3, throttles=2, request_id="r1")
    error.note = "added later"
    there = pickle.loads(pickle.dumps(error))

    assert type(there) is kind
    assert str(there) == "so"
    assert vars(there) == vars(error)


def test_config_error_is_a_value_error():
    """Who catches ValueError catches a wrong value of ours."""
    assert issubclass(ConfigError, ValueError)


def test_a_key_that_is_not_set_is_both():
    """Who catches what ends a job, or a wrong config, catches a key that is missing."""
    assert issubclass(MissingKeyError, AuthenticationError)
    assert issubclass(MissingKeyError, ConfigError)
