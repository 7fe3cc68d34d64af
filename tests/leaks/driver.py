"""Runs many jobs in one process: `python driver.py FOLDER here|ray`; see the tests that start it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from typing import TYPE_CHECKING

from tests.leaks import jobs, mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = [
    *((way, "well") for way in ("python", "variable", "pool", "default", "header", "query", "sdk", "proxy")),
    *(("python", mode) for mode in jobs.FAILURES),
    *((way, "dumping") for way in ("header", "query", "pool", "sdk", "proxy")),
    *((way, "refused") for way in ("header", "query", "pool", "sdk", "proxy")),
    *(("proxy", mode) for mode in ("proxied", "quoting")),
    *(("query", mode) for mode in ("quoting", "redirected")),
    ("default", "revoked"),
    ("variable", "revoked"),
]
_ON_RAY = [("pool", "well"), ("variable", "revoked"), ("python", "dumping")]
_LOGS = {"root", "nemo_sdg", "aiohttp", "asyncio", "concurrent", "ray"}  # others say what users ask of them


@contextmanager
def _in(folder: Path) -> Iterator[Path]:
    """Work in a new folder; what is printed goes into files there."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    sys.stdout.flush()
    sys.stderr.flush()
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    yield folder


def _here(root: Path) -> None:
    for way, mode in _HERE:
        with _in(root / f"{way}-{mode}") as folder:
            jobs.run(way, mode, folder)
    for where in ("process", "setup"):
        with _in(root / f"raising-in-{where}") as folder:
            jobs.run("python", "well", folder, stage=where)
    for name in mistakes.IN_PYTHON:
        with _in(root / f"mistake-{name}"):
            mistakes.in_python(name)
    with _in(root / "mistakes"):
        mistakes.others()
    for name, proxy in mistakes.PROXIES.items():
        with _in(root / f"proxy-{name}") as folder:
            os.environ["HTTP_PROXY"] = proxy
            jobs.run("variable", "well", folder)
            del os.environ["HTTP_PROXY"]
    for name in mistakes.TYPED:
        with _in(root / f"typed-{name}"):
            mistakes.typed(name)


def main() -> None:
    """Do as the command line says."""
    root, engine = Path(sys.argv[1]), sys.argv[2]
    logging.basicConfig(level=logging.DEBUG)
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.name.partition(".")[0] in _LOGS)
    if engine == "here":
        _here(root)
    else:
        from tests.leaks import on_ray

        with _in(root / "ray"):
            on_ray.run(root, _ON_RAY, _in)


if __name__ == "__main__":
    main()
