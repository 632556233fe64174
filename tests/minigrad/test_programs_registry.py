"""Everything that is registered, written out: rules, random programs, layers and losses, surfaces, optimizers.

A program either gives the numbers of the tape or is refused in words; how many are refused is bounded. Most of
this is marked slow.
"""

import inspect
import runpy
from pathlib import Path

import numpy as np
import pytest

import minigrad
import optim
from minigrad import nn
from minigrad.programs.calls import Refused
from minigrad.structure import arrays_in
from optim import viz

RULES = runpy.run_path(str(Path(__file__).with_name("test_rules.py")))["CASES"]
LAYERS = runpy.run_path(str(Path(__file__).with_name("test_nn.py")))
FUZZ = runpy.run_path(str(Path(__file__).with_name("test_fuzz.py")))
SURFACES = [viz.surfaces.get(name) for name in viz.surfaces.names()]
ELEMENTWISE = ["SGD", "OptimisticGradient", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam",
               "Adan", "RAdam", "AdaBelief", "Yogi", "SparseAdam", "SignSGD", "Signum", "Lion", "Rprop", "ASGD",
               "FTRLProximal", "ScheduleFreeSGD", "ScheduleFreeAdamW"]


def weighted(function):
    """Return the sum of all results of a function, each number with a weight of its own."""
    def total(*args):
        results = [y for y in arrays_in(function(*args)) if isinstance(y, minigrad.Tensor)]
        return sum([np.sum(np.real(y) * np.cos(np.arange(y.size) + i).reshape(y.shape)) for i, y in enumerate(results)])
    return total


def difference(function, *args, assume=False):
    """Return how far a program is from the tape, or None if it is refused; what the tape refuses counts as equal."""
    try:
        with np.errstate(all="ignore"):
            function(*args)
    except (TypeError, ValueError, RuntimeError, ArithmeticError):
        return 0
    try:
        with np.errstate(all="ignore"):
            return minigrad.program(function, *args, assume=assume).check()
    except Refused:
        return None


def judge(differences, refused):
    """Fail if a program is off, or if more than a share of them is refused."""
    assert all(d is None or d <= 1e-12 for d in differences)
    assert sum(d is None for d in differences) <= refused * len(differences)


def of_rules(cases):
    """Yield the differences of the first and second derivatives of rules."""
    for case in cases:
        function, *arrays = case.values[0](np.random.default_rng(0))
        everything = tuple(range(len(arrays)))
        yield difference(minigrad.value_and_grad(weighted(function), everything), *arrays)
        direction = tuple([np.cos(np.arange(x.size)).reshape(x.shape) for x in arrays])
        yield difference(minigrad.hvp(weighted(function), everything), *arrays, direction)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_rule_to_second_order():
    judge(list(of_rules(RULES)), refused=0.12)


def of_random_programs(numbers):
    """Yield the differences of random programs, value and gradient."""
    for number in numbers:
        rng = np.random.default_rng([0, number])
        drawn = FUZZ["Program"](rng, FUZZ["MORE_OPERATIONS"])
        function = drawn.function()
        loss = lambda *point, function=function: function(np, minigrad, FUZZ["at_index"], *point)
        yield difference(minigrad.value_and_grad(loss, tuple(range(len(drawn.point)))), *drawn.point)


@pytest.mark.slow
def test_random_programs():
    judge(list(of_random_programs(range(2000))), refused=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("name, arguments, keywords, inputs", LAYERS["EACH_CASE"])
def test_layers_and_losses(name, arguments, keywords, inputs):
    module = LAYERS["made"](name, arguments, keywords)
    parameters = {path: parameter.data.copy() for path, parameter in module.named_parameters()}
    loss = weighted(lambda parameters, *inputs: LAYERS["flat"](nn.functional_call(module, parameters, *inputs)))
    floats = [i + 1 for i, x in enumerate(inputs) if LAYERS["is_differentiated"](x)]
    by = tuple([0] * bool(parameters) + floats)
    found = difference(minigrad.value_and_grad(loss, by), parameters, *inputs)
    if found is None:
        assert name in REFUSED
    else:
        assert found <= 1e-12


REFUSED = {  # their code writes into buffers, or looks weights up by labels that are arguments
    "BatchNorm1d", "BatchNorm2d", "CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"}


@pytest.mark.slow
@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_surfaces_with_gradient_and_hessian(surface):
    start = np.array(surface.start, dtype=float) + 0.01
    assert minigrad.program(minigrad.value_and_grad(surface.function), start).check() <= 1e-12
    assert minigrad.program(minigrad.hessian(surface.function), start).check() <= 1e-12


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_training_step_of_every_elementwise_optimizer(name):
    optimizer = getattr(optim, name)([optim.Parameter(np.zeros((3, 2)))], lr=0.01)
    group = optimizer.param_groups[0]

    def asked(method):
        return {key: group[key] for key in inspect.signature(method).parameters if key in group}

    def step(p, state, t, x, y):
        loss, grad = minigrad.value_and_grad(lambda p: np.mean((np.tanh(x @ p) - y)**2))(p)
        state["step"] = t
        optimizer.advance(state, **asked(optimizer.advance))
        phi = optimizer.update(grad, state, p, **asked(optimizer.update))
        return loss, p - (phi if optimizer.returns_step else group["lr"] * phi), state

    rng = np.random.default_rng(0)
    p, x, y = rng.normal(size=(3, 2)), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    state = {**optimizer.init_state(p, **asked(optimizer.init_state)), "step": 1}
    step(p, state, 1, x, y)  # entries that are None at first are arrays from then on
    program = minigrad.program(step, p, {**state, "step": 2}, 2, x, y, assume=True)
    runs = []
    for function in (step, program):
        q, own, losses = p.copy(), {key: np.copy(s) if isinstance(s, np.ndarray) else s for key, s in state.items()}, []
        for t in (2, 3, 4):
            loss, q, own = function(q, own, t, x, y)
            losses.append(float(loss))
        runs.append((losses, q))
    assert runs[0][0] == runs[1][0]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
