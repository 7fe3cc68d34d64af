from __future__ import annotations

import asyncio
import ssl

import httpx2
import pytest

from nemo_sdg.client.httpx_options import check_travels, read_httpx_options
from nemo_sdg.errors import ConfigError


def test_sorted_by_who_can_do_it():
    """Headers and params are for any transport, the rest for an httpx client."""
    given = {"headers": {"a": "b"}, "params": {"v": 2}, "trust_env": False}
    options = read_httpx_options(given)

    assert options == ({"a": "b"}, {"v": "2"}, {"trust_env": False})
    assert given["headers"]
    assert read_httpx_options(None) == ({}, {}, {})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"time_out": 3}, "has 'time_out': it takes headers, params, cert"),
        ({"timeout": 3}, "give it as the client's timeout"),
        ({"base_url": "x"}, "give it as the client's base_url"),
        ({"auth": ("a", "b")}, "Authorization"),
        ({"transport": None}, "give AsyncOpenAIClient an SDK client"),
        ({"headers": ["a"]}, "headers in httpx_client_kwargs is a list: give a dict of texts"),
        (["verify"], "httpx_client_kwargs is a list: give a dict"),
    ],
)
def test_refused(given, says):
    """What is no option, or has its place elsewhere, is said with the way around."""
    with pytest.raises(ConfigError) as refused:
        read_httpx_options(given)
    assert says in str(refused.value)


def test_a_client():
    """The options are those of the httpx client; limits may be a dict, as from YAML."""

    async def main():
        options = {
            "limits": {"max_connections": 3},
            "max_redirects": 5,
            "verify": False,
            "cookies": {"a": "b"},
        }
        async with read_httpx_options(options).new_client() as client:
            return client.max_redirects, dict(client.cookies), client._transport._pool._max_connections

    assert asyncio.run(main()) == (5, {"a": "b"}, 3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"limits": {"max": 3}}, r"httpx_client_kwargs cannot be used \(TypeError"),
        ({"proxy": "gopher://x"}, r"httpx_client_kwargs cannot be used \(ValueError"),
        ({"verify": "./no.pem"}, r"verify in httpx_client_kwargs is './no.pem', and there is no such file"),
        ({"cert": "./no.pem"}, r"httpx_client_kwargs cannot be used \(FileNotFoundError"),
    ],
)
def test_of_no_use(given, says):
    """What httpx does not take is our error."""
    with pytest.raises(ConfigError, match=says):
        read_httpx_options(given).new_client()


@pytest.mark.parametrize("end", ["h:notaport", "h/x:1@h:1"])
@pytest.mark.parametrize("variable", [False, True])
def test_a_proxy_that_is_no_url(end, variable, monkeypatch):
    """It is our error, without what may be a password, also where the environment names it."""
    proxy = f"http://hunter2:hunter2/@{end}" if "/" in end else f"http://user:hunter2@{end}"
    if variable:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    given = {"trust_env": True} if variable else {"proxy": proxy}
    with pytest.raises(ConfigError, match="of the environment is no URL" if variable else "^proxy in") as no:
        read_httpx_options(given).new_client()
    assert "hunter2" not in str(no.value)


@pytest.mark.parametrize(
    ("proxy", "secrets"),
    [
        ("http://user:secret@host:1", ["secret"]),
        ("http://user:se%40cret@host:1", ["se%40cret", "se@cret"]),
        (httpx2.Proxy("http://user:secret@host:1"), ["secret"]),
        (httpx2.Proxy("http://host:1", auth=("user", "secret")), ["secret"]),
        (httpx2.Proxy("http://host:1", headers={"Proxy-Authorization": "Basic x"}), ["Basic x", "x"]),
        (httpx2.URL("http://user:secret@host:1"), ["secret"]),
        ("http://[host:1", []),
        (None, []),
    ],
)
def test_secrets(proxy, secrets):
    """A proxy's password and cookies are known as secrets, in whichever form the proxy is given."""
    options = read_httpx_options({"proxy": proxy, "cookies": {"session": "abc"}})

    assert list(options.secrets()) == [*secrets, "abc"]


def test_travelling():
    """A TLS context does not travel; paths do."""
    check_travels({"verify": "ca.pem"})
    check_travels(None)
    with pytest.raises(ConfigError, match="cannot travel"):
        check_travels({"verify": ssl.create_default_context()})
