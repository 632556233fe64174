"""Conjugate gradients, BFGS and L-BFGS: as in theory on quadratics, as in PyTorch and SciPy elsewhere."""

import itertools

import numpy as np
import pytest

import optim
from optim.quasi_newton import two_loop_recursion

START = (-1.2, 1.0)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_grad(x):
    grad = np.zeros_like(x)
    grad[1:] += 200 * (x[1:] - x[:-1] ** 2)
    grad[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return grad


def softplus_bowl(x):
    """A strictly convex function that is no quadratic: its curvature falls by a factor of 20 on the way out."""
    w = np.linspace(1, 3, x.size)
    return np.sum(np.logaddexp(0, w * x)) - np.sum(x) / 3 + 0.05 * x @ x


def softplus_bowl_grad(x):
    w = np.linspace(1, 3, x.size)
    return w / (1 + np.exp(-w * x)) - 1 / 3 + 0.1 * x


FUNCTIONS = {"rosenbrock": (rosenbrock, rosenbrock_grad), "softplus_bowl": (softplus_bowl, softplus_bowl_grad)}


def closure_of(p, name="rosenbrock"):
    value, slope = FUNCTIONS[name]

    def closure():
        p.grad = slope(p.data).astype(p.data.dtype)
        return float(value(p.data))

    return closure


def quadratic(rng, n):
    """Return the matrix, the minimum, and a parameter with its closure, of a random convex quadratic."""
    A = rng.normal(size=(n, n))
    A, b = A @ A.T + 0.5 * np.eye(n), rng.normal(size=n)
    p = optim.Parameter(rng.normal(size=n))

    def closure():
        p.grad = A @ p.data - b
        return float(p.data @ (p.grad - b)) / 2

    return A, np.linalg.solve(A, b), p, closure


METHODS = {
    **{formula: lambda params, formula=formula, **more: optim.NonlinearCG(params, formula=formula, **more)
       for formula in optim.NonlinearCG.formulas},
    "BFGS": lambda params, **more: optim.BFGS(params, **more),
    "LBFGS": lambda params, **more: optim.LBFGS(
        params, **{"line_search_fn": "strong_wolfe", "max_iter": 1, "max_eval": 25, "tolerance_change": 0.0, **more}),
}
every_method = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)


# Theory

@every_method
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_quadratic_in_n_variables_ends_in_n_steps(make, n, rng):
    _, minimum, p, closure = quadratic(rng, n)
    optimizer = make([p], line_search_fn="exact")
    for _ in range(n):
        assert n == 1 or np.linalg.norm(p.data - minimum) > 1e-4
        optimizer.step(closure)
    np.testing.assert_allclose(p.data, minimum, atol=1e-7)


@every_method
def test_steps_on_a_quadratic_are_those_of_linear_conjugate_gradients(make, rng):
    A, _, p, closure = quadratic(rng, 6)
    optimizer, x = make([p], line_search_fn="exact"), p.data.copy()
    closure()
    residual = direction = -p.grad
    for _ in range(6):
        alpha = residual @ residual / (direction @ A @ direction)
        x, shorter = x + alpha * direction, residual - alpha * A @ direction
        direction = shorter + (shorter @ shorter) / (residual @ residual) * direction
        residual = shorter
        optimizer.step(closure)
        np.testing.assert_allclose(p.data, x, rtol=1e-6, atol=1e-8)


def test_bfgs_has_learnt_the_inverse_hessian_after_n_exact_steps(rng):
    A, _, p, closure = quadratic(rng, 5)
    optimizer = optim.BFGS([p], line_search_fn="exact")
    for _ in range(5):
        optimizer.step(closure)
    B = optimizer.state[p]["inverse_hessian"].copy()
    s, y = p.data - optimizer.state[p]["prev_param"], A @ (p.data - optimizer.state[p]["prev_param"])
    rho, identity = 1 / (y @ s), np.eye(5)
    B = (identity - rho * np.outer(s, y)) @ B @ (identity - rho * np.outer(y, s)) + rho * np.outer(s, s)
    np.testing.assert_allclose(B, np.linalg.inv(A), rtol=1e-5, atol=1e-7)


def test_bfgs_update_is_the_formula_and_explains_the_last_step(rng):
    p = optim.Parameter(np.resize(START, 4))
    optimizer, closure = optim.BFGS([p]), closure_of(p)
    for step in range(12):
        before = {name: np.copy(entry) for name, entry in optimizer.state[p].items()} if step > 1 else None
        x = p.data.copy()
        optimizer.step(closure)
        if step > 1:
            s, y = x - before["prev_param"], rosenbrock_grad(x) - before["prev_grad"]
            rho, B, identity = 1 / (y @ s), before["inverse_hessian"], np.eye(4)
            expected = (identity - rho * np.outer(s, y)) @ B @ (identity - rho * np.outer(y, s)) + rho * np.outer(s, s)
            found = optimizer.state[p]["inverse_hessian"]
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)
            np.testing.assert_allclose(found @ y, s, rtol=1e-7, atol=1e-10)
            assert np.all(np.linalg.eigvalsh(found) > 0)


def test_lbfgs_with_a_long_memory_multiplies_by_the_matrix_of_bfgs(rng):
    A, _, _, _ = quadratic(rng, 6)
    steps = list(rng.normal(size=(4, 6)))
    changes = [A @ s for s in steps]
    rho = [1 / (s @ y) for s, y in zip(steps, changes)]
    B, identity, grad = 0.7 * np.eye(6), np.eye(6), rng.normal(size=6)
    for s, y, r in zip(steps, changes, rho):
        B = (identity - r * np.outer(s, y)) @ B @ (identity - r * np.outer(y, s)) + r * np.outer(s, s)
    phi, _ = two_loop_recursion(grad, steps, changes, rho, 0.7)
    np.testing.assert_allclose(phi, B @ grad, rtol=1e-9)


@pytest.mark.parametrize("line_search_fn", ["strong_wolfe", "backtracking"])
@pytest.mark.parametrize("formula", optim.NonlinearCG.formulas)
def test_conjugate_gradients_only_go_downhill(formula, line_search_fn):
    """Also with a line search that is too rough for them, when they fall back to the gradient."""
    p = optim.Parameter(np.resize(START, 6))
    optimizer, closure = optim.NonlinearCG([p], formula=formula, line_search_fn=line_search_fn), closure_of(p)
    losses = []
    for _ in range(60):
        losses.append(optimizer.step(closure))
        state = optimizer.state[p]
        assert state["prev_phi"] @ state["prev_grad"] > 0
    assert np.all(np.diff(losses) <= 0)


@every_method
def test_step_without_a_line_search_is_lr_times_the_direction(make):
    p, q = optim.Parameter(START), optim.Parameter(START)
    one, two = make([p], lr=1e-3, line_search_fn=None), make([q], lr=2e-3, line_search_fn=None)
    one.step(closure_of(p))
    two.step(closure_of(q))
    np.testing.assert_allclose(q.data - START, 2 * (p.data - START), rtol=1e-10)


def test_polak_ribiere_plus_starts_afresh_where_its_formula_is_negative():
    formula = optim.NonlinearCG.formulas["polak_ribiere"]
    previous = np.array([1.0, 1.0])
    for grad, beta in ((np.array([2.0, 0.5]), 0.875), (np.array([0.5, 0.5]), 0)):
        assert formula(grad, grad - previous, previous, previous) == beta


# Published numbers and SciPy

def steps_to(tolerance, optimizer, p, limit=300):
    closure = closure_of(p)
    for steps in range(limit):
        if np.linalg.norm(rosenbrock_grad(p.data)) <= tolerance:
            return steps
        optimizer.step(closure)
    raise AssertionError(f"not there after {limit} steps")


@pytest.mark.parametrize("name, most", [("polak_ribiere", 40), ("hestenes_stiefel", 40), ("fletcher_reeves", 80),
                                        ("BFGS", 45), ("LBFGS", 45)])
def test_rosenbrock_takes_about_as_many_iterations_as_in_the_literature(name, most):
    """BFGS: 34 in Nocedal and Wright, section 6.1, from (-1.2, 1) to |g| <= 1e-5 (gradient descent: 5264)."""
    p = optim.Parameter(START)
    assert 15 <= steps_to(1e-5, METHODS[name]([p]), p) <= most
    np.testing.assert_allclose(p.data, [1, 1], atol=1e-4)


@pytest.mark.parametrize("n", [2, 10, 30])
@pytest.mark.parametrize("name, method", [("BFGS", "BFGS"), ("LBFGS", "L-BFGS-B"), ("polak_ribiere", "CG")])
def test_needs_about_as_many_evaluations_as_scipy(name, method, n):
    scipy = pytest.importorskip("scipy.optimize")
    start = np.linspace(0.5, 1.5, n)
    options = {"ftol": 1e-15, "gtol": 1e-6} if method == "L-BFGS-B" else {"gtol": 1e-6}
    theirs = scipy.minimize(rosenbrock, start, jac=rosenbrock_grad, method=method, options=options)
    p, evaluations = optim.Parameter(start), []
    closure = closure_of(p)
    optimizer = METHODS[name]([p])
    for _ in range(500):
        optimizer.step(lambda: evaluations.append(1) or closure())
        if np.abs(rosenbrock_grad(p.data)).max() <= 1e-6:
            break
    assert rosenbrock(p.data) == pytest.approx(theirs.fun, abs=1e-8)
    assert len(evaluations) <= 2.5 * theirs.nfev + 20


@every_method
def test_reaches_the_bottom_of_a_bowl_and_of_rosenbrock(make):
    bowl = optim.Parameter([1.0, 1.0, 1.0])

    def closure():
        bowl.grad = np.array([1.0, 10.0, 100.0]) * bowl.data
        return float(bowl.data @ bowl.grad) / 2

    optimizer = make([bowl])
    for _ in range(20):
        optimizer.step(closure)
    assert closure() < 1e-8
    p = optim.Parameter(START)
    optimizer = make([p])
    for _ in range(60):
        optimizer.step(closure_of(p))
    assert rosenbrock(p.data) < 1e-9


# L-BFGS as PyTorch's

GRID = [dict(zip(("line_search_fn", "history_size", "max_iter", "max_eval", "lr", "tolerance_change"), options))
        for options in itertools.product([None, "strong_wolfe"], [1, 100], [2, 20], [None, 7], [0.1, 1], [1e-9, 1e-3])]


def torch_lbfgs(torch, start, name, **options):
    """Return PyTorch's parameter, optimizer and closure, with the gradient computed by NumPy as ours is."""
    q = torch.tensor(start, requires_grad=True)
    value, slope = FUNCTIONS[name]

    def closure():
        x = q.detach().numpy()
        q.grad = torch.from_numpy(slope(x).astype(x.dtype))
        return float(value(x))

    return q, torch.optim.LBFGS([q], **options), closure


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lbfgs_steps_as_pytorch_over_a_grid_of_every_argument(name):
    torch = pytest.importorskip("torch")
    start = np.linspace(-1.2, 1, 4)
    for options in GRID:
        if name == "rosenbrock" and options["line_search_fn"] is None:
            options = {**options, "lr": options["lr"] / 100}
        p = optim.Parameter(start)
        ours, closure = optim.LBFGS([p], **options), closure_of(p, name)
        q, theirs, their_closure = torch_lbfgs(torch, start, name, **options)
        for _ in range(3):
            assert ours.step(closure) == pytest.approx(theirs.step(their_closure), rel=1e-7)
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-7, atol=1e-9, err_msg=str(options))
            state, expected = ours.state[p], theirs.state[q]
            assert state.keys() == expected.keys()
            assert state["func_evals"] == expected["func_evals"] and state["n_iter"] == expected["n_iter"]
            assert len(state["ro"]) == len(expected["ro"])


def test_lbfgs_defaults_and_arguments_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.optim.LBFGS([torch.zeros(2, requires_grad=True)]).defaults
    assert optim.LBFGS([optim.Parameter(START)]).defaults == {**theirs, "maximize": False}


# Three steps of torch.optim.LBFGS (2.13) from (-1.2, 1): parameters after each.
REFERENCE = {
    None: [(-1.18634924098, 1.0063540774), (-1.17925547272, 1.011638567), (-1.17291236429, 1.01784846013)],
    "strong_wolfe": [(-1.02030848039, 1.03527698665), (-0.516027772885, 0.22654582579),
                     (-0.0461901917126, -0.0180115663647)],
}


@pytest.mark.parametrize("line_search_fn", REFERENCE)
def test_lbfgs_steps_as_pytorch_did_where_it_is_not_installed(line_search_fn):
    p = optim.Parameter(START)
    optimizer = optim.LBFGS([p], lr=0.01 if line_search_fn is None else 1, max_iter=6, line_search_fn=line_search_fn)
    for expected in REFERENCE[line_search_fn]:
        optimizer.step(closure_of(p))
        np.testing.assert_allclose(p.data, expected, rtol=1e-9)


@pytest.mark.parametrize("line_search_fn", [None, "strong_wolfe"])
def test_lbfgs_goes_on_with_a_state_of_pytorch(line_search_fn):
    torch = pytest.importorskip("torch")
    options = {"lr": 0.3, "max_iter": 3, "history_size": 4, "line_search_fn": line_search_fn}
    start = np.linspace(-1, 1, 5)
    q, theirs, their_closure = torch_lbfgs(torch, start, "softplus_bowl", **options)
    for _ in range(4):
        theirs.step(their_closure)
    p = optim.Parameter(q.detach().numpy())
    ours = optim.LBFGS([p])
    ours.load_state_dict(theirs.state_dict())
    for _ in range(4):
        assert ours.step(closure_of(p, "softplus_bowl")) == pytest.approx(theirs.step(their_closure), rel=1e-9)
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-7, atol=1e-10)


def test_pytorch_goes_on_with_a_state_of_lbfgs():
    torch = pytest.importorskip("torch")
    p = optim.Parameter(np.linspace(-1, 1, 5))
    ours = optim.LBFGS([p], max_iter=3, line_search_fn="strong_wolfe")
    for _ in range(4):
        ours.step(closure_of(p, "softplus_bowl"))
    q, theirs, their_closure = torch_lbfgs(torch, p.data.copy(), "softplus_bowl")

    def to_torch(entry):
        if isinstance(entry, dict):
            return {name: to_torch(item) for name, item in entry.items()}
        if isinstance(entry, list):
            return [to_torch(item) for item in entry]
        return torch.from_numpy(entry.copy()) if isinstance(entry, np.ndarray) else entry

    theirs.load_state_dict(to_torch(ours.state_dict()))
    for _ in range(4):
        assert ours.step(closure_of(p, "softplus_bowl")) == pytest.approx(float(theirs.step(their_closure)), rel=1e-9)
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-7, atol=1e-10)


def test_lbfgs_in_float32_stays_near_pytorch():
    torch = pytest.importorskip("torch")
    start = np.linspace(-1, 1, 5, dtype=np.float32)
    q, theirs, their_closure = torch_lbfgs(torch, start, "softplus_bowl", max_iter=5)
    p = optim.Parameter(start)
    ours = optim.LBFGS([p], max_iter=5)
    for _ in range(3):
        ours.step(closure_of(p, "softplus_bowl"))
        theirs.step(their_closure)
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-3, atol=1e-4)


# L-BFGS by itself

def test_lbfgs_keeps_at_most_history_size_pairs():
    p = optim.Parameter(np.resize(START, 6))
    optimizer = optim.LBFGS([p], history_size=3, max_iter=10, line_search_fn="strong_wolfe")
    optimizer.step(closure_of(p))
    assert [len(optimizer.state[p][name]) for name in ("old_dirs", "old_stps", "ro")] == [3, 3, 3]
    optimizer.param_groups[0]["history_size"] = 2
    optimizer.step(closure_of(p))
    assert len(optimizer.state[p]["ro"]) == 2


def test_lbfgs_counts_its_evaluations():
    p, calls = optim.Parameter(START), []
    optimizer, closure = optim.LBFGS([p], line_search_fn="strong_wolfe"), closure_of(p)
    for _ in range(3):
        optimizer.step(lambda: calls.append(1) or closure())
    assert optimizer.state[p]["func_evals"] == len(calls)


def test_lbfgs_that_diverges_without_a_line_search_is_reported_and_put_back():
    p = optim.Parameter([0.5])

    def closure():
        p.grad = np.exp(p.data) - np.exp(-p.data)
        return float(np.exp(p.data[0]) + np.exp(-p.data[0]))

    optimizer = optim.LBFGS([p], lr=1e4, max_iter=20)
    with pytest.raises(FloatingPointError, match="after a fixed step"), np.errstate(over="ignore"):
        optimizer.step(closure)
    np.testing.assert_array_equal(p.data, [0.5])
    assert p not in optimizer.state


def test_lbfgs_refuses_a_state_with_vectors_of_another_length_or_of_another_optimizer():
    p = optim.Parameter(START)
    optimizer = optim.LBFGS([p])
    optimizer.step(closure_of(p))
    saved, adam = optimizer.state_dict(), optim.Adam([p])
    p.grad = rosenbrock_grad(p.data)
    adam.step()
    with pytest.raises(ValueError):
        optimizer.load_state_dict(adam.state_dict())
    broken = {**saved, "state": {0: {**saved["state"][0], "old_dirs": [np.ones(3)]}}}
    with pytest.raises(ValueError, match=r"vector of shape \(3,\); expected \(2,\)"):
        optimizer.load_state_dict(broken)
    np.testing.assert_equal(optimizer.state_dict(), saved)


@pytest.mark.parametrize("options, reason, iterations", [
    ({"max_iter": 3, "max_eval": 100}, "max_iter", 3),
    ({"max_eval": 2, "max_iter": 3}, "max_eval", 1),
    ({"tolerance_grad": 1e9}, "tolerance_grad", 0),
    ({"tolerance_change": 1e9}, "tolerance_change", 1),
    ({"max_iter": 100, "tolerance_grad": 1e-3, "tolerance_change": 0}, "tolerance_grad", None),
    ({"max_iter": 100, "tolerance_grad": 0, "tolerance_change": 1e-3}, "tolerance_change", None),
])
def test_lbfgs_says_what_ended_a_step(options, reason, iterations):
    p = optim.Parameter(START)
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe", **options)
    assert optimizer.stopped_by is None
    optimizer.step(closure_of(p))
    assert optimizer.stopped_by == reason
    n_iter = optimizer.state[p]["n_iter"]
    assert n_iter == iterations if iterations is not None else 3 < n_iter < 100


@pytest.mark.parametrize("options", [{"max_iter": 1}, {"max_eval": 1}, {"max_iter": 2, "lr": 50}])
def test_lbfgs_that_cannot_move_for_want_of_trials_warns_at_the_step(options):
    p = optim.Parameter(START)
    optimizer, closure = optim.LBFGS([p], line_search_fn="strong_wolfe", **options), closure_of(p)
    with pytest.warns(UserWarning, match=r"did not move: with max_eval=[12],.* larger max_eval") as found:
        optimizer.step(closure)
    assert found[0].filename == __file__
    np.testing.assert_array_equal(p.data, START)


@pytest.mark.parametrize("options", [{"max_iter": 1}, {"max_eval": 1}, {"max_iter": 2, "lr": 50}])
def test_the_advice_of_that_warning_helps(options):
    p = optim.Parameter(START)
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe", **{**options, "max_eval": 25})
    before = optimizer.step(closure_of(p))
    assert closure_of(p)() < before


def test_lbfgs_does_not_warn_if_only_a_later_iteration_of_the_step_finds_no_lower_loss():
    """Three of these steps end in such an iteration; the next step has all its trials again."""
    p = optim.Parameter(np.linspace(-1.2, 1, 4))
    optimizer, closure = optim.LBFGS([p], lr=50, line_search_fn="strong_wolfe", max_eval=10), closure_of(p)
    losses = [optimizer.step(closure) for _ in range(8)]
    assert np.all(np.diff(losses) < 0)


@pytest.mark.parametrize("options", [{"history_size": 0}, {"max_iter": 0}, {"tolerance_grad": -1.0}, {"lr": -1}])
def test_lbfgs_refuses_hyperparameters_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        optim.LBFGS([optim.Parameter(START)], **options)


def test_unknown_formula_is_reported_with_those_there_are():
    with pytest.raises(ValueError, match=r"formula is 'dai_yuan'; expected one of \['fletcher_reeves'"):
        optim.NonlinearCG([optim.Parameter(START)], formula="dai_yuan")


@pytest.mark.parametrize(("change", "message"), [
    (lambda state: state.pop("old_dirs"), r"the state has \['H_diag', .*; LBFGS keeps"),
    (lambda state: state["ro"].append(1.0), "old_dirs, old_stps and ro have"),
], ids=["without old_dirs", "lists of two lengths"])
def test_a_state_of_lbfgs_that_the_next_step_could_not_use_is_refused(change, message):
    p = optim.Parameter([1.0, -2.0])

    def closure():
        p.grad = np.array([1.0, 10.0]) * p.data**3
        return float(np.array([1.0, 10.0]) @ p.data**4) / 4

    optimizer = optim.LBFGS([p], max_iter=3)
    optimizer.step(closure)
    saved = optimizer.state_dict()
    change(saved["state"][0])
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved)
    np.testing.assert_equal(optimizer.state_dict(), before)
