from __future__ import annotations

import pytest

from nemo_sdg.redact import HIDDEN, redacted, shown_url, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/v1", "https://host/v1"),
        ("https://user:hunter2@host:8000/v1?key=hunter2#hunter2", "https://host:8000/v1"),
        ("https://hunter2@[::1]:80/v1", "https://[::1]:80/v1"),
        ("https://user:p@hunter2@host/v1", "https://host/v1"),
        ("https://user:hunter2/x@host/v1", "host/v1"),
        ("https://user:hunter2#x@host/v1", "host/v1"),
        ("https://host/ai/@cf/v1", "https://host/ai/@cf/v1"),
        ("not a url", "not a url"),
    ],
)
def test_urls(url, shown):
    """A URL is shown without user, password, query and fragment, even if it is malformed."""
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach https://me:hunter2@host/v1: refused",
        "sent Authorization: Bearer hunter2hunter2",
        "GET /v1?api-key=hunter2&x=1",
        "key sk-hunter2hunter2hunter2 was refused",
        "key nvapi-hunter2hunter2hunter2 was refused",
        "call(api_key='hunter2', x=1)",
        'OWN_PASSWORD = "hunter2"',
        "headers={'x-api-key': 'hunter2'}",
    ],
)
def test_messages(text):
    """What looks like a credential is cut out of a text; the rest of it stays."""
    assert "hunter2" not in without_credentials(text)
    assert without_credentials(text)[:3] == text[:3]


def test_settings():
    """Values under a credential's name are hidden at any depth; names of variables and numbers are not."""
    settings = {
        "api_key": "hunter2",
        "api_keys": ["hunter2", "hunter2"],
        "headers": [{"X-Api-Key": "hunter2", "Authorization": "hunter2"}],
        "hf_token": "hunter2",
        "base_url": "https://u:hunter2@host",
        "api_key_env": "SOME_KEY",
        "max_tokens": 5,
        "password": "",
    }
    shown = redacted(settings)
    assert "hunter2" not in str(shown)
    assert shown["api_key"] == shown["api_keys"] == HIDDEN
    assert (shown["api_key_env"], shown["max_tokens"], shown["password"]) == ("SOME_KEY", 5, "")
