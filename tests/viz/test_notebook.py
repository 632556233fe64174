"""A real notebook shows every picture once, below the cell that made it, and the user's own plots as before."""

from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CELLS = """
from optim import viz
race = viz.race("booth", ["SGD(lr=0.1)", "Adam(lr=1)"], steps=5)
viz.paths(race)
---
viz.losses(race)
---
viz.contour("himmelblau");
viz.contour("himmelblau").show()
---
import matplotlib.pyplot as plt
plt.plot([1, 4, 9]);
---
race
---
import warnings
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    for _ in range(25):
        drawing = viz.losses(race[0])
print([str(one.message) for one in found], plt.get_fignums())
---
with viz.style():
    figure, ax = plt.subplots()
viz.losses(race, ax)
"""


@pytest.fixture(scope="module")
def outputs():
    """What each cell has put out: a list of the media types of its pictures, and its text."""
    for name in ("ipykernel", "nbclient", "matplotlib_inline"):
        if find_spec(name) is None:
            pytest.skip(f"a notebook needs {name}: install the extra notebook")
    import nbclient
    import nbformat

    cells = [nbformat.v4.new_code_cell(text.strip()) for text in CELLS.split("---\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("MPLBACKEND")  # the kernel then chooses the notebook's own
        nbclient.NotebookClient(notebook, timeout=120).execute()
    return [cell.outputs for cell in notebook.cells]


def pictures(outputs):
    return [output["data"] for output in outputs if "image/png" in output.get("data", {})]


@pytest.mark.slow
def test_three_cells_show_three_pictures_with_their_descriptions(outputs):
    for shown, begins in zip(outputs[:3], ("Paths on booth", "Loss by step on booth", "Contours of himmelblau")):
        assert len(pictures(shown)) == 1
        (told,) = [output["metadata"]["image/png"]["alt"] for output in shown if "image/png" in output.get("data", {})]
        assert told.startswith(begins)


def test_a_plot_of_the_users_own_is_shown_after_them(outputs):
    assert len(pictures(outputs[3])) == 1


def test_a_race_is_shown_with_its_table(outputs):
    (shown,) = outputs[4]
    assert shown["data"]["text/html"].count("<img") == 1
    assert "<table>" in shown["data"]["text/html"]


def test_many_drawings_leave_no_figure_open_and_no_warning(outputs):
    assert outputs[5][0]["text"].strip() == "[] []"


def test_a_drawing_on_the_users_axes_is_shown_once(outputs):
    assert len(pictures(outputs[6])) == 1
