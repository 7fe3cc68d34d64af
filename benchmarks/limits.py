"""How closely the limits of an endpoint are kept and used, by any number of workers.

    python benchmarks/limits.py goodput [--known configured|headers|throttles] [--by requests|tokens]
                                                   6,000 a minute, 1, 2, 4, 8 workers on Ray
    python benchmarks/limits.py jobs               two jobs at once on one cluster share 6,000 a minute
    python benchmarks/limits.py capacity           nothing known, an endpoint that is slower beyond 48 at once
    python benchmarks/limits.py cost               CPU of a request with a budget on the cluster, and without
    python benchmarks/limits.py messages           64 workers, simulated time: messages to the budget
    python benchmarks/limits.py thousand           1,000 workers at 1,000,000 a minute, simulated time

All but the last two run real jobs against the simulated endpoint in a process of its own, which counts for
itself. "Steady" is between the first and the last tenth of the answers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from nemo_sdg.simulator import Latency, Limits, SimulatorProcess, SimulatorSettings

PER_MINUTE = 6_000
PROMPT = "Write one question and its answer about science in {language}. Question: ... Answer: ..."
HEAVY = Latency.lognormal(0.2, 1.0)


class Counter(threading.Thread):
    """Notes answers and refusals of an endpoint over time."""

    def __init__(self, simulator: SimulatorProcess) -> None:
        super().__init__(daemon=True)
        self._simulator = simulator
        self._ended = threading.Event()
        self.seen: list[tuple[float, int, int]] = []

    def run(self) -> None:
        while not self._ended.wait(0.1):
            stats = self._simulator.stats()
            tokens = stats["prompt_tokens"] + stats["completion_tokens"]
            self.seen.append((time.monotonic(), stats["by_status"].get("200", 0), tokens))

    def steady(self, number: int = 1) -> float:
        """Return answers (1) or tokens (2) a second, between a tenth and nine tenths of all."""
        self._ended.set()
        self.join()
        last = self.seen[-1][number]
        low = next(each for each in self.seen if each[number] >= 0.1 * last)
        high = next(each for each in self.seen if each[number] >= 0.9 * last)
        return (high[number] - low[number]) / (high[0] - low[0])


def job(*, base_url: str, rows: int, workers: int, in_flight: int, limits: str, address: str | None) -> None:
    """Run one job in this process and print what it counted."""
    from nemo_sdg import AsyncOpenAIClient, ParquetWriter, Pipeline, QAMultilingualSyntheticStage

    client = AsyncOpenAIClient(
        base_url=base_url, api_key="none", max_concurrent_requests=in_flight, limits=json.loads(limits)
    )
    with tempfile.TemporaryDirectory() as folder:
        qa = QAMultilingualSyntheticStage(
            PROMPT, ["English", "French", "German"], client, "m", rows, {"max_tokens": 256}
        )
        report = Pipeline("bench", stages=[qa, ParquetWriter(path=Path(folder) / "out")]).run(
            engine="ray", workers=workers, address=address, shard_rows=16
        )
    counts = report.counts
    print(
        json.dumps(
            {
                "state": report.state,
                "written": counts.rows_written,
                "rejected": counts.rows_rejected,
                "attempts": counts.attempts,
                "throttles": counts.throttles,
            }
        )
    )


def started(simulator: SimulatorProcess, **options: object) -> subprocess.Popen[str]:
    """Start a job in a process of its own."""
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    command = [sys.executable, __file__, "job", f"--base-url={simulator.base_url}", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def ended(process: subprocess.Popen[str]) -> dict:
    """Return what a job printed."""
    out, _ = process.communicate()
    return json.loads(out.splitlines()[-1])


def goodput(rows: int, known: str, by: str, fleets: list[int]) -> None:
    """Print how much of a limit so many workers use, and how often they are turned away."""
    tokens = PER_MINUTE * 140
    server = {"requests_per_minute": PER_MINUTE} if by == "requests" else {"tokens_per_minute": tokens}
    headers = "openai" if known == "headers" else "none"
    for workers in fleets:
        settings = SimulatorSettings(latency=HEAVY, limits=Limits(**server, headers=headers))
        with SimulatorProcess(settings) as simulator:
            counter = Counter(simulator)
            counter.start()
            limits = json.dumps(server if known == "configured" else {})
            result = ended(
                started(simulator, rows=rows, workers=workers, in_flight=512 // workers, limits=limits)
            )
            rate = counter.steady(1 if by == "requests" else 2) * 60 / next(iter(server.values()))
        throttled = result["throttles"] / result["attempts"]
        print(
            f"{known}, by {by}, {workers} workers: {rate:.1%} of the limit, {throttled:.2%} throttled, "
            f"{result['rejected']} rejected, {result['written']:,} written",
            flush=True,
        )


def jobs(rows: int) -> None:
    """Print how two jobs on one cluster share a limit."""
    settings = SimulatorSettings(latency=HEAVY, limits=Limits(requests_per_minute=PER_MINUTE))
    os.environ["RAY_AUTH_MODE"] = "token"  # jobs that name a cluster's address do not look for it themselves
    ray = [str(Path(sys.executable).with_name("ray"))]
    port = "6399"
    subprocess.run(
        [*ray, "start", "--head", f"--port={port}", "--include-dashboard=false", "--num-cpus=4"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        with SimulatorProcess(settings) as simulator:
            limits = json.dumps({"requests_per_minute": PER_MINUTE})
            options = {
                "rows": rows,
                "in_flight": 128,
                "limits": limits,
                "address": f"127.0.0.1:{port}",
            }
            marks: list[tuple[float, int]] = []
            first = started(simulator, workers=1, **options)
            second = started(simulator, workers=3, **options)
            waiting = {"1 worker": first, "3 workers": second}
            ends: dict[str, float] = {}
            while waiting:
                time.sleep(0.1)
                marks.append((time.monotonic(), simulator.stats()["by_status"].get("200", 0)))
                for name, process in list(waiting.items()):
                    if process.poll() is not None:
                        ends[name] = marks[-1][1]
                        del waiting[name]
            results = {name: ended(process) for name, process in (("1", first), ("3", second))}
        last = marks[-1][1]
        low = next(mark for mark in marks if mark[1] >= 0.2 * last)
        high = next(mark for mark in marks if mark[1] >= 0.7 * last)
        print(f"sum {(high[1] - low[1]) / (high[0] - low[0]) * 60 / PER_MINUTE:.1%} of the limit")
        print(f"answers of both when the first had all of its {rows:,}: {ends} ({results})")
    finally:
        subprocess.run([*ray, "stop"], check=False, stdout=subprocess.DEVNULL)


def capacity(rows: int) -> None:
    """Print throughput and requests in flight without any limit said, against the best fixed window."""
    for name, sigma in (("all alike", 0.0), ("sigma 0.5", 0.5), ("sigma 1.0", 1.0)):
        latency = Latency.lognormal(0.2, sigma, capacity=48)
        found: dict[str, list[float]] = {}
        for kind, limits in (
            ("fixed 48", {"max_concurrent_requests": 48}),
            ("fixed 64", {"max_concurrent_requests": 64}),
            ("found", {}),
        ):
            with SimulatorProcess(SimulatorSettings(latency=latency)) as simulator:
                counter = Counter(simulator)
                counter.start()
                ended(started(simulator, rows=rows, workers=2, in_flight=128, limits=json.dumps(limits)))
                found[kind] = [counter.steady(), simulator.stats()["mean_concurrency_central"]]
        best = max(found["fixed 48"][0], found["fixed 64"][0])
        rate, in_flight = found["found"]
        print(f"{name}: {rate / best:.1%} of the best fixed, {in_flight:.1f} in flight ({found})", flush=True)


def cost(rounds: int) -> None:
    """Print CPU milliseconds a request, without a rate limit and with one that never binds, in turns."""
    spent: dict[str, list[float]] = {"none": [], "limits": []}
    with SimulatorProcess(SimulatorSettings()) as simulator:
        for _ in range(rounds):
            for kind, taken in spent.items():
                command = [sys.executable, __file__, "client", f"--base-url={simulator.base_url}", kind]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                taken.append(float(done.stdout))
    for kind, taken in spent.items():
        print(f"{kind}: {statistics.median(taken):.4f} ms a request ({min(taken):.4f} to {max(taken):.4f})")
    ratios = [with_ / without for without, with_ in zip(spent["none"], spent["limits"], strict=True)]
    print(f"ratio of each pair: median {statistics.median(ratios):.3f}")


def client(base_url: str, kind: str, requests: int = 6_000) -> None:
    """Print CPU milliseconds a request of one client, `kind` "none" or "limits"."""
    import asyncio

    from nemo_sdg import AsyncOpenAIClient
    from nemo_sdg import Limits as Said

    said = Said(requests_per_minute=6e6, tokens_per_minute=6e9) if kind == "limits" else None
    asked = AsyncOpenAIClient(base_url=base_url, api_key="none", max_concurrent_requests=64, limits=said)

    async def main() -> float:
        await asyncio.gather(*(ask() for _ in range(500)))
        began = time.process_time()
        await asyncio.gather(*(ask() for _ in range(requests)))
        return time.process_time() - began

    async def ask() -> None:
        await asked.query_model(messages=[{"role": "user", "content": PROMPT}], model="m")

    print(1000 * asyncio.run(main()) / requests)


def messages() -> None:
    """Print messages to the budget of 64 workers, in simulated time."""
    for per_minute in (600, 6_000, 60_000, None):
        simulated(64, 16, per_minute, seconds=30.0, jobs=1)


def thousand() -> None:
    """Print how 1,000 workers share 1,000,000 requests a minute, in simulated time."""
    simulated(1_000, 32, 1_000_000, seconds=60.0, jobs=2)


def simulated(workers: int, places: int, per_minute: int | None, seconds: float, jobs: int) -> None:
    """Print goodput, fairness and messages of a fleet in the second half of so many simulated seconds."""
    import asyncio
    import random

    from nemo_sdg import Limits as Said
    from nemo_sdg.limits import Kind, Limiter, Tokens
    from nemo_sdg.planner.delayed_link import DelayedLink
    from nemo_sdg.planner.endpoint import ModelledEndpoint
    from nemo_sdg.planner.virtual_time import in_virtual_time

    chance = random.Random(0)
    answers = [0] * workers
    throttled = 0

    async def row(limiter: Limiter, endpoint: ModelledEndpoint, worker: int, loop) -> None:
        nonlocal throttled
        while loop.time() < seconds:
            permit = await limiter.acquire(Tokens(20, 60))
            verdict, seen = await endpoint.ask(80)
            permit.settle(Tokens(20, 60), verdict, seen)
            if loop.time() > seconds / 2:
                answers[worker] += verdict.kind is Kind.OK
                throttled += verdict.kind is Kind.THROTTLED

    async def fleet(loop) -> DelayedLink:
        limits = Limits(requests_per_minute=per_minute, headers="none")
        endpoint = ModelledEndpoint(SimulatorSettings(latency=HEAVY, limits=limits), loop.time, chance)
        link = DelayedLink(loop, 0.001, chance)
        tasks = []
        for worker in range(workers):
            limiter = Limiter(places, Said(requests_per_minute=per_minute), loop.time)
            limiter.join(link, f"job {worker % (jobs + 1) % jobs}")  # of two, the first has twice as many
            tasks += [row(limiter, endpoint, worker, loop) for _ in range(places)]
        running = asyncio.gather(*tasks)
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return link

    began = time.process_time()
    link = in_virtual_time(fleet)
    spent = time.process_time() - began
    rate = sum(answers) / (seconds / 2)
    of_limit = "" if per_minute is None else f", {rate * 60 / per_minute:.1%} of the limit"
    print(
        f"{workers:,} workers at {per_minute or 'any number of'} requests/min: {rate:,.0f} answers/s"
        f"{of_limit}, {throttled / max(1, sum(answers)):.2%} throttled, "
        f"{link.messages / seconds:,.0f} messages/s"
    )
    if jobs > 1:
        of_job = [sum(answers[w] for w in range(workers) if w % (jobs + 1) % jobs == j) for j in range(jobs)]
        spread = [
            (min(mine), statistics.mean(mine), max(mine))
            for j in range(jobs)
            if (mine := [answers[w] for w in range(workers) if w % (jobs + 1) % jobs == j])
        ]
        shares = ", ".join(f"{each / sum(answers):.1%}" for each in of_job)
        each = "; ".join(f"{low} to {high} a worker, mean {mean:.0f}" for low, mean, high in spread)
        print(f"  jobs: {shares} ({each})")
    print(f"  {spent:.0f} s of CPU for all")


def main() -> None:
    """Run what the command line names."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    commands = parser.add_subparsers(dest="command", required=True)
    each = commands.add_parser("goodput")
    each.add_argument("--rows", type=int, default=6_000)
    each.add_argument("--known", default="configured")
    each.add_argument("--by", default="requests")
    each.add_argument("--fleets", type=int, nargs="*", default=[1, 2, 4, 8])
    commands.add_parser("jobs").add_argument("--rows", type=int, default=4_000)
    commands.add_parser("capacity").add_argument("--rows", type=int, default=8_000)
    commands.add_parser("cost").add_argument("--rounds", type=int, default=5)
    commands.add_parser("messages")
    commands.add_parser("thousand")
    each = commands.add_parser("client")
    each.add_argument("--base-url")
    each.add_argument("kind")
    each = commands.add_parser("job")
    for name in ("base_url", "limits", "address"):
        each.add_argument(f"--{name.replace('_', '-')}")
    for name in ("rows", "workers", "in_flight"):
        each.add_argument(f"--{name.replace('_', '-')}", type=int)
    options = vars(parser.parse_args())
    globals()[options.pop("command")](**options)


if __name__ == "__main__":
    main()
