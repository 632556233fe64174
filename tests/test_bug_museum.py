"""The museum's exhibits: each wrong run parts from the right one where the tutorial says, and ends worse."""

import runpy
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

TUTORIAL = Path(__file__).parents[1] / "tutorials" / "20_bug_museum.py"
EXHIBITS = ["zero_grad", "bias_correction", "epsilon", "decay", "schedule", "step_first", "broadcast"]


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """Run a copy of the tutorial in a folder of its own; return its names and the folder."""
    folder = tmp_path_factory.mktemp("museum")
    shutil.copy(TUTORIAL, folder)
    earlier = mpl.get_backend()
    mpl.use("Agg")
    try:
        return runpy.run_path(str(folder / TUTORIAL.name)), folder
    finally:
        mpl.use(earlier)


def test_every_exhibit_has_its_picture(tour):
    _, folder = tour
    assert sorted(path.stem for path in (folder / "figures").iterdir()) == sorted(f"03_{name}" for name in EXHIBITS)


def test_without_bias_correction_the_first_step_is_three_times_too_long(tour):
    names, _ = tour
    first, second = (np.abs(visit.positions[1] - visit.positions[0]) for visit in (
        names["train"](names["bowl"], lambda params: names["optim"].Adam(params, lr=0.3), (3, 2), 1),
        names["train"](names["bowl"], lambda params: names["AdamWithoutCorrection"](params, lr=0.3), (3, 2), 1)))
    np.testing.assert_allclose(second / first, 0.1 / np.sqrt(0.001), rtol=1e-5)


def test_forgotten_gradients_make_the_run_swing_for_ever(tour):
    names, _ = tour
    visit = names["train_without_zero_grad"](names["bowl"], names["descent"], (3, 2), 200)
    assert max(names["bowl"](point) for point in visit.positions[-40:]) > 5


def test_the_wrong_broadcast_ends_in_a_flat_line_at_the_mean(tour):
    names, _ = tour
    visit = names["train"](names["wrong_loss"], lambda params: names["optim"].SGD(params, lr=0.3), (-1, -1), 500)
    np.testing.assert_allclose(visit.positions[-1], [0, names["y"].mean()], atol=1e-6)


def test_a_schedule_that_steps_first_leaves_out_the_first_rate(tour):
    names, _ = tour
    with pytest.warns(UserWarning, match="before optimizer.step"):
        visit = names["train_with_schedule"]((3, 2), 1, schedule_first=True)
    np.testing.assert_allclose(visit.positions[1], 0.6 * visit.positions[0])


def test_the_parting_is_told_with_both_lines(tour, capsys):
    names, _ = tour
    names["the_parting"](names["right"], names["wrong"])
    out = capsys.readouterr().out
    assert "step 1, right:  return grad" in out and "step 1, wrong:  return grad" in out
