"""What every optimizer of the package must pass: see `optimizer_catalogue.py` for the examples."""

import copy
import importlib
import inspect
import pkgutil
from functools import cache

import numpy as np
import pytest
from optimizer_catalogue import EXAMPLES, Bowl, Network, Rosenbrock

import optim
import optim.interface.optimizer

# Bases of several optimizers, of no use alone.
ABSTRACT = {"WholeVectorOptimizer", "LeastSquaresOptimizer", "DiagonalHessianOptimizer", "PointOptimizer", "Wrapper",
            "Averaging"}


def optimizers():
    """Return the names of all subclasses of Optimizer in the package, the pictures aside."""
    for module in pkgutil.walk_packages(optim.__path__, prefix="optim."):
        if not module.name.startswith(("optim.viz", "optim.__main__")):
            importlib.import_module(module.name)

    def below(cls):
        return {sub for child in cls.__subclasses__() for sub in {child, *below(child)}}

    found = {cls for cls in below(optim.Optimizer) if cls.__module__.startswith("optim.")}
    return {cls.__name__ for cls in found if getattr(inspect.getmodule(cls), cls.__name__, None) is cls} - ABSTRACT


def test_every_optimizer_of_the_package_has_an_example_and_is_exported():
    assert optimizers() == set(EXAMPLES)
    assert set(EXAMPLES) <= set(optim.__all__)


every = pytest.mark.parametrize("name", EXAMPLES)
elementwise = pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.arrays])


def started(name, steps=0, *, hyper=None, problem=Bowl, **kind):
    """Return an optimizer and its problem after some steps."""
    problem = problem(rows=EXAMPLES[name].rows, **kind)
    optimizer = EXAMPLES[name].optimizer(name, problem, hyper)
    walk(optimizer, problem, steps)
    return optimizer, problem


def walk(optimizer, problem, steps):
    for _ in range(steps):
        optimizer.step(problem.closure)


def positions(problem):
    return [p.data.copy() for p in problem.params]


def arrays_in(tree):
    """Yield all arrays in nested dictionaries, lists and tuples."""
    if isinstance(tree, np.ndarray):
        yield tree
    elif isinstance(tree, (dict, list, tuple)):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from arrays_in(item)


def assert_equal(first, second):
    for x, y in zip(first, second):
        np.testing.assert_array_equal(x, y)


# Convergence

@every
@pytest.mark.parametrize("problem", [Bowl, Rosenbrock, pytest.param(Network, marks=pytest.mark.slow)])
def test_reaches_the_stated_loss_within_the_stated_steps(name, problem):
    stated = getattr(EXAMPLES[name], problem.__name__.lower())
    if isinstance(stated, str):
        pytest.skip(stated)
    hyper, steps, loss = stated
    _, problem = started(name, steps, hyper=hyper, problem=problem)
    assert problem.loss() <= loss


@every
def test_step_returns_the_loss_before_it(name):
    optimizer, problem = started(name)
    before = problem.loss()
    assert optimizer.step(problem.closure) == pytest.approx(before)


@every
def test_climbing_the_loss_upside_down_is_descending_it(name):
    if "maximize" not in inspect.signature(getattr(optim, name).__init__).parameters:
        pytest.skip("it takes no maximize: its inner optimizer does, or sums of squares have no maximum")
    _, down = started(name, 5)
    up = Bowl(rows=EXAMPLES[name].rows, sign=-1)
    hyper = EXAMPLES[name].bowl[0] if EXAMPLES[name].hyper is None else EXAMPLES[name].hyper
    walk(EXAMPLES[name].optimizer(name, up, {**hyper, "maximize": True}), up, 5)
    for x, y in zip(positions(down), positions(up)):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


# Types and memory

@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_and_states_keep_the_dtype_and_the_parameters_their_memory(name, dtype):
    optimizer, problem = started(name, dtype=dtype)
    arrays, before = [p.data for p in problem.params], positions(problem)
    walk(optimizer, problem, 3)
    assert all(p.data is array for p, array in zip(problem.params, arrays))
    assert any(np.any(x != y) for x, y in zip(before, arrays))
    floats = [array for array in arrays_in([arrays, *optimizer.state.values()]) if array.dtype.kind == "f"]
    assert {array.dtype for array in floats} == {np.dtype(dtype)}


@every
def test_gradients_are_left_as_they_are(name):
    optimizer, problem = started(name)
    problem.closure()
    if EXAMPLES[name].rows:
        pytest.skip("gradients by rows are copied when they are coalesced")
    before = [p.grad.copy() for p in problem.params]
    for p in problem.params:
        p.grad.flags.writeable = False
    loss = problem.loss()
    if name in {"Newton", "NewtonCG", "NonlinearCG", "BFGS", "LBFGS", "BacktrackingGradientDescent"}:
        pytest.skip("the closure makes new ones")
    optimizer.step(lambda: loss)
    assert_equal([p.grad for p in problem.params], before)


# Pieces and arrays of hyperparameters

def rule_run(name, shape, hyper, dtype=np.float64, transposed=False, steps=3):
    """Return where an elementwise rule takes a parameter of this shape, with gradients of its own for each element."""
    rng = np.random.default_rng(3)
    start, curvature = rng.uniform(0.5, 1, size=shape).astype(dtype), rng.uniform(0.5, 2, size=shape).astype(dtype)
    problem = Diagonal(start.T.copy().T if transposed else start, curvature, EXAMPLES[name].rows)
    walk(EXAMPLES[name].optimizer(name, problem, hyper), problem, steps)
    return problem.params[0].data


class Diagonal:
    """One parameter with a gradient of its own for each element."""

    def __init__(self, start, curvature, rows=False):
        self.params, self.curvature, self.rows = [optim.Parameter(start)], curvature, rows
        self.params[0].data = start

    def closure(self):
        grad = self.curvature * np.sin(self.params[0].data)
        self.params[0].grad = optim.RowGradient(range(len(grad)), grad) if self.rows else grad
        return 0.0

    def hvp(self, v):
        return self.curvature * np.cos(self.params[0].data) * v


def rule_hyper(name):
    return EXAMPLES[name].bowl[0] if EXAMPLES[name].hyper is None else EXAMPLES[name].hyper


def test_elementwise_optimizers_have_hyperparameters_to_vary_and_others_have_none():
    for name, example in EXAMPLES.items():
        if name != "chain" and not issubclass(getattr(optim, name), optim.Wrapper):
            assert bool(example.arrays) == getattr(optim, name).elementwise, name


@elementwise
@pytest.mark.parametrize("transposed", [False, True])
def test_pieces_move_as_the_whole(name, transposed, monkeypatch):
    ends = []
    for piece in (7, 10**9):
        monkeypatch.setattr(optim.interface.optimizer, "PIECE", piece)
        ends.append(rule_run(name, (5, 23), rule_hyper(name), transposed=transposed))
    np.testing.assert_array_equal(*ends)


@pytest.mark.slow
@elementwise
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_parameter_moves_as_it_would_whole(name, dtype, monkeypatch):
    shape = (3, optim.interface.optimizer.PIECE)
    in_pieces = rule_run(name, shape, rule_hyper(name), dtype, steps=2)
    monkeypatch.setattr(optim.interface.optimizer, "PIECE", 10**9)
    np.testing.assert_array_equal(in_pieces, rule_run(name, shape, rule_hyper(name), dtype, steps=2))


@elementwise
def test_the_example_varies_every_hyperparameter_that_is_a_number(name):
    defaults = started(name)[0].defaults
    numbers = {key for key, value in defaults.items() if type(value) in (int, float)}
    pairs = {key for key, value in defaults.items() if isinstance(value, tuple)}
    structural = {"hessian_power", "update_interval", *[key for key in defaults if "." in key]}
    assert set(EXAMPLES[name].arrays) == (numbers | pairs) - structural


@elementwise
@pytest.mark.parametrize("piece", [4, 10**9])
def test_arrays_of_hyperparameters_make_separate_runs(name, piece, monkeypatch):
    monkeypatch.setattr(optim.interface.optimizer, "PIECE", piece)
    together = {key: tuple(map(np.array, values)) if isinstance(values[0], list) else np.array(values)
                for key, values in EXAMPLES[name].arrays.items()}
    end = rule_run(name, (2, 3), together, steps=8)
    for i in range(3):
        alone = {key: tuple(value[i] for value in values) if isinstance(values[0], list) else values[i]
                 for key, values in EXAMPLES[name].arrays.items()}
        np.testing.assert_allclose(end[:, i], rule_run(name, (2, 3), alone, steps=8)[:, i], rtol=1e-12, atol=1e-14)


@elementwise
def test_a_single_number_moves_as_one_in_a_vector(name):
    if EXAMPLES[name].rows:
        pytest.skip("a number has no rows")
    # Steps back and forth, so that momentum, averages and signs all matter.
    vector = rule_run(name, (1,), rule_hyper(name), steps=6)
    number = rule_run(name, (), rule_hyper(name), steps=6)
    np.testing.assert_allclose(number, vector[0], rtol=1e-14)


# State dictionaries

@every
def test_a_resumed_run_continues_bit_for_bit(name):
    optimizer, problem = started(name, 3)
    saved = optimizer.state_dict()
    twin_optimizer, twin = started(name)
    for p, other in zip(twin.params, problem.params):
        p.data[...] = other.data
    twin_optimizer.load_state_dict(saved)
    walk(optimizer, problem, 3)
    walk(twin_optimizer, twin, 3)
    assert_equal(positions(problem), positions(twin))


@every
def test_a_state_dictionary_is_a_copy(name):
    optimizer, problem = started(name, 2)
    saved = optimizer.state_dict()
    before = copy.deepcopy(saved)
    walk(optimizer, problem, 2)
    assert_equal(arrays_in(saved), arrays_in(before))
    optimizer.load_state_dict(saved)
    walk(optimizer, problem, 2)
    assert_equal(arrays_in(saved), arrays_in(before))


@cache
def state_after_two_steps(name):
    return started(name, 2)[0].state_dict()


@every
def test_the_state_of_another_optimizer_is_refused_and_changes_nothing(name):
    optimizer, _ = started(name, 2)
    before = copy.deepcopy(optimizer.state_dict())
    for other in EXAMPLES:
        saved = state_after_two_steps(other)
        alike = saved["param_groups"][0].keys() == before["param_groups"][0].keys()
        if other == name or (alike and not any(saved["state"].values())):
            continue  # of a method that remembers nothing, such as ISTA, nothing can be mistaken
        with pytest.raises((ValueError, TypeError)):
            optimizer.load_state_dict(saved)
            pytest.fail(f"{name} has loaded the state of {other}")
    assert_equal(arrays_in(optimizer.state_dict()), arrays_in(before))
    assert repr(optimizer.state_dict()["param_groups"]) == repr(before["param_groups"])


# Gradients whose squares overflow

@every
def test_gradients_whose_squares_overflow_are_refused_or_leave_finite_numbers(name):
    if name in {"Adafactor", "RMSprop", "MirrorDescent"}:
        pytest.skip("NaN, as in PyTorch (RMSprop with centered=True), or as the functions make that it is given")
    optimizer, problem = started(name, 1)
    if isinstance(optimizer, optim.WholeVectorOptimizer):
        pytest.skip("its closure computes the gradients")
    before = positions(problem)
    try:
        for _ in range(2):
            for p in problem.params:
                grad = np.full_like(p.data, 1e300)
                p.grad = optim.RowGradient(range(len(grad)), grad) if EXAMPLES[name].rows else grad
            with np.errstate(all="ignore"):
                optimizer.step(lambda: 1.0)
        assert all(np.all(np.isfinite(x)) for x in positions(problem))
    except FloatingPointError as error:
        assert "whose squares overflow float64" in str(error)
        assert_equal(positions(problem), before)


# Bad input

BAD = {
    "lr": [-1.0, np.nan, np.inf, "0.1", True, None, np.array([0.1, -0.1])],
    "betas": [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9), (0.9, np.nan), (0.9,), 0.9],
}


def bad_values(name):
    """Yield (hyperparameter, value) that no optimizer with that hyperparameter may take."""
    for key in started(name)[0].defaults:
        if key in BAD:
            yield from ((key, value) for value in BAD[key])
        elif key in started(name)[0].all_ranges() and not isinstance(started(name)[0].defaults[key], tuple):
            yield from ((key, value) for value in (np.nan, "0.1"))


@every
def test_bad_hyperparameters_are_refused_in_words_when_made_when_grouped_and_when_set(name):
    optimizer, problem = started(name)
    hyper = rule_hyper(name)
    accepted = inspect.signature(getattr(optim, name).__init__).parameters
    for key, value in bad_values(name):
        before = repr(optimizer.param_groups)
        if key in accepted:
            with pytest.raises((ValueError, TypeError), match=key):
                EXAMPLES[name].optimizer(name, problem, {**hyper, key: value})
                pytest.fail(f"{name} was made with {key}={value!r}")
        with pytest.raises((ValueError, TypeError), match=key):
            optimizer.param_groups[0][key] = value
            pytest.fail(f"{name} let {key} be set to {value!r}")
        with pytest.raises((ValueError, TypeError), match=key):
            optimizer.add_param_group({"params": [optim.Parameter(np.ones((2, 2)))], key: value})
            pytest.fail(f"{name} took a group with {key}={value!r}")
        assert repr(optimizer.param_groups) == before


@every
def test_a_gradient_that_does_not_fit_is_refused_before_anything_changes(name):
    optimizer, problem = started(name, 2)
    before, state = positions(problem), copy.deepcopy(optimizer.state_dict())
    rows = EXAMPLES[name].rows

    def spoiled(grad):
        def closure():
            loss = problem.closure()
            problem.params[-1].grad = grad
            return loss
        return closure

    good = np.ones((2, 2))
    bad = [good.astype(np.float32), np.ones((2, 3)), 1.0, [[1.0, 1.0], [1.0, 1.0]], np.ones((2, 2), int)]
    for grad in [optim.RowGradient([0, 1], g) for g in bad[:2]] + [good] if rows else bad:
        if name in {"GaussNewton", "LevenbergMarquardt"}:
            pytest.skip("it takes residuals, not gradients")
        with pytest.raises((ValueError, TypeError), match="gradient"):
            optimizer.step(spoiled(grad))
        assert_equal(positions(problem), before)
        assert_equal(arrays_in(optimizer.state_dict()), arrays_in(state))


@every
def test_what_is_not_a_list_of_parameters_is_refused_in_words(name):
    p = optim.Parameter(np.ones((2, 2)))
    for params, error, words in [
            ([], ValueError, "empty"), (p, TypeError, r"write \[parameter\]"), (3, TypeError, "iterable"),
            ([np.ones((2, 2))], TypeError, "not a parameter"), ([p, p], ValueError, "twice"),
            ([{"params": [p]}, {"params": [p]}], ValueError, "twice")]:
        problem = Bowl()
        problem.params = params
        with pytest.raises(error, match=words):
            EXAMPLES[name].optimizer(name, problem)


@every
def test_an_unknown_hyperparameter_of_a_group_is_refused(name):
    optimizer, _ = started(name)
    with pytest.raises(ValueError, match="learning_rate"):
        optimizer.add_param_group({"params": [optim.Parameter(np.ones((2, 2)))], "learning_rate": 0.1})
    assert len(optimizer.param_groups) == 1


@every
def test_a_parameter_without_a_gradient_stays(name):
    if name in {"GaussNewton", "LevenbergMarquardt"}:
        pytest.skip("it takes residuals, not gradients")
    optimizer, problem = started(name)
    still = problem.params[1].data.copy()

    def closure():
        loss = problem.closure()
        problem.params[1].grad = None
        return loss

    for _ in range(2):
        optimizer.step(closure)
    np.testing.assert_array_equal(problem.params[1].data, still)
    assert not np.array_equal(problem.params[0].data, Bowl().params[0].data)


@every
@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_forgets_the_gradients(name, set_to_none):
    optimizer, problem = started(name)
    problem.closure()
    optimizer.zero_grad(set_to_none)
    for p in problem.params:
        assert p.grad is None if set_to_none or EXAMPLES[name].rows else not p.grad.any()


@every
def test_repr_names_the_class_and_its_hyperparameters(name):
    optimizer, _ = started(name)
    text = repr(optimizer)
    assert text.startswith(name)
    assert all(key.rpartition(".")[2] in text for key in optimizer.defaults)
