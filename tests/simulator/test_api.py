from __future__ import annotations

import ast
import sys
from pathlib import Path

import nemo_sdg.simulator


def test_all_is_what_is_public():
    """`__all__` names exactly the public names of the package that are no modules."""
    modules = {path.stem for path in Path(nemo_sdg.simulator.__file__).parent.glob("*.py")}
    public = {name for name in vars(nemo_sdg.simulator) if not name.startswith("_")}

    assert set(nemo_sdg.simulator.__all__) == public - modules - {"annotations"}


def test_only_allowed_libraries_are_imported():
    """The package stands on the standard library, httptools, msgspec, uvloop and the exceptions."""
    allowed = {"httptools", "msgspec", "uvloop"} | sys.stdlib_module_names
    for path in Path(nemo_sdg.simulator.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                inside = name == "nemo_sdg.errors" or name.startswith("nemo_sdg.simulator")
                assert inside or name.partition(".")[0] in allowed, f"{path.name} imports {name}"
