from __future__ import annotations

import socket
import threading

import pytest

from nemo_sdg.simulator import Faults, SimulatorSettings, SimulatorThread


def test_a_thread_serves_and_ends(make_client):
    """A simulator in a thread answers, can be controlled and leaves no thread behind."""
    with make_client(SimulatorSettings()) as client:
        assert client.chat().status == 200
        client.simulator.control(faults=Faults(error_529=1.0))
        assert client.chat().status == 529
        assert client.simulator.stats()["by_status"] == {"200": 1, "529": 1}
        client.simulator.reset_stats()
        assert client.simulator.stats()["requests"] == 0

    assert "nemo-sdg-simulator" not in {thread.name for thread in threading.enumerate()}


def test_an_address_in_use_is_told_to_the_caller():
    """That the port is taken is raised where the simulator was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="address already in use"), SimulatorThread(port=port):
            pass
