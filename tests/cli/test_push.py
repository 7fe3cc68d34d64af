"""Publishing, against a server of ours that speaks the hub's API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from nemo_sdg import JsonlWriter, ParquetWriter
from nemo_sdg.cli.push import push
from nemo_sdg.errors import ConfigError, HubError, OutputError
from nemo_sdg.simulator import Faults
from tests.cli.fake_hub import FakeHub

constants = pytest.importorskip("huggingface_hub.constants")

TOKEN = "right-token"
# How the library of 2026 sends parts to Git LFS.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Start a hub, to which the library leads, over Git LFS; the token is in HF_TOKEN."""
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING_FACE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server = FakeHub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)  # read from the environment at its import
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-login"))
    yield server
    server.close()


@pytest.fixture
def made(simulator, qa_pipeline, run, tmp_path):
    """Return a function that makes a run of 60 rows in 3 shards, some rejected; returns its folder."""

    def make(writer=ParquetWriter, output=tmp_path / "out", state="finished", **options):
        url = simulator(faults=Faults(error_500=0.2), seed=2).base_url
        pipeline = qa_pipeline(url, output, num_samples=60, writer=writer, max_retries=0)
        assert run(pipeline, shard_rows=20, **options).state == state
        return output

    return make


def test_without_yes_nothing_is_sent(hub, made, capsys):
    """Files with sizes, the card, who may see it and the token's source are shown; the hub hears nothing."""
    out = made()

    push(str(out), "me/data", licence="mit")

    shown = capsys.readouterr().out
    assert f"{out} -> {hub.url}/datasets/me/data (private, branch main)" in shown
    assert "B  part-00002.parquet\n4 files, " in shown
    assert "\nlicense: mit\n" in shown
    assert "token: from HF_TOKEN\n" in shown
    assert TOKEN not in shown
    assert shown.endswith("nothing was sent: add --yes to upload\n")
    assert hub.private is None


@pytest.mark.parametrize("writer", [ParquetWriter, JsonlWriter])
def test_rows_and_card_are_uploaded_and_nothing_else(hub, made, writer, capsys):
    """The parts, byte by byte, and the card lie on the hub; no journals, reports or rejected rows."""
    out = made(writer)

    push(str(out), "me/data", yes=True, licence="cc-by-4.0", message="first")

    files = hub.branches["main"]
    parts = sorted(path.name for path in out.glob("part-*"))
    assert sorted(files) == [".gitattributes", "README.md", *parts]
    assert all(files[name] == (out / name).read_bytes() for name in parts)
    assert len(parts) == 3
    card = files["README.md"].decode()
    front = yaml.safe_load(card.split("---\n")[1])
    assert (front["license"], front["language"]) == ("cc-by-4.0", ["de", "en", "fr"])
    assert 'load_dataset("me/data")' in card
    assert (hub.private, hub.messages) == (True, ["first"])
    assert f"published: {hub.url}/datasets/me/data" in capsys.readouterr().out


def test_another_push_takes_the_place_of_the_first(hub, made, tmp_path):
    """Parts that are gone go there, too; other files stay; branches and rejected rows if asked."""
    push(str(made(JsonlWriter)), "me/data", yes=True, rejected=True)
    assert "rejected/part-00000.jsonl" in hub.branches["main"]
    hub.branches["main"]["notes.txt"] = b"mine"

    push(str(made(output=tmp_path / "other")), "me/data", yes=True, revision="v2")

    parts = {f"part-0000{number}.parquet" for number in range(3)}
    assert set(hub.branches["v2"]) == {".gitattributes", "README.md", "notes.txt", *parts}
    assert "rejected/part-00000.jsonl" in hub.branches["main"]


def test_a_run_in_an_object_store_is_published(hub, bucket, made):
    """Parts in a bucket reach the hub as they are."""
    made(output=f"{bucket.url}/out")

    push(f"{bucket.url}/out", "me/data", yes=True)

    assert hub.branches["main"]["part-00000.parquet"].startswith(b"PAR1")


def test_a_run_that_is_not_finished_is_published_if_asked(hub, made):
    """One that was stopped is refused; with --partial its committed rows go, and the card says so."""
    out = made()
    (out / "_run" / "done" / "00001.json").unlink()

    with pytest.raises(OutputError, match="not finished, 2 of 3 shards are done: run the same command"):
        push(str(out), "me/data")
    push(str(out), "me/data", yes=True, partial=True)

    rows = sum(pq.read_table(out / f"part-0000{number}.parquet").num_rows for number in (0, 2))
    files = hub.branches["main"]
    assert "part-00001.parquet" not in files
    assert f"| {rows} |" in files["README.md"].decode()
    assert "Not all shards are in it" in files["README.md"].decode()


def test_what_is_no_whole_run_is_refused(hub, made, tmp_path):
    """A folder of something else, and a run with a part that was changed, are refused before anything."""
    with pytest.raises(OutputError, match="holds no run"):
        push(str(tmp_path), "me/data", yes=True)
    out = made()
    (out / "part-00001.parquet").write_bytes(b"PAR1")

    with pytest.raises(OutputError, match=r"damaged: part-00001.parquet is not as it was written"):
        push(str(out), "me/data", yes=True, partial=True)
    assert hub.private is None


def test_a_card_of_ones_own_is_uploaded_as_it_is(hub, made):
    """A README.md without our mark stays; its licence counts for a public push, --license has no place."""
    out = made()
    (out / "README.md").write_text("# mine\n")
    with pytest.raises(ConfigError, match="--public without a licence"):
        push(str(out), "me/data", yes=True, public=True)
    with pytest.raises(ConfigError, match="is a text of your own"):
        push(str(out), "me/data", yes=True, licence="mit")

    (out / "README.md").write_text("---\nlicense: mit\n---\n# mine\n")
    push(str(out), "me/data", yes=True, public=True)

    assert hub.branches["main"]["README.md"].endswith(b"# mine\n")
    assert hub.private is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repo": "data"}, "'data' cannot be named so .it has no owner.: give owner/name"),
        ({"repo": "me/da ta"}, "cannot be named so .Repo id must"),
        ({"licence": "CC BY 4.0"}, "did you mean cc-by-4.0"),
        ({"token_env": "NOT_SET"}, "NOT_SET is not set: run 'export NOT_SET="),
        ({"token_env": "hf_aBcDeFgHiJkLmNoPqRsT12"}, "--token-env is not shown"),
        ({"public": True}, "--public without a licence"),
    ],
)
def test_options_of_no_use_are_explained(hub, made, options, message):
    """Each mistake in an option is a message that says what to give; nothing was sent."""
    options = {"repo": "me/data", "yes": True, **options}
    out = made() if "public" in options else "out"

    with pytest.raises(ConfigError, match=message):
        push(str(out), **options)
    assert hub.private is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"token": "another"}, "does not accept the token from HF_TOKEN .401: Invalid credentials"),
        ({"status": 403, "says": "no rights"}, "may not write to me/data .403: no rights.: give it the perm"),
        ({"status": 404, "says": "nobody"}, "has no me/data, or the token from HF_TOKEN may not see it"),
        ({"status": 418, "says": "tea"}, "the hub refuses me/data .418: tea"),
        ({"wrong_card": True}, r"refuses the first lines of README.md .*license.*: check --license"),
        ({"private": False}, "me/data is there and public: add --public"),
        ({"url": "http://127.0.0.1:9"}, "could not be published .ConnectError.*check the network"),
    ],
)
def test_what_the_hub_refuses_is_explained(hub, made, wrong, message, monkeypatch):
    """A wrong token, no permission, no such owner, a wrong card, no network: what is wrong and what to do."""
    out = made()
    for name, value in wrong.items():
        setattr(hub, name, value)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)

    with pytest.raises(HubError, match=message) as caught:
        push(str(out), "me/data", yes=True)
    assert TOKEN not in str(caught.value)


def test_a_token_is_needed(hub, made, monkeypatch):
    """Without token the upload says where one is looked for; --token-env names another variable."""
    out = str(made())
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="there is no token for the hub: run 'export HF_TOKEN="):
        push(out, "me/data", yes=True)
    monkeypatch.setenv("MY_TOKEN", TOKEN)

    push(out, "me/data", yes=True, token_env="MY_TOKEN")

    assert hub.private


def test_the_command_line(hub, made, tmp_path):
    """`nemo-sdg push` uploads to HF_ENDPOINT; without the library it says what to install."""
    out = made()

    def type_command(code):
        return subprocess.run(
            [
                sys.executable,
                "-c",
                f"{code}from nemo_sdg.cli import main; main()",
                "push",
                out,
                "me/data",
                "-y",
            ],
            env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    missing = type_command("import sys; sys.modules['huggingface_hub'] = None; ")
    assert missing.stderr == "nemo-sdg: publishing needs huggingface_hub: pip install 'nemo-sdg[hub]'\n"
    assert missing.returncode == 2
    done = type_command("")
    assert done.returncode == 0, done.stderr
    assert Path(out, "part-00000.parquet").read_bytes() == hub.branches["main"]["part-00000.parquet"]
