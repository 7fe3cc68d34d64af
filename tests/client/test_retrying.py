"""Servers that go away and come back, and what a job makes of them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import openai
import pytest

from nemo_sdg.client import AsyncOpenAIClient
from nemo_sdg.errors import ConnectionFailedError, DeadlineError, ServerError, UnreachableError
from nemo_sdg.simulator import Faults, Latency
from tests.client.conftest import MESSAGES
from tests.client.door import Door

HOST = "endpoint.test"


@pytest.fixture
def door_of():
    """Yield a function that puts a door before a server."""
    doors = []

    def make(server):
        doors.append(Door(server.base_url))
        return doors[-1]

    yield make
    for door in doors:
        door.stop()


@pytest.fixture(params=["lean", "sdk"])
def client_at(request):
    """Return a function that makes a client for a URL, once for each transport."""

    def make(url, **options):
        options = {"base_delay": 0.01, "timeout": 20, **options}
        if request.param == "lean":
            return AsyncOpenAIClient(base_url=url, api_key="none", **options)
        return AsyncOpenAIClient(
            lambda: openai.AsyncOpenAI(
                base_url=url, api_key="none", http_client=openai.DefaultAsyncHttpxClient(verify=False)
            ),
            **options,
        )

    return make


class Names(asyncio.SelectorEventLoop):
    """An event loop for which `HOST` is this machine, as long as names are found at all."""

    def __init__(self):
        super().__init__()
        self.found, self.seconds, self.asked = True, 0.0, 0

    async def getaddrinfo(self, host, *args, **options):
        if host in (HOST, HOST.encode()):
            self.asked += 1
            await asyncio.sleep(self.seconds)
            if not self.found:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            host = "127.0.0.1"
        return await super().getaddrinfo(host, *args, **options)


@pytest.mark.parametrize("breaking", [False, True], ids=["refusing", "breaking"])
def test_an_outage_costs_no_request(simulator, door_of, client_at, breaking):
    """While a server is away requests wait, whether connections are refused or broken; none fails of it."""
    door = door_of(simulator(latency=Latency.fixed(0.05)))

    async def main():
        client = client_at(door.base_url, max_retries=1, max_concurrent_requests=8)
        await client.complete(MESSAGES, "m")
        requests = [asyncio.ensure_future(client.complete(MESSAGES, "m")) for _ in range(30)]
        await asyncio.sleep(0.1)
        door.shut(breaking=breaking)
        await asyncio.sleep(0.5)
        door.open()
        answers = await asyncio.gather(*requests)
        await client.close()
        return answers

    answers = asyncio.run(main())
    assert all(answer.texts[0] for answer in answers)
    assert max(answer.attempts for answer in answers) > 3


def test_an_outage_ends_at_the_deadline(simulator, door_of, client_at):
    """Who waits for a server to come back waits no longer than the deadline."""
    door = door_of(simulator())

    async def main():
        client = client_at(door.base_url, deadline=0.4)
        await client.complete(MESSAGES, "m")
        door.shut(breaking=False)
        started = time.monotonic()
        with pytest.raises(DeadlineError, match="the last one failed: no connection"):
            await client.complete(MESSAGES, "m")
        await client.close()
        return time.monotonic() - started

    assert asyncio.run(main()) < 5


def test_names_that_are_not_found_for_a_while(simulator, door_of, client_at):
    """Names that are not found are an outage as well, and looked up anew after each failed connection."""
    door = door_of(simulator())

    async def main():
        loop = asyncio.get_running_loop()
        client = client_at(door.base_url.replace("127.0.0.1", HOST), max_retries=1)
        await client.complete(MESSAGES, "m")
        before = loop.asked
        door.shut(breaking=False)
        loop.found = False
        request = asyncio.ensure_future(client.complete(MESSAGES, "m"))
        await asyncio.sleep(0.4)
        loop.found = True
        door.open()
        answer = await request
        await client.close()
        return answer, loop.asked - before

    with asyncio.Runner(loop_factory=Names) as runner:
        answer, asked = runner.run(main())
    assert answer.texts[0]
    assert asked >= 2


def test_a_name_that_was_never_found(client_at):
    """A name that is not found from the beginning is fatal after the retries, and said to be the name."""

    async def main():
        asyncio.get_running_loop().found = False
        client = client_at(f"http://{HOST}/v1", max_retries=1)
        try:
            await client.complete(MESSAGES, "m")
        finally:
            await client.close()

    with (
        asyncio.Runner(loop_factory=Names) as runner,
        pytest.raises(UnreachableError, match=r"name .* check base_url") as caught,
    ):
        runner.run(main())
    assert caught.value.attempts == 2


def test_names_that_nobody_answers_for(simulator):
    """A look-up without an answer is a connection that does not come about, not a slow answer."""
    url = simulator().base_url

    async def main():
        loop = asyncio.get_running_loop()
        client = AsyncOpenAIClient(base_url=url.replace("127.0.0.1", HOST), api_key="none", timeout=0.5)
        client.max_retries = 0
        loop.seconds = 60
        try:
            await client.complete(MESSAGES, "m")
        finally:
            await client.close()

    with (
        asyncio.Runner(loop_factory=Names) as runner,
        pytest.raises(UnreachableError, match=r"no connection to .* within 0.45 s"),
    ):
        runner.run(main())


@pytest.mark.parametrize("breaking", [False, True], ids=["a gateway", "breaking"])
def test_what_only_some_requests_meet_is_no_outage(scripted, http, client_at, breaking):
    """Requests that a gateway refuses, while it answers others, run out of retries as any that fail."""
    bad = [{"role": "user", "content": "bad"}]

    def serve(connection, request):
        if request.json["messages"] != bad:
            connection.sendall(http(headers=["Connection: close"]))
        elif not breaking:
            connection.sendall(http(502, headers=["Connection: close"]))

    async def main():
        client = client_at(scripted(serve).base_url, max_retries=2, base_delay=0.05, deadline=10)
        await client.complete(MESSAGES, "m")
        tasks = [asyncio.ensure_future(client.complete(bad, "m")) for _ in range(3)]
        while not all(task.done() for task in tasks):
            await client.complete(MESSAGES, "m")
            await asyncio.sleep(0.03)  # so that hardly any attempt has a completion beside it
        await client.close()
        return [task.exception() for task in tasks]

    kind = ConnectionFailedError if breaking else ServerError
    assert [type(error) for error in asyncio.run(main())] == [kind] * 3


# --- jobs


def rejected(folder):
    """Return the lines of what a run has rejected."""
    files = folder.glob("rejected/*")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("breaking", [False, True], ids=["refusing", "breaking"])
def test_a_job_outlasts_an_outage(simulator, door_of, qa_pipeline, run, rows_in, tmp_path, breaking):
    """A job whose server goes away and comes back makes every row, rejects none, and pays for none twice.

    Twice at most for what was on its way in the moment when the server went.
    """
    server = simulator(latency=Latency.fixed(0.05))
    door = door_of(server)

    def interrupt():
        while server.stats()["requests"] < 20:
            time.sleep(0.005)
        door.shut(breaking=breaking)
        time.sleep(0.7)
        door.open()

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    report = run(qa_pipeline(door.base_url, tmp_path / "out", num_samples=60, max_retries=1))
    interrupting.join()

    assert report.state == "finished"
    assert rows_in(tmp_path / "out").column("row_id").to_pylist() == list(range(60))
    assert not rejected(tmp_path / "out")
    assert 60 <= server.stats()["requests"] <= 60 + 8


def test_a_job_with_a_content_filter(simulator, qa_pipeline, run, rows_in, tmp_path):
    """Rows whose answers a filter withholds are rejected in words, asked once; all others are made."""
    server = simulator(faults=Faults(null_content=0.3))

    report = run(qa_pipeline(server.base_url, tmp_path / "out"))

    lines = rejected(tmp_path / "out")
    good = rows_in(tmp_path / "out").column("row_id").to_pylist()
    assert report.state == "finished"
    assert sorted([line["row_id"] for line in lines] + good) == list(range(40))
    assert lines
    assert {(line["error"], line["attempts"]) for line in lines} == {("ContentFilterError", 1)}
    assert all("content filter withholds the answer" in line["message"] for line in lines)
    assert server.stats()["requests"] == 40
