"""CPU per request of `AsyncOpenAIClient.query_model` beside the OpenAI SDK and bare aiohttp + msgspec.

Each client runs in a process of its own under uvloop with 64 requests in flight, in turns, against the
simulated endpoint in another process. Two loads: zero latency, where one wake-up of the loop serves many
replies, and replies spread out (lognormal, median 200 ms, sigma 1.0), which is what real servers look like.

    python benchmarks/client_cpu.py [--rounds 3] [--requests 6000]

Prints milliseconds of CPU for each request (median of the rounds) and the ratios ours / theirs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time

IN_FLIGHT = 64
CORES = sorted(os.sched_getaffinity(0))  # the endpoint gets the first, the client the last
PROMPT = (
    "Generate a short question and answer about science in French. Begin with Question: and then Answer:."
)
MESSAGES = [{"role": "user", "content": PROMPT}]


async def ours(base_url: str, requests: int) -> None:
    from nemo_sdg.client import AsyncOpenAIClient, GenerationConfig

    client = AsyncOpenAIClient(base_url=base_url, api_key="none", max_concurrent_requests=IN_FLIGHT)
    config = GenerationConfig(**_FIELDS)

    async def ask(number: int) -> None:
        texts = await client.query_model(
            messages=[*MESSAGES], model="m", generation_config=config.with_seed(number)
        )
        assert texts[0]

    await _all(ask, requests)
    await client.close()


async def sdk(base_url: str, requests: int) -> None:
    import openai

    client = openai.AsyncOpenAI(base_url=base_url, api_key="none")

    async def ask(number: int) -> None:
        completion = await client.chat.completions.create(
            messages=[*MESSAGES], model="m", seed=number, **_FIELDS
        )
        assert completion.choices[0].message.content

    await _all(ask, requests)
    await client.close()


async def bare(base_url: str, requests: int) -> None:
    import aiohttp
    import msgspec
    from yarl import URL

    url = URL(base_url + "/chat/completions")
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": "application/json", "Authorization": "Bearer none"},
    ) as session:

        async def ask(number: int) -> None:
            body = encode({"messages": MESSAGES, "model": "m", "seed": number, **_FIELDS})
            async with session.post(url, data=body, allow_redirects=False) as response:
                assert decode(await response.read())["choices"][0]["message"]["content"]

        await _all(ask, requests)


_FIELDS = {"max_tokens": 2048, "temperature": 0.9, "top_p": 0.95}
CLIENTS = {"ours": ours, "bare": bare, "sdk": sdk}


async def _all(ask, requests: int) -> None:
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def measure_here(name: str, base_url: str, requests: int) -> None:
    import uvloop

    os.sched_setaffinity(0, {CORES[-1]})

    async def run() -> None:
        await CLIENTS[name](base_url, IN_FLIGHT * 4)  # imports, caches, connections
        cpu, wall = time.process_time(), time.perf_counter()
        await CLIENTS[name](base_url, requests)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(json.dumps({"ms": cpu / requests * 1000, "rate": requests / wall}))

    uvloop.run(run())


def measure(name: str, base_url: str, requests: int) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--client",
        name,
        "--base-url",
        base_url,
        "--requests",
        str(requests),
    ]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--client", choices=CLIENTS)
    parser.add_argument("--base-url")
    options = parser.parse_args()
    if options.client:
        measure_here(options.client, options.base_url, options.requests)
        return
    from nemo_sdg.simulator import Latency, SimulatorProcess, SimulatorSettings

    loads = {
        "zero latency": (Latency(), options.requests),
        "spread out": (Latency.lognormal(0.2, 1.0), options.requests // 4),
    }
    for load, (latency, requests) in loads.items():
        found: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
        with SimulatorProcess(SimulatorSettings(latency=latency)) as simulator:
            os.sched_setaffinity(simulator.pid, {CORES[0]})
            for _ in range(options.rounds):
                for name in CLIENTS:
                    found[name].append(measure(name, simulator.base_url, requests))
        ms = {name: statistics.median(each["ms"] for each in runs) for name, runs in found.items()}
        rate = {name: statistics.median(each["rate"] for each in runs) for name, runs in found.items()}
        print(f"{load}, {IN_FLIGHT} in flight, {options.rounds} rounds of {requests} requests")
        for name in CLIENTS:
            print(f"  {name:5} {ms[name]:7.3f} ms CPU a request, {rate[name]:8.0f} requests/s")
        for other in ("bare", "sdk"):
            pairs = zip(found["ours"], found[other], strict=True)
            print(f"  ours / {other}: {statistics.median(a['ms'] / b['ms'] for a, b in pairs):.3f}")


if __name__ == "__main__":
    main()
