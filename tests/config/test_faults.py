from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from nemo_sdg.config.faults import faults_of


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    timeout: int = 1
    api_token: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner = Inner()


def faults(**values):
    """Return what is said of a config with `values`."""
    try:
        Outer.model_validate(values)
    except ValidationError as error:
        return list(faults_of(error, Outer))
    raise AssertionError


def test_nearest_key_comes_from_the_right_section():
    """A misspelt key below another is compared with the keys of that section."""
    assert faults(inner={"timout": 1}) == ["inner.timout: there is no such key; did you mean 'timeout'?"]


def test_without_a_near_key_all_are_listed():
    """A key that resembles none gets the list of those allowed."""
    assert faults(zzz=1) == ["zzz: there is no such key; allowed are inner"]


def test_values_of_secrets_are_not_shown():
    """What stands where a credential belongs is never echoed."""
    (fault,) = faults(inner={"api_token": "hunter2"})

    assert "hunter2" not in fault


def test_long_values_are_cropped():
    """A whole document given by mistake does not flood the terminal."""
    (fault,) = faults(inner={"timeout": "x" * 5000})

    assert len(fault) < 200
