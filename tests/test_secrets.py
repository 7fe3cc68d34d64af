"""Nothing that runs leave behind holds a key: no file, log, report, traceback, command line, word of Ray.

The runs are in tests/leaks: one process without Ray and one with it do many of them, with keys that occur
nowhere else and an endpoint that repeats them whenever it can.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.leaks.echoing import EchoingServer
from tests.leaks.keys import Keys
from tests.leaks.processes import Watch
from tests.leaks.search import found_below, found_in

pytestmark = pytest.mark.ray  # one process of the runs has a Ray of its own
ROOT = Path(__file__).parents[1]
DRIVER = ROOT / "tests" / "leaks" / "driver.py"
COMMAND = [sys.executable, "-c", "from nemo_sdg.cli import main; main()", "run", "job.yaml"]
JOB = """
pipeline: multilingual_qa
num_samples: 4000
languages: [English]
prompt: "A question in {{language}}"
output: out
engine: local
model: m
base_url: {url}
api_key_env: LEAKS_VARIABLE
check_language: false
client: {{max_retries: 0, max_concurrent_requests: 4}}
stop_within: 5
"""


class Left:
    """What all the runs left behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys = Keys()
        self.watch = Watch()
        self.server = EchoingServer()
        self.statuses: dict[str, int] = {}

    def environment(self) -> dict[str, str]:
        """Return the variables of a process whose temporary files are to be found."""
        here = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        own = {
            "LEAKS_PLACE": self.server.place,
            "TMPDIR": str(self.root / "tmp"),
            "RAY_TMPDIR": str(self.root / "tmp"),
            "RAY_enable_export_api_write": "1",  # all that Ray can write down
            "RAY_AUTH_MODE": "token",  # one of its own, whatever this machine has
            "RAY_AUTH_TOKEN": self.keys.of["cluster"],
            "PYTHONPATH": str(ROOT),
        }
        for name in ("OPENAI_API_KEY", "NVIDIA_API_KEY", "RAY_ADDRESS"):
            here.pop(name, None)
        return {**here, **own, **self.keys.environment}

    def start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a process in a folder of its own, where its output goes too."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        (folder / "job.yaml").write_text(JOB.format(url=self.server.url(name)))
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            started = subprocess.Popen(
                command, cwd=folder, env=self.environment(), stdout=out, stderr=err, stdin=subprocess.DEVNULL
            )
        self.watch.roots.add(started.pid)
        return started

    def interrupt(self, name: str, times: int) -> None:
        """Start a job on the command line, and type Ctrl-C when it is under way."""
        job = self.start(name, COMMAND)
        while not self.server.asked(name) and job.poll() is None:
            time.sleep(0.05)
        for _ in range(times):
            job.send_signal(signal.SIGINT)
            time.sleep(0.2)
        self.statuses[name] = job.wait()

    def run(self) -> None:
        """Do all runs."""
        (self.root / "tmp").mkdir()
        with self.server, self.watch:
            drivers = {
                name: self.start(name, [sys.executable, str(DRIVER), str(self.root / name), name])
                for name in ("ray", "here")
            }
            try:
                self.interrupt("stopped", 1)
                self.interrupt("aborted", 2)
            finally:
                for name, driver in drivers.items():
                    self.statuses[name] = driver.wait()

    def text(self, place: str) -> str:
        """Return the text of a file that is left."""
        return (self.root / place).read_text(errors="replace")


@pytest.fixture(scope="module")
def left():
    """Yield what all the runs leave; their folder's name is short, for Ray's sockets lie there."""
    root = Path(tempfile.mkdtemp(prefix="nl", dir="/tmp"))
    try:
        left = Left(root)
        left.run()
        yield left
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_all_runs_went_as_they_were_meant_to(left):
    """The runs got as far as where keys could leak; each way to give a key had it sent."""
    assert (left.statuses["here"], left.statuses["ray"]) == (0, 0), left.text("ray/ray/stderr")
    assert left.statuses["stopped"] == 3
    assert left.statuses["aborted"] in (3, 130)
    sent = "\n".join(left.server.seen)
    ways = ("python", "variable", "default", "first", "second", "header", "query", "sdk", "proxy")
    assert [way for way in ways if left.keys.of[way] not in sent] == []
    for place in ("here/variable-well", "here/pool-well", "here/typed-well", "ray/pool-well"):
        assert list((left.root / place / "out").glob("part-*.parquet")), place
    for place in ("here/python-dumping", "here/proxy-dumping", "ray/python-dumping"):
        assert "not good" in left.text(f"{place}/out/rejected/part-00000.jsonl")
    assert "ValueError" in left.text("ray/raising/out/rejected/part-00000.jsonl")
    assert left.text("here/raising-in-setup/texts").count("ValueError") >= 1
    assert "not good" in left.text("ray/variable-revoked/out/report.json")


def test_no_file_holds_a_key(left):
    """Neither outputs, reports, journals, logs, standard output and error nor temporary files hold a key."""
    assert found_below(left.root, left.keys) == []


def test_no_process_shows_a_key(left):
    """`ps` showed no key while anything ran, the simulator's included."""
    assert any("nemo_sdg.simulator" in command for command in left.watch.commands)
    assert any("raylet" in command for command in left.watch.commands)
    assert [line for command in left.watch.commands for line in found_in(command, left.keys, command)] == []


def test_what_ray_tells_was_asked(left):
    """The search above went through Ray's logs, tables, key-value store, task events and Ray Data's own."""
    logs = list((left.root / "tmp" / "ray").glob("session_2*/logs/**/*"))
    names = " ".join(path.name for path in logs)
    assert all(part in names for part in ("worker-", "raylet.out", "gcs_server.out", "ray-data.log"))
    assert "EXPORT_DATASET_METADATA" in names
    told = left.root / "ray" / "told"
    assert b"RayWorker" in (told / "kv").read_bytes() + (told / "actors").read_bytes()
    assert "MapBatches" in left.text("ray/told/datasets")
    assert all((told / name).stat().st_size for name in ("tasks", "jobs", "workers", "timeline"))


def test_ray_is_started_once(left):
    """A worker that ends starts no Ray of its own, which would listen for whoever comes."""
    assert len(list((left.root / "tmp" / "ray").glob("session_2*"))) == 1


def test_pickled_stages_name_the_variable_alone(left):
    """Stages travel with the name of their key's variable; the search above went through their pickles."""
    for place in ("here/variable-well", "here/variable-revoked", "ray/variable-revoked"):
        assert b"LEAKS_VARIABLE" in (left.root / place / "cloudpickled").read_bytes()
        assert b"LEAKS_VARIABLE" in (left.root / place / "pickled").read_bytes()
    assert b"LEAKS_SECOND" in (left.root / "ray/pool-well" / "cloudpickled").read_bytes()


def test_the_simulator_of_a_run_listens_on_this_machine_only(left):
    """The simulator that stands in for an endpoint listens on 127.0.0.1."""
    found = [listener for listener in left.watch.listeners if "nemo_sdg.simulator" in listener.command]
    assert found
    assert all(listener.only_here for listener in found)


def test_a_ray_that_is_started_listens_on_this_machine_only(left):
    """Nothing of a Ray that nemo_sdg starts can be reached from elsewhere: who reaches it can run code."""
    assert any("gcs_server" in listener.command for listener in left.watch.listeners)
    assert [listener for listener in left.watch.listeners if not listener.only_here] == []


def test_the_simulate_command_listens_on_this_machine_only():
    """`nemo-sdg simulate` listens on 127.0.0.1 unless told otherwise."""
    program = "from nemo_sdg.cli import main; main()"
    with Watch() as watch:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "simulate", "--port", "0"], stdout=subprocess.PIPE
        )
        try:
            assert b"http://127.0.0.1:" in process.stdout.readline()
            watch.roots.add(process.pid)
            watch.look()
        finally:
            process.terminate()
            process.communicate()
    assert {listener.only_here for listener in watch.listeners} == {True}


PLANTED = [
    "plain",
    "cut",
    "without beginning",
    "quoted",
    "json",
    "base64 0",
    "base64 1",
    "base64 2",
    "utf-16",
]
PACKED = ["gzip", "zip", "parquet", "pickle"]


@pytest.mark.parametrize("form", PLANTED)
@pytest.mark.parametrize("packed", ["file", *PACKED])
def test_the_search_finds_what_is_planted(tmp_path, form, packed):
    """The search finds a key in each form and packing that it may be in; so finding none means something."""
    keys = Keys()
    key = keys.of["python"]
    forms = {
        "plain": key,
        "cut": key[:15],
        "without beginning": key[5:],
        "quoted": quote(key, safe=""),
        "json": json.dumps({"a": f"/{key}"}).replace("/", "\\/"),
        "utf-16": key.encode("utf-16-le").decode("latin-1"),
    }
    text = forms.get(form) or base64.b64encode(("x" * int(form[-1]) + key).encode()).decode()
    text = f"some text {text} more"
    path = tmp_path / "file"
    if packed == "gzip":
        path.write_bytes(gzip.compress(text.encode("latin-1")))
    elif packed == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("name", text.encode("latin-1"))
    elif packed == "parquet":
        pq.write_table(pa.table({"a": [{"b": [text.encode("latin-1")]}] * 9}), path, compression="zstd")
    else:
        path.write_bytes(pickle.dumps({"a": [text]}) if packed == "pickle" else text.encode("latin-1"))
    if form == "utf-16" and packed == "parquet":
        pytest.skip("read as Python shows it")

    assert found_below(tmp_path, keys)
    assert not found_below(tmp_path, Keys())


def test_the_search_finds_names_and_command_lines(tmp_path):
    """A key is found in a file's name, a link's target and the command line of a process."""
    keys = Keys()
    (tmp_path / keys.mark).touch()
    assert len(found_below(tmp_path, keys)) == 1
    (tmp_path / keys.mark).unlink()
    (tmp_path / "link").symlink_to(keys.mark)
    assert len(found_below(tmp_path, keys)) == 1
    watch = Watch()
    process = subprocess.Popen([sys.executable, "-c", "input()", keys.of["user"]], stdin=subprocess.PIPE)
    try:
        watch.look()
    finally:
        process.communicate(b"\n")
    assert any(found_in(command, keys, "") for command in watch.commands)


def test_the_watch_sees_listeners_of_all_kinds(tmp_path):
    """A child that listens on all interfaces is seen as one that can be reached, one on 127.0.0.1 not."""
    program = (
        "import socket, sys\n"
        "held = [socket.create_server((host, 0), family=family) for host, family in (\n"
        "    ('0.0.0.0', socket.AF_INET), ('127.0.0.1', socket.AF_INET))]\n"
        "print('there', flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    try:
        assert process.stdout.readline() == b"there\n"
        watch = Watch()
        watch.roots.add(os.getpid())
        watch.look()
        found = {listener.only_here for listener in watch.listeners if listener.pid == process.pid}
    finally:
        process.communicate()
    assert found == {False, True}
