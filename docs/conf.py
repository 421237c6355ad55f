"""Sphinx settings."""

import os
import sys
from pathlib import Path

import cellprofiling
from cellprofiling.quality.rules import load

sys.path.insert(0, str(Path(__file__).parent))
import checks_table
import methods_table

project = "cellprofiling"
copyright = "2026, the cellprofiling developers"
author = "the cellprofiling developers"
version = release = cellprofiling.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]
autosummary_generate = True
numpydoc_show_class_members = False
myst_enable_extensions = ["colon_fence", "deflist"]
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
exclude_patterns = ["_build", "jupyter_execute", "generated/quality_checks.md", "generated/method_tables.md"]

# A kernel that is told a backend, as make tells it, shows no figures.
os.environ.pop("MPLBACKEND", None)

# The tables on the pages "Quality" and "Methods" are those of the thresholds and of the methods themselves
GENERATED = Path(__file__).with_name("generated")
GENERATED.mkdir(exist_ok=True)
GENERATED.joinpath("quality_checks.md").write_text(checks_table.markdown(load().values()), "utf-8")
GENERATED.joinpath("method_tables.md").write_text(methods_table.markdown(cellprofiling.methods()), "utf-8")

html_theme = "pydata_sphinx_theme"
html_title = "cellprofiling"
html_sidebars: dict[str, list[str]] = {"**": []}
html_theme_options = {"show_prev_next": False, "navbar_end": ["theme-switcher"]}
html_static_path: list[str] = []
