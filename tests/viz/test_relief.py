"""The relief shows true values at heights counted in contour lines, and the paths on it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from optim.viz import race, relief, surfaces
from optim.viz.relief import in_levels


def test_paths_lie_just_above_the_surface():
    runs = race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.3)"], steps=20)
    drawn = relief(runs)
    heights = surfaces.himmelblau.levels()
    for line, run in zip(drawn["lines"], runs):
        x, y, z = line.get_data_3d()
        np.testing.assert_array_equal([x, y], run.positions.T)
        np.testing.assert_allclose(z - in_levels(run.losses, heights), 0.15)


def test_what_leaves_the_frame_is_left_out():
    (line,) = relief(race("saddle", ["SGD(lr=0.1)"], steps=60))["lines"]
    x, y, _ = line.get_data_3d()
    assert np.isnan(x[-1]) and np.nanmax(np.abs(y)) <= 2


def test_heights_are_labelled_with_values():
    ax = relief("rosenbrock").ax
    first, *_, last = (label.get_text() for label in ax.get_zticklabels())
    assert first == "0"
    assert float(last.replace(",", "")) == pytest.approx(surfaces.rosenbrock.grid()[2].max(), rel=1e-3)


def test_a_surface_alone_and_given_axes():
    ax = plt.figure().add_subplot(projection="3d")
    drawn = relief(lambda p: p[0]**2 + p[1]**2, ax)
    assert drawn.ax is ax and drawn["lines"] == []


def test_flat_axes_are_refused():
    with pytest.raises(ValueError, match='projection="3d"'):
        relief("booth", plt.figure().add_subplot())
