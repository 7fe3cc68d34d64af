from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nemo_sdg.errors import ConfigError, NemoSDGError
from nemo_sdg.simulator import Faults, Latency, SimulatorProcess, SimulatorSettings


def alive(pid):
    """Return whether a process runs, and is not only waiting to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid):
    """Wait for a process to end; the test's own limit ends the waiting."""
    while alive(pid):
        time.sleep(0.02)


def test_a_process_serves_with_its_settings(client_class):
    """A simulator in a process of its own obeys settings, control and reset, and ends with its context."""
    settings = SimulatorSettings(api_keys=frozenset({"sk-secret"}), latency=Latency.fixed(0.01))
    with SimulatorProcess(settings) as simulator:
        client = client_class(simulator)
        assert client.chat(key="sk-secret").status == 200
        assert client.chat(key="other").status == 401
        assert b"sk-secret" not in Path(f"/proc/{simulator.pid}/cmdline").read_bytes()
        simulator.control(faults=Faults(error_503=1.0))
        assert client.chat(key="sk-secret").status == 503
        assert simulator.stats()["by_status"] == {"200": 1, "401": 1, "503": 1}
        simulator.reset_stats()
        assert simulator.stats()["requests"] == 0
        client.connection.close()
        pid = simulator.pid

    assert not alive(pid)


def test_control_of_a_process_reports_what_is_wrong():
    """What the process refuses is raised in the caller, as in one process."""
    with SimulatorProcess() as simulator, pytest.raises(ConfigError, match="unknown field"):
        simulator.control(faults={"colour": 1})


def test_an_address_in_use_is_told_to_the_caller(capfd):
    """That the port is taken ends the start with an error, and the reason is shown."""
    with (
        SimulatorProcess() as first,
        pytest.raises(NemoSDGError, match="could not start"),
        SimulatorProcess(port=int(first.base_url.split(":")[2].partition("/")[0])),
    ):
        pass

    assert "address already in use" in capfd.readouterr().err


def test_ctrl_c_is_the_parents_business():
    """An interrupt from the terminal reaches the child too, which goes on as long as its parent wants."""
    with SimulatorProcess() as simulator:
        os.kill(simulator.pid, signal.SIGINT)
        time.sleep(0.3)

        assert simulator.stats()["requests"] == 0


def test_no_orphan_stays():
    """When the parent is killed without a chance to clean up, the child ends by itself."""
    code = (
        "import time\n"
        "from nemo_sdg.simulator import SimulatorProcess\n"
        "with SimulatorProcess() as simulator:\n"
        "    print(simulator.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        wait_until_gone(pid)


def test_importing_stays_light():
    """The package imports none of the libraries that make a start slow."""
    heavy = ["ray", "openai", "pandas", "pyarrow", "aiohttp", "pydantic", "numpy", "jinja2"]
    code = (
        f"import sys, nemo_sdg.simulator.__main__; print([name for name in {heavy} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"
