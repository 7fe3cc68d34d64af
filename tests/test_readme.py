"""The example of the client guide, as the README shows it, against a TLS server behind a proxy.

Nothing in it is changed: `integrate.api.nvidia.com` is reached through HTTPS_PROXY, which leads to a
simulated endpoint with a certificate that SSL_CERT_FILE trusts.
"""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import subprocess
import sys
import warnings

import pyarrow.parquet as pq
import pytest
import trustme

from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.simulator import SimulatorSettings, SimulatorThread
from tests.code_blocks import ROOT, Reader, blocks_of, check_syntax

README = ROOT / "README.md"


BLOCKS = blocks_of(README)
EXAMPLE = next(block for block in BLOCKS if "sdg_example" in block.code)
LADDER = [block for block in BLOCKS if block.indented]


@pytest.fixture
def nvidia(tmp_path):
    """Yield the environment in which integrate.api.nvidia.com is a simulated endpoint."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("integrate.api.nvidia.com").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    asked: list[str] = []
    settings = SimulatorSettings(api_keys=frozenset({"nvapi-example"}))
    with SimulatorThread(settings, ssl_context=context) as simulator:
        loop = LoopThread("proxy")
        port = int(simulator.base_url.split(":")[2].split("/")[0])
        server = loop.run(asyncio.start_server(lambda r, w: tunnel(r, w, port, asked), "127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield (
            {
                **os.environ,
                "HTTPS_PROXY": proxy,
                "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
                "NVIDIA_API_KEY": "nvapi-example",
            },
            asked,
            simulator,
        )
        server.close()
        loop.stop()


async def tunnel(reader, writer, port, asked):
    """Answer one CONNECT request with a connection to `port`, whatever host it names."""
    asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
    upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async def copy(source, target):
        try:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        except OSError:
            pass
        target.close()

    await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer))


def test_the_example_of_the_client_guide_runs_unchanged(nvidia, tmp_path):
    """The README's example makes 100 rows from integrate.api.nvidia.com."""
    environment, asked, simulator = nvidia
    # Ray would start in the subprocess as well; what is shown here is the example, not the engine.
    example = EXAMPLE.code.replace("pipeline.run()", 'pipeline.run(engine="local")')

    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "100 rows in" in done.stdout
    assert set(asked) == {"integrate.api.nvidia.com:443"}
    assert simulator.stats()["by_status"]["200"] == 100
    rows = sum(pq.read_metadata(part).num_rows for part in (tmp_path / "out" / "science").glob("part-*"))
    assert rows == 100
    assert "nvapi-example" not in done.stderr


def test_all_other_blocks_can_be_followed(simulator, tmp_path, monkeypatch):
    """Python that stands by itself runs, YAML is a part of a config, and a shell can read commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NVIDIA_API_KEY", "none")
    reader = Reader(tmp_path, simulator().base_url)

    for block in BLOCKS:
        if block.language == "bash":
            check_syntax(block)
        elif block not in LADDER and block is not EXAMPLE:
            reader.follow(block)
    del reader
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # examples leave clients open until the process ends
        gc.collect()


def test_the_ladder_runs(simulator, tmp_path, monkeypatch):
    """The README's function, Stage class and LLMGenerationStage subclass work together in one pipeline."""
    monkeypatch.chdir(tmp_path)
    from nemo_sdg import AsyncOpenAIClient, JsonlWriter, Pipeline, QAMultilingualSyntheticStage

    client = AsyncOpenAIClient(base_url=simulator().base_url, api_key="none")
    names: dict = {"client": client, "pipeline": Pipeline("p")}
    qa = QAMultilingualSyntheticStage("Question: Answer: in {language}", ["Greek"], client, "m", 5)
    names["pipeline"].add_stage(qa)
    function, title, judge = (block.code for block in LADDER)
    exec(function, names)
    exec(title, names)
    # The simulated endpoint gives no grades: any first character will do.
    exec(judge.replace("int(text.strip()[0])", "len(text.strip()[0])"), names)
    names["pipeline"].add_stage(names["TitleStage"](5))
    names["pipeline"].add_stage(names["JudgeStage"](client, "judge-model", prefix="judge_"))
    names["pipeline"].add_stage(JsonlWriter(path=tmp_path / "out"))

    report = names["pipeline"].run(engine="local")

    assert (report.counts.rows_written, report.counts.requests) == (5, 10)
    (row, *_) = report.samples
    assert (row["length"], row["title"], row["score"]) == (len(row["answer"]), row["question"][:5], 1)
