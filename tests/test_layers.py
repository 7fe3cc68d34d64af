"""Imports go one way, and what is costly is imported only where it is needed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nemo_sdg"
ORDER = (
    "",  # nemo_sdg itself, which only passes names on
    "cli",
    "planner",  # it takes a pipeline's first rows through its stages, so it lies above all that these need
    "config",
    "pipelines",
    "pipeline",
    "engine",
    "stages",
    "client",
    "limits",
    "storage",
    "redact",
    "errors",
    "hooks",  # slots that the top fills, where a lower layer reaches a higher one
)
BELOW = {layer: set(ORDER[index + 1 :]) for index, layer in enumerate(ORDER)}
BESIDE = {
    "report": {"", "cli", "planner", "pipeline", "engine"},
    "simulator": {"cli", "planner"},
}
ALLOWED = {
    **{
        layer: below | {name for name, users in BESIDE.items() if layer in users}
        for layer, below in BELOW.items()
    },
    **{name: {"redact", "errors"} for name in BESIDE},
    "report": {"storage", "redact", "errors"},
}
SAME = {"column_check": "pipeline"}  # helper module -> the layer that it belongs to
COSTLY = {"lingua", "openai", "pandas", "ray", "torch"}


def layer_of(module: str) -> str:
    """Return the layer of a module of ours, named in full."""
    part = module.removeprefix("nemo_sdg").removeprefix(".").partition(".")[0]
    return SAME.get(part, part)


def module_of(path: Path) -> str:
    """Return the module's name in full."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Return what a file imports: at its top, inside functions, for types, and by literal name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module_of(path).split(".")[: None if path.name == "__init__.py" else -1]
                base = ".".join([*package[: len(package) - node.level + 1], *([base] if base else [])])
            if base == "nemo_sdg":  # a layer is what is imported from here
                found.update(f"{base}.{alias.name}" for alias in node.names)
            else:
                found.add(base)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called.endswith(("import_module", "__import__")) and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found


SOURCES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = [(module_of(path), name) for path in SOURCES for name in sorted(imports(path))]


def test_every_module_has_a_layer():
    """No module lies outside the layers."""
    assert {layer_of(module_of(path)) for path in SOURCES} <= set(ALLOWED)


def test_imports_go_down():
    """A module imports its own layer and those below, never one above, nor the package as a whole."""
    wrong = [
        f"{module} imports {name}"
        for module, name in IMPORTS
        if name.partition(".")[0] == "nemo_sdg"
        and layer_of(name) != layer_of(module)
        and layer_of(name) not in ALLOWED[layer_of(module)]
    ]

    assert not wrong


def test_nothing_goes_through_the_links():
    """No file of the package or the tests imports from the top-level links `stages` and `pipelines`."""
    tests = [path for path in Path(__file__).parent.rglob("*.py") if path != Path(__file__)]
    found = {f"{path.name} imports {name}" for path in [*SOURCES, *tests] for name in absolute(path)}

    assert not {line for line in found if line.rpartition(" ")[2] in {"stages", "pipelines"}}


def absolute(path: Path) -> set[str]:
    """Return the top-level names that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {name.partition(".")[0] for name in [*plain, *(node.module or "" for node in froms)]}


def test_only_the_engine_knows_ray():
    """Ray is imported in nemo_sdg/engine and nowhere else, not even for types."""
    users = {layer_of(module) for module, name in IMPORTS if name.partition(".")[0] == "ray"}

    assert users <= {"engine"}


def modules_after(code: str, **options) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after running `code`."""
    ending = "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "module", ["nemo_sdg", "nemo_sdg.cli.app", "nemo_sdg.simulator", "nemo_sdg.client", "nemo_sdg.limits"]
)
def test_imports_are_light(module):
    """The package, the command line, the simulator and the client start without the costly libraries."""
    assert not modules_after(f"import {module}") & COSTLY


@pytest.mark.parametrize("command", ["check", "preview"])
def test_commands_without_a_run_need_no_ray(tmp_path, command):
    """What only looks at a job imports no Ray, whatever engine its config names."""
    config = str(PACKAGE.parent / "configs/multilingual_qa.yaml")
    code = f"from nemo_sdg.cli.app import app\napp({[command, config]!r}, standalone_mode=False)"

    assert not modules_after(code, cwd=tmp_path) & {"ray", "openai"}
    assert not list(tmp_path.iterdir())


def test_local_engine_runs_without_ray(tmp_path):
    """A whole run with `--engine local` imports no Ray."""
    config = str(PACKAGE.parent / "configs/multilingual_qa.yaml")
    arguments = ["run", config, "--engine", "local", "--num-samples", "3", "--output", "out"]
    code = f"from nemo_sdg.cli.app import app\napp({arguments!r}, standalone_mode=False)"
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}

    assert "ray" not in modules_after(code, cwd=tmp_path, env=environment)
    assert list((tmp_path / "out").glob("part-*.parquet"))
