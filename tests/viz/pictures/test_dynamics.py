"""The pictures of a run's gradients, state and moves show what the run has recorded."""

from itertools import pairwise

import numpy as np
import pytest

from optim.viz import race, record, surfaces
from optim.viz.pictures import dynamics


class TestState:
    def test_panels_are_what_was_recorded(self):
        run = record("Adam(lr=0.1)", "rosenbrock", steps=30)
        drawn = dynamics.state(run)
        assert list(drawn.artists) == ["gradients", "exp_avg", "exp_avg_sq", "effective_lr"]
        assert len(drawn.ax) == 4
        for i in range(2):
            np.testing.assert_array_equal(drawn["exp_avg"][i].get_ydata(), run.states["exp_avg"][:, i])
            np.testing.assert_array_equal(drawn["gradients"][i].get_ydata(), run.gradients[:, i])

    def test_the_effective_lr_of_adam_is_lr_over_root_v_corrected(self):
        run = record("Adam(lr=0.1)", "rosenbrock", steps=30)
        t = run.steps[1:, np.newaxis]
        v_hat = run.states["exp_avg_sq"][1:] / (1 - 0.999**t)
        np.testing.assert_allclose(dynamics.effective_lr(run), 0.1 / (1 - 0.9**t) / (np.sqrt(v_hat) + 1e-8))

    def test_the_effective_lr_of_momentum_is_its_lr(self):
        run = record("SGD(lr=0.001, momentum=0.9)", "rosenbrock", steps=9)
        np.testing.assert_allclose(dynamics.effective_lr(run), 0.001)

    def test_optimizers_that_keep_lists_and_need_closures_have_a_panel_for_what_is_no_list(self):
        drawn = dynamics.state(record("LBFGS", "beale", steps=4))
        assert list(drawn.artists) == ["gradients", "prev_flat_grad", "d", "effective_lr"]

    @pytest.mark.parametrize("optimizer", ["LBFGS", "Adam(lr=0.3)", "SGD(lr=0.02)"])
    def test_numbers_along_the_axes_do_not_overlap(self, optimizer):
        drawn = dynamics.state(record(optimizer, "beale", steps=30))
        drawn.figure.canvas.draw()
        for ax in drawn.ax:
            boxes = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_text()]
            boxes = sorted((box.y0, box.y1) for box in boxes if ax.bbox.y0 <= (box.y0 + box.y1) / 2 <= ax.bbox.y1)
            assert all(top < bottom for (_, top), (bottom, _) in pairwise(boxes))

    def test_names_and_axes_can_be_chosen(self):
        import matplotlib.pyplot as plt
        ax = plt.figure().add_subplot()
        drawn = dynamics.state(record("Adagrad", "beale", steps=3), ["sum"], [ax])
        assert drawn.ax == (ax,)
        with pytest.raises(ValueError, match="has no 'exp_avg' for each coordinate; it has gradients, sum, "):
            dynamics.state(record("Adagrad", "beale", steps=3), ["exp_avg"])
        with pytest.raises(ValueError, match="1 axes were given for 2 panels"):
            dynamics.state(record("Adagrad", "beale", steps=3), ["sum", "gradients"], [ax])


def test_gradient_norms_are_drawn_on_a_log_scale():
    run = record("SGD(lr=0.01)", "himmelblau", steps=20)
    drawn = dynamics.gradient_norms(run)
    np.testing.assert_allclose(drawn["lines"][0].get_ydata(), np.hypot(*run.gradients.T))
    assert drawn.ax.get_yscale() == "log"


def test_gradient_norms_of_a_sweep_are_a_fan_as_its_losses_are():
    drawn = dynamics.gradient_norms(record("SGD", "rosenbrock", lr=np.geomspace(1e-5, 1e-1, 9), steps=30), xscale="log")
    assert len(drawn["lines"]) == 9 and drawn["colorbar"].ax.get_ylabel() == "lr"
    assert drawn.ax.get_xscale() == "symlog"


def test_phase_is_position_against_last_step():
    run = record("SGD(lr=0.01, momentum=0.9)", "quadratic_bowl", steps=20)
    drawn = dynamics.phase(run, coordinate=1)
    np.testing.assert_array_equal(drawn["lines"][0].get_xdata(), run.positions[1:, 1])
    np.testing.assert_array_equal(drawn["lines"][0].get_ydata(), run.positions[1:, 1] - run.positions[:-1, 1])
    assert drawn["minima"][0].get_xydata().tolist() == [[0, 0]]


def test_the_phase_plane_holds_the_runs_that_hold_and_marks_where_others_leave():
    runs = race("quadratic_bowl", ["SGD(lr=0.1)", "SGD(lr=2.5)"], steps=20)
    drawn = dynamics.phase(runs)
    assert np.abs(drawn.ax.get_xlim()).max() < 3 < np.abs(drawn["lines"][1].get_xdata()).max()
    assert drawn["lines"][1].get_label().startswith("SGD(lr=2.5), diverged after step")
    assert dynamics.phase(runs[1])["exits"] == []  # alone, it is shown in full


def test_a_picture_of_one_run_refuses_many():
    with pytest.raises(ValueError, match=r"there are 4: choose one, as in run\[0\]"):
        dynamics.state(record("SGD(lr=0.1)", "quadratic_bowl", np.ones((2, 4)), steps=3))


def test_coordinates_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="coordinate is 2; booth has the coordinates 0 to 1"):
        dynamics.phase(record("SGD", "booth", steps=2), coordinate=2)


@pytest.mark.slow
def test_many_coordinates_have_numbers_for_names():
    run = record("SGD(lr=0.0001)", surfaces.rosenbrock_nd(4), steps=3)
    labels = [line.get_label() for line in dynamics.state(run)["gradients"]]
    assert labels == ["$x_{1}$", "$x_{2}$", "$x_{3}$", "$x_{4}$"]
