"""The rates in the picture are those of theory, for any optimizer and surface."""

import numpy as np
import pytest

from optim.viz import Surface, race, record
from optim.viz.pictures import convergence

L, MU = 100.0, 1.0  # the curvatures of illconditioned_bowl


def on_bowl(optimizer, **settings):
    return record(optimizer, "illconditioned_bowl", **{"steps": 200, **settings})


class TestRates:
    @pytest.mark.parametrize("lr", [0.001, 0.01, 2 / 101, 0.0199])
    def test_gradient_descent_is_predicted_by_the_textbook(self, lr):
        expected = max(abs(1 - lr * MU), abs(1 - lr * L))
        assert convergence.predicted_rate(on_bowl("SGD", lr=lr)) == pytest.approx(expected)

    def test_heavy_ball_at_its_best_is_predicted_by_the_textbook(self):
        """Polyak 1964: lr = 4 / (√L + √μ)², momentum = ((√L - √μ) / (√L + √μ))², and the rate is its root."""
        root = (L**0.5 - MU**0.5) / (L**0.5 + MU**0.5)
        run = on_bowl("SGD", lr=4 / (L**0.5 + MU**0.5)**2, momentum=root**2)
        assert convergence.predicted_rate(run) == pytest.approx(root, rel=1e-6)  # a double eigenvalue: half the digits

    def test_nesterov_is_predicted_by_the_textbook(self):
        """With lr = 1/L and momentum β, errors along λ follow z² = (1 - λ/L) ((1 + β) z - β)."""
        beta = 0.8
        run = on_bowl("SGD(nesterov=True, momentum=0.8)", lr=1 / L)
        roots = [np.roots([1, -(1 - value / L) * (1 + beta), (1 - value / L) * beta]) for value in (MU, L)]
        assert convergence.predicted_rate(run) == pytest.approx(max(np.abs(one).max() for one in roots))

    def test_the_fitted_rate_is_the_predicted_one_on_a_quadratic(self):
        run = on_bowl("SGD(lr=0.015)")
        assert convergence.fitted_rate(run) == pytest.approx(convergence.predicted_rate(run), rel=1e-9)

    def test_a_diverging_run_has_a_rate_above_1(self):
        run = on_bowl("SGD(lr=0.021)")
        assert convergence.predicted_rate(run) == pytest.approx(1.1)
        assert convergence.fitted_rate(run) == pytest.approx(1.1, rel=1e-3)

    def test_the_matrix_takes_a_whole_run_as_it_was(self):
        run = on_bowl("SGD(lr=0.01, momentum=0.9)", steps=30)
        M, minimum, _ = convergence.iteration_matrix(run)
        for t in range(1, 30):
            z = np.concatenate([run.positions[t] - minimum, run.states["momentum_buffer"][t]])
            np.testing.assert_allclose((M @ z)[:2], run.positions[t + 1] - minimum, atol=1e-12)

    @pytest.mark.parametrize("name", ["Adam", "RMSprop", "SignSGD", "LBFGS", "Newton"])
    def test_what_is_no_linear_map_has_no_prediction(self, name):
        assert np.isnan(convergence.predicted_rate(record(name, "quadratic_bowl", steps=5)))

    def test_weight_decay_moves_the_prediction(self):
        """With decay, errors are no longer linear about the minimum itself: the map has a constant."""
        assert np.isnan(convergence.predicted_rate(record("SGD(lr=0.1, weight_decay=0.1)", "booth", steps=5)))

    def test_lines_are_the_distances_and_labels_show_both_rates(self):
        runs = race("illconditioned_bowl", {"plain": "SGD(lr=0.015)", "Adam": "Adam(lr=0.1)"}, steps=50)
        drawn = convergence.rates(runs)
        np.testing.assert_array_equal(drawn["lines"][0].get_ydata(), runs[0].distances)
        assert drawn["lines"][0].get_label() == "plain: rate 0.9850, predicted 0.9850"
        assert drawn["lines"][1].get_label().endswith("no prediction")
        (slope,) = drawn["predicted"]
        np.testing.assert_allclose(slope.get_ydata()[1:] / slope.get_ydata()[:-1], 0.985)

    def test_a_run_of_one_step_has_no_rate(self):
        (line,) = convergence.rates(record("Newton", "quadratic_bowl", steps=3))["lines"]
        assert line.get_label() == "Newton(lr=1): too few steps for a rate, not linear: no prediction"

    def test_without_a_known_minimum_it_is_refused(self):
        with pytest.raises(ValueError, match="no minimum of saddle is known"):
            convergence.rates(record("SGD", "saddle", steps=2))


class TestEigenErrors:
    def test_lines_are_the_errors_in_the_eigenbasis(self):
        run = record("SGD(lr=0.001)", "narrow_valley", steps=20)
        drawn = convergence.eigen_errors(run)
        np.testing.assert_allclose(drawn["eigenvalues"], [1, 1000])
        along = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
        np.testing.assert_allclose(drawn["lines"][0].get_ydata(), np.abs(run.positions @ along))

    def test_each_direction_has_its_own_rate(self):
        run = on_bowl("SGD(lr=0.015)", steps=20)
        drawn = convergence.eigen_errors(run)
        for line, predicted, rate in zip(drawn["lines"], drawn["predicted"], (0.985, 0.5)):
            np.testing.assert_allclose(line.get_ydata(), predicted.get_ydata())
            assert line.get_ydata()[1] / line.get_ydata()[0] == pytest.approx(rate)

    def test_optimizers_that_are_not_linear_are_drawn_without_prediction(self):
        assert convergence.eigen_errors(on_bowl("Adam(lr=0.1)", steps=10))["predicted"] == []


@pytest.mark.parametrize("plot", [convergence.rates, convergence.eigen_errors])
def test_pictures_of_one_run_refuse_many(plot):
    with pytest.raises(ValueError, match=r"there are 4: choose one, as in run\[0\]"):
        plot(record("SGD(lr=0.1)", "quadratic_bowl", np.ones((2, 4)), steps=3))


def test_a_surface_of_ones_own_with_a_minimum_has_rates():
    own = Surface(lambda p: p[0]**2 + 5 * p[1]**2 + p[0] * p[1], minima=(0, 0), start=(1, 1))
    hessian = np.array([[2, 1], [1, 10]])
    expected = np.abs(1 - 0.1 * np.linalg.eigvalsh(hessian)).max()
    assert convergence.predicted_rate(record("SGD(lr=0.1)", own, steps=3)) == pytest.approx(expected)
