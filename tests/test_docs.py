"""The pages of the site: their code runs, their reference is whole."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

import pytest

import nemo_sdg
from nemo_sdg.pipelines import NAMES, pipeline_module
from tests.code_blocks import ROOT, Reader, blocks_of

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
WITH_CODE = [page for page in PAGES if blocks_of(page)]


@pytest.mark.timeout(900)  # many commands, each a process
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_page_can_be_followed(page, simulator, tmp_path, monkeypatch):
    """Every block of a page runs, in order, and prints what the page shows; or is marked and well formed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NVIDIA_API_KEY", "none")
    before = set(sys.modules)
    reader = Reader(tmp_path, simulator().base_url)
    try:
        for block in blocks_of(page):
            reader.follow(block)
    finally:
        for name in set(sys.modules) - before:
            if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
        del reader
        gc.collect()  # so that what is left open shows here, not in another test


@pytest.fixture(scope="module")
def reference():
    """Return the module that makes the reference."""
    sys.path.insert(0, str(DOCS))
    try:
        import reference_pages
    finally:
        sys.path.remove(str(DOCS))
    return reference_pages


def test_reference_has_each_public_name_once(reference):
    """The Python page describes what `nemo_sdg.__all__` names, each once, and nothing else."""
    named = re.findall(r"autoclass:: nemo_sdg\.(\w+)", reference.public_names())

    assert sorted(named) == sorted(nemo_sdg.__all__)


def test_reference_has_each_config_key(reference):
    """The page of config keys has a line that explains each key of each pipeline."""
    page = reference.config_keys()
    keys = {key for name in NAMES for key in pipeline_module(name).Config.model_fields}

    assert not [key for key in keys if not re.search(rf"^\| `{key}` \| .+ \| \S.+ \|$", page, re.MULTILINE)]


def test_reference_has_each_command(reference):
    """The page of commands has a section for each command, and a line for each option."""
    page = reference.commands()

    for name in ("run", "plan", "verify", "simulate"):
        assert f"## nemo-sdg {name}\n" in page
    assert re.search(r"^\| `--num-samples VALUE` \| \S.+ \|$", page, re.MULTILINE)


def test_links_between_pages():
    """A link from a page, or from the README to the site's sources, leads to a file."""
    wrong = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*PAGES, Path(ROOT / "README.md")]
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert not wrong
