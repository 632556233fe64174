"""An own name that does not exist fails the build of the site, wherever it is written; names of others do not."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numpydoc", reason="needs the extra docs: pip install '.[docs]'")
pytest.importorskip("sphinx", reason="needs the extra docs: pip install '.[docs]'")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CONF = """
default_role = "literal"
numpydoc_show_class_members = False
autodoc_typehints = "none"
extensions = ["sphinx.ext.autodoc", "numpydoc", "references"]
"""
DOCUMENTED = '''
def f(x):
    """Say something.

    Parameters
    ----------
    x : {type}, shape (N, 2) or list of array_like
        Some words about `{code}`.

    See Also
    --------
    {see}
    """
'''
REFERENCE = ".. autofunction:: optim.viz.race\n\n.. autoclass:: minigrad.Tensor\n\n.. autoclass:: optim.Adam\n\n"


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a page with a docstring, and returns Sphinx's warnings and the HTML."""
    def run(type="Tensor", code="optim.Adam", see="optim.viz.race"):
        (tmp_path / "conf.py").write_text(CONF)
        (tmp_path / "planted.py").write_text(DOCUMENTED.format(type=type, code=code, see=see))
        (tmp_path / "index.rst").write_text("Title\n=====\n\n.. autofunction:: planted.f\n\n" + REFERENCE)
        script = "import sys, runpy; sys.path[:0] = sys.argv.pop(1).split('|'); runpy.run_module('sphinx')"
        run = subprocess.run([sys.executable, "-W", "ignore", "-c", script, f"{tmp_path}|{ROOT}|{ROOT / 'docs'}", "-q",
                              "-n", tmp_path, tmp_path / "out"], capture_output=True, text=True, check=False)
        return run.stderr, (tmp_path / "out" / "index.html").read_text()

    return run


def test_own_names_become_links_and_names_of_others_do_not(build):
    warnings, html = build(type="Tensor, Axes, None", code="viz.race(...)")
    assert warnings == ""
    shown = html.partition('id="minigrad.Tensor"')[0]
    assert 'href="#minigrad.Tensor"' in shown and 'href="#optim.viz.race"' in shown and "Axes" in shown


@pytest.mark.parametrize("planted", [
    {"type": "Tensr"}, {"type": "list of Trajectry"}, {"type": "minigrad.Tensr"},
    {"code": "optim.Adma"}, {"code": "viz.rase(surface)"}, {"see": "optim.viz.rase"},
], ids=str)
def test_own_name_that_does_not_exist_is_reported(build, planted):
    warnings, _ = build(**planted)
    assert "reference target not found" in warnings
