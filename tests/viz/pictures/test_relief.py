"""The relief shows true values at heights counted in contour lines, and the paths on it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from optim.viz import race, relief, surfaces
from optim.viz.pictures.relief import ABOVE, BETWEEN, in_levels, on_the_ground


def test_paths_lie_just_above_the_surface_at_and_between_their_steps():
    runs = race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.3)"], steps=20)
    drawn = relief(runs)
    heights = surfaces.himmelblau.levels()
    for line, run in zip(drawn["lines"], runs):
        x, y, z = line.get_data_3d()
        np.testing.assert_array_equal([x[::BETWEEN], y[::BETWEEN]], run.positions.T)
        np.testing.assert_allclose(z - in_levels(surfaces.himmelblau((x, y)), heights), ABOVE)
        assert set(line.get_markevery()) <= set(range(0, len(x), BETWEEN))


def test_what_is_outside_the_frame_is_left_out():
    out_and_back = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    (x, y), marks = on_the_ground(out_and_back, ((-1, 1), (-2, 2)))
    assert np.isnan(x[BETWEEN - 1]) and np.nanmax(x) == pytest.approx(1)
    np.testing.assert_allclose([x[BETWEEN], y[BETWEEN]], [1, 0.75])  # where it comes back
    assert marks == [2 * BETWEEN]


def test_starts_and_minima_are_marked():
    drawn = relief(race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.3)"], steps=2))
    assert np.transpose(drawn["starts"][0].get_data_3d())[:, :2].tolist() == [list(surfaces.himmelblau.start)]
    np.testing.assert_array_equal(np.transpose(drawn["minima"][0].get_data_3d())[:, :2], surfaces.himmelblau.minima)


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
