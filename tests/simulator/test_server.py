from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys

import aiohttp
import pytest
import trustme

from nemo_sdg.simulator import Faults, Latency, Limits, Simulator, SimulatorSettings
from nemo_sdg.simulator.loops import new_event_loop

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


async def gather(simulator, count):
    """Send so many requests at once and return their statuses."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(seed):
            async with session.post(
                f"{simulator.base_url}/chat/completions", json=CHAT | {"seed": seed}
            ) as answer:
                await answer.read()
                return answer.status

        return await asyncio.gather(*map(one, range(count)))


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, new_event_loop], ids=["asyncio", "uvloop"])
def test_concurrency_is_what_clients_make_it(factory):
    """On either loop, requests run side by side, and the figures show how many did."""

    async def main():
        async with Simulator(SimulatorSettings(latency=Latency.fixed(0.3))) as simulator:
            assert await gather(simulator, 50) == [200] * 50
            return simulator.stats()

    with asyncio.Runner(loop_factory=factory) as runner:
        figures = runner.run(main())

    assert figures["concurrency"]["peak"] == 50
    assert figures["concurrency"]["now"] == 0
    assert figures["paid"] == 50


def test_requests_above_the_cap_are_refused():
    """With a cap on concurrency exactly that many of simultaneous requests are served."""

    async def main():
        async with Simulator(
            SimulatorSettings(latency=Latency.fixed(0.5), limits=Limits(max_concurrent=8))
        ) as simulator:
            return await gather(simulator, 20)

    statuses = asyncio.run(main())
    assert statuses.count(200) == 8
    assert statuses.count(429) == 12


def test_closing_ends_open_connections():
    """Leaving the context does not wait for requests that hang."""

    async def main():
        async with Simulator(SimulatorSettings(faults=Faults(hang=1.0))) as simulator:
            waiting = asyncio.create_task(gather(simulator, 3))
            while simulator.stats()["concurrency"]["now"] < 3:  # noqa: ASYNC110 - the server has no such event
                await asyncio.sleep(0.01)
        with pytest.raises(aiohttp.ClientError):
            await waiting

    asyncio.run(main())


def test_control_changes_sections():
    """Sections are replaced from the program as from /control."""

    async def main():
        async with Simulator() as simulator:
            simulator.control(faults=Faults(error_503=1.0))
            assert await gather(simulator, 1) == [503]
            simulator.control(faults=Faults(), latency=Latency.fixed(0.01))
            assert await gather(simulator, 1) == [200]
            assert simulator.settings.latency == Latency.fixed(0.01)
            simulator.reset_stats()
            assert simulator.stats()["requests"] == 0

    asyncio.run(main())


@pytest.mark.parametrize("fault", [None, "reset"])
def test_encrypted_connections(fault):
    """With an SSL context the URL is https, answers arrive and resets break the connection."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    faults = Faults() if fault is None else Faults(**{fault: 1.0})

    async def main():
        async with (
            Simulator(SimulatorSettings(faults=faults), ssl_context=context) as simulator,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
        ):
            assert simulator.base_url.startswith("https://127.0.0.1:")
            async with session.post(f"{simulator.base_url}/chat/completions", json=CHAT) as answer:
                return (await answer.json())["model"]

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        if fault is None:
            assert runner.run(main()) == "simulated"
        else:
            with pytest.raises(aiohttp.ClientError):
                runner.run(main())


def test_serve_ends_cleanly_with_ctrl_c():
    """`serve` announces its URL, answers, and an interrupt ends it without a traceback."""
    # A suite that runs in the background hands on an ignored interrupt.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from nemo_sdg.simulator import SimulatorSettings, serve\n"
        "serve(SimulatorSettings(), '127.0.0.1', 0, lambda url: print(url, flush=True))\n"
        "print('ended')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().startswith(b"http://127.0.0.1:")
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err) == (0, b"ended\n", b"")
