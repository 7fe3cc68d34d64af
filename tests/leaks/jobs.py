"""Runs that succeed and fail in Python, with keys given in all ways; each leaves a folder behind."""

from __future__ import annotations

import os
import pickle
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nemo_sdg import AsyncOpenAIClient, JsonlWriter, ParquetWriter, Pipeline, QAMultilingualSyntheticStage
from nemo_sdg.client import AsyncEndpointPool
from nemo_sdg.stages import Stage
from tests.leaks.keys import keys_in

if TYPE_CHECKING:
    from pathlib import Path

KEYS = keys_in(dict(os.environ))
PLACE = os.environ["LEAKS_PLACE"]
QUICK = {"max_retries": 0, "base_delay": 0.01, "timeout": 20}
FAILURES = (
    "refused",
    "revoked",
    "unknown",
    "failing",
    "dumping",
    "escaping",
    "quoting",
    "web",
    "odd",
    "wrong",
    "streaming",
    "typed",
    "redirected",
    "proxied",
    "nowhere",
)


def url(mode: str, place: str = PLACE) -> str:
    """Return where the endpoint answers in a mode."""
    return f"http://{place}/{mode}/v1"


def client(way: str, mode: str) -> Any:
    """Return a client whose key is given in a way."""
    key, options = KEYS.get(way, ""), {**QUICK, "base_url": url(mode)}
    if way == "python":
        return AsyncOpenAIClient(api_key=key, **options)
    if way == "variable":
        return AsyncOpenAIClient(api_key_env="LEAKS_VARIABLE", **options)
    if way == "pool":
        names = ("LEAKS_FIRST", "LEAKS_SECOND")
        return AsyncEndpointPool([AsyncOpenAIClient(api_key_env=name, **options) for name in names])
    if way == "header":
        return AsyncOpenAIClient(api_key="none", default_headers={"X-Goog-Api-Key": key}, **options)
    if way == "query":
        return AsyncOpenAIClient(api_key="none", default_query={"subscription-key": key}, **options)
    if way == "sdk":
        return AsyncOpenAIClient(SDK(mode), **QUICK)
    if way == "proxy":
        return AsyncOpenAIClient(api_key="none", **{**options, "base_url": url(mode, "endpoint.invalid")})
    assert way == "default"
    return AsyncOpenAIClient(**options)


class SDK:
    """Makes a client of the SDK, whose key is on the worker."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def __call__(self) -> Any:
        import openai

        headers = {"X-Goog-Api-Key": os.environ["LEAKS_SDK"]}
        return openai.AsyncOpenAI(
            api_key=os.environ["LEAKS_SDK"], base_url=url(self.mode), default_headers=headers
        )


@contextmanager
def environment(way: str) -> Any:
    """Set the variables that only some ways of giving a key need."""
    proxy = f"http://user:{quote(KEYS['proxy'], safe='')}@{PLACE}"
    given = {"default": {"OPENAI_API_KEY": KEYS["default"]}, "proxy": {"HTTP_PROXY": proxy}}.get(way, {})
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]


class Raises(Stage):
    """Fails with what it should not show."""

    def __init__(self, asked: Any, where: str = "process") -> None:
        self.asked = asked
        self.where = where

    def setup(self) -> None:
        if self.where == "setup":
            self._fail()

    def process(self, batch: Any) -> Any:
        self._fail()
        return batch

    def _fail(self) -> None:
        asked, text = self.asked, repr(self.asked)
        raise ValueError(text, asked, [asked], {"client": asked})


class HoldsKey(Stage):
    """Has a key of its own."""

    def __init__(self, api_key: str) -> None:
        self.api_key = api_key

    def process(self, batch: Any) -> Any:
        return batch


def pipeline(asked: Any, output: Path, *more: Stage, jsonl: bool = False, rows: int = 24) -> Pipeline:
    """Return a pipeline that asks `asked`."""
    stage = QAMultilingualSyntheticStage(
        prompt="A question and an answer in {language}",
        languages=["English"],
        client=asked,
        model_name="m",
        num_samples=rows,
    )
    return Pipeline("qa", stages=[stage, *more, (JsonlWriter if jsonl else ParquetWriter)(path=output)])


def run(way: str, mode: str, folder: Path, *, engine: str = "local", stage: str = "") -> None:
    """Run one job and keep what can be kept of it: output, texts of all objects, pickles, a traceback."""
    with environment(way):
        asked = client(way, mode)
        more = [Raises(asked, stage)] if stage else [HoldsKey(KEYS["stage"])] if way == "python" else []
        job = pipeline(
            asked, folder / "out", *more, jsonl=mode == "dumping", rows=16 if engine == "ray" else 24
        )
        try:
            report = job.run(engine=engine, workers=1, max_rejected=1.0)
            texts = [repr(report), str(report)]
        except Exception:  # noqa: BLE001 - whatever it is, its words are to be searched
            traceback.print_exc()
            texts = [traceback.format_exc()]
        texts += [repr(job), job.describe(), *map(repr, job.steps), *map(str, job.steps), repr(asked)]
        (folder / "texts").write_text("\n".join(texts))
        if way in ("variable", "pool", "default", "proxy"):
            keep_pickles(job.steps, folder)


def keep_pickles(steps: Any, folder: Path) -> None:
    """Write steps as they travel."""
    from nemo_sdg.engine.travel import pickled

    (folder / "cloudpickled").write_bytes(pickled(steps))
    (folder / "pickled").write_bytes(pickle.dumps(steps))
