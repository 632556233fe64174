"""Methods with curvature: published numbers, SciPy's results, optax's steps, and what theory promises on quadratics."""

import numpy as np
import pytest

import minigrad
import optim
from optim.second_order import as_matrix, damped_least_squares, modified_cholesky

START = (-1.2, 1.0)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_residuals(x):
    return np.sqrt(2) * np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def closure_of(function, *params):
    """Return a closure that puts a function's gradient into its parameters and returns its value."""
    derivative = minigrad.value_and_grad(function, tuple(range(len(params))))

    def closure():
        loss, grads = derivative(*[param.data for param in params])
        for param, grad in zip(params, grads):
            param.grad = grad
        return float(loss)

    return closure


def newton(p, function=rosenbrock, **more):
    return optim.Newton([p], hessian=lambda: minigrad.hessian(function)(p.data), **more)


def newton_cg(p, function=rosenbrock, **more):
    return optim.NewtonCG([p], hvp=lambda v: minigrad.hvp(function)(p.data, v), **more)


def least_squares(method, p, residuals=rosenbrock_residuals, **more):
    return method([p], lambda: residuals(p.data), lambda: minigrad.jacobian(residuals)(p.data), **more)


def steps_to(tolerance, optimizer, closure, limit=200):
    """Return the number of steps until the gradient is shorter than the tolerance."""
    (p,) = optimizer.params
    for steps in range(limit):
        closure()
        if np.linalg.norm(p.grad) <= tolerance:
            return steps
        optimizer.step(closure)
    raise AssertionError(f"not there after {limit} steps: |g| = {np.linalg.norm(p.grad)}")


METHODS = {
    "Newton": newton,
    "NewtonCG": newton_cg,
    "GaussNewton": lambda p: least_squares(optim.GaussNewton, p),
    "LevenbergMarquardt": lambda p: least_squares(optim.LevenbergMarquardt, p),
    "AdaHessian": lambda p: optim.AdaHessian([p], hvp=lambda v: minigrad.hvp(rosenbrock)(p.data, v)),
    "Sophia": lambda p: optim.Sophia([p], hvp=lambda v: minigrad.hvp(rosenbrock)(p.data, v), lr=0.01),
}
every_method = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)
vector_methods = pytest.mark.parametrize("make", list(METHODS.values())[:4], ids=list(METHODS)[:4])


# What all have in common

@every_method
def test_resumed_run_continues_bit_for_bit(make, tmp_path):
    p, q = optim.Parameter(START), optim.Parameter(START)
    first, second = make(p), make(q)
    for _ in range(3):
        first.step(closure_of(rosenbrock, p))
    optim.save(tmp_path / "run.npz", first.state_dict())
    second.load_state_dict(optim.load(tmp_path / "run.npz"))
    q.data[...] = p.data
    for _ in range(12):
        assert first.step(closure_of(rosenbrock, p)) == second.step(closure_of(rosenbrock, q))
    np.testing.assert_array_equal(p.data, q.data)
    np.testing.assert_equal(first.state_dict(), second.state_dict())


@every_method
@pytest.mark.parametrize("steps", [0, 1])
def test_curvature_that_fails_leaves_parameters_and_state_as_they_were(make, steps):
    p = optim.Parameter(START)
    optimizer, closure = make(p), closure_of(rosenbrock, p)

    def fails(*_):
        raise ArithmeticError("no curvature today")

    for _ in range(steps):
        optimizer.step(closure)
    for name in ("hessian", "hvp", "jacobian"):
        if hasattr(optimizer, name):
            setattr(optimizer, name, fails)
    with pytest.raises(ArithmeticError, match="no curvature today"):
        for _ in range(11):  # Sophia asks every tenth step
            parameters, state = p.data.copy(), optimizer.state_dict()
            optimizer.step(closure)
    np.testing.assert_array_equal(p.data, parameters)
    np.testing.assert_equal(optimizer.state_dict(), state)


@every_method
def test_float32_stays_float32(make):
    p = optim.Parameter(np.array(START, np.float32))
    data, optimizer = p.data, make(p)
    for _ in range(4):
        optimizer.step(closure_of(rosenbrock, p))
    assert p.data is data and data.dtype == np.float32 and np.all(np.isfinite(data))
    assert all(entry.dtype == np.float32 for entry in optimizer.state[p].values() if isinstance(entry, np.ndarray))


@vector_methods
def test_step_returns_the_loss_and_the_loss_never_rises(make):
    p = optim.Parameter(START)
    optimizer, closure = make(p), closure_of(rosenbrock, p)
    losses = [optimizer.step(closure) for _ in range(15)]
    assert losses[0] == pytest.approx(24.2)
    assert np.all(np.diff(losses) <= 0) and losses[-1] < 24.2


def test_functions_that_cannot_be_called_are_refused():
    p = optim.Parameter(START)
    for make, name in [(lambda: optim.Newton([p], hessian=np.eye(2)), "hessian"),
                       (lambda: optim.NewtonCG([p], hvp=None), "hvp"),
                       (lambda: optim.GaussNewton([p], np.ones(2), np.eye(2)), "residuals"),
                       (lambda: optim.LevenbergMarquardt([p], lambda: p.data, np.eye(2)), "jacobian"),
                       (lambda: optim.AdaHessian([p], hvp=3), "hvp")]:
        with pytest.raises(TypeError, match=rf"(?s){name} is .*expected a function"):
            make()


# Newton

def test_newton_ends_on_a_quadratic_in_one_step(rng):
    A = rng.normal(size=(8, 8))
    A = A @ A.T + np.eye(8)
    p = optim.Parameter(rng.normal(size=8))
    optim.Newton([p], hessian=lambda: A).step(closure_of(lambda x: x @ A @ x / 2 - np.sum(x), p))
    np.testing.assert_allclose(p.data, np.linalg.solve(A, np.ones(8)), rtol=1e-10)


def test_newton_takes_the_published_21_iterations_on_rosenbrock():
    """Nocedal and Wright, section 6.1: 21 iterations from (-1.2, 1) to |g| <= 1e-5."""
    p = optim.Parameter(START)
    assert steps_to(1e-5, newton(p), closure_of(rosenbrock, p)) == 21


def test_newton_doubles_the_correct_digits_near_the_minimum():
    p = optim.Parameter([1.05, 1.1])
    optimizer, closure, errors = newton(p, line_search_fn=None), closure_of(rosenbrock, p), []
    for _ in range(5):
        optimizer.step(closure)
        errors.append(np.linalg.norm(p.data - 1))
    errors = np.array(errors)
    assert np.all(errors[1:] <= 10 * errors[:-1] ** 2)
    assert errors[-1] < 1e-11


def test_newton_follows_the_path_that_a_change_of_variables_maps_to():
    T = np.array([[2.0, 1.0], [0.0, 0.1]])
    p, q = optim.Parameter([1.1, 1.2]), optim.Parameter(np.linalg.solve(T, [1.1, 1.2]))
    transformed = lambda z: rosenbrock(T @ z)
    one, other = newton(p), newton(q, transformed)
    for _ in range(5):
        one.step(closure_of(rosenbrock, p))
        other.step(closure_of(transformed, q))
        np.testing.assert_allclose(T @ q.data, p.data, rtol=1e-6)


def test_newton_goes_downhill_from_a_saddle_where_the_pure_method_would_stay():
    saddle = lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4
    p = optim.Parameter([1.0, 0.01])
    optimizer = newton(p, saddle)
    for _ in range(20):
        optimizer.step(closure_of(saddle, p))
    np.testing.assert_allclose(p.data, [0, np.sqrt(0.5)], atol=1e-8)


def test_newton_with_several_parameters_takes_blocks():
    whole, x, y = optim.Parameter(START), optim.Parameter([START[0]]), optim.Parameter([[START[1]]])
    split = lambda x, y: 100 * np.sum((y - x**2) ** 2) + np.sum((1 - x) ** 2)
    one = newton(whole)
    two = optim.Newton([{"params": [x]}, {"params": [y]}],
                       hessian=lambda: minigrad.hessian(split, (0, 1))(x.data, y.data))
    for _ in range(10):
        one.step(closure_of(rosenbrock, whole))
        two.step(closure_of(split, x, y))
    np.testing.assert_allclose([x.data[0], y.data[0, 0]], whole.data, rtol=1e-9)


def test_newton_maximizes():
    p, q = optim.Parameter(START), optim.Parameter(START)
    down, up = newton(p), newton(q, lambda x: -rosenbrock(x), maximize=True)
    for _ in range(10):
        assert down.step(closure_of(rosenbrock, p)) == -up.step(closure_of(lambda x: -rosenbrock(x), q))
    np.testing.assert_allclose(p.data, q.data, rtol=1e-12)


@pytest.mark.parametrize("hessian, error, message", [
    (np.eye(3), ValueError, r"hessian returned an array of shape \(3, 3\); expected \(2, 2\)"),
    (np.full((2, 2), np.nan), FloatingPointError, "hessian returned nan")])
def test_newton_reports_a_hessian_that_does_not_fit(hessian, error, message):
    p = optim.Parameter(START)
    with pytest.raises(error, match=message):
        optim.Newton([p], hessian=lambda: hessian).step(closure_of(rosenbrock, p))
    np.testing.assert_array_equal(p.data, START)


def test_modified_cholesky_leaves_positive_matrices_alone_and_shifts_others(rng):
    A = rng.normal(size=(6, 6))
    positive, indefinite = A @ A.T + 0.1 * np.eye(6), A + A.T
    L = modified_cholesky(positive)
    np.testing.assert_allclose(L @ L.T, positive, rtol=1e-10)
    L = modified_cholesky(indefinite)
    shift = L @ L.T - indefinite
    tau = shift[0, 0]
    np.testing.assert_allclose(shift, tau * np.eye(6), atol=1e-10)
    lowest = np.linalg.eigvalsh(indefinite)[0]
    assert -lowest < tau < -2 * lowest + 2e-3 - 2 * np.diag(indefinite).min()


def test_matrix_is_put_together_from_blocks(rng):
    blocks = [[rng.normal(size=(2, 2, 2, 2)), rng.normal(size=(2, 2, 3))],
              [rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 3))]]
    matrix = as_matrix("hessian", blocks, [4, 3], [4, 3], float)
    np.testing.assert_array_equal(matrix[:4, :4], blocks[0][0].reshape(4, 4))
    np.testing.assert_array_equal(matrix[4:, :4], blocks[1][0].reshape(3, 4))
    np.testing.assert_array_equal(matrix[:4, 4:], blocks[0][1].reshape(4, 3))


# Newton with conjugate gradients

def test_newton_cg_near_a_minimum_agrees_with_newton():
    start = 1 + np.linspace(-0.02, 0.02, 6)
    p, q = optim.Parameter(start), optim.Parameter(start)
    one, other = newton(p), newton_cg(q)
    for _ in range(14):
        one.step(closure_of(rosenbrock, p))
        other.step(closure_of(rosenbrock, q))
    np.testing.assert_allclose(p.data, np.ones(6), atol=1e-9)
    np.testing.assert_allclose(q.data, np.ones(6), atol=1e-9)


def test_newton_cg_solves_as_accurately_as_its_rule_asks(rng):
    A = rng.normal(size=(30, 30))
    A = A @ A.T + np.eye(30)
    p = optim.Parameter(np.zeros(30))
    optimizer = optim.NewtonCG([p], hvp=lambda v: A @ v)
    for scale in (1e2, 1e-4, 1e-8):
        g = scale * rng.normal(size=30)
        phi, length = optimizer.update(g, {}, p.data), np.linalg.norm(g)
        assert np.linalg.norm(A @ phi - g) <= min(0.5, np.sqrt(length)) * length
        assert g @ phi > 0


def test_newton_cg_takes_the_gradient_where_the_surface_curves_downwards():
    p = optim.Parameter([1.0, 2.0])
    optimizer = optim.NewtonCG([p], hvp=lambda v: -v)
    np.testing.assert_array_equal(optimizer.update(np.array([1.0, 2.0]), {}, p.data), [1.0, 2.0])


@pytest.mark.parametrize("n", [2, 10])
def test_newton_cg_reaches_the_minimum_of_rosenbrock_as_scipy_does(n):
    scipy = pytest.importorskip("scipy.optimize")
    start = np.resize(START, n)
    p = optim.Parameter(start)
    steps = steps_to(1e-6, newton_cg(p), closure_of(rosenbrock, p))
    theirs = scipy.minimize(lambda x: float(rosenbrock(x)), start, jac=minigrad.grad(rosenbrock),
                            hessp=minigrad.hvp(rosenbrock), method="Newton-CG")
    assert rosenbrock(p.data) <= theirs.fun + 1e-9
    assert steps <= theirs.nit


def test_newton_cg_with_several_parameters_hands_and_takes_one_array_each():
    whole, x, y = optim.Parameter(START), optim.Parameter([START[0]]), optim.Parameter([[START[1]]])
    split = lambda x, y: 100 * np.sum((y - x**2) ** 2) + np.sum((1 - x) ** 2)
    one = newton_cg(whole)
    two = optim.NewtonCG([x, y], hvp=lambda *v: minigrad.hvp(split, (0, 1))(x.data, y.data, v))
    for _ in range(5):
        one.step(closure_of(rosenbrock, whole))
        two.step(closure_of(split, x, y))
    np.testing.assert_allclose([x.data[0], y.data[0, 0]], whole.data, rtol=1e-9)


@pytest.mark.parametrize("make", [newton_cg, METHODS["AdaHessian"], METHODS["Sophia"]])
def test_products_that_are_not_finite_are_reported_and_move_nothing(make):
    p = optim.Parameter(START)
    optimizer = make(p)
    optimizer.hvp = lambda v: np.nan * v
    with pytest.raises(FloatingPointError, match="hvp returned nan"):
        optimizer.step(closure_of(rosenbrock, p))
    np.testing.assert_array_equal(p.data, START)


@pytest.mark.parametrize("product, message", [
    (lambda v, w: v, "1 arrays for 2 parameters|returned"), (lambda v, w: (v, v), r"shape \(2,\) for a parameter of")])
def test_hvp_that_does_not_fit_is_reported(product, message):
    p, q = optim.Parameter(START), optim.Parameter([0.0, 0.0, 0.0])
    closure = closure_of(lambda x, y: rosenbrock(x) + y @ y, p, q)
    with pytest.raises(ValueError, match=message):
        optim.NewtonCG([p, q], hvp=product).step(closure)
    np.testing.assert_array_equal(p.data, START)


# Least squares

def test_levenberg_marquardt_solves_rosenbrock_in_under_30_evaluations():
    """Also counting the trials that it takes back."""
    p, calls = optim.Parameter(START), []
    optimizer = least_squares(optim.LevenbergMarquardt, p,
                              lambda x: calls.append(None) or rosenbrock_residuals(x))
    steps = 0
    while rosenbrock(p.data) > 1e-20:
        optimizer.step()
        steps += 1
        assert steps < 30
    residual_calls = len(calls) - steps  # the Jacobian calls the residuals too
    assert residual_calls < 40


def exponential_data():
    """Return a curve-fitting problem with residuals that stay: y = a exp(bx) + c with noise."""
    x = np.linspace(0, 2, 40)
    y = 2.5 * np.exp(-1.3 * x) + 0.5 + 0.05 * np.random.default_rng(1).normal(size=40)
    return lambda theta: theta[0] * np.exp(theta[1] * x) + theta[2] - y


@pytest.mark.parametrize("method", [optim.GaussNewton, optim.LevenbergMarquardt])
def test_curve_fit_agrees_with_scipy(method):
    scipy = pytest.importorskip("scipy.optimize")
    residuals, start = exponential_data(), np.array([1.0, -0.5, 0.0])
    theirs = scipy.least_squares(residuals, start, minigrad.jacobian(residuals), method="lm", xtol=1e-14, ftol=1e-14)
    p = optim.Parameter(start)
    optimizer = least_squares(method, p, residuals)
    for _ in range(30):
        optimizer.step()
    np.testing.assert_allclose(p.data, theirs.x, rtol=1e-6)


def test_gauss_newton_solves_a_linear_problem_in_one_step(rng):
    A, b = rng.normal(size=(9, 4)), rng.normal(size=9)
    p = optim.Parameter(np.zeros(4))
    loss = optim.GaussNewton([p], lambda: A @ p.data - b, lambda: A).step()
    assert loss == pytest.approx(b @ b / 2)
    np.testing.assert_allclose(p.data, np.linalg.lstsq(A, b, rcond=None)[0])


def test_gauss_newton_needs_two_undamped_steps_on_rosenbrock():
    p = optim.Parameter(START)
    optimizer = least_squares(optim.GaussNewton, p, line_search_fn=None)
    optimizer.step()
    optimizer.step()
    np.testing.assert_allclose(p.data, [1, 1], rtol=1e-12)


def test_levenberg_marquardt_survives_dependent_columns_where_gauss_newton_need_not():
    """At (0, 0) both columns of the Jacobian are equal, and only the sum of the variables matters."""
    p = optim.Parameter([0.0, 0.0])
    optimizer = least_squares(optim.LevenbergMarquardt, p, lambda x: np.stack([x[0] + x[1] - 1, (x[0] + x[1]) ** 2]))
    losses = [optimizer.step() for _ in range(40)]
    assert losses[-1] < 0.3 and p.data[0] == pytest.approx(p.data[1])


def test_levenberg_marquardt_takes_back_a_trial_that_does_not_lower_the_loss():
    p = optim.Parameter([3.0])
    optimizer = least_squares(optim.LevenbergMarquardt, p, np.arctan)  # Gauss-Newton would overshoot and diverge
    losses = [optimizer.step() for _ in range(12)]
    assert np.all(np.diff(losses) <= 0) and losses[-1] < 1e-12


def test_levenberg_marquardt_stays_where_nothing_is_left_to_gain():
    p = optim.Parameter([1.0, 1.0])
    optimizer = least_squares(optim.LevenbergMarquardt, p)
    assert optimizer.step() == 0
    np.testing.assert_array_equal(p.data, [1, 1])


def test_damped_least_squares_solves_the_normal_equations(rng):
    J, r = rng.normal(size=(7, 3)), rng.normal(size=7)
    np.testing.assert_allclose(damped_least_squares(J, r, 0.3), np.linalg.solve(J.T @ J + 0.3 * np.eye(3), J.T @ r))


@pytest.mark.parametrize("method", [optim.GaussNewton, optim.LevenbergMarquardt])
def test_least_squares_with_several_parameters_takes_blocks(method):
    residuals, start = exponential_data(), np.array([1.0, -0.5, 0.0])
    whole, a, bc = optim.Parameter(start), optim.Parameter(start[0]), optim.Parameter(start[1:])
    split = lambda a, bc: residuals(np.concatenate([np.reshape(a, (1,)), bc]))
    one = least_squares(method, whole, residuals)
    two = method([a, bc], lambda: split(a.data, bc.data), lambda: minigrad.jacobian(split, (0, 1))(a.data, bc.data))
    for _ in range(6):
        assert one.step() == pytest.approx(two.step())
    np.testing.assert_allclose([a.data, *bc.data], whole.data, rtol=1e-9)


@pytest.mark.parametrize("method", [optim.GaussNewton, optim.LevenbergMarquardt])
def test_least_squares_calls_a_closure_once_for_the_loss_it_returns(method):
    p, calls = optim.Parameter(START), []
    optimizer = least_squares(method, p)
    assert optimizer.step(lambda: calls.append(1) or "the loss") == "the loss"
    assert calls == [1]


@pytest.mark.parametrize("method", [optim.GaussNewton, optim.LevenbergMarquardt])
def test_sums_of_squares_are_not_maximized(method):
    p = optim.Parameter(START)
    with pytest.raises(ValueError, match="has no maximum"):
        method([{"params": [p], "maximize": True}], lambda: p.data, lambda: np.eye(2))


@pytest.mark.parametrize("method", [optim.GaussNewton, optim.LevenbergMarquardt])
def test_residuals_that_are_not_finite_are_reported(method):
    p = optim.Parameter(START)
    with pytest.raises(FloatingPointError, match="the residuals hold nan"):
        method([p], lambda: np.array([np.nan, 1.0]), lambda: np.eye(2)).step()
    with pytest.raises(ValueError, match=r"jacobian returned an array of shape \(3, 3\); expected \(2, 2\)"):
        method([p], lambda: p.data, lambda: np.eye(3)).step()


# The diagonal

def test_hutchinson_is_exact_for_a_diagonal_hessian_and_unbiased_for_any(rng):
    A = rng.normal(size=(4, 4))
    A = A + A.T
    p = optim.Parameter(np.zeros(4))
    diagonal = optim.AdaHessian([p], hvp=lambda v: np.diag(A) * v).estimate([p])[0]
    np.testing.assert_allclose(diagonal, np.diag(A))
    optimizer = optim.AdaHessian([p], hvp=lambda v: A @ v)
    estimates = np.array([optimizer.estimate([p])[0] for _ in range(4000)])
    deviation = np.sqrt((A**2).sum(axis=1) - np.diag(A) ** 2)  # of one estimate
    assert np.all(np.abs(estimates.mean(axis=0) - np.diag(A)) < 4 * deviation / np.sqrt(4000))
    np.testing.assert_allclose(estimates.std(axis=0), deviation, rtol=0.1)


def test_adahessian_is_its_paper_written_out():
    curvatures, lr, beta1, beta2, eps, decay, k = np.array([1.0, 5.0, -40.0]), 0.1, 0.8, 0.95, 1e-3, 0.02, 0.7
    p = optim.Parameter([1.0, -2.0, 0.5])
    optimizer = optim.AdaHessian([p], hvp=lambda v: curvatures * v, lr=lr, betas=(beta1, beta2), eps=eps,
                                 weight_decay=decay, hessian_power=k)
    theta, m, v = p.data.copy(), np.zeros(3), np.zeros(3)
    for t in range(1, 20):
        p.grad = curvatures * p.data
        optimizer.step()
        g = curvatures * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * curvatures**2
        denominator = np.sqrt(v / (1 - beta2**t)) ** k + eps
        theta = theta - lr * (m / (1 - beta1**t) / denominator + decay * theta)
        np.testing.assert_allclose(p.data, theta, rtol=1e-12)


def test_adahessian_with_power_0_is_momentum_alone():
    p, q = optim.Parameter([1.0, -2.0]), optim.Parameter([1.0, -2.0])
    one = optim.AdaHessian([p], hvp=lambda v: 100 * v, lr=0.1, eps=0.0, hessian_power=0)
    average = np.zeros(2)
    for t in range(1, 10):
        p.grad, grad = 3 * p.data, 3 * q.data
        one.step()
        average = 0.9 * average + 0.1 * grad
        q.data -= 0.1 * average / (1 - 0.9**t)
        np.testing.assert_allclose(p.data, q.data, rtol=1e-12)


@pytest.fixture(scope="module")
def optax():
    return pytest.importorskip("optax")  # for the module, since importing it draws from the global generator


@pytest.mark.parametrize("options", [{},
                                     {"gamma": 2.0, "clip_threshold": 0.8, "betas": (0.9, 0.5), "update_interval": 3},
                                     {"gamma": 2.0, "weight_decay": 0.1, "betas": (0.5, 0.7), "update_interval": 1}])
def test_sophia_steps_as_optax(options, optax):
    """On a diagonal Hessian the random signs cancel, so that the two need not draw the same ones."""
    jax = pytest.importorskip("jax")
    curvatures, start = np.array([0.1, 1.0, 10.0, -2.0]), np.array([1.0, -2.0, 0.5, 0.1])
    keywords = {"b1": options.get("betas", (0.965, 0.99))[0], "b2": options.get("betas", (0.965, 0.99))[1],
                **{name: value for name, value in options.items() if name != "betas"}}
    with jax.enable_x64(True):
        loss = lambda x: jax.numpy.sum(jax.numpy.asarray(curvatures) * x**2) / 2
        theta = jax.numpy.asarray(start)
        theirs = optax.contrib.sophia(0.05, **keywords)
        state = theirs.init(theta)
        their_step = jax.jit(lambda state, theta: theirs.update(jax.grad(loss)(theta), state, theta, obj_fn=loss))
        p = optim.Parameter(start)
        ours = optim.Sophia([p], hvp=lambda v: curvatures * v, lr=0.05, **options)
        for _ in range(25):
            updates, state = their_step(state, theta)
            theta = optax.apply_updates(theta, updates)
            p.grad = curvatures * p.data
            ours.step()
            np.testing.assert_allclose(p.data, np.asarray(theta), rtol=1e-9)


def test_sophia_asks_for_curvature_every_kth_step_and_never_moves_by_more_than_lr():
    p, asked = optim.Parameter([1.0, 1.0]), []
    optimizer = optim.Sophia([p], hvp=lambda v: asked.append(1) or np.array([1.0, 100.0]) * v, lr=0.01,
                             weight_decay=0, update_interval=4)
    for _ in range(9):
        p.grad, before = np.array([1.0, 100.0]) * p.data, p.data.copy()
        optimizer.step()
        assert np.all(np.abs(p.data - before) <= 0.01 + 1e-15)
    assert len(asked) == 3


def test_sophia_takes_a_diagonal_of_ones_own():
    p, q = optim.Parameter([1.0, -2.0]), optim.Parameter([1.0, -2.0])
    curvatures = np.array([1.0, 10.0])
    one = optim.Sophia([p], hvp=lambda v: curvatures * v, gamma=1.0, lr=0.1)
    two = optim.Sophia([q], hessian_diagonal=lambda: curvatures, gamma=1.0, lr=0.1)
    for _ in range(15):
        p.grad, q.grad = curvatures * p.data, curvatures * q.data
        one.step()
        two.step()
    np.testing.assert_array_equal(p.data, q.data)
    with pytest.raises(TypeError, match="either hvp"):
        optim.Sophia([p])


@pytest.mark.parametrize("method", [optim.AdaHessian, optim.Sophia])
def test_hvp_is_called_once_with_one_array_for_each_parameter(method):
    p, q, r = optim.Parameter([1.0, 2.0]), optim.Parameter([[3.0]]), optim.Parameter([5.0])
    seen = []
    optimizer = method([{"params": [p, q]}, {"params": [r], "lr": 0.5}],
                       hvp=lambda *v: seen.append([x.shape for x in v]) or v)
    p.grad, r.grad = p.data.copy(), r.data.copy()
    optimizer.step()
    assert seen == [[(2,), (1, 1), (1,)]]
    np.testing.assert_array_equal(q.data, [[3.0]])
    assert np.all(p.data != [1.0, 2.0]) and r.data != 5.0 and q not in optimizer.state


@pytest.mark.parametrize("method", [optim.AdaHessian, optim.Sophia])
def test_state_dictionary_without_the_random_generator_is_refused(method):
    p = optim.Parameter([1.0])
    optimizer = method([p], hvp=lambda v: v)
    state = optimizer.state_dict()
    del state["rng"]
    with pytest.raises(ValueError, match='"rng"'):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize("method", [optim.AdaHessian, optim.Sophia])
def test_pieces_equal_the_whole_and_array_hyperparameters_equal_separate_runs(method, rng):
    n = 200_000
    start, grads = rng.normal(size=n), rng.normal(size=(3, n))
    big, small = optim.Parameter(start), optim.Parameter(start[-5:])
    one, two = (method([p], hvp=lambda v: 2 * v) for p in (big, small))
    columns = optim.Parameter(np.stack([start[:4], start[:4]], axis=1))
    first, second = optim.Parameter(start[:4]), optim.Parameter(start[:4])
    both = method([columns], hvp=lambda v: 2 * v, lr=np.array([0.1, 0.01]))
    apart = [method([first], hvp=lambda v: 2 * v, lr=0.1), method([second], hvp=lambda v: 2 * v, lr=0.01)]
    for grad in grads:
        big.grad, small.grad = grad, grad[-5:]
        columns.grad = np.stack([grad[:4], grad[:4]], axis=1)
        first.grad = second.grad = grad[:4]
        for optimizer in (one, two, both, *apart):
            optimizer.step()
    np.testing.assert_array_equal(big.data[-5:], small.data)
    np.testing.assert_allclose(columns.data, np.stack([first.data, second.data], axis=1), rtol=1e-12)


# Steps to a stated loss

BOWL = np.array([1.0, 10.0, 100.0])


@pytest.mark.parametrize("make, steps", [
    (lambda p: optim.Newton([p], hessian=lambda: np.diag(BOWL)), 1),
    (lambda p: optim.NewtonCG([p], hvp=lambda v: BOWL * v), 6),
    (lambda p: optim.GaussNewton([p], lambda: np.sqrt(BOWL) * p.data, lambda: np.diag(np.sqrt(BOWL))), 1),
    (lambda p: optim.LevenbergMarquardt([p], lambda: np.sqrt(BOWL) * p.data, lambda: np.diag(np.sqrt(BOWL))), 5),
    (lambda p: optim.AdaHessian([p], hvp=lambda v: BOWL * v), 200),
    (lambda p: optim.Sophia([p], hvp=lambda v: BOWL * v, lr=0.1, gamma=1.0), 600),
], ids=METHODS)
def test_reaches_the_bottom_of_a_bowl(make, steps):
    p = optim.Parameter([1.0, 1.0, 1.0])
    closure = closure_of(lambda x: np.sum(BOWL * x**2) / 2, p)
    optimizer = make(p)
    for _ in range(steps):
        optimizer.step(closure)
    assert closure() < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("make, loss, steps", [
    (newton, 1e-12, 22), (newton_cg, 1e-12, 80),
    (lambda p: least_squares(optim.GaussNewton, p), 1e-12, 12),
    (lambda p: least_squares(optim.LevenbergMarquardt, p), 1e-12, 20),
    (lambda p: optim.AdaHessian([p], hvp=lambda v: minigrad.hvp(rosenbrock)(p.data, v), lr=0.5), 0.01, 4000),
    (lambda p: optim.Sophia([p], hvp=lambda v: minigrad.hvp(rosenbrock)(p.data, v), lr=0.01, weight_decay=0),
     1e-6, 3000),
], ids=METHODS)
def test_reaches_a_stated_loss_on_rosenbrock(make, loss, steps):
    p = optim.Parameter(START)
    closure = closure_of(rosenbrock, p)
    optimizer = make(p)
    for _ in range(steps):
        optimizer.step(closure)
    assert closure() < loss


# Functions of the arrays, as minigrad's, and functions that look at the parameters themselves

def two_squares(x, y):
    return np.sum((x - 1) ** 2) + np.sum(x[:1] ** 2 * y**2) + np.sum((y - 2) ** 4)


def two_residuals(x, y):
    return np.concatenate([x - 1, x[:1] * y, (y - 2) ** 2])


BOTH = (0, 1)
AS_MINIGRAD_MAKES_THEM = {
    "Newton": (lambda p, q: optim.Newton([p, q], minigrad.hessian(two_squares, BOTH)),
               lambda p, q: optim.Newton([p, q], lambda: minigrad.hessian(two_squares, BOTH)(p.data, q.data))),
    "NewtonCG": (lambda p, q: optim.NewtonCG([p, q], minigrad.hvp(two_squares, BOTH)),
                 lambda p, q: optim.NewtonCG([p, q], lambda *v: minigrad.hvp(two_squares, BOTH)(p.data, q.data, v))),
    "GaussNewton": (
        lambda p, q: optim.GaussNewton([p, q], two_residuals, minigrad.jacobian(two_residuals, BOTH)),
        lambda p, q: optim.GaussNewton([p, q], lambda: two_residuals(p.data, q.data),
                                       lambda: minigrad.jacobian(two_residuals, BOTH)(p.data, q.data))),
    "AdaHessian": (lambda p, q: optim.AdaHessian([p, q], minigrad.hvp(two_squares, BOTH)),
                   lambda p, q: optim.AdaHessian([p, q],
                                                 lambda v, w: minigrad.hvp(two_squares, BOTH)(p.data, q.data, (v, w)))),
}


@pytest.mark.parametrize("name", AS_MINIGRAD_MAKES_THEM)
def test_curvature_may_be_a_function_of_the_arrays(name):
    ends = []
    for make in AS_MINIGRAD_MAKES_THEM[name]:
        p, q = optim.Parameter([-1.0, 2.0]), optim.Parameter([0.5])
        optimizer, closure = make(p, q), closure_of(two_squares, p, q)
        for _ in range(5):
            optimizer.step(closure)
        ends.append(np.concatenate([p.data, q.data]))
    np.testing.assert_array_equal(*ends)
    assert np.any(ends[0] != [-1.0, 2.0, 0.5])


def test_curvature_may_be_a_function_of_the_array_of_one_parameter():
    p = optim.Parameter(START)
    closure = closure_of(rosenbrock, p)
    for optimizer in (optim.Newton([p], minigrad.hessian(rosenbrock)), optim.NewtonCG([p], minigrad.hvp(rosenbrock)),
                      optim.LevenbergMarquardt([p], rosenbrock_residuals, minigrad.jacobian(rosenbrock_residuals)),
                      optim.Newton([p], lambda x: minigrad.hessian(rosenbrock)(x))):
        p.data[...] = START
        for _ in range(200):
            optimizer.step(closure)
        np.testing.assert_allclose(p.data, 1, rtol=1e-6)


def test_a_matrix_instead_of_a_function_is_refused_in_words():
    p = optim.Parameter(START)
    with pytest.raises(TypeError, match=r"hessian is array of shape \(2, 2\); expected a function"):
        optim.Newton([p], minigrad.hessian(rosenbrock)(p.data))
