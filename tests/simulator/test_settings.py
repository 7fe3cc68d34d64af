from __future__ import annotations

import msgspec
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator import Faults, Latency, Limits, SimulatorSettings
from nemo_sdg.simulator.settings import SHARES, decode_settings


@pytest.mark.parametrize(
    ("make", "key", "value"),
    [
        (lambda: Latency(median=-1), "latency.median", "-1"),
        (lambda: Latency.lognormal(1, float("inf")), "latency.sigma", "inf"),
        (lambda: Latency(capacity=0), "latency.capacity", "0"),
        (lambda: Latency(median="fast"), "latency.median", "'fast'"),
        (lambda: Limits(requests_per_minute=0), "limits.requests_per_minute", "0"),
        (lambda: Limits(tokens_per_minute=float("nan")), "limits.tokens_per_minute", "nan"),
        (lambda: Limits(max_concurrent=1.5), "limits.max_concurrent", "1.5"),
        (lambda: Limits(burst_seconds=0), "limits.burst_seconds", "0"),
        (lambda: Limits(headers="azure"), "limits.headers", "'azure'"),
        (lambda: Faults(hang=1.5), "faults.hang", "1.5"),
        (lambda: Faults(hang=True), "faults.hang", "True"),
        (lambda: Faults(hang=0.6, reset=0.6), "faults", "1.2"),
        (lambda: Faults(unauthorized_after=-1), "faults.unauthorized_after", "-1"),
        (lambda: SimulatorSettings(seed=None), "seed", "None"),
        (lambda: SimulatorSettings(models="one"), "models", "'one'"),
        (lambda: SimulatorSettings(latency=0.2), "latency", "0.2"),
    ],
)
def test_a_wrong_value_is_named(make, key, value):
    """The error names the key, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        make()

    assert key in str(caught.value)
    assert value in str(caught.value)
    assert "allowed" in str(caught.value)


@pytest.mark.parametrize("keys", ["sk-secret", {"sk-secret", ""}, {"sk-secret", 7}])
def test_wrong_keys_are_not_shown(keys):
    """An error about keys shows none of them."""
    with pytest.raises(ConfigError) as caught:
        SimulatorSettings(api_keys=keys)

    assert "sk-secret" not in str(caught.value)


def test_repr_hides_keys():
    """Settings can be logged: keys are only counted."""
    text = repr(SimulatorSettings(api_keys=frozenset({"sk-secret"})))

    assert "sk-secret" not in text
    assert "1 hidden" in text


def test_settings_survive_json():
    """Settings that were written as JSON are read back the same."""
    settings = SimulatorSettings(
        latency=Latency.lognormal(0.2, 1.0, capacity=5),
        limits=Limits(requests_per_minute=60, headers="anthropic"),
        faults=Faults(hang=0.1, unauthorized_after=3),
        seed=7,
        api_keys=frozenset({"a", "b"}),
        models=("m",),
    )

    assert decode_settings(msgspec.json.encode(settings)) == settings


@pytest.mark.parametrize(
    "text", [b"{", b'{"latency": {"median": -1}}', b'{"colour": 1}', b'{"faults": {"hang": "often"}}']
)
def test_unusable_json_is_a_config_error(text):
    """JSON that is broken, has unknown keys or wrong values raises ConfigError."""
    with pytest.raises(ConfigError):
        decode_settings(text)


def test_a_changed_section_is_replaced_whole():
    """What a given section leaves out is back at its default; other sections stay."""
    settings = SimulatorSettings(latency=Latency.fixed(1), faults=Faults(hang=0.5))
    changed = settings.changed(b'{"faults": {"reset": 0.1}}')

    assert changed.faults == Faults(reset=0.1)
    assert changed.latency == Latency.fixed(1)


def test_every_share_is_a_field():
    """The names of the shares are fields of `Faults`, and nothing that is a share is missing."""
    others = {"unauthorized_after", "drip_seconds"}

    assert set(SHARES) == set(Faults.__struct_fields__) - others
