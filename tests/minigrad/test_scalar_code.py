"""Programs as JavaScript: what Node computes is what Python computes."""

import inspect
import json
import shutil
import subprocess

import numpy as np
import pytest

import minigrad
import optim
from minigrad.programs import javascript
from optim import viz

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node, which runs JavaScript, is not installed")
SURFACES = [name for name in viz.surfaces.names() if len(viz.surfaces.get(name).start) == 2]
RULES = ["SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Adan", "RAdam", "AdaBelief",
         "Yogi", "SignSGD", "Signum", "Lion", "Rprop", "ASGD", "Sophia", "FTRLProximal", "OptimisticGradient",
         "SparseAdam", "ScheduleFreeSGD", "ScheduleFreeAdamW"]


def in_node(code):
    """Return what a script prints, read as JSON."""
    return json.loads(subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True).stdout)


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


def test_what_javascript_lacks_is_refused_by_the_line():
    with pytest.raises(TypeError, match=r"np\.linalg\.inv|inv, which JavaScript"):
        javascript(lambda x: np.linalg.inv(x), np.eye(2))
