"""How the site is built: `./dev docs`."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # this folder's own module, and the package of this checkout
os.environ["COLUMNS"] = "100"  # of the help of commands

from reference_pages import filled  # noqa: E402 - found through the line above

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "nemo_sdg"
version = release = importlib.metadata.version("nemo-sdg")
project_copyright = "the authors of nemo_sdg"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]
language = "en-GB"

html_theme = "furo"
html_title = "nemo_sdg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
pygments_style = "tango"
pygments_dark_style = "monokai"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
default_role = "py:obj"  # `names` in docstrings lead to where they are described
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True


def setup(app: Sphinx) -> None:
    """Have the pages of the reference filled when they are read."""
    app.connect("source-read", _fill)
    app.connect("autodoc-process-signature", _short)


def _fill(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = filled(source[0])


def _short(*event: Any) -> tuple[str | None, str | None]:
    """Take the modules off types where autodoc has marked them and not done so, as in structs."""
    arguments, returned = event[-2:]
    return arguments and re.sub(r"~[\w.]+\.", "", arguments).replace("<factory>", "..."), returned
