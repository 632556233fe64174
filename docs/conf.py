"""Sphinx's settings for the site. `build.py` writes the pages and runs Sphinx; the site needs no network."""

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SOURCE = HERE / "_build" / "source"

sys.path[:0] = [str(HERE), str(ROOT)]

import themes  # noqa: E402

os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(HERE)])  # the lessons run in a kernel of their own
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # it shows figures, as in every notebook
os.environ["PYTHONWARNINGS"] = "ignore:Proactor"

project = "minigrad + optim"
author = "the minigrad + optim authors"
version = release = "0.2.0"

extensions = [
    "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "myst_nb", "sphinx_design", "sphinx_copybutton",
    "references",
]
exclude_patterns = ["jupyter_execute", "_extra"]

# Pages
html_theme = "furo"
html_title = "minigrad + optim"
html_static_path = [str(HERE / "_static")]
html_css_files = ["site.css"]
themes.OUTPUTS.mkdir(parents=True, exist_ok=True)
html_extra_path = [str(SOURCE / "_extra"), str(themes.OUTPUTS.parent)]
html_show_copyright = html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"sidebar_hide_name": False, "top_of_page_buttons": []}
pygments_style, pygments_dark_style = "friendly", "github-dark"
copybutton_prompt_text, copybutton_prompt_is_regexp = r">>> |\.\.\. |\$ ", True

# Mathematics: one file of MathJax 3 that draws with paths, so that no font is fetched.
offline = importlib.metadata.files("sphinx-mathjax-offline")
(mathjax_file,) = [file for file in offline if file.name == "tex-svg-full.js"]
(HERE / "_build" / "mathjax").mkdir(parents=True, exist_ok=True)
shutil.copy(mathjax_file.locate(), HERE / "_build" / "mathjax" / "tex-svg-full.js")
html_static_path.append(str(HERE / "_build" / "mathjax"))
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

# The lessons, and Markdown
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off" if os.environ.get("SITE_QUICK") else "cache"
nb_execution_cache_path = str(HERE / "_build" / "executed")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"  # it knows tables, which worksheets have
nb_number_source_lines = False

# Docstrings
default_role = "literal"
smartquotes = False  # they would make code of {"lr": 0.1} that cannot be copied
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
toc_object_entries = False
nitpick_ignore = [
    ("py:obj", "optim.viz.pictures.optim"),  # a style sheet of Matplotlib
    ("py:obj", "minigrad.nn.relu"),  # wrong on purpose, in the changelog
]
suppress_warnings = ["mystnb.unknown_mime_type"]
