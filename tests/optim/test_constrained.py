"""Projections are the nearest points, proximal operators the minima, and the methods keep the rates of theory."""

import numpy as np
import pytest

import optim

NORMAL, OFFSET = np.array([1.0, -2.0, 0.5, 3.0]), 0.7

# For each set: its projection, and what a point of it satisfies.
SETS = {
    "box": (lambda x: optim.project_box(x, -0.5, [0.1, 0.2, 0.3, 4.0]),
            lambda u: np.all(u >= -0.5) and np.all(u <= [0.1, 0.2, 0.3, 4.0])),
    "non_negative": (optim.project_non_negative, lambda u: np.all(u >= 0)),
    "linf_ball": (lambda x: optim.project_linf_ball(x, 0.8), lambda u: np.all(np.abs(u) <= 0.8)),
    "simplex": (optim.project_simplex, lambda u: np.all(u >= 0) and abs(u.sum() - 1) < 1e-12),
    "scaled_simplex": (lambda x: optim.project_simplex(x, 2.5),
                       lambda u: np.all(u >= 0) and abs(u.sum() - 2.5) < 1e-12),
    "l1_ball": (lambda x: optim.project_l1_ball(x, 1.5), lambda u: np.abs(u).sum() <= 1.5 + 1e-12),
    "l2_ball": (lambda x: optim.project_l2_ball(x, 1.2), lambda u: np.linalg.norm(u) <= 1.2 + 1e-12),
    "sphere": (lambda x: optim.project_sphere(x, 1.2), lambda u: abs(np.linalg.norm(u) - 1.2) < 1e-12),
    "hyperplane": (lambda x: optim.project_hyperplane(x, NORMAL, OFFSET), lambda u: abs(NORMAL @ u - OFFSET) < 1e-12),
    "halfspace": (lambda x: optim.project_halfspace(x, NORMAL, OFFSET), lambda u: NORMAL @ u <= OFFSET + 1e-12),
}
every_set = pytest.mark.parametrize("project, contains", SETS.values(), ids=SETS)


def points(rng, count=40):
    """Return points far outside, near by, with ties and zeros."""
    return [*(scale * rng.normal(size=4) for scale in (0.1, 1, 10, 1e6) for _ in range(count // 4)),
            np.zeros(4), np.ones(4), np.array([3.0, 3.0, 0.0, -3.0]), np.full(4, 0.25)]


# Projections

@every_set
def test_projection_is_a_point_of_the_set_and_no_other_is_nearer(project, contains, rng):
    inside = [project(rng.normal(size=4) * scale) for scale in (0.1, 1, 3) for _ in range(60)]
    for x in points(rng):
        u, slack = project(x), 1e-9 * (1 + np.abs(x).max())
        assert contains(u) or np.abs(x).max() > 1e5
        distance = np.linalg.norm(x - u)
        assert all(distance <= np.linalg.norm(x - v) + slack for v in inside)


@pytest.mark.parametrize("project", [project for name, (project, _) in SETS.items() if name != "sphere"],
                         ids=[name for name in SETS if name != "sphere"])
def test_projection_on_a_convex_set_satisfies_the_variational_inequality(project, rng):
    """(x - u)ᵀ(v - u) ≤ 0 for all v in the set: the condition that tells u from every other point."""
    inside = [project(rng.normal(size=4) * scale) for scale in (0.1, 1, 3) for _ in range(60)]
    for x in points(rng):
        u = project(x)
        scale = 1 + np.linalg.norm(x) ** 2
        assert all((x - u) @ (v - u) <= 1e-10 * scale for v in inside)


@every_set
def test_projection_leaves_points_of_the_set_where_they_are(project, contains, rng):
    for x in points(rng):
        u = project(x) if np.abs(x).max() < 1e5 else project(x / 1e5)
        np.testing.assert_allclose(project(u), u, rtol=1e-12, atol=1e-14)


@every_set
def test_projection_keeps_the_dtype_and_leaves_its_argument_alone(project, contains, rng):
    for dtype in (np.float32, np.float64):
        x = rng.normal(size=4).astype(dtype)
        copy = x.copy()
        assert project(x).dtype == dtype and project(x).shape == (4,)
        np.testing.assert_array_equal(x, copy)
    assert project([1, 2, 3, 4]).dtype == float


ALONG_AN_AXIS = {
    "simplex": optim.project_simplex, "l1_ball": optim.project_l1_ball, "l2_ball": optim.project_l2_ball,
    "sphere": optim.project_sphere,
    "hyperplane": lambda x, axis=None: optim.project_hyperplane(
        x, NORMAL if np.ndim(x) == 1 or axis == -1 else NORMAL[:, None], OFFSET, axis=axis),
    "halfspace": lambda x, axis=None: optim.project_halfspace(
        x, NORMAL if np.ndim(x) == 1 or axis == -1 else NORMAL[:, None], OFFSET, axis=axis),
    "lmo_simplex": optim.lmo_simplex, "lmo_l1_ball": optim.lmo_l1_ball, "lmo_l2_ball": optim.lmo_l2_ball,
    "group_lasso": lambda x, axis=None: optim.prox_group_lasso(x, 0.8, axis=axis),
}


@pytest.mark.parametrize("function", ALONG_AN_AXIS.values(), ids=ALONG_AN_AXIS)
def test_axis_makes_many_points_of_one_array(function, rng):
    x = 2 * rng.normal(size=(4, 7))
    np.testing.assert_allclose(function(x, axis=0), np.stack([function(column) for column in x.T], axis=1))
    np.testing.assert_allclose(function(x.T, axis=-1), np.stack([function(column) for column in x.T]))


@pytest.mark.parametrize("function", [optim.project_simplex, optim.project_l1_ball, optim.project_l2_ball,
                                      optim.project_sphere, optim.lmo_simplex, optim.lmo_l1_ball, optim.lmo_l2_ball])
def test_whole_array_is_one_point_by_default(function, rng):
    x = rng.normal(size=(2, 3))
    np.testing.assert_array_equal(function(x), function(x.ravel()).reshape(2, 3))
    assert function(np.array(-2.0)).shape == ()


@pytest.fixture(scope="module")
def optax():
    return pytest.importorskip("optax")  # for the module, since importing it draws from the global generator


def test_projections_agree_with_optax(rng, optax):
    projections = optax.projections
    for x in (3 * rng.normal(size=6) for _ in range(5)):
        x32, a = x.astype(np.float32), rng.normal(size=6).astype(np.float32)
        for ours, theirs in [
            (optim.project_simplex(x32, 1.5), projections.projection_simplex(x32, 1.5)),
            (optim.project_l1_ball(x32, 1.5), projections.projection_l1_ball(x32, 1.5)),
            (optim.project_l2_ball(x32, 1.5), projections.projection_l2_ball(x32, 1.5)),
            (optim.project_linf_ball(x32, 1.5), projections.projection_linf_ball(x32, 1.5)),
            (optim.project_sphere(x32, 1.5), projections.projection_l2_sphere(x32, 1.5)),
            (optim.project_box(x32, -1, 0.5), projections.projection_box(x32, -1.0, 0.5)),
            (optim.project_non_negative(x32), projections.projection_non_negative(x32)),
            (optim.project_hyperplane(x32, a, 0.3), projections.projection_hyperplane(x32, a, 0.3)),
            (optim.project_halfspace(x32, a, 0.3), projections.projection_halfspace(x32, a, 0.3)),
        ]:
            np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-4, atol=1e-5)


def test_simplex_keeps_its_digits_for_numbers_that_dwarf_its_size():
    np.testing.assert_allclose(optim.project_simplex([1e18, 1e18, 0.0]), [0.5, 0.5, 0.0])
    np.testing.assert_allclose(optim.project_simplex([-1e18, 1e18]), [0.0, 1.0])


def test_sphere_takes_the_origin_to_one_of_its_points():
    np.testing.assert_allclose(optim.project_sphere(np.zeros(4), 2.0), np.ones(4))


@pytest.mark.parametrize("call, message", [
    (lambda: optim.project_box([1.0], 2, 1), "the box is empty: lower is 2 and upper is 1"),
    (lambda: optim.project_simplex([1.0], 0), "total is 0; it must be positive"),
    (lambda: optim.project_l1_ball([1.0], -1), "-1; it must be positive"),
    (lambda: optim.project_l2_ball([1.0], 0), "radius is 0"),
    (lambda: optim.project_linf_ball([1.0], -2), "radius is -2"),
    (lambda: optim.project_sphere([1.0], np.nan), "radius is nan"),
    (lambda: optim.project_hyperplane([1.0, 2.0], [0.0, 0.0]), "normal is 0, so it has no direction"),
    (lambda: optim.lmo_simplex([1.0], -1), "total is -1"),
])
def test_sets_that_are_empty_or_no_sets_are_reported(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Proximal operators

PROXIMAL = {
    "l1": (lambda x: optim.prox_l1(x, 0.7), lambda u: 0.7 * np.abs(u).sum()),
    "group_lasso": (lambda x: optim.prox_group_lasso(x.reshape(2, 2), 0.7).ravel(),
                    lambda u: 0.7 * np.linalg.norm(u.reshape(2, 2), axis=1).sum()),
    "one_group": (lambda x: optim.prox_group_lasso(x, 0.7, axis=None), lambda u: 0.7 * np.linalg.norm(u)),
    "box": (lambda x: optim.prox_box(x, 0.7, -1, 0.5), lambda u: 0 if np.all((u >= -1) & (u <= 0.5)) else np.inf),
}


@pytest.mark.parametrize("prox, penalty", PROXIMAL.values(), ids=PROXIMAL)
def test_proximal_operator_minimises_penalty_plus_half_squared_distance(prox, penalty, rng):
    for x in points(rng)[:20]:
        objective = lambda u: penalty(u) + (u - x) @ (u - x) / 2  # noqa: B023
        u = prox(x)
        best = objective(u)
        for scale in (1e-4, 1e-2, 1):
            assert all(objective(u + scale * rng.normal(size=4)) >= best - 1e-12 for _ in range(50))
            assert all(objective(u + scale * v) >= best - 1e-12 for v in [*np.eye(4), *-np.eye(4), x, -x])


def test_soft_threshold_makes_exact_zeros_and_keeps_the_dtype():
    x = np.array([0.5, -0.5, 1e-9, 2.0], np.float32)
    assert optim.prox_l1(x, 0.5).dtype == np.float32
    np.testing.assert_array_equal(optim.prox_l1(x, 0.5), np.array([0, 0, 0, 1.5], np.float32))
    np.testing.assert_array_equal(optim.prox_group_lasso(np.zeros((2, 2)), 0.0), np.zeros((2, 2)))


# The methods: a lasso and a least squares problem on the simplex, with known answers

@pytest.fixture(scope="module")
def lasso():
    """Return A, b, the weight of the penalty, the Lipschitz constant, and the minimum by many ISTA steps."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(30, 12)) * np.linspace(0.1, 1, 12)
    truth = np.where(np.arange(12) % 3 == 0, 2.0, 0.0)
    b, weight = A @ truth + 0.1 * rng.normal(size=30), 2.0
    lipschitz = np.linalg.norm(A, 2) ** 2
    x = np.zeros(12)
    for _ in range(20_000):
        x = optim.prox_l1(x - A.T @ (A @ x - b) / lipschitz, weight / lipschitz)
    return A, b, weight, lipschitz, x


def lasso_run(method, lasso, steps):
    """Return the losses of a run and the parameter it ends at."""
    A, b, weight, lipschitz, _ = lasso
    p = optim.Parameter(np.zeros(12))

    def closure():
        residual = A @ p.data - b
        p.grad = A.T @ residual
        return residual @ residual / 2

    optimizer = method([p], lambda x, lr: optim.prox_l1(x, weight * lr), lr=1 / lipschitz)
    losses = []
    for _ in range(steps):
        optimizer.step(closure)
        residual = A @ p.data - b
        losses.append(residual @ residual / 2 + weight * np.abs(p.data).sum())
    return np.array(losses), p


def lasso_loss(lasso):
    A, b, weight, _, x = lasso
    return (A @ x - b) @ (A @ x - b) / 2 + weight * np.abs(x).sum()


def test_minimum_of_the_lasso_satisfies_its_optimality_conditions(lasso):
    A, b, weight, _, x = lasso
    grad = A.T @ (A @ x - b)
    np.testing.assert_allclose(grad[x != 0], -weight * np.sign(x[x != 0]), rtol=1e-8)
    assert np.all(np.abs(grad[x == 0]) < weight) and 0 < np.sum(x == 0) < 12


@pytest.mark.parametrize("method", [optim.ISTA, optim.FISTA])
def test_ista_and_fista_find_the_lasso_with_its_exact_zeros(method, lasso):
    _, p = lasso_run(method, lasso, 3000)
    np.testing.assert_allclose(p.data, lasso[-1], atol=1e-7)
    np.testing.assert_array_equal(p.data == 0, lasso[-1] == 0)


def test_ista_falls_at_every_step_within_its_bound(lasso):
    losses, _ = lasso_run(optim.ISTA, lasso, 300)
    k, lipschitz, x = np.arange(1, 301), lasso[3], lasso[4]
    assert np.all(np.diff(losses) <= 1e-12)
    assert np.all(losses - lasso_loss(lasso) <= lipschitz * x @ x / (2 * k) + 1e-10)


def test_fista_keeps_its_bound_of_one_over_k_squared(lasso):
    """Beck and Teboulle, theorem 4.4: F(x_k) - F* <= 2 L |x_0 - x*|² / (k + 1)²."""
    losses, _ = lasso_run(optim.FISTA, lasso, 300)
    k, lipschitz, x = np.arange(1, 301), lasso[3], lasso[4]
    assert np.all(losses - lasso_loss(lasso) <= 2 * lipschitz * x @ x / (k + 1) ** 2 + 1e-10)


def bowl_of_all_curvatures(method, steps):
    """Return the losses on ½ Σ λᵢ xᵢ² from x = (1, ..., 1), with λ from 1 down to 1e-8, evenly by their logarithms."""
    curvatures, p = np.logspace(0, -8, 80), optim.Parameter(np.ones(80))

    def closure():
        p.grad = curvatures * p.data
        return 0.0

    optimizer, losses = method([p], lambda x, lr: x, lr=1.0), []
    for _ in range(steps):
        optimizer.step(closure)
        losses.append(np.sum(curvatures * p.data**2) / 2)
    return np.array(losses)


def test_fista_falls_as_one_over_k_squared_where_ista_falls_as_one_over_k():
    """Slopes on a log-log plot between 30 and 1000 steps; curvatures of every size make the bounds tight."""
    k = np.arange(30, 1001)
    slope = lambda losses: np.polyfit(np.log(k), np.log(losses[29:]), 1)[0]
    assert slope(bowl_of_all_curvatures(optim.ISTA, 1000)) == pytest.approx(-1, abs=0.05)
    assert slope(bowl_of_all_curvatures(optim.FISTA, 1000)) == pytest.approx(-2, abs=0.1)


def test_fista_is_its_paper_written_out(lasso):
    A, b, weight, lipschitz, _ = lasso
    x, y, t = np.zeros(12), np.zeros(12), 1.0
    for steps in range(1, 12):
        new = optim.prox_l1(y - A.T @ (A @ y - b) / lipschitz, weight / lipschitz)
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
        x, y, t = new, new + (t - 1) / t_new * (new - x), t_new
        np.testing.assert_allclose(lasso_run(optim.FISTA, lasso, steps)[1].data, x, rtol=1e-9, atol=1e-12)


def test_ista_without_a_penalty_is_gradient_descent():
    p, q = optim.Parameter([1.0, -2.0]), optim.Parameter([1.0, -2.0])
    one, two = optim.ISTA([p], lambda x, lr: x, lr=0.1), optim.SGD([q], lr=0.1)
    for _ in range(5):
        p.grad, q.grad = 3 * p.data, 3 * q.data
        one.step()
        two.step()
    np.testing.assert_array_equal(p.data, q.data)


def test_ista_with_array_learning_rates_is_separate_runs():
    both = optim.Parameter([[2.0, 2.0], [0.5, 0.5]])
    first, second = optim.Parameter([2.0, 0.5]), optim.Parameter([2.0, 0.5])
    runs = [(optim.ISTA([both], optim.prox_l1, lr=np.array([0.1, 0.3])), both),
            (optim.ISTA([first], optim.prox_l1, lr=0.1), first), (optim.ISTA([second], optim.prox_l1, lr=0.3), second)]
    for _ in range(7):
        for optimizer, p in runs:
            p.grad = p.data.copy()
            optimizer.step()
    np.testing.assert_allclose(both.data, np.stack([first.data, second.data], axis=1))


def simplex_problem(rng):
    """Return a closure for |Aθ - b|²/2, its parameter, and the minimum on the simplex by 5000 projected steps."""
    A, b = rng.normal(size=(20, 6)), rng.normal(size=20)
    x, lipschitz = np.full(6, 1 / 6), np.linalg.norm(A, 2) ** 2
    for _ in range(5000):
        x = optim.project_simplex(x - A.T @ (A @ x - b) / lipschitz)
    p = optim.Parameter(np.full(6, 1 / 6))

    def closure():
        residual = A @ p.data - b
        p.grad = A.T @ residual
        return residual @ residual / 2

    return closure, p, x, lipschitz


SIMPLEX_METHODS = {
    "ProjectedGradient": (lambda p, L: optim.ProjectedGradient([p], optim.project_simplex, lr=1 / L), 200, 1e-8),
    "FISTA": (lambda p, L: optim.FISTA([p], lambda x, lr: optim.project_simplex(x), lr=1 / L), 200, 1e-6),
    "FrankWolfe": (lambda p, L: optim.FrankWolfe([p], optim.lmo_simplex), 3000, 2e-2),
    "ExponentiatedGradient": (lambda p, L: optim.ExponentiatedGradient([p], lr=0.3), 2000, 1e-3),
    "chain": (lambda p, L: optim.chain([p], optim.project(optim.project_simplex), lr=1 / L), 200, 1e-8),
}


@pytest.mark.slow
@pytest.mark.parametrize("make, steps, tolerance", SIMPLEX_METHODS.values(), ids=SIMPLEX_METHODS)
def test_all_find_the_same_minimum_on_the_simplex_without_leaving_it(make, steps, tolerance, rng):
    closure, p, minimum, lipschitz = simplex_problem(rng)
    optimizer = make(p, lipschitz)
    for _ in range(steps):
        optimizer.step(closure)
        assert np.all(p.data >= 0) and abs(p.data.sum() - 1) < 1e-12
    np.testing.assert_allclose(p.data, minimum, atol=tolerance)


def test_projected_gradient_stops_where_the_gradient_is_perpendicular_to_the_boundary(rng):
    closure, p, _, lipschitz = simplex_problem(rng)
    optimizer = optim.ProjectedGradient([p], optim.project_simplex, lr=1 / lipschitz)
    for _ in range(500):
        optimizer.step(closure)
    closure()
    support = p.data > 0
    assert np.ptp(p.grad[support]) < 1e-8
    assert np.all(p.grad[~support] >= p.grad[support].min() - 1e-8) and not np.all(support)


@pytest.mark.parametrize("make", [lambda p: optim.Adam([p], lr=0.3), lambda p: optim.Rprop([p]),
                                  lambda p: optim.SGD([p], lr=0.1, momentum=0.9),
                                  lambda p: optim.BacktrackingGradientDescent([p])])
def test_any_optimizer_can_be_kept_in_a_set_and_set_free_again(make, rng):
    closure, p, _, _ = simplex_problem(rng)
    optimizer = make(p)
    handle = optim.project_after(optimizer, optim.project_simplex)
    for _ in range(10):
        optimizer.step(closure)
        assert np.all(p.data >= 0) and abs(p.data.sum() - 1) < 1e-12
    handle.remove()
    for _ in range(10):
        optimizer.step(closure)
    assert abs(p.data.sum() - 1) > 1e-3


def test_project_after_leaves_parameters_without_a_gradient_alone():
    p, q = optim.Parameter([3.0]), optim.Parameter([3.0])
    optimizer = optim.SGD([p, q], lr=0.1)
    optim.project_after(optimizer, lambda x: np.clip(x, 0, 1))
    p.grad = np.ones(1)
    optimizer.step()
    assert p.data[0] == 1 and q.data[0] == 3


# Frank-Wolfe

ORACLES = {
    "simplex": (optim.lmo_simplex, optim.project_simplex),
    "l1_ball": (lambda g: optim.lmo_l1_ball(g, 1.5), lambda x: optim.project_l1_ball(x, 1.5)),
    "l2_ball": (lambda g: optim.lmo_l2_ball(g, 1.5), lambda x: optim.project_l2_ball(x, 1.5)),
    "box": (lambda g: optim.lmo_box(g, -1, [0.5, 1, 2, 3]), lambda x: optim.project_box(x, -1, [0.5, 1, 2, 3])),
}


@pytest.mark.parametrize("oracle, project", ORACLES.values(), ids=ORACLES)
def test_oracle_returns_the_lowest_point_of_the_set_along_the_gradient(oracle, project, rng):
    inside = [project(5 * rng.normal(size=4)) for _ in range(200)]
    for g in (rng.normal(size=4) for _ in range(30)):
        s = oracle(g)
        np.testing.assert_allclose(project(s), s, atol=1e-12)
        assert all(g @ s <= g @ v + 1e-12 for v in inside)
    assert np.all(np.isfinite(oracle(np.zeros(4)))) and oracle(np.ones(4, np.float32)).dtype == np.float32


def test_frank_wolfe_keeps_its_bound_and_its_certificate(rng):
    """Jaggi, theorem 1: f - f* <= 2C / (k + 2), where C <= L diam² for a quadratic; and gap >= f - f* at every step."""
    closure, p, minimum, lipschitz = simplex_problem(rng)
    p.data[...] = minimum
    best = closure()
    p.data[...] = np.eye(6)[0]
    optimizer = optim.FrankWolfe([p], optim.lmo_simplex)
    for k in range(200):
        loss = optimizer.step(closure)
        assert optimizer.state[p]["gap"] >= loss - best - 1e-12
        assert closure() - best <= 2 * 2 * lipschitz / (k + 3)


def test_frank_wolfe_is_its_formula():
    p, theta = optim.Parameter([3.0, -1.0]), np.array([3.0, -1.0])
    optimizer = optim.FrankWolfe([p], optim.lmo_l1_ball)
    for t, (g, corner) in enumerate([([2.0, 1.0], [-1, 0]), ([1.0, -3.0], [0, 1]), ([-1.0, 0.0], [1, 0])], start=1):
        p.grad = np.array(g)
        optimizer.step()
        assert optimizer.state[p]["gap"] == pytest.approx(g @ (theta - corner))
        theta = theta + 2 / (t + 1) * (np.array(corner) - theta)
        np.testing.assert_allclose(p.data, theta)


def test_frank_wolfe_has_at_most_one_corner_for_each_step():
    p = optim.Parameter(np.zeros(50))
    target = np.linspace(0, 1, 50)
    optimizer = optim.FrankWolfe([p], optim.lmo_l1_ball)
    for steps in range(1, 10):
        p.grad = p.data - target
        optimizer.step()
        assert np.sum(p.data != 0) <= steps


# Mirror descent

def test_exponentiated_gradient_is_its_formula():
    p = optim.Parameter([0.2, 0.3, 0.5])
    optimizer, theta = optim.ExponentiatedGradient([p], lr=0.7), np.array([0.2, 0.3, 0.5])
    for g in ([1.0, -1.0, 0.0], [0.3, 2.0, -1.0], [100.0, 0.0, 50.0]):
        p.grad = np.array(g)
        optimizer.step()
        theta = theta * np.exp(-0.7 * p.grad)
        theta /= theta.sum()
        np.testing.assert_allclose(p.data, theta, rtol=1e-12)


def test_exponentiated_gradient_comes_back_from_almost_nothing():
    p = optim.Parameter([0.5, 0.5])
    optimizer = optim.ExponentiatedGradient([p], lr=1.0)
    for g in ([40.0, 0.0], [-80.0, 0.0]):
        p.grad = np.array(g)
        optimizer.step()
    assert p.data[0] == pytest.approx(1.0)


def test_exponentiated_gradient_survives_huge_gradients():
    p = optim.Parameter([0.5, 0.5])
    optimizer = optim.ExponentiatedGradient([p], lr=1.0)
    for g in ([1e6, -1e6], [1e6, -1e6], [-1.0, 1.0]):
        p.grad = np.array(g)
        optimizer.step()
    np.testing.assert_array_equal(p.data, [0.0, 1.0])


def test_exponentiated_gradient_along_an_axis_is_many_runs():
    p = optim.Parameter(np.full((3, 2), 1 / 3))
    optimizer = optim.ExponentiatedGradient([p], lr=0.5, axis=0)
    p.grad = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    optimizer.step()
    np.testing.assert_allclose(p.data.sum(axis=0), 1)
    np.testing.assert_allclose(p.data[:, 0], np.exp([-0.5, 0, 0]) / np.exp([-0.5, 0, 0]).sum())


def test_exponentiated_gradient_refuses_a_start_that_it_could_never_leave():
    p = optim.Parameter([0.5, 0.5])
    optimizer = optim.ExponentiatedGradient([p])
    with pytest.raises(ValueError, match="an entry of 0.0.*start from 1/n"):
        optimizer.add_param_group({"params": [optim.Parameter([0.0, 1.0])]})
    assert len(optimizer.param_groups) == 1


def test_exponentiated_gradient_keeps_the_regret_of_hedge(rng):
    """Σ gᵀθ - min Σ g ≤ ln(n)/γ + γT/8 for losses in [0, 1] (Cesa-Bianchi and Lugosi, 2006, theorem 2.2)."""
    n, T = 50, 400
    lr = np.sqrt(8 * np.log(n) / T)
    losses = rng.uniform(size=(T, n)) * np.linspace(0.5, 1, n)
    p = optim.Parameter(np.full(n, 1 / n))
    optimizer, paid = optim.ExponentiatedGradient([p], lr=lr), 0.0
    for g in losses:
        paid += g @ p.data
        p.grad = g
        optimizer.step()
    assert 0 < paid - losses.sum(axis=0).min() <= np.log(n) / lr + lr * T / 8


def test_mirror_descent_with_the_identity_is_gradient_descent():
    p, q = optim.Parameter([1.0, -2.0]), optim.Parameter([1.0, -2.0])
    one, two = optim.MirrorDescent([p], lambda x: x, lambda x: x, lr=0.1), optim.SGD([q], lr=0.1)
    for _ in range(5):
        p.grad, q.grad = 3 * p.data, 3 * q.data
        one.step()
        two.step()
    np.testing.assert_array_equal(p.data, q.data)


# FTRL-Proximal

def test_ftrl_is_the_minimum_of_its_definition(rng):
    """McMahan et al., equation (1): argmin g₁..ₜᵀw + ½ Σ σₛ|w - wₛ|² + λ₁|w|₁, with β and λ₂ as a quadratic at 0."""
    lr, damping, l1, l2 = 0.3, 1.0, 0.4, 0.1
    p = optim.Parameter([0.0])
    optimizer = optim.FTRLProximal([p], lr=lr, damping=damping, l1=l1, l2=l2)
    grads, sigmas, weights = [], [], []
    grid = np.linspace(-2, 2, 400_001)
    for _ in range(15):
        g = rng.normal(loc=-0.3)
        weights.append(p.data[0])
        sigmas.append((np.sqrt(sum(h * h for h in grads) + g * g) - np.sqrt(sum(h * h for h in grads))) / lr)
        grads.append(g)
        p.grad = np.array([g])
        optimizer.step()
        objective = (sum(grads) * grid + sum(s * (grid - w) ** 2 for s, w in zip(sigmas, weights)) / 2
                     + l1 * np.abs(grid) + (damping / lr + l2) * grid**2 / 2)
        assert p.data[0] == pytest.approx(grid[np.argmin(objective)], abs=1.1e-5)


def test_ftrl_without_penalties_is_gradient_descent_with_a_rate_for_each_coordinate(rng):
    """The identity of section 3.1 of the paper."""
    p, theta, total = optim.Parameter([1.0, -2.0, 0.0]), np.array([1.0, -2.0, 0.0]), np.zeros(3)
    optimizer = optim.FTRLProximal([p], lr=0.5, damping=0.7)
    for _ in range(20):
        g = rng.normal(size=3)
        p.grad = g
        optimizer.step()
        total += g * g
        theta -= 0.5 / (0.7 + np.sqrt(total)) * g
        np.testing.assert_allclose(p.data, theta, rtol=1e-9)


@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_ftrl_starts_where_the_parameter_is(l1):
    p = optim.Parameter([1.0, -2.0, 0.0])
    optimizer = optim.FTRLProximal([p], l1=l1, l2=0.3)
    p.grad = np.zeros(3)
    optimizer.step()
    np.testing.assert_allclose(p.data, [1.0, -2.0, 0.0], rtol=1e-12)


def test_ftrl_is_sparser_than_proximal_steps_with_the_gradient_of_one_example(rng):
    """Twenty features of which three matter, one example at a time."""
    truth = np.zeros(20)
    truth[:3] = [2.0, -1.0, 1.5]
    p, q = optim.Parameter(np.zeros(20)), optim.Parameter(np.zeros(20))
    ftrl = optim.FTRLProximal([p], lr=0.3, l1=40.0)
    ista = optim.ISTA([q], lambda x, lr: optim.prox_l1(x, 0.03 * lr), lr=0.03)
    for _ in range(500):
        x = rng.normal(size=20)
        y = x @ truth + 0.3 * rng.normal()
        p.grad, q.grad = (x @ p.data - y) * x, (x @ q.data - y) * x
        ftrl.step()
        ista.step()
    np.testing.assert_array_equal(p.data != 0, truth != 0)
    assert np.sum(q.data != 0) > 10


# What all methods have in common

METHODS = {
    "ProjectedGradient": lambda p: optim.ProjectedGradient([p], optim.project_simplex, lr=0.1),
    "ISTA": lambda p: optim.ISTA([p], optim.prox_l1, lr=0.1),
    "FISTA": lambda p: optim.FISTA([p], optim.prox_l1, lr=0.1),
    "FrankWolfe": lambda p: optim.FrankWolfe([p], optim.lmo_simplex),
    "MirrorDescent": lambda p: optim.MirrorDescent([p], np.log, np.exp, lr=0.1),
    "ExponentiatedGradient": lambda p: optim.ExponentiatedGradient([p], lr=0.1),
    "FTRLProximal": lambda p: optim.FTRLProximal([p], l1=0.1),
}
every_method = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)


def bowl(p, target=(0.7, 0.2, 0.1)):
    def closure():
        residual = p.data - np.array(target, p.data.dtype)
        p.grad = residual
        return float(residual @ residual) / 2
    return closure


@every_method
def test_resumed_run_continues_bit_for_bit(make, tmp_path):
    p, q = optim.Parameter(np.full(3, 1 / 3)), optim.Parameter(np.full(3, 1 / 3))
    first, second = make(p), make(q)
    for _ in range(4):
        first.step(bowl(p))
    optim.save(tmp_path / "run.npz", first.state_dict())
    second.load_state_dict(optim.load(tmp_path / "run.npz"))
    q.data[...] = p.data
    for _ in range(4):
        assert first.step(bowl(p)) == second.step(bowl(q))
    np.testing.assert_array_equal(p.data, q.data)
    np.testing.assert_equal(first.state_dict(), second.state_dict())


@every_method
def test_parameters_are_changed_in_place_in_their_own_dtype(make):
    p = optim.Parameter(np.full(3, 1 / 3, np.float32))
    data, optimizer = p.data, make(p)
    for _ in range(3):
        optimizer.step(bowl(p))
    assert p.data is data and data.dtype == np.float32 and np.any(data != np.float32(1 / 3))
    state = optimizer.state.get(p, {})
    assert all(entry.dtype == np.float32 for entry in state.values() if isinstance(entry, np.ndarray))


@every_method
def test_maximizing_is_minimizing_the_negative(make):
    p, q = optim.Parameter(np.full(3, 1 / 3)), optim.Parameter(np.full(3, 1 / 3))
    down, up = make(p), make(q)
    up.param_groups[0]["maximize"] = True

    def negative():
        loss = bowl(q)()
        q.grad = -q.grad
        return -loss

    for _ in range(5):
        assert down.step(bowl(p)) == -up.step(negative)
    np.testing.assert_array_equal(p.data, q.data)


@every_method
def test_closure_that_fails_leaves_parameters_and_state_as_they_were(make):
    p = optim.Parameter(np.full(3, 1 / 3))
    optimizer = make(p)
    for _ in range(3):
        optimizer.step(bowl(p))
    parameters, state = p.data.copy(), optimizer.state_dict()

    def fails():
        raise ArithmeticError("no loss today")

    def wrong():
        p.grad = np.zeros(4)
        return 0.0

    for closure, error in ((fails, ArithmeticError), (wrong, ValueError)):
        with pytest.raises(error):
            optimizer.step(closure)
        np.testing.assert_array_equal(p.data, parameters)
        np.testing.assert_equal(optimizer.state_dict(), state)


@every_method
def test_parameter_without_a_gradient_stays(make):
    p, q = optim.Parameter(np.full(3, 1 / 3)), optim.Parameter([0.25, 0.75])
    optimizer = make(p)
    optimizer.add_param_group({"params": [q]})
    for _ in range(3):
        optimizer.step(bowl(p))
    np.testing.assert_array_equal(q.data, [0.25, 0.75])
    assert q not in optimizer.state


@pytest.mark.parametrize("name", ["projection", "prox", "oracle", "to_dual"])
def test_functions_that_cannot_be_called_are_refused(name):
    p = optim.Parameter([1.0])
    make = {"projection": lambda: optim.ProjectedGradient([p], 1.0), "prox": lambda: optim.ISTA([p], None),
            "oracle": lambda: optim.FrankWolfe([p], np.ones(1)),
            "to_dual": lambda: optim.MirrorDescent([p], "log", np.exp)}[name]
    with pytest.raises(TypeError, match=f"{name} is .*expected a function"):
        make()


def test_projection_that_fails_for_one_parameter_moves_none():
    p, q = optim.Parameter([1.0]), optim.Parameter([2.0, 3.0])
    optimizer = optim.ProjectedGradient([p, q], lambda x: x if x.size == 1 else 1 / 0, lr=0.1)
    p.grad, q.grad = np.ones(1), np.ones(2)
    with pytest.raises(ZeroDivisionError):
        optimizer.step()
    np.testing.assert_array_equal(p.data, [1.0])


def test_fista_needs_a_closure_and_says_so():
    with pytest.raises(TypeError, match="FISTA.step needs a closure"):
        optim.FISTA([optim.Parameter([1.0])], optim.prox_l1).step(None)


@pytest.mark.parametrize("make, steps", [
    (lambda p: optim.ProjectedGradient([p], optim.project_simplex, lr=0.01), 400),
    (lambda p: optim.ISTA([p], lambda x, lr: x, lr=0.01), 2000),
    (lambda p: optim.FISTA([p], lambda x, lr: x, lr=0.01), 300),
    (lambda p: optim.FrankWolfe([p], optim.lmo_simplex), 2000),
    (lambda p: optim.MirrorDescent([p], np.log, np.exp, lr=0.01), 6000),
    (lambda p: optim.ExponentiatedGradient([p], lr=0.02), 3000),
    (lambda p: optim.FTRLProximal([p], lr=1.0), 3000),
], ids=METHODS)
def test_reaches_the_bottom_of_a_bowl_that_lies_in_the_simplex(make, steps):
    curvatures, target = np.array([1.0, 10.0, 100.0]), np.array([0.7, 0.2, 0.1])
    p = optim.Parameter(np.full(3, 1 / 3))

    def closure():
        p.grad = curvatures * (p.data - target)
        return float(np.sum(curvatures * (p.data - target) ** 2) / 2)

    optimizer = make(p)
    for _ in range(steps):
        optimizer.step(closure)
    assert np.sum(curvatures * (p.data - target) ** 2) / 2 < 1e-4


@pytest.mark.parametrize("make, loss, steps", [
    (lambda p: optim.ProjectedGradient([p], lambda x: optim.project_box(x, 0, 2), lr=1e-3), 0.05, 3000),
    (lambda p: optim.ISTA([p], lambda x, lr: x, lr=1e-3), 0.05, 3000),
    (lambda p: optim.FISTA([p], lambda x, lr: optim.prox_box(x, lr, 0, 2), lr=1e-3), 1e-3, 1000),
    (lambda p: optim.FrankWolfe([p], lambda grad: optim.lmo_box(grad, 0, 2)), 0.05, 3000),
    (lambda p: optim.MirrorDescent([p], np.log, np.exp, lr=1e-3), 0.05, 3000),
    (lambda p: optim.FTRLProximal([p], lr=0.3), 0.05, 5000),
], ids=[name for name in METHODS if name != "ExponentiatedGradient"])  # the minimum is not on the simplex
def test_reaches_a_stated_loss_on_rosenbrock_in_a_box(make, loss, steps):
    p = optim.Parameter([0.2, 1.5])

    def closure():
        x, y = p.data
        p.grad = np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])
        return 100 * (y - x**2) ** 2 + (1 - x) ** 2

    optimizer = make(p)
    for _ in range(steps):
        optimizer.step(closure)
    assert closure() < loss
