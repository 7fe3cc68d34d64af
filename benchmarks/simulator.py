"""How many requests a simulator process serves per second, and per second of its CPU time.

    python benchmarks/simulator.py [--seconds 5] [--connections 64] [--latency-median 0.0]

Server and load generator each get a core of their own where the machine has two.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httptools
import msgspec
import uvloop

from nemo_sdg.simulator import Latency, Limits, SimulatorProcess, SimulatorSettings

PROMPTS = {
    "short": "Generate a Q&A pair about science in {language}.",
    "8 KB": "{filler}\nWrite a question about this text in {language}.",
}
LANGUAGES = ("English", "French", "Greek", "Japanese")


class Load(asyncio.Protocol):
    """One connection that always has one request open."""

    def __init__(self, requests: list[bytes], counts: dict[str, int], place: int) -> None:
        self.requests, self.counts, self.place = requests, counts, place
        self.parser = httptools.HttpResponseParser(self)
        self.stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send the next request."""
        self.place = (self.place + 1) % len(self.requests)
        self.transport.write(self.requests[self.place])

    def data_received(self, data: bytes) -> None:
        """Parse; the parser calls the methods below."""
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Count the bytes."""
        self.counts["bytes"] += len(body)

    def on_message_complete(self) -> None:
        """Count the answer and go on."""
        self.counts["answers"] += 1
        self.counts["errors"] += self.parser.get_status_code() != 200
        if not self.stopped:
            self.send()


def requests_for(prompt: str, address: str) -> list[bytes]:
    requests = []
    for i in range(64):
        content = prompt.format(language=LANGUAGES[i % 4], filler="The sea is deep and wide. " * 315)
        body = msgspec.json.encode(
            {"model": "m", "messages": [{"role": "user", "content": content}], "seed": i, "max_tokens": 60}
        )
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer none\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def load(address: str, requests: list[bytes], connections: int, seconds: float) -> dict[str, int]:
    loop = asyncio.get_running_loop()
    counts = {"answers": 0, "errors": 0, "bytes": 0}
    host, _, port = address.partition(":")
    clients = []
    for i in range(connections):
        _, client = await loop.create_connection(lambda i=i: Load(requests, counts, i), host, int(port))
        clients.append(client)
    await asyncio.sleep(seconds)
    for client in clients:
        client.stopped = True
    await asyncio.sleep(0.1)
    for client in clients:
        client.transport.close()
    return counts


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(pid: int, core: int) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


def run(coroutine):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def measure(settings: SimulatorSettings, prompt: str, connections: int, seconds: float) -> str:
    with SimulatorProcess(settings) as simulator:
        pin(simulator.pid, 1)
        address = urlsplit(simulator.base_url).netloc
        requests = requests_for(prompt, address)
        run(load(address, requests, connections, 0.5))
        before, own, start = cpu_seconds(simulator.pid), time.process_time(), time.perf_counter()
        counts = run(load(address, requests, connections, seconds))
        elapsed = time.perf_counter() - start
        cpu = cpu_seconds(simulator.pid) - before
        own = time.process_time() - own
    answers = counts["answers"]
    return (
        f"{answers / elapsed:>9,.0f} {answers / cpu:>15,.0f} {1000 * cpu / answers:>11.4f}"
        f" {100 * cpu / elapsed:>9.0f} {100 * own / elapsed:>9.0f} {counts['errors']:>7}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--latency-median", type=float, default=0.05)
    options = parser.parse_args()
    pin(0, 0)
    cases = {
        "no latency": SimulatorSettings(),
        "rate limited, not reached": SimulatorSettings(limits=Limits(requests_per_minute=1e8)),
        "lognormal latency": SimulatorSettings(latency=Latency.lognormal(options.latency_median, 1.0)),
    }
    print(f"{options.connections} connections, {options.seconds:g} s each, Python {sys.version.split()[0]}\n")
    titles = f"{'req/s':>9} {'per CPU second':>15} {'CPU ms/req':>11}"
    print(f"{'case':<40} {titles} {'server %':>9} {'client %':>9} {'errors':>7}")
    for name, settings in cases.items():
        for size, prompt in PROMPTS.items():
            # Latency needs more requests in flight to keep the server busy.
            connections = options.connections * (8 if settings.latency.median else 1)
            figures = measure(settings, prompt, connections, options.seconds)
            print(f"{f'{name}, {size} prompt':<40} {figures}", flush=True)


if __name__ == "__main__":
    main()
