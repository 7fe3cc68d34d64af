from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import fs

from nemo_sdg.errors import ConfigError
from nemo_sdg.storage import Store, is_url
from nemo_sdg.storage.local import LocalStore


def test_paths_and_file_urls_are_on_disk(tmp_path):
    """A path, a file:// URL and Arrow's local file system all are the folder on this disk."""
    for store in (
        Store.open(tmp_path),
        Store.open(str(tmp_path)),
        Store.open(f"file://{tmp_path}"),
        Store.open(tmp_path, fs.LocalFileSystem()),
    ):
        assert isinstance(store, LocalStore)
        assert store.url == str(tmp_path)


@pytest.mark.parametrize("url", ["ftp://host/x", "s4://bucket/x", "https://user:hunter2@host/x?sig=hunter2"])
def test_unknown_schemes_are_refused(url):
    """A URL that nothing here can open is refused with what can be given; no credential is in the message."""
    with pytest.raises(ConfigError, match=r"cannot be opened .* begins with s3://, gs://") as caught:
        Store.open(url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", [Path("s3://bucket/x"), "s3:/bucket"])
def test_half_a_url_is_no_path(path):
    """A URL that lost a slash is not taken for a folder called s3: in this one."""
    assert not is_url(path)
    with pytest.raises(ConfigError, match="half a URL"):
        Store.open(path)


def test_credentials_in_a_url_are_not_shown():
    """Keys may stand in a URL; they are used, and shown nowhere."""
    store = Store.open("s3://key:hunter2@bucket/out?endpoint_override=localhost:1&scheme=http")

    assert store.url == "s3://bucket/out"
    assert "hunter2" not in repr(store)
