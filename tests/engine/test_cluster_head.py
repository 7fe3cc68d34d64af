from __future__ import annotations

import socket
import threading

import pytest

from nemo_sdg.engine.cluster_head import check_reachable, head_place, head_watched
from nemo_sdg.errors import ConfigError


@pytest.fixture
def listener():
    """Listen on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def _address(server) -> str:
    return "{}:{}".format(*server.getsockname()[:2])


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("head:6379", ("head", 6379)),
        ("ray://head:10001", ("head", 10001)),
        ("ray://head", ("head", 10001)),
        ("[::1]:6379", ("::1", 6379)),
        ("auto", None),
        ("local", None),
        ("head:port", None),
        ("anyscale://cluster", None),
        ("", None),
    ],
)
def test_where_a_head_is(address, place):
    """Host and port are read from the forms that Ray takes; other words name no place."""
    assert head_place(address) == place


def test_a_head_that_is_there(listener):
    """Who listens may be joined; what names no place is left to Ray."""
    check_reachable(_address(listener))
    check_reachable(f"ray://{_address(listener)}")
    check_reachable("auto")


@pytest.mark.parametrize("form", ["{}", "ray://{}"])
def test_a_head_that_is_not_there(listener, form):
    """Where nobody listens the address is named at once, and what to check."""
    address = form.format(_address(listener))
    listener.close()
    with pytest.raises(ConfigError, match=rf"{address}'.*nobody takes connections.*--address"):
        check_reachable(address, patience=0)


def test_a_head_that_goes_while_it_is_in_use(listener):
    """A person is told once that the head is gone and what to do, and again when it is back."""
    address, said, told = _address(listener), [], threading.Event()

    def say(text: str) -> None:
        said.append(text)
        told.set()

    with head_watched(address, say, look=0.01):
        listener.close()
        assert told.wait(30)
        told.clear()
        host, port = head_place(address)
        with socket.create_server((host, port)):
            assert told.wait(30)
    assert ["gone; unless it comes back" in said[0], "is back" in said[1]] == [True, True]
    assert "run the same command again" in said[0]
