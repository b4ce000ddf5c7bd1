"""How Sphinx builds the pages: offline, every gallery page executed, any warning or failing cell an error."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from multilevel import __version__

project = "multilevel"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"multilevel {release}"
# MathJax comes with a package of its own, so that the pages show their mathematics offline.
html_static_path = [str(Path(str(find_spec("sphinx-mathjax-offline").origin)).parent / "static")]
mathjax_path = "mathjax/tex-chtml.js"
html_show_copyright = False
html_show_sourcelink = False

myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 4
# Links out of the pages: to files of the repository that are no pages.
suppress_warnings = ["myst.xref_missing"]

# Pages with a kernel in their first lines are executed, each in a kernel of its own; no cache is kept.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_output_stderr = "warn"

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False

napoleon_custom_sections = ["Returned"]

RETURNS = re.compile(r"^Returns\n-{3,}\n(?=\S.*(\n(?! )|\Z))", re.MULTILINE)
"""Heading of a section whose first line has no indented line below it: sentences, no type."""


def prose_returns(
    app: Sphinx, what: str, name: str, thing: object, options: dict[str, Any], lines: list[str]
) -> None:
    """Rename sections of sentences about what is returned: napoleon would take each line for a type."""
    lines[:] = RETURNS.sub("Returned\n--------\n", "\n".join(lines)).split("\n")


def setup(app: Sphinx) -> None:
    """Change docstrings before napoleon reads them."""
    app.connect("autodoc-process-docstring", prose_returns, priority=400)
