from __future__ import annotations

import itertools
import os

import openai
import pytest

from nemo_sdg.client.endpoint import resolve_endpoint
from nemo_sdg.errors import ConfigError, MissingKeyError

KEY = "sk-test-" + "a1b2" * 4
URLS = [None, "http://localhost:8000/v1", "https://gateway.example/openai/v1/"]


@pytest.mark.parametrize(
    ("url", "url_variable", "key", "key_variable"),
    list(itertools.product(URLS, [None, "http://other:9/v1/"], [None, "given-key"], ["env-key"])),
)
@pytest.mark.parametrize("named", [None, "given"])
@pytest.mark.parametrize("variables", [False, True])
def test_as_the_sdk(monkeypatch, url, url_variable, key, key_variable, named, variables):
    """URL, key, organization, project and headers are what openai.AsyncOpenAI resolves."""
    environment = {"OPENAI_BASE_URL": url_variable, "OPENAI_API_KEY": key_variable}
    if variables:
        custom = "X-Team: red : blue\nno header\nUser-Agent: mine"
        environment |= {
            "OPENAI_ORG_ID": "org-e",
            "OPENAI_PROJECT_ID": "proj-e",
            "OPENAI_CUSTOM_HEADERS": custom,
        }
    for name, value in environment.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    arguments = {"base_url": url, "api_key": key, "organization": named, "project": named}
    if named:
        arguments |= {"default_headers": {"x-team": "green"}, "default_query": {"v": "1"}}
    theirs = openai.AsyncOpenAI(**arguments)
    ours = resolve_endpoint(**arguments)
    headers = {**theirs.auth_headers, **theirs.default_headers}
    if named:
        headers.pop("X-Team", None)  # they send both spellings, we the one that was given

    assert ours.base_url == str(theirs.base_url).rstrip("/")
    assert ours.api_key == theirs.api_key
    assert ours.query == theirs.default_query
    shown = {name: value for name, value in headers.items() if isinstance(value, str)}
    for name in ("X-Stainless-Async", "Accept", "Content-Type", "User-Agent"):
        shown.pop(name, None)
    shown = {name: value for name, value in shown.items() if not name.startswith("X-Stainless")}
    mine = {name: value for name, value in ours.headers.items() if name in shown}
    assert mine == shown
    assert set(ours.headers) <= {*shown, "Accept", "Content-Type", "User-Agent"}
    if variables:
        assert ours.headers["User-Agent"] == "mine"


def test_without_the_environment(monkeypatch):
    """Nothing is read where that is not wanted, but the variable that is named."""
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "MY_KEY"):
        monkeypatch.setenv(name, f"of-{name}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer other\nX-Team: red")
    bare = resolve_endpoint(from_environment=False)
    named = resolve_endpoint(from_environment=False, api_key_env="MY_KEY")

    assert bare.base_url == "https://api.openai.com/v1"
    assert set(bare.headers) == {"Content-Type", "Accept", "User-Agent"}
    assert named.headers == {**bare.headers, "Authorization": "Bearer of-MY_KEY"}


def test_one_header_of_a_name():
    """A header given in another case replaces ours: no request has two of it."""
    endpoint = resolve_endpoint(
        base_url="http://localhost/v1", api_key=KEY, default_headers={"authorization": "Basic xyz"}
    )

    assert [name for name in endpoint.headers if name.lower() == "authorization"] == ["authorization"]


def test_servers_of_ones_own_need_no_key():
    """Unlike the SDK, a server of one's own is asked without a key."""
    endpoint = resolve_endpoint(base_url="http://localhost:8000/v1")

    assert endpoint.api_key is None
    assert "Authorization" not in endpoint.headers


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        (None, "OPENAI_API_KEY"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
    ],
)
def test_missing_key(url, variable):
    """Hosts that answer nobody without a key: the error says what to export, and nothing was sent."""
    with pytest.raises(MissingKeyError, match=f"export {variable}=<your key>") as caught:
        resolve_endpoint(base_url=url)

    assert caught.value.attempts == 0


def test_nvidia_has_its_own_variable(monkeypatch):
    """NVIDIA's host gets NVIDIA_API_KEY and never OPENAI_API_KEY, which other hosts get."""
    url = "https://integrate.api.nvidia.com/v1"
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    with pytest.raises(MissingKeyError, match="export NVIDIA_API_KEY"):
        resolve_endpoint(base_url=url)
    monkeypatch.setenv("NVIDIA_API_KEY", "of-nvidia")
    assert resolve_endpoint(base_url=url).api_key == "of-nvidia"
    assert resolve_endpoint(base_url="http://localhost/v1").api_key == "of-openai"


def test_key_by_the_name_of_its_variable(monkeypatch):
    """api_key_env names the variable; unset, the error says how to set it."""
    with pytest.raises(MissingKeyError, match="export MY_KEY=<your key>"):
        resolve_endpoint(base_url="http://localhost/v1", api_key_env="MY_KEY")
    monkeypatch.setenv("MY_KEY", KEY)
    assert resolve_endpoint(base_url="http://localhost/v1", api_key_env="MY_KEY").api_key == KEY


@pytest.mark.parametrize("given", ["api_key", "api_key_env", "environment"])
def test_white_space_around_a_key(monkeypatch, given):
    """A line end after a key, as files and variables have it, is taken off."""
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    arguments = {"api_key": {"api_key": f"{KEY}\n"}, "api_key_env": {"api_key_env": "OPENAI_API_KEY"}}
    endpoint = resolve_endpoint(base_url="http://localhost/v1", **arguments.get(given, {}))

    assert endpoint.headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("key", [f"{KEY} x", f"{KEY}\nX-Evil: 1", f"{KEY}\u00e9", " "])
def test_what_is_no_key(key):
    """Blanks, line breaks and accents inside a key are refused, without showing it."""
    with pytest.raises(ConfigError, match="api_key holds characters that no key has") as caught:
        resolve_endpoint(base_url="http://localhost/v1", api_key=key)

    assert "a1b2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://localhost/v1",
        "http://",
        "http://host:port/v1",
        "nonsense",
        "http://[::1/v1",
    ],
)
@pytest.mark.parametrize("by", ["base_url", "OPENAI_BASE_URL"])
def test_no_url(monkeypatch, url, by):
    """What is no URL is refused with its value, where it came from and an example."""
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(ConfigError, match=f"^{by} is ") as caught:
        resolve_endpoint(base_url=url if by == "base_url" else None)

    assert repr(url) in str(caught.value)
    assert "http://localhost:8000/v1" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@host.example/v1",
        "https://hunter2@host.example/v1",
        "https://user:hunter2@host.example:port/v1",
        "user:hunter2@host.example/v1",
    ],
)
def test_url_with_a_password(url):
    """A URL that holds a password is refused without showing it, whatever else is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        resolve_endpoint(base_url=url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("end", ["?key=hunter2", "#x"])
def test_url_with_a_query(end):
    """A query in the URL would end up before the path: default_query is named, the value not shown."""
    with pytest.raises(ConfigError, match="default_query") as caught:
        resolve_endpoint(base_url=f"https://host.example/v1{end}")

    assert "hunter2" not in str(caught.value)


def test_white_space_around_a_url(monkeypatch):
    """A line end after a URL is taken off."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1/\n")

    assert resolve_endpoint().base_url == "http://localhost:8000/v1"


@pytest.mark.parametrize("headers", [{"X-A": 1}, {"X-A": "a\nb"}])
def test_headers_are_checked(headers):
    """A header that cannot be sent is refused by name."""
    with pytest.raises(ConfigError, match="default_headers has 'X-A'"):
        resolve_endpoint(base_url="http://localhost/v1", default_headers=headers)


def test_credentials_are_hidden():
    """No credential, wherever it was put, is in the repr, and each is taken out of texts."""
    secrets = [KEY, "secret-in-header", "secret-in-query"]
    endpoint = resolve_endpoint(
        base_url="http://localhost/v1",
        api_key=KEY,
        default_headers={"API-Key": secrets[1]},
        default_query={"key": secrets[2]},
    )
    redacted = endpoint.redact(f"no: {' '.join(secrets)} is wrong")

    assert not any(secret in repr(endpoint) for secret in secrets)
    assert redacted == "no: [api key] [api key] [api key] is wrong"


@pytest.mark.parametrize("key", ["none", "EMPTY", "x"])
def test_stand_ins_are_no_credentials(key):
    """What people give to servers that want no key is left in texts, where it may be a word."""
    endpoint = resolve_endpoint(base_url="http://localhost/v1", api_key=key)

    assert endpoint.redact(f"none is {key}") == f"none is {key}"


def test_environment_is_bare():
    """These tests run without the variables of whoever runs them."""
    assert not [name for name in os.environ if name.startswith("OPENAI_")]
