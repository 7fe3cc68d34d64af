from __future__ import annotations

from dataclasses import asdict, fields

import pytest

from nemo_sdg.client import GenerationConfig
from nemo_sdg.errors import ConfigError

DEFAULTS = {
    "max_tokens": 2048,
    "n": 1,
    "seed": 0,
    "stop": None,
    "stream": False,
    "temperature": 0.0,
    "top_k": None,
    "top_p": 0.95,
    "extra_kwargs": None,
}


def test_fields_and_defaults():
    """The nine documented fields are there, in their order, with their defaults."""
    assert [field.name for field in fields(GenerationConfig)] == list(DEFAULTS)
    assert asdict(GenerationConfig()) == DEFAULTS


def test_from_object_dict_or_nothing():
    """A config is taken as an object or a dict; None means the defaults."""
    config = GenerationConfig(n=3)

    assert GenerationConfig.of(config) is config
    assert GenerationConfig.of({"n": 3}) == config
    assert GenerationConfig.of(None) == GenerationConfig()


@pytest.mark.parametrize(
    "values",
    [
        dict.fromkeys(["max_tokens", "n", "seed", "stop", "temperature", "top_k", "top_p", "extra_kwargs"]),
        {"temperature": 2, "top_p": 1, "top_k": -1, "seed": -5, "stop": ["a", "b"]},
        {"temperature": 2.0, "top_p": 0.001, "top_k": 0, "seed": 2**63 - 1, "stop": "a", "stream": True},
    ],
)
def test_allowed(values):
    """None, and the ends of each range, are taken as they are."""
    config = GenerationConfig.of(values)

    assert {name: getattr(config, name) for name in values} == values


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("max_tokens", 0, "from 1"),
        ("max_tokens", "many", "whole number"),
        ("max_tokens", 1.5, "whole number"),
        ("max_tokens", True, "whole number"),
        ("max_tokens", 2**64, "whole number"),
        ("n", 0, "at least 1"),
        ("n", 2.0, "whole number"),
        ("seed", "0", "whole number"),
        ("seed", 2**63, "whole number"),
        ("seed", -(2**63) - 1, "whole number"),
        ("stop", 3, "text or a list of texts"),
        ("stop", ["a", 3], "text or a list of texts"),
        ("stream", None, "true or false"),
        ("stream", 1, "true or false"),
        ("temperature", 2.1, "from 0.0 to 2.0"),
        ("temperature", -0.1, "from 0.0 to 2.0"),
        ("temperature", float("nan"), "from 0.0 to 2.0"),
        ("temperature", "hot", "from 0.0 to 2.0"),
        ("temperature", True, "from 0.0 to 2.0"),
        ("top_k", -2, "at least -1"),
        ("top_k", 1.0, "whole number"),
        ("top_p", 0, "above 0"),
        ("top_p", 1.1, "from 0.0 to 1.0"),
        ("extra_kwargs", "x", "dict"),
        ("extra_kwargs", [1], "dict"),
    ],
)
def test_checked_at_construction(name, value, allowed):
    """A value that no server takes is refused at once: field, value and what is allowed are named."""
    with pytest.raises(ConfigError) as caught:
        GenerationConfig(**{name: value})

    assert str(caught.value).startswith(f"{name} is {value!r}: ")
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"extra_body": "x"}, "extra_body"),
        ({"extra_query": [1]}, "extra_query"),
        ({"extra_headers": "x"}, "extra_headers"),
        ({"extra_headers": {"X-A": 1}}, "X-A"),
        ({"extra_headers": {"X-A": "a\r\nX-B: b"}}, "X-A"),
        ({1: 2}, "1"),
    ],
)
def test_extra_kwargs_are_checked(extra, named):
    """What cannot be sent as an extra field, header or query is refused, without showing header values."""
    with pytest.raises(ConfigError, match=named) as caught:
        GenerationConfig(extra_kwargs=extra)

    assert "X-B" not in str(caught.value)


@pytest.mark.parametrize(("wrong", "right"), [("temprature", "temperature"), ("maxtokens", "max_tokens")])
def test_misspelt(wrong, right):
    """A misspelt key gets the nearest one."""
    with pytest.raises(ConfigError, match=f"no '{wrong}': did you mean '{right}'"):
        GenerationConfig.of({wrong: 1})


@pytest.mark.parametrize("wrong", [{"zzz": 1}, {5: 1, "a": 2}])
def test_unknown(wrong):
    """A key like no other gets the list of all, and where other fields go."""
    with pytest.raises(ConfigError, match=r"it takes max_tokens, n, .* extra_kwargs"):
        GenerationConfig.of(wrong)


@pytest.mark.parametrize("wrong", ["hot", 5, [("n", 1)]])
def test_other_types(wrong):
    """Anything but a config or a dict is refused."""
    with pytest.raises(ConfigError, match="give a GenerationConfig or a dict"):
        GenerationConfig.of(wrong)
