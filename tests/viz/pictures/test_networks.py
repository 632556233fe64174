"""Pictures of networks ask the network itself, and leave its weights as they were."""

import numpy as np
import pytest

import optim
from minigrad import Tensor, nn
from optim.viz.pictures import networks


@pytest.fixture
def model(rng):
    return nn.Sequential(nn.Linear(2, 4, generator=rng), nn.Tanh(), nn.Linear(4, 3, generator=rng))


class TestDecisionBoundary:
    X, y = np.array([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]]), np.array([0, 1, 1])

    def test_regions_are_what_the_classifier_says(self):
        drawn = networks.decision_boundary(lambda points: points[:, 0], self.X, self.y, resolution=51)
        (segment,) = drawn["boundary"].get_paths()
        np.testing.assert_allclose(segment.vertices[:, 0], 0, atol=0.03)
        assert "100% of them in their own region" in drawn.description

    def test_points_are_the_data(self):
        drawn = networks.decision_boundary(lambda points: points[:, 0], self.X, self.y)
        assert drawn["points"][1].get_xydata().tolist() == [[1, 1], [1, -1]]

    @pytest.mark.parametrize("scores", [
        lambda points: points[:, 0] - 1, lambda points: points[:, :1] - 1, lambda points: Tensor(points[:, 0] - 1),
        lambda points: np.stack([0 * points[:, 0], points[:, 0] - 1], axis=1)])
    def test_scores_of_every_form(self, scores):
        np.testing.assert_array_equal(networks.classes(scores, np.array([[0.0, 0.0], [2.0, 0.0]])), [0, 1])

    def test_whole_numbers_are_the_classes_themselves(self):
        def predict(points):
            return np.where(points[:, 0] < 0, 0, np.where(points[:, 1] > 0, 1, 2))
        drawn = networks.decision_boundary(predict, self.X, np.array([0, 1, 2]), resolution=21)
        assert "between 3 classes" in drawn.description and "100% of them in their own region" in drawn.description

    def test_signs_do_not_choose_among_three_classes(self):
        with pytest.raises(ValueError, match=r"whose sign separates 2 classes, but y has 3: return scores of shape"):
            networks.decision_boundary(lambda points: points[:, 0], self.X, np.array([0, 1, 2]))

    def test_a_module_is_a_classifier(self, model):
        drawn = networks.decision_boundary(model, self.X, np.array([0, 1, 2]))
        assert len(drawn["points"]) == 3

    @pytest.mark.parametrize(("predict", "X", "y", "message"), [
        (lambda points: points[:, 0], np.ones((3, 4)), np.ones(3), "points of shape"),
        (lambda points: points[:, 0], np.ones((3, 2)), np.ones(2), "points of shape"),
        (lambda points: np.ones(7), X, y, r"scores of shape \(N,\) or \(N, C\) for N points, got \(7,\)")])
    def test_shapes_that_do_not_fit_are_refused(self, predict, X, y, message):
        with pytest.raises(ValueError, match=message):
            networks.decision_boundary(predict, X, y)


class TestLandscape:
    def test_the_middle_is_the_loss_as_it_is(self, model, rng):
        x, y = rng.standard_normal((20, 2)), rng.integers(3, size=20)
        drawn = networks.landscape(model.parameters(), lambda: nn.cross_entropy(model(x), y), resolution=5)
        assert drawn["losses"].shape == (5, 5)
        assert drawn["losses"][2, 2] == nn.cross_entropy(model(x), y).item()

    def test_of_a_quadratic_it_is_the_quadratic(self):
        p = optim.Parameter([[3.0, 4.0]])
        losses = networks.landscape([p], lambda: float(np.sum(p.data**2)), resolution=3, seed=1)["losses"]
        rng = np.random.default_rng(1)
        u, v = (networks.random_direction([p], rng) for _ in range(2))
        assert np.linalg.norm(u) == pytest.approx(5)  # as long as the weights
        assert losses[2, 0] == pytest.approx(np.sum((p.data[0] - u + v)**2))

    @pytest.mark.parametrize("fails", [False, True])
    def test_weights_are_put_back_even_after_an_error(self, model, fails):
        before = networks.weights(model.parameters())

        def loss():
            if fails and not np.array_equal(networks.weights(model.parameters()), before):
                raise FloatingPointError("in the middle")
            return 1.0

        if fails:
            with pytest.raises(FloatingPointError, match="in the middle"):
                networks.landscape(model.parameters(), loss)
        else:
            networks.landscape(model.parameters(), loss, resolution=3)
        np.testing.assert_array_equal(networks.weights(model.parameters()), before)

    def test_vectors_such_as_biases_stay_as_they_are(self, model, rng):
        direction = networks.random_direction(list(model.parameters()), rng)
        sizes = [param.data.size for param in model.parameters()]
        parts = np.split(direction, np.cumsum(sizes)[:-1])
        for param, part in zip(model.parameters(), parts):
            assert np.any(part) == (param.data.ndim > 1)
            if param.data.ndim > 1:
                np.testing.assert_allclose(np.linalg.norm(part.reshape(param.shape), axis=1),
                                           np.linalg.norm(param.data, axis=1))


def test_a_loss_that_is_finite_nowhere_is_refused(model):
    with pytest.raises(ValueError, match="finite nowhere on the plane: it is nan"):
        networks.landscape(model.parameters(), lambda: np.nan, resolution=3)


class TestPcaPath:
    def test_a_path_in_a_plane_is_drawn_in_full(self, rng):
        p = optim.Parameter(np.zeros(5))
        basis = np.linalg.qr(rng.standard_normal((5, 2)))[0].T
        flat = rng.standard_normal((12, 2)) * (3, 1)
        flat -= flat[-1]
        drawn = networks.pca_path([p], flat @ basis)
        assert drawn["shares"].sum() == pytest.approx(1)
        path = drawn["path"].get_xydata()
        np.testing.assert_allclose(path @ drawn["directions"], flat @ basis, atol=1e-12)
        np.testing.assert_allclose(path[-1], 0, atol=1e-12)

    def test_the_loss_below_is_that_of_the_plane(self, rng):
        p = optim.Parameter(np.zeros(3))
        snapshots = rng.standard_normal((6, 3))
        drawn = networks.pca_path([p], snapshots, loss=lambda: float(np.sum((p.data - snapshots[-1])**2)), resolution=9)
        lowest = drawn["contours"].levels[0]
        assert 0 <= lowest < 1
        assert not p.data.any()

    def test_snapshots_of_another_network_are_refused(self):
        with pytest.raises(ValueError, match="vectors of 3 numbers"):
            networks.pca_path([optim.Parameter(np.zeros(3))], np.ones((5, 4)))


def test_a_refined_grid_goes_through_the_points_and_follows_a_cubic():
    x = np.linspace(-1, 1, 9)
    values = x[:, np.newaxis]**2 + 2 * x**2 + x
    fine = networks.refined(values, times=4)
    assert fine.shape == (33, 33)
    np.testing.assert_allclose(fine[::4, ::4], values, atol=1e-12)
    z = np.linspace(-1, 1, 33)
    np.testing.assert_allclose(fine[4:-4, 4:-4], (z[:, np.newaxis]**2 + 2 * z**2 + z)[4:-4, 4:-4], atol=1e-12)
