"""The relief shows true values at heights counted in contour lines, and the paths on it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from optim.viz import race, relief, surfaces
from optim.viz.pictures.relief import ABOVE, AZIMUTH, BETWEEN, hidden, in_levels, on_the_ground


def test_paths_lie_just_above_the_surface_at_and_between_their_steps():
    runs = race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.3)"], steps=20)
    drawn = relief(runs)
    heights = surfaces.himmelblau.levels()
    for line, run in zip(drawn["lines"], runs):
        x, y, z = line.get_data_3d()
        np.testing.assert_array_equal([x[::BETWEEN], y[::BETWEEN]], run.positions.T)
        np.testing.assert_allclose(z - in_levels(surfaces.himmelblau((x, y)), heights), ABOVE)
        np.testing.assert_array_equal([x[-1], y[-1]], run.positions[-1])
        assert line.get_markevery() == [-1]


def test_what_is_outside_the_frame_is_left_out():
    out_and_back = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0]])
    x, y = on_the_ground(out_and_back, ((-1, 1), (-2, 2)))
    assert np.isnan(x[BETWEEN - 1]) and np.nanmax(x) == pytest.approx(1)
    np.testing.assert_allclose([x[BETWEEN], y[BETWEEN]], [1, 0.75])  # where it comes back


@pytest.mark.slow
def test_starts_and_minima_are_marked():
    drawn = relief(race("himmelblau", ["SGD(lr=0.01)", "Adam(lr=0.3)"], steps=2))
    assert np.transpose(drawn["starts"][0].get_data_3d())[:, :2].tolist() == [list(surfaces.himmelblau.start)]
    stars = np.concatenate([np.transpose(line.get_data_3d())[:, :2] for line in drawn["minima"]])
    assert {*map(tuple, stars.tolist())} == {*surfaces.himmelblau.minima}


def test_minima_behind_the_ground_are_faint():
    sight, behind = relief("easom")["minima"]
    assert (len(sight.get_data_3d()[0]), len(behind.get_data_3d()[0])) == (0, 1)
    assert behind.get_alpha() < sight.get_alpha() == 1


def test_heights_are_labelled_with_round_values_in_their_places():
    ax = relief("rosenbrock").ax
    values = [float(label.get_text().replace(",", "")) for label in ax.get_zticklabels()]
    assert values[0] == 0 and len(values) >= 3 and all(f"{value:e}"[0] in "0125" for value in values)
    np.testing.assert_allclose(ax.get_zticks(), in_levels(values, surfaces.rosenbrock.levels()))


def test_what_lies_behind_a_hill_is_hidden():
    box, hill = ((-1, 1), (-1, 1)), lambda points: 10 * np.exp(-20 * (points[0]**2 + points[1]**2))
    behind, before = -0.3 * np.array([np.cos(np.radians(AZIMUTH)), np.sin(np.radians(AZIMUTH))]) * [[1], [-1]]
    points = np.array([[*place, hill(place)] for place in (behind, before, np.zeros(2))]).T
    assert hidden(points, box, hill, 10.0).tolist() == [True, False, False]
    drawn = relief(race("rosenbrock", ["SGD(lr=1e-3, momentum=0.9)"], steps=100))
    whole, seen = (np.array(drawn[name][0].get_data_3d()) for name in ("lines", "visible"))
    assert np.array_equal(whole[:, ~np.isnan(seen[0])], seen[:, ~np.isnan(seen[0])])


def test_each_step_in_sight_has_a_dot():
    runs = race("quadratic_bowl", ["SGD(lr=0.1)"], steps=4)
    drawn = relief(runs)
    dots = drawn.ax.lines[drawn.ax.lines.index(drawn["visible"][0]) + 1]
    np.testing.assert_array_equal(np.array(dots.get_data_3d())[:2].T, runs[0].positions)


def test_a_surface_alone_and_given_axes():
    ax = plt.figure().add_subplot(projection="3d")
    drawn = relief(lambda p: p[0]**2 + p[1]**2, ax)
    assert drawn.ax is ax and drawn["lines"] == []


def test_flat_axes_are_refused():
    with pytest.raises(ValueError, match='projection="3d"'):
        relief("booth", plt.figure().add_subplot())
