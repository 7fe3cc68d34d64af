from __future__ import annotations

import threading

import pytest

from nemo_sdg import AsyncOpenAIClient, LLMGenerationStage
from nemo_sdg.engine.travel import environment_of, own_modules, pickled, unpickled
from nemo_sdg.errors import ConfigError


def test_only_the_users_own_modules_go_by_value():
    """Installed packages, the standard library and nemo_sdg are not sent along; this test file would be."""
    names = {module.__name__ for module in own_modules()}

    assert not any(name.split(".")[0] in {"nemo_sdg", "pyarrow", "pytest", "json", "ray"} for name in names)
    assert __name__ in names


def test_what_cannot_travel_is_explained():
    """A stage that holds an open lock says where to open such things."""
    with pytest.raises(ConfigError, match=r"cannot travel .* in its setup\(\)"):
        pickled(threading.Lock())


def test_a_key_named_by_its_variable_is_in_no_pickle(monkeypatch):
    """A stage whose key is named by its variable travels without it; the value goes apart."""
    monkeypatch.setenv("TRAVEL_KEY", "sk-travelling-secret")
    client = AsyncOpenAIClient(base_url="http://localhost:1/v1", api_key_env="TRAVEL_KEY")
    client.setup()
    stage = LLMGenerationStage(client, "m")

    packed = pickled(stage)

    assert b"sk-travelling-secret" not in packed
    assert environment_of([stage])["TRAVEL_KEY"] == "sk-travelling-secret"
    assert "TRAVEL_KEY" in unpickled(packed).environment
