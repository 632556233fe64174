"""Line searches satisfy their conditions and take PyTorch's steps; whole-vector methods keep their promises."""

import numpy as np
import pytest

import optim
from optim.line_search import Point, Ray, backtracking, cubic_minimum, exact_on_quadratics, strong_wolfe

FUNCTIONS = {
    "parabola": (lambda t: (1 - 2 * t) ** 2, lambda t: -4 * (1 - 2 * t)),
    "quartic": (lambda t: (t - 3) ** 4 - 5 * t, lambda t: 4 * (t - 3) ** 3 - 5),
    "more_thuente_1": (lambda t: -t / (t**2 + 2), lambda t: (t**2 - 2) / (t**2 + 2) ** 2),
    "more_thuente_2": (lambda t: (t + 0.004) ** 5 - 2 * (t + 0.004) ** 4,
                       lambda t: 5 * (t + 0.004) ** 4 - 8 * (t + 0.004) ** 3),
    "wavy": (lambda t: np.cos(3 * t) + 0.1 * t**2 - t, lambda t: -3 * np.sin(3 * t) + 0.2 * t - 1),
}
RIPPLES = {f"ripples_{w}": (lambda t, w=w: 0.01 * t * t - t + 0.5 * (1 - np.cos(w * t)),
                            lambda t, w=w: 0.02 * t - 1 + 0.5 * w * np.sin(w * t)) for w in (3, 7, 20, 50)}
RIPPLES["cliff"] = (lambda t: 0.01 * t * t - t if t < 2 else -0.5, lambda t: 0.02 * t - 1 if t < 2 else -1)
TRIALS = [1e-3, 0.1, 1.0, 10.0, 1000.0]


def ray_of(name):
    value, slope = {**FUNCTIONS, **RIPPLES}[name]
    return lambda t: Point(t, float(value(t)), float(slope(t)))


def rosenbrock(p):
    """Return a closure of Rosenbrock's function for a parameter of two numbers."""
    def closure():
        x, y = p.data
        p.grad = np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)], p.data.dtype)
        return 100 * (y - x**2) ** 2 + (1 - x) ** 2
    return closure


# Searches

@pytest.mark.parametrize("t", TRIALS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_backtracking_takes_the_first_trial_that_satisfies_armijo(name, t):
    ray = ray_of(name)
    start, found = ray(0.0), backtracking(ray, ray(0.0), t, c1=0.1)
    armijo = lambda t: ray(t).value <= start.value + 0.1 * t * start.slope
    assert armijo(found.t)
    assert found.t == t or not armijo(2 * found.t)
    assert np.log2(t / found.t) == pytest.approx(round(np.log2(t / found.t)))


def test_backtracking_stays_where_nothing_lowers_the_loss():
    start = Point(0.0, 1.0, -1.0)
    assert backtracking(lambda t: Point(t, 2.0, 0.0), start, 1.0) is start


def test_backtracking_turns_back_from_where_the_loss_is_not_a_number():
    ray = Ray(lambda x: (np.nan if x[0] > 1 else -float(x[0]), np.array([-1.0])), np.array([0.0]), np.array([1.0]))
    assert backtracking(ray, ray(0.0), 8.0).t == 1.0


@pytest.mark.parametrize("c2", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("t", TRIALS[:-1])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_strong_wolfe_finds_a_point_that_satisfies_both_conditions(name, t, c2):
    ray = ray_of(name)
    start, found = ray(0.0), strong_wolfe(ray, ray(0.0), t, c1=1e-4, c2=c2, most_trials=60)
    assert found.value <= start.value + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= c2 * abs(start.slope)
    assert found == ray(found.t)


@pytest.mark.parametrize("c2", [0.1, 0.9])
@pytest.mark.parametrize("t", TRIALS)
@pytest.mark.parametrize("name", [*FUNCTIONS, *RIPPLES])
def test_strong_wolfe_makes_the_trials_of_pytorch(name, t, c2):
    torch = pytest.importorskip("torch")
    from torch.optim.lbfgs import _strong_wolfe

    ray, theirs, ours = ray_of(name), [], []

    def function(x, t, d):
        theirs.append(float(t))
        point = ray(float(t))
        return point.value, torch.tensor([point.slope], dtype=torch.float64)

    start = ray(0.0)
    one = torch.ones(1, dtype=torch.float64)
    value, _, found, count = _strong_wolfe(function, 0 * one, t, one, start.value, one * start.slope,
                                           torch.tensor(start.slope, dtype=torch.float64), c2=c2)
    point = strong_wolfe(lambda t: ours.append(t) or ray(t), start, t, c2=c2)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert point.t == pytest.approx(float(found), rel=1e-12) and point.value == pytest.approx(value, rel=1e-12)
    assert len(ours) == count


def test_strong_wolfe_closes_in_from_where_the_loss_is_infinite():
    """The logarithm is not defined at the first trials."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ray = Ray(lambda x: (float(-np.log(1 - x[0]) - 2 * x[0]), 1 / (1 - x) - 2), np.array([0.0]), np.array([1.0]))
        found = strong_wolfe(ray, ray(0.0), 100.0, c2=0.1)
    assert found.t == pytest.approx(0.5, abs=0.05)


def test_strong_wolfe_returns_the_lower_point_when_its_trials_are_used_up():
    ray = ray_of("quartic")
    assert strong_wolfe(ray, ray(0.0), 1e-6, c2=0.1, most_trials=2).value < ray(0.0).value
    assert strong_wolfe(lambda t: Point(t, 5.0, 1.0), Point(0.0, 1.0, -1.0), 1.0, most_trials=0).t == 0.0


def test_exact_search_ends_at_the_minimum_of_a_parabola_from_any_trial():
    ray = ray_of("parabola")
    for t in TRIALS:
        assert exact_on_quadratics(ray, ray(0.0), t).t == pytest.approx(0.5)


def test_exact_search_takes_the_trial_where_the_line_curves_downwards():
    assert exact_on_quadratics(lambda t: Point(t, -t * t - t, -2 * t - 1), Point(0.0, 0.0, -1.0), 3.0).t == 3.0


def test_cubic_minimum_is_that_of_the_cubic():
    value, slope = (lambda t: t**3 - 3 * t), (lambda t: 3 * t**2 - 3)
    a, b = (Point(t, value(t), slope(t)) for t in (-0.5, 3.0))
    assert cubic_minimum(a, b) == pytest.approx(1.0)
    assert cubic_minimum(b, a) == cubic_minimum(a, b)
    assert cubic_minimum(a, b, 1.5, 2.0) == 1.5


def test_cubic_minimum_bisects_where_there_is_none():
    assert cubic_minimum(Point(0.0, 0.0, -1.0), Point(2.0, -1.5, -1.0)) == 1.0
    assert cubic_minimum(Point(0.0, 0.0, -1.0), Point(2.0, np.inf, np.nan)) == 1.0
    assert cubic_minimum(Point(0.0, 0.0, -1.0), Point(0.0, 0.0, -1.0), 1.0, 2.0) == 1.5


# Methods that see all parameters as one vector

METHODS = {
    "BacktrackingGradientDescent": lambda params, **more: optim.BacktrackingGradientDescent(params, **more),
    "NonlinearCG": lambda params, **more: optim.NonlinearCG(params, **more),
    "BFGS": lambda params, **more: optim.BFGS(params, **more),
    "LBFGS": lambda params, **more: optim.LBFGS(
        params, **{"line_search_fn": "strong_wolfe", "max_iter": 3, "max_eval": 25, **more}),
}
every_method = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)


@every_method
def test_step_returns_the_loss_before_it_as_the_closure_returned_it(make):
    p = optim.Parameter([-1.2, 1.0])
    closure, returned = rosenbrock(p), []
    loss = make([p]).step(lambda: returned.append(np.array(closure())) or returned[-1])
    assert loss is returned[0] and loss == pytest.approx(24.2)


@every_method
def test_the_loss_never_rises(make):
    p = optim.Parameter([-1.2, 1.0])
    closure, optimizer = rosenbrock(p), make([p])
    losses = [float(optimizer.step(closure)) for _ in range(40)]
    assert np.all(np.diff(losses) <= 0) and losses[-1] < losses[0]


@every_method
@pytest.mark.parametrize("fails_at", [1, 2, 5, 9])
@pytest.mark.parametrize("fault", ["exception", "gradient"])
def test_closure_that_fails_leaves_parameters_and_state_as_they_were(make, fails_at, fault):
    p = optim.Parameter([-1.2, 1.0])
    closure, optimizer, calls = rosenbrock(p), make([p]), []
    for _ in range(2):
        optimizer.step(closure)
    parameters, state = p.data.copy(), optimizer.state_dict()

    def failing():
        calls.append(closure())
        if len(calls) == fails_at:
            if fault == "exception":
                raise OverflowError("the model gave up")
            p.grad = np.zeros(3)
        return calls[-1]

    with pytest.raises(OverflowError if fault == "exception" else ValueError):
        for _ in range(9):
            np.testing.assert_equal(optimizer.state_dict(), state)
            optimizer.step(failing)
            parameters, state = p.data.copy(), optimizer.state_dict()
    np.testing.assert_array_equal(p.data, parameters)
    np.testing.assert_equal(optimizer.state_dict(), state)


@every_method
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_loss_that_is_not_finite_is_reported_and_moves_nothing(make, bad):
    p = optim.Parameter([-1.2, 1.0])
    closure, optimizer = rosenbrock(p), make([p])
    optimizer.step(closure)
    parameters, state = p.data.copy(), optimizer.state_dict()
    with pytest.raises(FloatingPointError, match="the closure returned .*back where the step began"):
        optimizer.step(lambda: closure() * 0 + bad)
    np.testing.assert_array_equal(p.data, parameters)
    np.testing.assert_equal(optimizer.state_dict(), state)


@every_method
def test_gradient_that_is_not_finite_is_reported_and_moves_nothing(make):
    p = optim.Parameter([-1.2, 1.0])

    def closure():
        p.grad = np.array([np.nan, 1.0])
        return 1.0

    with pytest.raises(FloatingPointError, match="gradients with nan"):
        make([p]).step(closure)
    np.testing.assert_array_equal(p.data, [-1.2, 1.0])


@every_method
def test_search_goes_round_a_region_where_the_loss_is_not_a_number(make):
    p = optim.Parameter([3.0])

    def closure():
        with np.errstate(invalid="ignore", divide="ignore"):
            p.grad = 5 - 1 / p.data
            return float(5 * p.data[0] - np.log(p.data[0]))

    optimizer = make([p])
    for _ in range(30):
        optimizer.step(closure)
    np.testing.assert_allclose(p.data, [0.2], rtol=1e-4)


@every_method
def test_step_without_a_closure_says_what_is_needed(make):
    with pytest.raises(TypeError, match="needs a closure that clears the gradients"):
        make([optim.Parameter([1.0])]).step(None)


@every_method
def test_closure_that_forgets_to_return_the_loss_is_reported(make):
    p = optim.Parameter([-1.2, 1.0])
    closure = rosenbrock(p)
    with pytest.raises(TypeError, match="end it with `return loss`"):
        make([p]).step(lambda: closure() and None)


@every_method
def test_several_parameters_and_groups_move_as_one_vector(make):
    whole, x, y = optim.Parameter([-1.2, 1.0]), optim.Parameter(-1.2), optim.Parameter([[1.0]])
    one, two = make([whole]), make([{"params": [x]}, {"params": [y]}])
    closure = rosenbrock(whole)

    def split_closure():
        parts = optim.Parameter([x.data, y.data[0, 0]])
        loss = rosenbrock(parts)()
        x.grad, y.grad = np.array(parts.grad[0]), parts.grad[1:].reshape(1, 1)
        return loss

    for _ in range(8):
        assert one.step(closure) == two.step(split_closure)
    np.testing.assert_array_equal(whole.data, [x.data, y.data[0, 0]])
    assert x.data.shape == () and y.data.shape == (1, 1)


@every_method
def test_parameter_without_a_gradient_stays(make):
    p, q = optim.Parameter([-1.2, 1.0]), optim.Parameter([7.0])
    optimizer, closure = make([p, q]), rosenbrock(p)
    for _ in range(5):
        optimizer.step(closure)
    np.testing.assert_array_equal(q.data, [7.0])


@every_method
def test_maximizing_is_minimizing_the_negative(make):
    p, q = optim.Parameter([-1.2, 1.0]), optim.Parameter([-1.2, 1.0])
    down, up = make([p]), make([q], maximize=True)
    closure, other = rosenbrock(p), rosenbrock(q)

    def negative():
        loss = -other()
        q.grad = -q.grad
        return loss

    for _ in range(8):
        assert down.step(closure) == -up.step(negative)
    np.testing.assert_array_equal(p.data, q.data)


@every_method
def test_float32_stays_float32_in_parameters_and_state(make):
    p = optim.Parameter(np.array([-1.2, 1.0], np.float32))
    data, closure, optimizer = p.data, rosenbrock(p), make([p])
    for _ in range(5):
        optimizer.step(closure)
    assert p.data is data and data.dtype == np.float32
    arrays = [a for entry in optimizer.state[p].values() for a in (entry if isinstance(entry, list) else [entry])]
    assert all(a.dtype == np.float32 for a in arrays if isinstance(a, np.ndarray))


@every_method
def test_resumed_run_continues_bit_for_bit(make, tmp_path):
    p, q = optim.Parameter([-1.2, 1.0]), optim.Parameter([0.0, 0.0])
    first, second = make([p]), make([q])
    for _ in range(4):
        first.step(rosenbrock(p))
    optim.save(tmp_path / "run.npz", first.state_dict())
    second.load_state_dict(optim.load(tmp_path / "run.npz"))
    q.data[...] = p.data
    for _ in range(4):
        assert first.step(rosenbrock(p)) == second.step(rosenbrock(q))
    np.testing.assert_array_equal(p.data, q.data)
    np.testing.assert_equal(first.state_dict(), second.state_dict())


@pytest.mark.parametrize("make", [METHODS[name] for name in ("NonlinearCG", "BFGS", "LBFGS")])
def test_state_that_does_not_fit_is_refused_and_changes_nothing(make):
    p, q = optim.Parameter([-1.2, 1.0]), optim.Parameter([1.0, 1.0, 1.0])
    first, second = make([p]), make([q])
    for _ in range(3):
        first.step(rosenbrock(p))
    saved = first.state_dict()
    before = second.state_dict()
    with pytest.raises(ValueError, match="shape"):
        second.load_state_dict(saved)
    with pytest.raises(ValueError):
        first.load_state_dict({**saved, "state": {0: {**saved["state"][0], "stranger": 1}}})
    np.testing.assert_equal(second.state_dict(), before)
    np.testing.assert_equal(first.state_dict(), saved)


@every_method
def test_group_added_later_joins_the_vector(make):
    p, q = optim.Parameter([-1.2, 1.0]), optim.Parameter([3.0])
    optimizer, closure = make([p]), rosenbrock(p)

    def both():
        loss = closure() + float(q.data @ q.data)
        q.grad = 2 * q.data
        return loss

    optimizer.step(closure)
    optimizer.add_param_group({"params": [q]})
    losses = [optimizer.step(both) for _ in range(30)]
    assert losses[-1] < losses[0] and abs(q.data[0]) < 3


@every_method
def test_groups_that_disagree_and_array_hyperparameters_are_refused(make):
    p, q = optim.Parameter([1.0]), optim.Parameter([1.0])
    with pytest.raises(ValueError, match="need the same lr"):
        make([{"params": [p]}, {"params": [q], "lr": 0.5}])
    with pytest.raises(ValueError, match="one vector: pass a number"):
        make([p], lr=np.array([0.1]))
    optimizer = make([p])
    with pytest.raises(ValueError, match="need the same lr"):
        optimizer.add_param_group({"params": [q], "lr": 0.5})
    assert len(optimizer.param_groups) == 1


@every_method
def test_hooks_see_every_step(make):
    p, seen = optim.Parameter([-1.2, 1.0]), []
    optimizer = make([p])
    optimizer.register_step_pre_hook(lambda *_: seen.append(p.data.copy()))
    optimizer.register_step_post_hook(lambda *_: seen.append(p.data.copy()))
    optimizer.step(rosenbrock(p))
    np.testing.assert_array_equal(seen, [[-1.2, 1.0], p.data])


@every_method
def test_nothing_moves_where_the_gradient_is_zero_or_lr_is_zero(make):
    p = optim.Parameter([1.0, 1.0])
    make([p]).step(rosenbrock(p))
    np.testing.assert_array_equal(p.data, [1.0, 1.0])
    p = optim.Parameter([-1.2, 1.0])
    make([p], lr=0).step(rosenbrock(p))
    np.testing.assert_array_equal(p.data, [-1.2, 1.0])


def test_unknown_line_search_is_reported_with_those_there_are():
    with pytest.raises(ValueError, match=r"'goldstein'; expected None or one of \['backtracking', 'exact'"):
        optim.BFGS([optim.Parameter([1.0])], line_search_fn="goldstein")
    p = optim.Parameter([1.0, 1.0])
    optimizer = optim.BFGS([p])
    optimizer.param_groups[0]["line_search_fn"] = "goldstein"
    with pytest.raises(ValueError, match="goldstein"):
        optimizer.step(rosenbrock(p))


# Gradient descent with backtracking

def test_backtracking_descent_decreases_by_armijo_at_every_step():
    p = optim.Parameter([-1.2, 1.0])
    closure, optimizer = rosenbrock(p), optim.BacktrackingGradientDescent([p], c1=0.3)
    for _ in range(50):
        before, loss = p.data.copy(), closure()
        grad = p.grad
        optimizer.step(closure)
        t = (before - p.data)[0] / grad[0]
        assert closure() <= loss - 0.3 * t * grad @ grad + 1e-15
        assert np.log2(t) == pytest.approx(round(np.log2(t)))


@pytest.mark.slow
def test_backtracking_descent_reaches_the_bottom_of_a_bowl_and_of_rosenbrock():
    bowl = optim.Parameter([1.0, 1.0])

    def closure():
        bowl.grad = np.array([1.0, 10.0]) * bowl.data
        return bowl.data @ bowl.grad / 2

    optimizer = optim.BacktrackingGradientDescent([bowl])
    for _ in range(60):
        optimizer.step(closure)
    assert closure() < 1e-8
    p = optim.Parameter([-1.2, 1.0])
    optimizer, closure = optim.BacktrackingGradientDescent([p]), rosenbrock(p)
    for _ in range(3000):
        optimizer.step(closure)
    assert closure() < 1e-3
