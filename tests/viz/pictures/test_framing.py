"""The place where a path leaves the frame is on its edge, even when a single step crosses the whole frame."""

import numpy as np
import pytest

from optim.viz.pictures import framing

BOX = ((0.0, 4.0), (0.0, 2.0))


class TestExits:
    @pytest.mark.parametrize(("end", "edge", "point"), [
        ((9, 1), "right", (4, 1)), ((-1, 1), "left", (0, 1)), ((2, 5), "top", (2, 2)), ((2, -1), "bottom", (2, 0)),
        ((6, 3), "right", (4, 2)), ((4, 5), "top", (2.5, 2))])
    def test_edge_and_point(self, end, edge, point):
        (found,) = framing.exits(np.array([[2.0, 1.0], end]), BOX)
        assert found[0] == edge
        np.testing.assert_allclose(found[1], point)

    @pytest.mark.parametrize(("start", "end", "found"), [
        ((-1, 1), (5, 1), ["right"]), ((5, 1.5), (3, 2.5), ["top"]), ((-1, 3), (5, 3), []), ((-1, 1), (2, 5), [])])
    def test_a_step_over_the_frame_leaves_it_where_it_passes_through(self, start, end, found):
        assert [edge for edge, _ in framing.exits(np.array([start, end], dtype=float), BOX)] == found

    def test_each_exit_counts_and_entries_do_not(self):
        path = np.array([[1, 1], [5, 1], [1, 1], [1, 1.5], [1, 7], [1, 8]], dtype=float)
        assert [edge for edge, _ in framing.exits(path, BOX)] == ["right", "top"]


def test_points_of_a_path_that_are_apart():
    path = np.array([[0.0, 0.0], [1e-3, 0.0], [0.5, 0.0], [np.nan, 0.0], [1e200, 0.0], [1e200, 0.1]])
    assert framing.apart(path, ((-1, 1), (-1, 1))) == [0, 2, 4, 5]
