"""The code blocks of Markdown pages, run as a reader would: in order, in one folder, with one endpoint.

What a block is, and how one that cannot run is marked, stands in CONTRIBUTING.md under *Write a page*.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from nemo_sdg.cli import main
from nemo_sdg.config import load_config

ROOT = Path(__file__).parents[1]
NOT_RUN = re.compile(r"# not run by the tests: \S+")
"""What begins a block that cannot run."""
_FENCED = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"#+ ([\w./-]+\.(?:py|yaml|jsonl|csv|txt|sh))\n")
_URL = re.compile(r"https?://[\w.:-]+/v1")
_SIMPLE = re.compile(r"nemo-sdg (check|plan|preview|report|verify) [^|&;<>]+")
"""Commands without a shell's work, and without signals and clocks of their process."""
_MEASURED = re.compile(
    r"\d[\d,]*(\.\d+)?(?= ?(ms|s|min|h|%|/s|tok/s|MiB|MB|GB)\b)|\d+\.\d+|\d+%|\d+ %|:\d{4,5}\b|\[\d+\]"
)
_DURATION = re.compile(r"(\d[\d.,]* (ms|s|min|h)\b\s*)+")
_VARIES = ("resuming: ", "answers reused", "turned away")
"""Of lines in which all numbers depend on the moment."""
_BASE = """
pipeline: multilingual_qa
num_samples: 8
languages: [English]
prompt: "{language}"
model: m
base_url: http://localhost:8000/v1
output: out
"""


class Block(NamedTuple):
    """A fenced block."""

    place: str
    """Page and line."""
    language: str
    code: str
    indented: bool = False
    """It belongs to an item of a list."""

    @property
    def marked(self) -> bool:
        """Whether the page says that it cannot run here."""
        return NOT_RUN.match(self.code) is not None

    @property
    def file(self) -> str | None:
        """The file that it is."""
        named = _FILE.match(self.code)
        return named[1] if named else None


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}",
            found[2],
            textwrap.dedent(found[3]),
            bool(found[1]),
        )
        for found in _FENCED.finditer(text)
    ]


class Reader:
    """Runs blocks in `folder`, the working folder of this process; `url` stands in for every endpoint."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._names: dict = {"__name__": "page"}
        self._printed = ""
        for name in ("benchmarks", "configs"):
            (folder / name).symlink_to(ROOT / name)
        shim = folder / ".bin" / "nemo-sdg"
        shim.parent.mkdir()
        shim.write_text(
            f"#!/bin/sh\nexec {sys.executable} -c 'from nemo_sdg.cli import main; main()' \"$@\"\n"
        )
        shim.chmod(0o755)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
            "PATH": f"{shim.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}",
            "COLUMNS": "100",
            "NVIDIA_API_KEY": "none",
        }

    def follow(self, block: Block) -> None:
        """Do what a reader does with `block`; fails where that does not work."""
        if block.marked:
            check_syntax(block)
        elif block.file:
            file = self._folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._here(block.code))
            check_syntax(block)
        else:
            getattr(self, f"_{block.language}")(block)

    def _here(self, code: str) -> str:
        return _URL.sub(self._url, code)

    def _python(self, block: Block) -> None:
        # Ray takes ten seconds to start; what is shown is not the engine.
        code = self._here(block.code).replace(".run()", '.run(engine="local")')
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(code, block.place, "exec", dont_inherit=True), self._names)
        self._printed = printed.getvalue()

    def _text(self, block: Block) -> None:
        assert self._printed, f"{block.place}: no Python block before it has printed anything"
        check_output(block.code.splitlines(), self._printed, block.place)

    def _console(self, block: Block) -> None:
        for command, shown in _commands(block.code):
            check_output(shown, self._shell(command, block.place), f"{block.place}: {command}")

    def _bash(self, block: Block) -> None:
        self._shell(block.code, block.place)

    def _shell(self, command: str, place: str) -> str:
        if _SIMPLE.fullmatch(command):
            return self._here_and_now(self._here(command))
        done = subprocess.run(
            ["bash", "-c", self._here(command)],
            check=False,
            cwd=self._folder,
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        # A page may show a refusal: then the output is what is checked.
        assert done.returncode < 126, f"{place}: {done.stdout}"
        return done.stdout.replace(f"{self._folder}/", "")

    def _here_and_now(self, command: str) -> str:
        """Run a command of ours in this process: a second of imports less."""
        printed = io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            contextlib.suppress(SystemExit),
        ):
            patch.setattr(sys, "argv", shlex.split(command.replace("\\\n", " ")))
            patch.setattr(sys, "path", list(sys.path))
            patch.setenv("COLUMNS", self._environment["COLUMNS"])
            main()
        return printed.getvalue().replace(f"{self._folder}/", "")

    def _yaml(self, block: Block) -> None:
        """Check a part of a config, as part of a whole one."""
        values = yaml.safe_load(self._here(block.code))
        whole = values if "pipeline" in values else {**yaml.safe_load(_BASE), **values}
        if "endpoints" in values:
            whole.pop("base_url", None)
        file = self._folder / "part.yaml"
        file.write_text(yaml.safe_dump(whole))
        load_config(file)


def _commands(code: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines that are shown after it."""
    found: list[tuple[str, list[str]]] = []
    lines = iter(code.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = f"{command}\n{next(lines)}"
            found.append((command, []))
        else:
            found[-1][1].append(line)
    return found


def check_output(shown: list[str], printed: str, place: str) -> None:
    """Check that the lines shown are those printed, from the first on; `...` stands for any text or lines."""
    actual = [bare for line in printed.splitlines() if (bare := _bare(line))]
    at, skips = 0, False
    for line in shown:
        bare = _bare(line)
        if bare == "...":
            skips = True
        elif bare:
            like = re.compile(".*".join(map(re.escape, bare.split("..."))))
            candidates = range(at, len(actual) if skips else min(at + 1, len(actual)))
            found = next((index for index in candidates if like.fullmatch(actual[index])), None)
            assert found is not None, f"{place} does not print {line!r} there, but:\n{printed}"
            at = found + 1
            skips = False


def _bare(line: str) -> str:
    """Return a line without what differs from run to run, or for endpoints that are simulated."""
    line = _URL.sub("URL", line.removeprefix("[simulated]"))
    if any(word in line for word in _VARIES):
        return " ".join(re.sub(r"\d+|\bno\b", "0", line.replace("answers", "answer")).split())
    figures = _DURATION.sub("0 ", line)
    if not re.search(r"[A-Za-z]", figures):  # a row of a table of figures
        return " ".join(re.sub(r"\d[\d.,]*( ?%)?", "0", figures).split())
    return " ".join(_MEASURED.sub("0", line).split())


def check_syntax(block: Block) -> None:
    """Check what can be checked of a block without running it."""
    if block.language in ("bash", "sh"):
        done = subprocess.run(["bash", "-n"], input=block.code, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{block.place}: {done.stderr}"
    elif block.language == "console":
        for command, _ in _commands(block.code):
            done = subprocess.run(["bash", "-n"], input=command, check=False, capture_output=True, text=True)
            assert done.returncode == 0, f"{block.place}: {done.stderr}"
    elif block.language == "yaml":
        assert list(yaml.safe_load_all(block.code)), block.place
    elif block.language == "python":
        compile(block.code, block.place, "exec", dont_inherit=True)
    else:
        assert block.language in ("json", "text", "dockerfile"), f"{block.place}: what is {block.language}?"
