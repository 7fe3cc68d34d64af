"""Rows out of nothing, and more of them later."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard
from nemo_sdg.stages.samples import SampleSource

CHOICES = st.dictionaries(
    st.sampled_from(["language", "topic"]), st.lists(st.text("abcd", max_size=3), min_size=1, unique=True)
)


def _kept(source):
    """Return settings as a manifest gives them back."""
    return json.loads(json.dumps(source.settings()))


def _rows(source, shards):
    return [row for shard in shards for row in source.read(shard).to_pylist()]


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    before=st.integers(1, 120),
    more=st.integers(1, 120),
    choices=CHOICES,
    seed=st.integers(0, 5),
    sizes=st.tuples(*[st.none() | st.integers(1, 30)] * 2),
)
def test_growing(before, more, choices, seed, sizes):
    """With more samples the old shards give the same rows, and the new ones go on where they end."""
    old = SampleSource(before, choices, seed)
    new = SampleSource(before + more, choices, seed)
    shards = old.plan(sizes[0])
    appended = new.grown(_kept(old), shards, sizes[1])

    assert appended is not None
    everything = [*shards, *appended]
    assert [shard.index for shard in everything] == list(range(len(everything)))
    assert _rows(new, shards) == _rows(old, shards)
    assert _rows(new, everything) == _rows(new, new.plan(7))
    assert sizes[1] is None or all(shard.rows <= sizes[1] for shard in appended)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=3, max_size=3, unique=True).map(sorted))
def test_growing_twice(sizes):
    """Growing in two steps gives the rows of growing in one."""
    made = [SampleSource(size, {"language": ["a", "b", "c"]}, 1) for size in sizes]
    shards = made[0].plan(4)
    for old, new in itertools.pairwise(made):
        shards += new.grown(_kept(old), shards, 4)

    assert _rows(made[2], shards) == _rows(made[2], made[2].plan(None))


@pytest.mark.parametrize(
    "change",
    [
        {"num_samples": 10},
        {"num_samples": 9},
        {"num_samples": 20, "seed": 1},
        {"num_samples": 20, "choices": {"language": ["a", "b", "c"]}},
        {"num_samples": 20, "choices": {"language": ["b", "a"]}},
        {"num_samples": 20, "choices": {}},
    ],
)
def test_what_is_no_growth(change):
    """As many or fewer samples, another seed or other choices are another job: nothing is appended."""
    arguments = {"num_samples": 10, "choices": {"language": ["a", "b"]}, "seed": 0}
    old = SampleSource(**arguments)

    assert SampleSource(**{**arguments, **change}).grown(_kept(old), old.plan(3), 3) is None


@pytest.mark.parametrize(
    "kept", [{}, {"num_samples": "10"}, {"num_samples": None}, {"num_samples": 10, "step": "x:Y"}]
)
def test_settings_that_are_none_of_a_sample_source(kept):
    """Settings of another source, or that a person has edited, append nothing."""
    new = SampleSource(20, {"language": ["a"]})
    known = _kept(SampleSource(10, {"language": ["a"]}))

    assert new.grown({**known, **kept} if kept else {}, [Shard(0, 0, 10)], None) is None


def test_shards_that_lack_rows():
    """Shards that are not those of the settings are not added to: rows would be missing between."""
    old, new = SampleSource(10, {"language": ["a"]}), SampleSource(20, {"language": ["a"]})

    assert new.grown(_kept(old), old.plan(3)[:-1], 3) is None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"num_samples": 0}, "num_samples is 0: give a whole number of at least 1"),
        ({"num_samples": -1}, "num_samples is -1"),
        ({"num_samples": True}, "num_samples is True"),
        ({"num_samples": 2.0}, r"num_samples is 2\.0"),
        ({"choices": {"language": []}}, r"language is \[\]: give a list of at least one text"),
        ({"choices": {"language": "English"}}, "language is 'English': give a list"),
        ({"choices": {"language": ["a", "a"]}}, "language has 'a' twice: name each once"),
        ({"choices": {"language": ["a", None]}}, "give a list of at least one text"),
        ({"choices": {"language": ["a\ud800"]}}, "half of a surrogate pair"),
        ({"choices": {"status": ["a"]}}, "belongs to the engine"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, complaint):
    """Each is refused with the value and what is allowed."""
    with pytest.raises(ConfigError, match=complaint):
        SampleSource(**{"num_samples": 1, "choices": {"language": ["a"]}, **arguments})


def test_more_rows_than_any_machine_holds():
    """A number with zeros too many ends with words at once, not without memory."""
    with pytest.raises(ConfigError, match="1,000,000,000,000 rows make more than 1,000,000 shards of 4,096"):
        SampleSource(10**12, {}).plan(None)
