"""Programs as JavaScript: what Node computes is what Python computes."""

import inspect
import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import minigrad
import optim
from minigrad.programs import javascript
from minigrad.programs.scalar_code import CALLS, INFIX
from minigrad.structure import arrays_in
from optim import viz

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node, which runs JavaScript, is not installed")
SURFACES = [name for name in viz.surfaces.names() if len(viz.surfaces.get(name).start) == 2]
RULES = ["SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Adan", "RAdam", "AdaBelief",
         "Yogi", "SignSGD", "Signum", "Lion", "Rprop", "ASGD", "Sophia", "FTRLProximal", "OptimisticGradient",
         "SparseAdam", "ScheduleFreeSGD", "ScheduleFreeAdamW"]


def in_node(code):
    """Return what a script prints, read as JSON."""
    return json.loads(subprocess.run([NODE, "-"], input=code, capture_output=True, text=True, check=True).stdout)


def one_coordinate(optimizer):
    """Return the step of an optimizer for one coordinate as a function of all that changes, and its first state."""
    group = optimizer.param_groups[0]

    def asked(method):
        return {name: group[name] for name in inspect.signature(method).parameters if name in group}

    def step(g, s, p, lr):
        s["step"] = s["step"] + 1
        hyper = {**asked(optimizer.update), **({"lr": lr} if "lr" in asked(optimizer.update) else {})}
        optimizer.advance(s, **asked(optimizer.advance))
        phi = optimizer.update(g, s, p, **hyper)
        return p - (phi if optimizer.returns_step else lr * phi)

    state = optimizer.init_state(np.array(0.7), **asked(optimizer.init_state))
    return step, {"step": 0, **state}


@needs_node
@pytest.mark.slow
def test_surfaces_and_their_gradients_agree_with_python():
    points = np.random.default_rng(0).uniform(-1.4, 1.4, (20, 2))
    for name in SURFACES:
        function = minigrad.value_and_grad(viz.surfaces.get(name).function)
        code = javascript(function, points[0], name="f")
        found = in_node(f"{code}; console.log(JSON.stringify({points.tolist()}.map(p => f(p).flat())))")
        expected = [[float(value), *gradient] for value, gradient in map(function, points)]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("name", RULES)
def test_steps_of_optimizers_agree_with_python(name):
    curvature = {"hessian_diagonal": lambda: [np.ones(1)]} if name == "Sophia" else {}
    optimizer = getattr(optim, name)([optim.Parameter([0.7])], lr=0.01, **curvature)
    step, state = one_coordinate(optimizer)
    gradients = np.random.default_rng(1).normal(size=30).tolist()
    expected, p, s = [], np.array(0.7), state
    first = javascript(step, np.array(0.3), one_coordinate(optimizer)[1], np.array(0.5), 0.01, name="first")
    later = None
    for g in gradients:
        p = np.array(step(np.array(g), s, p, 0.01))
        later = later or javascript(step, np.array(0.3), {key: np.copy(x) if isinstance(x, np.ndarray) else x
                                                         for key, x in s.items()}, np.array(0.5), 0.01, name="later")
        expected.append(float(p))
    start = json.dumps({key: float(x) if isinstance(x, np.ndarray) else x
                        for key, x in one_coordinate(optimizer)[1].items()})
    found = in_node(f"{first} {later} let p = 0.7; const s = {start}, out = [];"
                    f"for (const g of {gradients}) {{ p = (out.length ? later : first)(g, s, p, 0.01); out.push(p); }}"
                    "console.log(JSON.stringify(out))")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_branch_becomes_an_if_with_both_sides():
    def f(x, t):
        if t > 3:
            return x * 2
        return x - 1

    assert javascript(f, np.array(1.0), 1) == """\
function f(x, t) {
  const t1 = t > 3;
  if (t1) {
    const t2 = x * 2;
    return t2;
  } else {
    const t2 = x - 1;
    return t2;
  }
}"""


def test_watched_values_come_with_their_lines():
    def f(x):
        y = x + 1
        return y * y

    first = f.__code__.co_firstlineno
    assert f'if (seen) seen.push([{first + 1}, "y", y]);' in javascript(f, np.array(1.0), watch=True)


@pytest.mark.parametrize(("function", "name"), [
    (lambda x: np.linalg.inv(x), "np.linalg.inv"), (lambda x: np.linalg.norm(x), "np.linalg.norm"),
    (lambda x: np.real(np.fft.fft(x)), "np.fft.fft"), (lambda x: np.add.accumulate(x), "np.add.accumulate"),
    (lambda x: np.cumsum(np.ones_like(x)), "np.cumsum"), (lambda x: x.cumsum(), "the method cumsum"),
    (lambda x: np.sum(x, initial=1), "np.sum with initial="), (lambda x: x.max(0, initial=2), "the method max with in"),
    (lambda x: np.emath.sqrt(x), r"np\.lib\.(_scimath_impl|scimath)\.sqrt"),
])
def test_what_javascript_lacks_is_refused_by_its_name_and_line(function, name):
    with pytest.raises(TypeError, match=rf"code.py, line \d+, `.*`, calls {name}.*, which JavaScript does not"):
        javascript(function, np.eye(2))


def test_an_array_that_a_run_reads_without_asking_is_refused():
    mask = np.array([True, False, True])
    with pytest.raises(TypeError, match="in a way that cannot be recorded"):
        javascript(minigrad.grad(lambda x: np.sum(x.at[mask].add(1.0))), np.ones(3))


FORMS = {
    "an axis by position": lambda x: np.stack([np.sum(x, 0), x.max(0), np.mean(x, -2), x.prod(0)]),
    "two axes": lambda x: x.sum((0, 1)),
    "axes kept": lambda x: x / np.sum(x, axis=1, keepdims=True),
    "no numbers to add": lambda x: np.sum(x[:0], axis=0),
    "clip by keywords": lambda x: np.stack([np.clip(x, a_min=None, a_max=0.3), np.clip(x, a_max=0.2, a_min=0.1)]),
    "clip from below": lambda x: x.clip(0.4),
    "whole numbers": lambda x: (3 * x).astype(int) + (x > 0.2).astype(float),
    "truth values": lambda x: np.any(x, axis=0) & np.all(x - x[0], axis=0),
    "an index of an array": lambda x: np.take(x, np.array([1, 0, 1]), axis=1),
    "the same place added to twice": minigrad.grad(lambda x: np.sum(x[[0, 0, 1]] ** 2)),
}


@needs_node
def test_every_form_of_a_call_gives_what_numpy_gives():
    x = np.array([[-0.5, 0.25, 1.5], [0.75, 0.0, -1.25]])
    codes = [javascript(form, x, name="f") for form in FORMS.values()]
    found = in_node(f"console.log(JSON.stringify([{', '.join([f'({code})({x.tolist()})' for code in codes])}]))")
    for name, form, value in zip(FORMS, FORMS.values(), found):
        np.testing.assert_allclose(value, form(x), rtol=1e-14, err_msg=name)


def of_arguments(function, count):
    """Return a function of numbers as a function whose arguments have names."""
    return [lambda x: function(x), lambda x, y: function(x, y), lambda x, y, z: function(x, y, z)][count - 1]


@needs_node
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_elementwise_function_gives_what_numpy_gives_of_numbers_and_of_truth_values():
    numbers = np.array([-1.5, -0.5, 0.0, 0.5, 1.0, 2.5, 3.5, -2.5])
    calls, expected = [], []
    for name in [*INFIX, *CALLS]:
        function, count = getattr(np, name), 3 if name == "where" else getattr(np, name).nin
        for first, second in ((numbers, np.roll(numbers, 1)), (numbers > 0, np.roll(numbers, 1)),
                              (numbers > 0, numbers > 0.5)):
            args = [first, second, numbers][:count]
            try:
                value = function(*args)
            except TypeError:  # a bitwise function of numbers, for instance
                continue
            if value.dtype in (bool, float):
                code = javascript(of_arguments(function, count), *args, name="f")
                calls.append(f"({code})({', '.join([json.dumps(x.tolist()) for x in args])})")
                expected.append((name, value))
    found = in_node(f"const found = [{', '.join(calls)}];"
                    "console.log(JSON.stringify(found.map(values => values.map(x => String(Number(x))))))")
    for (name, value), texts in zip(expected, found):
        np.testing.assert_allclose(list(map(float, texts)), value, rtol=1e-14, atol=1e-15, err_msg=name)


def examples_of_rules(change):
    """Yield (id, function, arrays) for every example of a rule, the function changed."""
    cases = runpy.run_path(str(Path(__file__).with_name("test_rules.py")))["CASES"]
    for case in cases:
        function, *arrays = case.values[0](np.random.default_rng(0))
        yield case.id, change(function, len(arrays)), arrays


def sum_and_gradient(function, count):
    """Return the sum of all results of a function, each number with its own weight, and its gradient."""
    def total(*args):
        results = [y for y in arrays_in(function(*args)) if isinstance(y, minigrad.Tensor)]
        return sum([np.sum(np.real(y) * np.cos(np.arange(y.size) + i).reshape(y.shape)) for i, y in enumerate(results)])
    return minigrad.value_and_grad(total, tuple(range(count)))


@needs_node
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("change", [lambda function, count: function, sum_and_gradient], ids=["value", "gradient"])
def test_every_rule_gives_what_numpy_gives_or_is_refused_by_a_name_that_exists(change):
    calls, expected = {}, {}
    for name, function, arrays in examples_of_rules(change):
        try:
            code = javascript(function, *arrays, name="f")
        except TypeError as error:
            for called in re.findall(r" calls (np\.[\w.]+)", str(error)):
                assert callable(eval(called)), name
        else:
            calls[name] = f"({code})({', '.join([json.dumps(x.tolist()) for x in arrays])})"
            expected[name] = function(*arrays)
    assert len(calls) > 450
    found = in_node(f"console.log(JSON.stringify([{', '.join(calls.values())}]))")
    for name, value in zip(calls, found):
        parts = [np.ravel(y) for y in arrays_in(expected[name])]
        np.testing.assert_allclose([*np.hstack([np.zeros(0), *map(np.ravel, arrays_in(value))])],
                                   np.hstack([np.zeros(0), *parts]), rtol=1e-11, atol=1e-12, err_msg=name)
