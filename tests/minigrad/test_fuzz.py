"""Random programs: value, gradient and Hessian-vector product against PyTorch, else against finite differences.

A program is a few lines of NumPy on two or three small arrays: functions of one and two arguments, broadcasting,
reductions, indexing, products, reshaping and joining, with values used again and again. Kinks are avoided by
construction: a line with a maximum or a sort is taken only where the numbers it compares lie well apart. Two thousand
programs run as a test; any number by hand, and one that fails is printed and can be run alone:

    python tests/minigrad/test_fuzz.py 100000 --seed 7
    python tests/minigrad/test_fuzz.py --seed 7 --only 4711
"""

import argparse
import re
import sys
from contextlib import suppress
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad

APART = 0.05  # how far apart numbers lie that a program compares


class Program:
    """Lines of NumPy, each of which makes a new value, and the values at a random point.

    Attributes
    ----------
    point : list of ndarray
        The inputs, v0, v1 and perhaps v2.
    lines : list of str
        The expressions for the values after them.
    """

    def __init__(self, rng):
        self.rng, self.lines, self.used = rng, [], set()
        self.point = [rng.normal(size=shape) for shape in self.broadcastable_shapes()]
        self.values = list(self.point)
        length = len(self.point) + rng.integers(3, 14)
        while len(self.values) < length:
            with suppress(LookupError):
                self.add(self.pick(*OPERATIONS)(self))
        self.sinks = [i for i in range(len(self.values)) if i not in self.used]

    def broadcastable_shapes(self):
        """Return two or three shapes of up to three axes, of which some are 1."""
        full = self.rng.integers(1, 5, size=self.rng.integers(0, 4)).tolist()
        shapes = [tuple(full)]
        for _ in range(self.rng.integers(1, 3)):
            kept = [n if self.rng.random() < 0.7 else 1 for n in full]
            shapes.append(tuple(kept[self.rng.integers(0, len(kept) + 1):]))
        return shapes

    def add(self, expression):
        """Append a line if its value is small and finite; squash numbers that are large."""
        known = {f"v{i}": value for i, value in enumerate(self.values)}
        value = np.asarray(eval(expression, {"np": np, "at": at_index}, known))
        if not 0 < value.size <= 60 or value.ndim > 4 or not np.isfinite(value).all():
            return
        self.used.update(map(int, re.findall(r"\bv(\d+)", expression)))
        self.lines.append(expression)
        self.values.append(value)
        if np.max(np.abs(value), initial=0) > 4:
            self.add(f"np.tanh(v{len(self.values) - 1})")

    def any(self, condition=lambda x: True):
        """Return the index of a random value that fulfils the condition, rather a late one."""
        fitting = [i for i, x in enumerate(self.values) if condition(x)]
        if not fitting:
            raise LookupError("no value fits")
        return fitting[int(len(fitting) * self.rng.random() ** 0.6)]

    def pick(self, *options):
        """Return one of the options."""
        return options[self.rng.integers(len(options))]

    def source(self):
        """Return the program as the text of a function of (np, at, v0, v1, ...)."""
        inputs, total = len(self.point), " + ".join(f"np.sum(np.sin(v{i}))" for i in self.sinks)
        body = [f"    v{inputs + i} = {line}" for i, line in enumerate(self.lines)]
        head = f"def program(np, at, {', '.join(f'v{i}' for i in range(inputs))}):"
        return "\n".join([head, *body, f"    return {total}"])

    def function(self):
        """Return the program as a function."""
        scope = {}
        exec(self.source(), scope)
        return scope["program"]


def at_index(x, index):
    """Return x[index]."""
    return x[index]


# Operations: each returns a line for a program, or raises LookupError if no value fits

def unary(p):
    name = p.pick("sin", "cos", "tanh", "arctan", "square", "sinh", "negative", "exp", "expm1", "exp2")
    return f"np.{name}(v{p.any()})"


def unary_of_positive(p):
    name = p.pick("sqrt", "log", "log1p", "reciprocal", "log2", "log10")
    return f"np.{name}(np.square(v{p.any()}) + {p.pick(0.5, 1.0, 2.0)})"


def unary_of_fraction(p):
    name = p.pick("arcsin", "arccos", "arctanh", "arcsinh")
    return f"np.{name}(0.8 * np.tanh(v{p.any()}))"


def broadcastable(p):
    """Return two values that broadcast against one another."""
    i = p.any()
    x = p.values[i]

    def fits(y):
        return all(m == n or 1 in (m, n) for m, n in zip(x.shape[::-1], y.shape[::-1]))
    return i, p.any(fits)


def binary(p):
    i, j = broadcastable(p)
    return p.pick(f"v{i} + v{j}", f"v{i} - v{j}", f"v{i} * v{j}", f"v{i} / (np.square(v{j}) + 1.0)",
                  f"np.logaddexp(v{i}, v{j})", f"np.arctan2(v{i}, np.square(v{j}) + 0.5)",
                  f"np.hypot(v{i}, np.square(v{j}) + 0.5)", f"(np.square(v{i}) + 0.5) ** np.tanh(v{j})")


def with_a_number(p):
    i, c = p.any(), round(float(p.rng.uniform(0.3, 2)), 2)
    return p.pick(f"v{i} * {c}", f"{c} - v{i}", f"v{i} + {c}", f"v{i} / {c}", f"v{i} ** 2", f"v{i} ** 3",
                  f"{c} ** np.tanh(v{i})", f"{c} / (v{i} ** 2 + 1.0)")


def compared(p):
    i, j = broadcastable(p)
    x, y = p.values[i], p.values[j]
    if np.min(np.abs(x - y), initial=1) > APART:
        return p.pick(f"np.maximum(v{i}, v{j})", f"np.minimum(v{i}, v{j})")
    if np.min(np.abs(x), initial=1) > APART:
        return p.pick(f"np.abs(v{i})", f"np.sinc(v{i})")  # PyTorch's sinc''(0) is NaN
    if np.min(np.abs(np.abs(x) - 1), initial=1) > APART:
        return f"np.clip(v{i}, -1.0, 1.0)"
    raise LookupError("no numbers are apart")


def chosen(p):
    i, j = broadcastable(p)
    mask = p.rng.random(np.broadcast_shapes(p.values[i].shape, p.values[j].shape)) < 0.5
    return f"np.where(np.array({mask.tolist()}, dtype=bool), v{i}, v{j})"


def axis_of(p, i):
    """Return a random axis of a value, counted from the front or the back, as text."""
    n = p.values[i].ndim
    return str(int(p.rng.integers(-n, n)))


def reduction(p):
    i = p.any(lambda x: x.ndim > 0)
    name, axis, keepdims = p.pick("sum", "mean", "prod", "var"), p.pick("None", axis_of(p, i)), p.pick("True", "False")
    if name == "prod" and axis == "None":
        axis = axis_of(p, i)
    return f"np.{name}(v{i}, axis={axis}, keepdims={keepdims})"


def several_axes(p):
    i = p.any(lambda x: x.ndim > 1)
    return f"np.{p.pick('sum', 'mean')}(v{i}, axis=(0, -1), keepdims={p.pick('True', 'False')})"


def extremum(p):
    i = p.any(lambda x: x.ndim > 0 and np.min(np.diff(np.sort(x, axis=None)), initial=1) > APART)
    axis = axis_of(p, i)
    return p.pick(f"np.max(v{i}, axis={axis})", f"np.min(v{i}, axis={axis})", f"np.sort(v{i}, axis={axis})")


def cumulative(p):
    i = p.any(lambda x: x.ndim > 0)
    axis = axis_of(p, i)
    return p.pick(f"np.cumsum(v{i}, axis={axis})", f"np.cumprod(v{i}, axis={axis})", f"np.flip(v{i}, axis={axis})",
                  f"np.roll(v{i}, {p.pick(1, -1, 2)}, axis={axis})", f"np.repeat(v{i}, 2, axis={axis})",
                  f"np.diff(v{i}, axis={axis})")


def shape(p):
    i = p.any(lambda x: x.ndim > 0)
    n = p.values[i].ndim
    axes = p.rng.permutation(n).tolist()
    return p.pick(f"np.reshape(v{i}, (-1,))", f"np.ravel(v{i})", f"np.transpose(v{i}, {tuple(axes)})",
                  f"np.expand_dims(v{i}, {axis_of(p, i)})", f"np.swapaxes(v{i}, {axis_of(p, i)}, {axis_of(p, i)})",
                  f"np.broadcast_to(v{i}, {(2, *p.values[i].shape)})", f"np.moveaxis(v{i}, 0, -1)",
                  f"np.tile(v{i}, {(2,) + (1,) * (n - 1)})")


def triangle(p):
    i = p.any(lambda x: x.ndim == 2)
    return p.pick(f"np.triu(v{i})", f"np.tril(v{i}, -1)", f"np.diagonal(v{i})", f"np.trace(v{i})")


def index(p):
    i = p.any(lambda x: x.ndim > 0 and x.size > 0)
    n = p.values[i].shape[0]
    rows = p.rng.integers(-n, n, size=3).tolist()
    text = p.pick(f"{int(p.rng.integers(-n, n))}", "::2", "::-1", "..., 0", "None, ...", "..., ::-1", "..., -1:",
                  f"{n // 2}:", f"{rows}, ...", f"np.array({rows})", f"np.array({[rows, rows[::-1]]})",
                  f"np.array({(p.rng.random(p.values[i].shape) < 0.5).tolist()})")
    return f"at(v{i}, np.s_[{text}])"


def two_fancy(p):
    i = p.any(lambda x: x.ndim > 1 and x.size > 0)
    m, n = p.values[i].shape[0], p.values[i].shape[-1]
    return f"at(v{i}, np.s_[{p.rng.integers(0, m, 4).tolist()}, ..., {p.rng.integers(0, n, 4).tolist()}])"


def joined(p):
    i = p.any(lambda x: x.ndim > 0)
    j = p.any(lambda x: x.shape == p.values[i].shape)
    axis = axis_of(p, i)
    return p.pick(f"np.concatenate([v{i}, v{j}], axis={axis})", f"np.concatenate([v{j}, v{i}, v{j}], axis={axis})",
                  f"np.stack([v{i}, v{j}], axis={axis})")


def matrix_product(p):
    i = p.any(lambda x: x.ndim > 0)
    x = p.values[i]
    j = p.any(lambda y: y.ndim > 0 and y.shape[-2 if y.ndim > 1 else 0] == x.shape[-1]
              and all(m == n or 1 in (m, n) for m, n in zip(x.shape[-3::-1], y.shape[-3::-1])))
    return f"v{i} @ v{j}"


def contraction(p):
    i = p.any(lambda x: x.ndim == 2)
    j = p.any(lambda y: y.ndim == 2 and y.shape[0] == p.values[i].shape[1])
    k = p.any(lambda y: y.ndim == 2 and y.shape == p.values[i].shape)
    return p.pick(f"np.einsum('ij,jk->ki', v{i}, v{j})", f"np.einsum('ij,ij->j', v{i}, v{k})",
                  f"np.einsum('ij,jk,ij->k', v{i}, v{j}, v{k})", f"np.outer(v{i}, at(v{k}, 0))",
                  f"np.kron(v{i}, v{k})")


def linear_algebra(p):
    i = p.any(lambda x: x.ndim == 2 and x.shape[0] == x.shape[1])
    n = len(p.values[i])
    near_identity = f"(np.eye({n}) * 3.0 + np.tanh(v{i}))"
    j = p.any(lambda y: y.ndim == 2 and y.shape[0] == n)
    return p.pick(f"np.linalg.inv({near_identity})", f"np.linalg.solve({near_identity}, v{j})",
                  f"np.linalg.det({near_identity})", f"np.linalg.norm({near_identity})")


OPERATIONS = [unary, unary, unary_of_positive, unary_of_fraction, binary, binary, binary, with_a_number, compared,
              chosen, reduction, reduction, several_axes, extremum, cumulative, shape, shape, triangle, index, index,
              two_fancy, joined, matrix_product, matrix_product, contraction, linear_algebra]


# Two references: PyTorch under NumPy's names, and differences

@cache
def torch_as_numpy():
    """Return PyTorch's functions under NumPy's names and arguments, and its indexing with every index of NumPy's."""
    import torch

    def at(x, index):
        places = np.arange(x.numel()).reshape(x.shape)[index].copy()
        return x.reshape(-1)[torch.tensor(places)].reshape(np.shape(places))

    def array(items, dtype=None):
        return np.array(items, dtype) if np.array(items).dtype.kind == "i" else torch.tensor(items, dtype=torch.bool)

    class Index:
        def __getitem__(self, index):
            items = index if isinstance(index, tuple) else (index,)
            items = tuple([item.numpy() if isinstance(item, torch.Tensor) else item for item in items])
            return items if isinstance(index, tuple) else items[0]

    def names(x, axis, keepdims):
        return dict(dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)

    same = (
        "sin cos tanh arctan square sinh negative exp expm1 sinc exp2 sqrt log log1p reciprocal log2 log10 arcsin "
        "arccos arctanh arcsinh logaddexp arctan2 hypot maximum minimum abs clip where cumsum cumprod reshape "
        "swapaxes ravel broadcast_to moveaxis tile triu tril diagonal trace concatenate stack einsum diff")
    functions = {name: getattr(torch, name) for name in same.split()}
    return SimpleNamespace(
        **functions, linalg=torch.linalg, array=array, s_=Index(),
        eye=lambda n: torch.eye(n, dtype=torch.float64),
        sum=lambda x, axis=None, keepdims=False: torch.sum(x, **names(x, axis, keepdims)) if x.ndim else x,
        mean=lambda x, axis=None, keepdims=False: torch.mean(x, **names(x, axis, keepdims)),
        var=lambda x, axis=None, keepdims=False: torch.var(x, **names(x, axis, keepdims), correction=0),
        prod=lambda x, axis, keepdims: torch.prod(x, axis, keepdims),
        max=lambda x, axis: torch.amax(x, axis), min=lambda x, axis: torch.amin(x, axis),
        sort=lambda x, axis: torch.sort(x, axis).values, flip=lambda x, axis: torch.flip(x, (axis,)),
        roll=lambda x, shift, axis: torch.roll(x, shift, axis), repeat=lambda x, n, axis: x.repeat_interleave(n, axis),
        transpose=lambda x, axes: x.permute(axes), expand_dims=lambda x, axis: x.unsqueeze(axis),
        outer=lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1)),
        # torch.kron fails on some views when it is differentiated twice.
        kron=lambda x, y: torch.einsum("ij,kl->ikjl", x, y).reshape(len(x) * len(y), -1),
    ), at


def derivatives_by_torch(function, point, direction):
    """Return value, gradient and Hessian-vector product as PyTorch finds them."""
    import torch
    namespace, at = torch_as_numpy()
    xs = [torch.tensor(x, requires_grad=True) for x in point]
    value = function(namespace, at, *xs)

    def gradients(y, create_graph):
        if not y.requires_grad:
            return [torch.zeros_like(x) for x in xs]
        return torch.autograd.grad(y, xs, create_graph=create_graph, materialize_grads=True)
    slopes = gradients(value, True)
    products = gradients(sum((g * torch.as_tensor(v)).sum() for g, v in zip(slopes, direction)), False)
    return value.item(), [g.detach().numpy() for g in slopes], [g.numpy() for g in products]


def compare_with_torch(function, point, direction, found):
    """Raise AssertionError unless all three agree with PyTorch's up to rounding."""
    for ours, theirs in zip(found, derivatives_by_torch(function, point, direction)):
        largest = max([np.max(np.abs(x), initial=0) for x in theirs] if isinstance(theirs, list) else [abs(theirs)])
        for x, y in zip(ours, theirs) if isinstance(theirs, list) else [(ours, theirs)]:
            np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9 * (1 + largest))


def compare_with_differences(function, point, direction, found):
    """Raise AssertionError unless gradient and Hessian-vector product agree with differences along the direction."""
    step = 1e-5

    def moved(sign):
        return [x + sign * step * v for x, v in zip(point, direction)]
    _, slopes, products = found
    rise = (function(np, at_index, *moved(1)) - function(np, at_index, *moved(-1))) / (2 * step)
    size = sum(np.sum(np.abs(g)) for g in slopes)
    slope = sum(np.sum(g * v) for g, v in zip(slopes, direction))
    np.testing.assert_allclose(slope, rise, rtol=1e-5, atol=1e-5 * (1 + size))
    ahead, behind = (derivatives(function, moved(sign), direction)[1] for sign in (1, -1))
    size = size + max(np.max(np.abs(h), initial=0) for h in products)
    for h, a, b in zip(products, ahead, behind):
        np.testing.assert_allclose(h, (a - b) / (2 * step), rtol=1e-4, atol=1e-4 * (1 + size))


def derivatives(function, point, direction):
    """Return value, gradient and Hessian-vector product as minigrad finds them."""
    f = lambda *xs: function(np, at_index, *xs)
    everything = tuple(range(len(point)))
    value, slopes = minigrad.value_and_grad(f, everything)(*point)
    return value, slopes, minigrad.hvp(f, everything)(*point, tuple(direction))


def check(seed, number, compare):
    """Make a program, and compare; an error shows the program."""
    rng = np.random.default_rng([seed, number])
    program = Program(rng)
    direction = [rng.normal(size=x.shape) for x in program.point]
    try:
        function = program.function()
        found = derivatives(function, program.point, direction)
        np.testing.assert_allclose(found[0], function(np, at_index, *program.point), rtol=1e-12)
        compare(function, program.point, direction, found)
    except Exception as error:
        shapes = ", ".join(f"v{i}: {x.shape}" for i, x in enumerate(program.point))
        raise AssertionError(f"program {number} of seed {seed}, with {shapes}\n{program.source()}\n{error}") from error


@pytest.fixture
def one_thread():
    """Let PyTorch use one thread: threads cost more than such small arrays take."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("block", range(10))
def test_random_programs_agree_with_pytorch(block, one_thread):
    for number in range(200 * block, 200 * block + 200):
        check(0, number, compare_with_torch)


def test_random_programs_agree_with_finite_differences():
    for number in range(2000, 2300):
        check(0, number, compare_with_differences)


def main():
    parser = argparse.ArgumentParser(description="Compare derivatives of random programs with PyTorch's.")
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this program of the seed alone, and print it")
    options = parser.parse_args()
    try:
        import torch
        torch.set_num_threads(1)
        compare = compare_with_torch
    except ImportError:
        compare = compare_with_differences
    if options.only is not None:
        print(Program(np.random.default_rng([options.seed, options.only])).source())
        check(options.seed, options.only, compare)
        return 0
    failures = 0
    for number in range(options.count):
        try:
            check(options.seed, number, compare)
        except AssertionError as error:
            failures += 1
            print(error, "\n", file=sys.stderr)
    print(f"{options.count} programs of seed {options.seed}, {compare.__name__}: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
