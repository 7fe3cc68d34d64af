"""Seconds from the command to the first request, beside a bare Ray Data job, in turns.

    python benchmarks/startup.py [--rounds 3]

`ray` and `local` are `nemo-sdg run configs/multilingual_qa.yaml` on either engine, `bare` is
benchmarks/bare_ray.py. Also splits the Ray run into imports, standing Ray up, and actors with the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
IMPORTS = (
    "from nemo_sdg.config import load_config; load_config({config!r}); import nemo_sdg.engine.ray_engine"
)
RAY = (
    "import ray, logging; ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)"
)


def first_request(engine: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from nemo_sdg.cli import main; main()", "run"]
        command += [
            str(ROOT / "configs" / "multilingual_qa.yaml"),
            "--engine",
            engine,
            "--output",
            f"{folder}/out",
        ]
        subprocess.run(command, check=True, env=ENVIRONMENT, capture_output=True)
        return json.loads((Path(folder) / "out" / "report.json").read_text())["seconds_to_first_request"]


def bare() -> float:
    command = [sys.executable, str(ROOT / "benchmarks" / "bare_ray.py")]
    done = subprocess.run(
        command, check=True, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return float(done.stdout.split()[-1])


def seconds_of(code: str) -> float:
    timed = f"import time; began = time.perf_counter()\n{code}\nprint(time.perf_counter() - began)"
    done = subprocess.run(
        [sys.executable, "-c", timed],
        check=True,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    found: dict[str, list[float]] = {"bare": [], "ray": [], "local": [], "imports": [], "ray.init": []}
    first_request("local")  # bytecode
    imports = IMPORTS.format(config=str(ROOT / "configs" / "multilingual_qa.yaml"))
    for _ in range(rounds):
        found["bare"].append(bare())
        found["ray"].append(first_request("ray"))
        found["local"].append(first_request("local"))
        found["imports"].append(seconds_of(imports))
        found["ray.init"].append(seconds_of(RAY))
    for name, seconds in found.items():
        each = ", ".join(f"{second:.1f}" for second in seconds)
        print(f"{name:9} {statistics.median(seconds):5.1f} s   ({each})")
    ratios = [ray / other for ray, other in zip(found["ray"], found["bare"], strict=True)]
    print(f"ray / bare: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
