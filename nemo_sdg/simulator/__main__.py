"""`python -m nemo_sdg.simulator`: a simulated endpoint from the command line."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, get_args

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.manners import Answers, FormatManner, ReasoningManner
from nemo_sdg.simulator.server import run, serve
from nemo_sdg.simulator.settings import (
    SHARES,
    Faults,
    HeaderStyle,
    Latency,
    Limits,
    SimulatorSettings,
    decode_settings,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Serve an OpenAI-compatible endpoint that makes its answers up.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8000, help="0 takes a free one")
    add("--latency-median", type=float, default=0.0, help="seconds that half of the answers stay below")
    add("--latency-sigma", type=float, default=0.0, help="spread of the lognormal latency; 0 is none")
    add("--latency-capacity", type=int, help="concurrency above which latency grows in proportion")
    add("--requests-per-minute", type=float, help="above it the answer is 429")
    add("--tokens-per-minute", type=float, help="prompt and completion tokens; above it the answer is 429")
    add("--max-concurrent", type=int, help="requests at once; above it the answer is 429")
    add("--burst-seconds", type=float, default=1.0, help="seconds of unused allowance that add up")
    add("--headers", choices=get_args(HeaderStyle), default="openai", help="whose rate-limit headers to send")
    add("--fault", action="append", default=[], metavar="NAME=SHARE", help=f"one of {', '.join(SHARES)}")
    add(
        "--response-format",
        choices=get_args(FormatManner),
        default="obeyed",
        help="what becomes of that field of a request",
    )
    add(
        "--wrong-answers",
        type=float,
        default=0.0,
        help="share of answers to a JSON schema that do not fit it",
    )
    add("--reasoning", choices=get_args(ReasoningManner), default="none", help="where answers have reasoning")
    add("--unauthorized-after", type=int, help="answered requests after which the key is revoked")
    add(
        "--model",
        action="append",
        metavar="NAME",
        help="a model that exists; without it any name is accepted",
    )
    add("--max-model-len", type=int, help="tokens of a prompt and its answer; above it the answer is 400")
    add("--api-key-env", metavar="VARIABLE", help="environment variable that holds the one accepted key")
    add("--seed", type=int, default=0, help="decides which request meets which latency and fault")
    # For a parent process: settings come as a line of JSON on standard input, whose end is the end.
    add("--embedded", action="store_true", help=argparse.SUPPRESS)
    return parser


def settings_from(options: argparse.Namespace) -> SimulatorSettings:
    """Return the settings that the command line asks for; raises `ConfigError`."""
    shares = {}
    for text in options.fault:
        name, _, share = text.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            raise ConfigError(f"--fault is {text!r}; allowed is NAME=SHARE, such as hang=0.01") from None
        if name not in SHARES:
            raise ConfigError(f"--fault is {text!r}; allowed names are {', '.join(SHARES)}")
    keys = None
    if options.api_key_env is not None:
        key = os.environ.get(options.api_key_env)
        if not key:
            raise ConfigError(f"--api-key-env is {options.api_key_env!r}, but that variable is not set")
        keys = frozenset({key})
    return SimulatorSettings(
        latency=Latency(
            median=options.latency_median, sigma=options.latency_sigma, capacity=options.latency_capacity
        ),
        limits=Limits(
            requests_per_minute=options.requests_per_minute,
            tokens_per_minute=options.tokens_per_minute,
            max_concurrent=options.max_concurrent,
            burst_seconds=options.burst_seconds,
            headers=options.headers,
        ),
        faults=Faults(**shares, unauthorized_after=options.unauthorized_after),
        answers=Answers(
            response_format=options.response_format,
            wrong=options.wrong_answers,
            reasoning=options.reasoning,
        ),
        seed=options.seed,
        api_keys=keys,
        models=None if options.model is None else tuple(options.model),
        max_model_len=options.max_model_len,
    )


def main(arguments: Sequence[str] | None = None, prog: str = "python -m nemo_sdg.simulator") -> int:
    """Run the command, which calls itself `prog`; returns the exit status."""
    options = parser(prog).parse_args(arguments)
    try:
        if options.embedded:
            _serve_parent(options.host, options.port)
        else:
            serve(settings_from(options), options.host, options.port, _announce)
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return 2
    return 0


def _announce(url: str) -> None:
    sys.stdout.write(f"Simulated endpoint at {url} (Ctrl-C ends it)\n")
    sys.stdout.flush()


def _serve_parent(host: str, port: int) -> None:
    # Ctrl-C reaches every process of a terminal; the parent decides when its endpoint ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = decode_settings(sys.stdin.buffer.readline())

    async def parent_gone() -> None:
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch() -> None:
            while os.read(0, 1024):
                pass
            loop.call_soon_threadsafe(gone.set)

        threading.Thread(target=watch, daemon=True).start()
        await gone.wait()

    def announce(url: str) -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    run(settings, host, port, announce, until=parent_gone)


if __name__ == "__main__":
    sys.exit(main())
