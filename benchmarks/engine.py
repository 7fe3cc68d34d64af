"""What the engine makes of its workers: requests in flight, throughput, memory.

    python benchmarks/engine.py in-flight      5,000 rows, lognormal latency, 2 workers x 32
    python benchmarks/engine.py wide           fixed 400 ms, 2 workers x 512
    python benchmarks/engine.py throughput     20,000 rows, no latency, one worker; lean and SDK in turns
    python benchmarks/engine.py memory         peak memory at 10,000 and 100,000 rows

Everything runs against the simulated endpoint in a process of its own, which counts for itself.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from nemo_sdg.simulator import Latency, SimulatorProcess, SimulatorSettings

PROMPT = "Write one question and its answer about science in {language}. Question: ... Answer: ..."


def job(*, base_url: str, rows: int, workers: int, in_flight: int, transport: str, engine: str) -> None:
    """Run one job in this process and print what it used."""
    from nemo_sdg import AsyncOpenAIClient, ParquetWriter, Pipeline, QAMultilingualSyntheticStage

    if transport == "sdk":

        def sdk_client():
            import openai

            return openai.AsyncOpenAI(base_url=base_url, api_key="none")

        client = AsyncOpenAIClient(sdk_client, max_concurrent_requests=in_flight)
    else:
        client = AsyncOpenAIClient(base_url=base_url, api_key="none", max_concurrent_requests=in_flight)
    peaks: dict[int, int] = {}
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(peaks, ended))
    watcher.start()
    with tempfile.TemporaryDirectory() as folder:
        qa = QAMultilingualSyntheticStage(
            PROMPT,
            ["English", "French", "German"],
            client,
            "m",
            rows,
            {"temperature": 0.9, "max_tokens": 256},
        )
        pipeline = Pipeline("bench", stages=[qa, ParquetWriter(path=Path(folder) / "out")])
        report = pipeline.run(engine=engine, workers=workers)
    ended.set()
    watcher.join()
    result = {
        "state": report.state,
        "rows": report.counts.rows_written,
        "rate": report.requests_per_second,
        "driver_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "worker_mb": max(peaks.values(), default=0) / 1024,
        "first_request": report.seconds_to_first_request,
    }
    print(json.dumps(result))


def _watch(peaks: dict[int, int], ended: threading.Event) -> None:
    """Note the peak memory of Ray's actors that run our workers, in KiB by process."""
    while not ended.wait(0.5):
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and b"RayWorker" in (process / "cmdline").read_bytes():
                    status = (process / "status").read_text()
                    peaks[int(process.name)] = int(status.split("VmHWM:")[1].split()[0])
            except (OSError, IndexError):
                continue


def run_job(latency: Latency, **options: object) -> tuple[dict, dict]:
    """Run a job in a process of its own; return what it printed and what the endpoint counted."""
    with SimulatorProcess(SimulatorSettings(latency=latency)) as simulator:
        words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        command = [sys.executable, __file__, "job", f"--base-url={simulator.base_url}", *words]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        return json.loads(done.stdout.splitlines()[-1]), simulator.stats()


def in_flight(options: argparse.Namespace) -> None:
    for _ in range(options.rounds):
        result, stats = run_job(
            Latency.lognormal(0.2, 1.0), rows=5000, workers=2, in_flight=32, engine=options.engine
        )
        mean = stats["mean_concurrency_central"]
        print(f"{result['rows']} rows, mean in flight at the server {mean:.1f} of 64: {mean / 64:.1%}")


def wide(options: argparse.Namespace) -> None:
    for _ in range(options.rounds):
        result, stats = run_job(
            Latency.fixed(0.4), rows=30_000, workers=2, in_flight=512, engine=options.engine
        )
        whole = stats["requests"] / (stats["last_response_time"] - stats["first_request_time"])
        central = stats["mean_concurrency_central"] / 0.4
        print(
            f"{result['rows']} rows, {central:,.0f} requests/s between the first and last 5 % "
            f"({central / 2560:.1%} of 2,560), {whole:,.0f} over all ({whole / 2560:.1%})"
        )


def throughput(options: argparse.Namespace) -> None:
    rates: dict[str, list[float]] = {"lean": [], "sdk": []}
    for _ in range(options.rounds):
        for transport, found in rates.items():
            rows = 20_000 if transport == "lean" else 4_000
            result, _ = run_job(
                Latency(), rows=rows, workers=1, in_flight=64, transport=transport, engine=options.engine
            )
            found.append(result["rate"])
    for transport, found in rates.items():
        each = ", ".join(f"{rate:,.0f}" for rate in found)
        print(f"{transport}: {statistics.median(found):,.0f} requests/s ({each})")
    ratios = [lean / sdk for lean, sdk in zip(rates["lean"], rates["sdk"], strict=True)]
    print(f"lean / sdk: {statistics.median(ratios):.1f}")


def memory(options: argparse.Namespace) -> None:
    for rows in (10_000, 100_000):
        result, _ = run_job(Latency(), rows=rows, workers=1, in_flight=64, engine=options.engine)
        print(
            f"{rows:,} rows: driver {result['driver_mb']:.0f} MB, worker {result['worker_mb']:.0f} MB at most"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["in-flight", "wide", "throughput", "memory", "job"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="ray")
    for name, default in (("rows", 0), ("workers", 1), ("in-flight", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--base-url")
    parser.add_argument("--transport", default="lean")
    options = parser.parse_args()
    if options.what == "job":
        job(
            base_url=options.base_url,
            rows=options.rows,
            workers=options.workers,
            in_flight=options.in_flight,
            transport=options.transport,
            engine=options.engine,
        )
        return
    {"in-flight": in_flight, "wide": wide, "throughput": throughput, "memory": memory}[options.what](options)


if __name__ == "__main__":
    main()
