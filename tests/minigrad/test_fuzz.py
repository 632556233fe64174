"""Random programs: value, gradient and Hessian-vector product against PyTorch, JAX and finite differences.

A program is a few lines of NumPy on two or three small arrays: functions of one and two arguments, broadcasting,
reductions, indexing, products, linear algebra, spectra, reshaping and joining, with values used again and again. Kinks
are avoided by construction: a line with a maximum or a sort is taken only where the numbers it compares lie well apart.
Two thousand programs run as a test against PyTorch; JAX compiles each for a third of a second, and is asked less often,
but about more functions. Any number of programs runs by hand, and one that fails is printed and can be run alone:

    python tests/minigrad/test_fuzz.py 100000 --seed 7
    python tests/minigrad/test_fuzz.py 1000 --seed 7 --against jax
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

    def __init__(self, rng, operations):
        self.rng, self.lines, self.used = rng, [], set()
        self.point = [rng.normal(size=shape) for shape in self.broadcastable_shapes()]
        self.values = list(self.point)
        length = len(self.point) + rng.integers(3, 14)
        while len(self.values) < length:
            with suppress(LookupError):
                self.add(self.pick(*operations)(self))
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
        value = np.asarray(eval(expression, {"np": np, "special": minigrad, "at": at_index}, known))
        if not 0 < value.size <= 60 or value.ndim > 4 or not np.isfinite(value).all():
            return
        self.used.update(map(int, re.findall(r"\bv(\d+)", expression)))
        self.lines.append(expression)
        self.values.append(value)
        if np.max(np.abs(value), initial=0) > 4:
            self.add(f"np.tanh(v{len(self.values) - 1})")

    def any(self, condition=lambda x: True):
        """Return the index of a random value that fulfils the condition, rather a late one.

        None of its numbers is so large that the exponential overflows: PyTorch's second derivatives are NaN there.
        """
        fitting = [i for i, x in enumerate(self.values) if np.max(np.abs(x), initial=0) < 100 and condition(x)]
        if not fitting:
            raise LookupError("no value fits")
        return fitting[int(len(fitting) * self.rng.random() ** 0.6)]

    def pick(self, *options):
        """Return one of the options."""
        return options[self.rng.integers(len(options))]

    def source(self):
        """Return the program as the text of a function of (np, special, at, v0, v1, ...)."""
        inputs, total = len(self.point), " + ".join(f"np.sum(np.sin(v{i}))" for i in self.sinks)
        body = [f"    v{inputs + i} = {line}" for i, line in enumerate(self.lines)]
        head = f"def program(np, special, at, {', '.join(f'v{i}' for i in range(inputs))}):"
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
    name = p.pick("sin", "cos", "tanh", "arctan", "square", "sinh", "cosh", "negative", "positive", "exp", "expm1",
                  "exp2", "arcsinh", "deg2rad", "degrees", "i0", "nan_to_num")
    return f"np.{name}(v{p.any()})"


def unary_of_positive(p):
    name = p.pick("sqrt", "cbrt", "log", "log1p", "reciprocal", "log2", "log10")
    return f"np.{name}(np.square(v{p.any()}) + {p.pick(0.5, 1.0, 2.0)})"


def unary_of_fraction(p):
    name = p.pick("arcsin", "arccos", "arctanh", "tan")
    return f"np.{name}(0.8 * np.tanh(v{p.any()}))"


def special_function(p):
    name = p.pick("erf", "erfc", "sigmoid", "softplus", "silu", "gelu")
    return f"special.{name}(v{p.any()})"


def normalized_exponentials(p):
    i = p.any(lambda x: x.ndim > 0)
    return f"special.{p.pick('softmax', 'log_softmax', 'logsumexp')}(v{i}, axis={axis_of(p, i)})"


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
                  f"np.logaddexp(v{i}, v{j})", f"np.logaddexp2(v{i}, v{j})",
                  f"np.arctan2(v{i}, np.square(v{j}) + 0.5)", f"np.hypot(v{i}, np.square(v{j}) + 0.5)",
                  f"(np.square(v{i}) + 0.5) ** np.tanh(v{j})", f"np.float_power(np.square(v{i}) + 0.5, np.sin(v{j}))")


def with_a_number(p):
    i, c = p.any(), round(float(p.rng.uniform(0.3, 2)), 2)
    return p.pick(f"v{i} * {c}", f"{c} - v{i}", f"v{i} + {c}", f"v{i} / {c}", f"v{i} ** 2", f"v{i} ** 3",
                  f"{c} ** np.tanh(v{i})", f"{c} / (v{i} ** 2 + 1.0)")


def compared(p):
    i, j = broadcastable(p)
    x, y = p.values[i], p.values[j]
    if np.min(np.abs(x - y), initial=1) > APART:
        return p.pick(*[f"np.{name}(v{i}, v{j})" for name in ("maximum", "minimum", "fmax", "fmin")])
    if np.min(np.abs(x), initial=1) > APART:
        return p.pick(f"np.abs(v{i})", f"np.fabs(v{i})", f"np.sinc(v{i})",  # PyTorch's sinc''(0) is NaN
                      f"np.copysign(v{i}, -1.5)", f"special.relu(v{i})")
    if np.min(np.abs(np.abs(x) - 1), initial=1) > APART:
        return f"np.clip(v{i}, -1.0, 1.0)"
    raise LookupError("no numbers are apart")


def divided_with_remainder(p):
    i, j = broadcastable(p)
    divisor = np.square(p.values[j]) + 1
    share = p.values[i] / divisor
    if np.min(np.abs(share - np.rint(share)), initial=1) < APART:
        raise LookupError("a jump is near")
    return f"np.{p.pick('fmod', 'remainder')}(v{i}, np.square(v{j}) + 1.0)"


def mask_of(p, shape):
    """Return random truth values as text."""
    return f"np.array({(p.rng.random(shape) < 0.5).tolist()}, dtype=bool)"


def chosen(p):
    i, j = broadcastable(p)
    shape = np.broadcast_shapes(p.values[i].shape, p.values[j].shape)
    return p.pick(f"np.where({mask_of(p, shape)}, v{i}, v{j})",
                  f"np.select([{mask_of(p, shape)}, {mask_of(p, shape)}], [v{i} + v{j}, v{j} * v{i}], 0.5)")


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
    return f"np.{p.pick('sum', 'mean', 'var')}(v{i}, axis=(0, -1), keepdims={p.pick('True', 'False')})"


def spread_out(p):
    """A standard deviation, of numbers that are not all equal."""
    i = p.any(lambda x: x.ndim > 0 and x.shape[-1] > 1 and np.min(np.ptp(x, -1)) > APART)
    return f"np.std(v{i}, axis=-1, ddof={p.pick(0, 1)}, keepdims={p.pick('True', 'False')})"


def with_numbers_apart(p):
    return p.any(lambda x: x.ndim > 0 and np.min(np.diff(np.sort(x, axis=None)), initial=1) > APART)


def extremum(p):
    i = with_numbers_apart(p)
    axis = axis_of(p, i)
    return p.pick(f"np.max(v{i}, axis={axis})", f"np.min(v{i}, axis={axis})", f"np.ptp(v{i}, axis={axis})",
                  f"np.sort(v{i}, axis={axis})", f"np.median(v{i}, axis={axis}, keepdims=True)",
                  f"np.quantile(v{i}, {p.pick(0.0, 0.31, 0.8)}, axis={axis})")


def cumulative(p):
    i = p.any(lambda x: x.ndim > 0)
    axis = axis_of(p, i)
    return p.pick(f"np.cumsum(v{i}, axis={axis})", f"np.cumprod(v{i}, axis={axis})", f"np.diff(v{i}, axis={axis})",
                  f"np.trapezoid(v{i}, dx=0.5, axis={axis})")


def slopes(p):
    i = p.any(lambda x: x.ndim > 0 and x.shape[-1] > 1)
    return p.pick(f"np.gradient(v{i}, axis=-1)", f"np.gradient(v{i}, 0.5, axis=-1)")


def shape(p):
    i = p.any(lambda x: x.ndim > 0)
    n = p.values[i].ndim
    axes, axis = p.rng.permutation(n).tolist(), axis_of(p, i)
    return p.pick(f"np.reshape(v{i}, (-1,))", f"np.ravel(v{i})", f"np.transpose(v{i}, {tuple(axes)})",
                  f"np.expand_dims(v{i}, {axis})", f"np.swapaxes(v{i}, {axis}, {axis_of(p, i)})",
                  f"np.broadcast_to(v{i}, {(2, *p.values[i].shape)})", f"np.moveaxis(v{i}, 0, -1)",
                  f"np.tile(v{i}, {(2,) + (1,) * (n - 1)})", f"np.flip(v{i}, axis={axis})",
                  f"np.roll(v{i}, {p.pick(1, -1, 2)}, axis={axis})", f"np.repeat(v{i}, 2, axis={axis})",
                  f"np.pad(v{i}, 1, mode={p.pick('constant', 'edge', 'wrap', 'symmetric')!r})",
                  f"np.array_split(v{i}, 2, axis={axis})[0]", f"np.atleast_3d(v{i})", f"np.flipud(v{i})",
                  f"np.delete(v{i}, 0, axis={axis})", f"np.resize(v{i}, (3, 2))")


def triangle(p):
    i = p.any(lambda x: x.ndim == 2)
    return p.pick(f"np.triu(v{i})", f"np.tril(v{i}, -1)", f"np.diagonal(v{i})", f"np.trace(v{i})", f"np.rot90(v{i})",
                  f"np.fliplr(v{i})")


def index(p):
    i = p.any(lambda x: x.ndim > 0 and x.size > 0)
    n = p.values[i].shape[0]
    rows = p.rng.integers(-n, n, size=3).tolist()
    text = p.pick(f"{int(p.rng.integers(-n, n))}", "::2", "::-1", "..., 0", "None, ...", "..., ::-1", "..., -1:",
                  f"{n // 2}:", f"{rows}, ...", f"np.array({rows})", f"np.array({[rows, rows[::-1]]})",
                  f"np.array({(p.rng.random(p.values[i].shape) < 0.5).tolist()})")
    return f"at(v{i}, np.s_[{text}])"


def taken(p):
    i = p.any(lambda x: x.ndim > 0 and x.size > 0)
    x, axis = p.values[i], axis_of(p, i)
    indices = p.rng.integers(0, x.shape[int(axis)], size=3).tolist()
    along = p.rng.integers(0, x.shape[int(axis)], size=x.shape).tolist()
    return p.pick(f"np.take(v{i}, np.array({indices}), axis={axis})",
                  f"np.take_along_axis(v{i}, np.array({along}), axis={axis})")


def two_fancy(p):
    i = p.any(lambda x: x.ndim > 1 and x.size > 0)
    m, n = p.values[i].shape[0], p.values[i].shape[-1]
    return f"at(v{i}, np.s_[{p.rng.integers(0, m, 4).tolist()}, ..., {p.rng.integers(0, n, 4).tolist()}])"


def joined(p):
    i = p.any(lambda x: x.ndim > 0)
    j = p.any(lambda x: x.shape == p.values[i].shape)
    axis = axis_of(p, i)
    return p.pick(f"np.concatenate([v{i}, v{j}], axis={axis})", f"np.concatenate([v{j}, v{i}, v{j}], axis={axis})",
                  f"np.stack([v{i}, v{j}], axis={axis})", f"np.vstack([v{i}, v{j}])", f"np.hstack([v{i}, v{j}])",
                  f"np.dstack([v{i}, v{j}])", f"np.column_stack([v{i}, v{j}])")


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
                  f"np.kron(v{i}, v{k})", f"np.tensordot(v{i}, v{k}, ([0], [0]))", f"np.inner(v{i}, v{k})",
                  f"np.dot(v{i}, v{j})", f"np.linalg.multi_dot([v{i}, v{j}, np.transpose(v{j}, (1, 0))])",
                  f"np.vdot(v{i}, v{k})", f"np.vecdot(v{i}, v{k})")


def product_of_vectors(p):
    i, j = p.any(lambda x: x.ndim == 1), p.any(lambda x: x.ndim == 1)
    options = [f"np.convolve(v{i}, v{j}, {mode!r})" for mode in ("full", "same", "valid")]
    if p.values[i].shape == p.values[j].shape == (3,):
        options.append(f"np.cross(v{i}, v{j})")
    return p.pick(*options)


def linear_algebra(p):
    i = p.any(lambda x: x.ndim == 2 and x.shape[0] == x.shape[1])
    n = len(p.values[i])
    near_identity = f"(np.eye({n}) * 3.0 + np.tanh(v{i}))"
    j = p.any(lambda y: y.ndim == 2 and y.shape[0] == n)
    return p.pick(f"np.linalg.inv({near_identity})", f"np.linalg.solve({near_identity}, v{j})",
                  f"np.linalg.det({near_identity})", f"np.linalg.slogdet({near_identity})[1]",
                  f"np.linalg.norm({near_identity})", f"np.linalg.pinv({near_identity})",
                  f"np.linalg.cholesky(np.eye({n}) + v{i} @ np.swapaxes(v{i}, 0, 1))",
                  f"np.linalg.matrix_power(v{i}, {p.pick(2, 3)})")


def spectrum(p):
    i = p.any(lambda x: x.ndim == 2 and x.shape[0] == x.shape[1])
    x = p.values[i]
    singular_values = np.linalg.svdvals(x)
    if min(np.min(np.diff(np.linalg.eigvalsh(x + x.T)), initial=1), np.min(-np.diff(singular_values), initial=1),
           singular_values[-1]) < APART:
        raise LookupError("two values are near each other, or one is near 0")
    return p.pick(f"np.linalg.eigvalsh(v{i} + np.swapaxes(v{i}, 0, 1))", f"np.linalg.svdvals(v{i})",
                  f"np.linalg.norm(v{i}, {p.pick('nuc', 2)!r})")


def size(p):
    i = p.any(lambda x: x.ndim > 0 and np.min(np.abs(x), initial=1) > APART)
    return f"np.linalg.vector_norm(v{i}, axis={axis_of(p, i)}, ord={p.pick(1, 2, 3, 2.5)})"


def fourier(p):
    i = p.any(lambda x: x.ndim > 0)
    axis = axis_of(p, i)
    return p.pick(f"np.real(np.fft.ifft(np.fft.fft(v{i}, axis={axis}) ** 2, axis={axis}))",
                  f"np.imag(np.fft.rfft(v{i}, axis={axis}) * (1 + 2j))", f"np.abs(np.fft.fft(v{i}, axis={axis})) ** 2",
                  f"np.fft.irfft(np.fft.rfft(v{i}, axis={axis}) ** 2, n={p.values[i].shape[int(axis)]}, axis={axis})")


OPERATIONS = [unary, unary, unary_of_positive, unary_of_fraction, special_function, normalized_exponentials, binary,
              binary, binary, with_a_number, compared, divided_with_remainder, chosen, reduction, reduction,
              several_axes, spread_out, extremum, cumulative, slopes, shape, shape, triangle, index, index, taken,
              two_fancy, joined, matrix_product, matrix_product, contraction, contraction, contraction,
              product_of_vectors, linear_algebra, linear_algebra, linear_algebra, spectrum, size, fourier]


# Operations that PyTorch lacks, or has with other arguments

def with_gaps(p):
    i = with_numbers_apart(p)
    x, axis = p.values[i], int(axis_of(p, i))
    mask = p.rng.random(x.shape) < 0.4
    mask &= mask.cumsum(axis) > 1  # keeps one number at least
    name = p.pick("nansum", "nanmean", "nanprod", "nanvar", "nanmax", "nanmin", "nanmedian", "nancumsum")
    return f"np.{name}(np.where(np.array({mask.tolist()}, dtype=bool), np.nan, v{i}), axis={axis})"


def of_some(p):
    i = with_numbers_apart(p)
    axis, where = axis_of(p, i), mask_of(p, p.values[i].shape)
    name = p.pick("sum", "prod", "max", "min")
    start = {"sum": 0.5, "prod": 0.5, "max": -9.0, "min": 9.0}[name]
    return f"np.{name}(v{i}, axis={axis}, initial={start}, where={where})"


def statistics(p):
    i = p.any(lambda x: x.ndim == 2 and x.shape[1] > 2 and np.min(np.std(x, 1)) > APART)
    n = p.values[i].shape[1]
    return p.pick(f"np.cov(v{i})", f"np.corrcoef(v{i})", f"np.cov(v{i}, aweights=np.array({[1.5] + [0.5] * (n - 1)}))",
                  f"np.average(v{i}, axis=1, weights=np.square(v{i}) + 1.0)",
                  f"np.apply_over_axes(np.sum, v{i}, [0, 1])")


def polynomial(p):
    i, j = p.any(lambda x: x.ndim == 1), p.any(lambda x: x.ndim == 1)
    return p.pick(f"np.polyval(v{i}, np.tanh(v{p.any()}))", f"np.polyadd(v{i}, v{j})", f"np.polysub(v{i}, v{j})",
                  f"np.polyint(v{i}, 2)", f"np.vander(np.tanh(v{i}) + 2.0, 3)", f"np.polyder(v{i})")


def interpolated(p):
    i = p.any(lambda x: x.ndim == 1 and x.size > 1)
    j = p.any(lambda x: np.min(np.abs(x - np.rint(x)), initial=1) > APART)
    return f"np.interp(v{j}, np.array({list(range(-1, p.values[i].size - 1))}), v{i})"


def moved(p):
    i = p.any(lambda x: x.ndim > 0 and np.min(np.abs(np.abs(np.diff(x, axis=-1)) % 1 - 0.5), initial=1) > APART)
    return p.pick(f"np.unwrap(v{i}, period=1.0)", f"np.insert(v{i}, 0, 0.5, axis={axis_of(p, i)})",
                  f"np.append(v{i}, v{i}, axis={axis_of(p, i)})", f"np.ediff1d(v{i})")


MORE_OPERATIONS = [*OPERATIONS, with_gaps, of_some, statistics, polynomial, interpolated, moved]


# Three references: PyTorch under NumPy's names, JAX, and differences

@cache
def torch_as_numpy():
    """Return PyTorch's functions under NumPy's names, special functions, and indexing by NumPy's rules."""
    import torch

    def picked(x, places):
        if isinstance(places, list):
            return [picked(x, part) for part in places]
        return x.reshape(-1)[torch.tensor(places.copy())]

    def numbered(x):
        return np.arange(x.numel()).reshape(x.shape)

    def moving(name):
        """Return a function that only moves numbers: NumPy moves their positions, and PyTorch takes from there."""
        return lambda x, *args, **keywords: picked(x, getattr(np, name)(numbered(x), *args, **keywords))

    def pad(x, width, mode):
        if mode != "constant":
            return moving("pad")(x, width, mode)
        return torch.nn.functional.pad(x, [width, width] * x.ndim)

    def select(conditions, choices, default):
        result = torch.full_like(choices[0], default)
        for condition, choice in zip(conditions[::-1], choices[::-1]):
            result = where(condition, choice, result)
        return result

    def where(condition, x, y):
        return torch.where(torch.tensor(condition), x, y)

    def convolve(x, y, mode):
        x, y = (x, y) if len(x) >= len(y) else (y, x)
        full = torch.nn.functional.conv1d(x[None, None], y.flip(0)[None, None], padding=len(y) - 1)[0, 0]
        start, length = {"full": (0, len(full)), "same": ((len(y) - 1) // 2, len(x)),
                         "valid": (len(y) - 1, len(x) - len(y) + 1)}[mode]
        return full[start:start + length]

    def along(function):
        """Return a function whose axis is called dim."""
        return lambda x, axis, n=None: function(x, n=n, dim=axis)

    def names(x, axis, keepdims):
        return dict(dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)

    same = (
        "sin cos tanh arctan square sinh cosh negative positive exp expm1 sinc exp2 deg2rad i0 nan_to_num sqrt log "
        "log1p reciprocal log2 log10 arcsin arccos arctanh arcsinh tan logaddexp logaddexp2 arctan2 hypot float_power "
        "maximum minimum fmax fmin abs copysign fmod remainder clip cumsum cumprod triu tril trace concatenate "
        "stack vstack hstack dstack column_stack einsum diff inner real imag")
    move = (
        "reshape ravel transpose swapaxes moveaxis expand_dims broadcast_to flip fliplr flipud rot90 roll repeat tile "
        "resize delete take take_along_axis array_split atleast_3d diagonal")
    linalg = "inv solve det slogdet pinv cholesky matrix_power eigvalsh svdvals multi_dot"
    namespace = SimpleNamespace(
        **{name: getattr(torch, name) for name in same.split()}, **{name: moving(name) for name in move.split()},
        array=np.array, s_=np.s_, eye=lambda n: torch.eye(n, dtype=torch.float64), where=where, select=select, pad=pad,
        convolve=convolve, fabs=torch.abs, degrees=torch.rad2deg, cbrt=lambda x: x ** (1 / 3),
        sum=lambda x, axis=None, keepdims=False: torch.sum(x, **names(x, axis, keepdims)) if x.ndim else x,
        mean=lambda x, axis=None, keepdims=False: torch.mean(x, **names(x, axis, keepdims)),
        var=lambda x, axis=None, keepdims=False: torch.var(x, **names(x, axis, keepdims), correction=0),
        std=lambda x, axis, ddof, keepdims: torch.std(x, axis, correction=ddof, keepdim=keepdims),
        prod=lambda x, axis, keepdims: torch.prod(x, axis, keepdims),
        max=lambda x, axis: torch.amax(x, axis), min=lambda x, axis: torch.amin(x, axis),
        ptp=lambda x, axis: torch.amax(x, axis) - torch.amin(x, axis),
        sort=lambda x, axis: torch.sort(x, axis).values, quantile=lambda x, q, axis: torch.quantile(x, q, axis),
        median=lambda x, axis, keepdims: torch.quantile(x, 0.5, axis, keepdims),
        trapezoid=lambda x, dx, axis: torch.trapezoid(x, dx=dx, dim=axis),
        gradient=lambda x, h=1.0, *, axis: torch.gradient(x, spacing=h, dim=axis)[0],
        outer=lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1)), dot=torch.matmul,
        tensordot=lambda x, y, axes: torch.tensordot(x, y, axes), cross=torch.linalg.cross,
        vdot=lambda x, y: torch.dot(x.reshape(-1), y.reshape(-1)), vecdot=torch.linalg.vecdot,
        # torch.kron fails on some views when it is differentiated twice.
        kron=lambda x, y: torch.einsum("ij,kl->ikjl", x, y).reshape(len(x) * len(y), -1),
        linalg=SimpleNamespace(
            **{name: getattr(torch.linalg, name) for name in linalg.split()}, norm=torch.linalg.norm,
            vector_norm=lambda x, axis, ord: torch.linalg.vector_norm(x, ord, axis)),
        fft=SimpleNamespace(**{name: along(getattr(torch.fft, name)) for name in ("fft", "ifft", "rfft", "irfft")}))
    special = SimpleNamespace(
        erf=torch.erf, erfc=torch.erfc, sigmoid=torch.sigmoid, softmax=torch.softmax, log_softmax=torch.log_softmax,
        logsumexp=torch.logsumexp, **{name: getattr(torch.nn.functional, name) for name in ("silu", "gelu", "relu")},
        softplus=lambda x: torch.logaddexp(x, torch.zeros_like(x)))
    return namespace, special, lambda x, index: picked(x, numbered(x)[index])


def derivatives_by_torch(function, point, direction):
    """Return value, gradient and Hessian-vector product as PyTorch finds them."""
    import torch
    xs = [torch.tensor(x, requires_grad=True) for x in point]
    value = function(*torch_as_numpy(), *xs)

    def gradients(y, create_graph):
        if not y.requires_grad:
            return [torch.zeros_like(x) for x in xs]
        return torch.autograd.grad(y, xs, create_graph=create_graph, materialize_grads=True)
    slopes = gradients(value, True)
    products = gradients(sum((g * torch.as_tensor(v)).sum() for g, v in zip(slopes, direction)), False)
    return value.item(), [g.detach().numpy() for g in slopes], [g.numpy() for g in products]


@cache
def jax_as_numpy():
    """Return JAX's NumPy, whose constant arrays are NumPy's own, special functions, and indexing."""
    import jax
    import jax.numpy
    names = {name: getattr(jax.numpy, name) for name in dir(jax.numpy) if not name.startswith("_")}
    special = SimpleNamespace(**{name: getattr(jax.nn, name) for name in (
        "sigmoid", "softplus", "silu", "relu", "softmax", "log_softmax", "logsumexp")}, erf=jax.scipy.special.erf,
        erfc=jax.scipy.special.erfc, gelu=lambda x: jax.nn.gelu(x, approximate=False))

    def at(x, index):
        return x[tuple([np.array(item) if isinstance(item, list) else item for item in index])
                 if isinstance(index, tuple) else index]
    return SimpleNamespace(**{**names, "array": np.array, "eye": np.eye, "s_": np.s_}), special, at


def derivatives_by_jax(function, point, direction):
    """Return value, gradient and Hessian-vector product as JAX finds them."""
    import jax
    fast = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}

    def found(xs, direction):
        value_and_grad = jax.value_and_grad(lambda xs: function(*jax_as_numpy(), *xs))
        return jax.jvp(value_and_grad, (xs,), (direction,))
    with jax.enable_x64(True):
        (value, slopes), (_, products) = jax.jit(found, compiler_options=fast)(list(point), list(direction))
    return float(value), [np.asarray(g) for g in slopes], [np.asarray(g) for g in products]


def comparison(theirs):
    """Return what raises AssertionError unless all three agree with another library's up to rounding."""
    def compare(function, point, direction, found):
        for ours, expected in zip(found, theirs(function, point, direction)):
            several = isinstance(expected, list)
            largest = max([np.max(np.abs(x), initial=0) for x in expected] if several else [abs(expected)])
            for x, y in zip(ours, expected) if several else [(ours, expected)]:
                np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9 * (1 + largest))
    return compare


def compare_with_differences(function, point, direction, found):
    """Raise AssertionError unless gradient and Hessian-vector product agree with differences along the direction."""
    step = 1e-5

    def moved(sign):
        return [x + sign * step * v for x, v in zip(point, direction)]
    _, slopes, products = found
    rise = (function(np, minigrad, at_index, *moved(1)) - function(np, minigrad, at_index, *moved(-1))) / (2 * step)
    size = sum(np.sum(np.abs(g)) for g in slopes)
    slope = sum(np.sum(g * v) for g, v in zip(slopes, direction))
    np.testing.assert_allclose(slope, rise, rtol=1e-5, atol=1e-5 * (1 + size))
    ahead, behind = (derivatives(function, moved(sign), direction)[1] for sign in (1, -1))
    size = size + max(np.max(np.abs(h), initial=0) for h in products)
    for h, a, b in zip(products, ahead, behind):
        np.testing.assert_allclose(h, (a - b) / (2 * step), rtol=1e-4, atol=1e-4 * (1 + size))


def derivatives(function, point, direction):
    """Return value, gradient and Hessian-vector product as minigrad finds them."""
    f = lambda *xs: function(np, minigrad, at_index, *xs)
    everything = tuple(range(len(point)))
    value, slopes = minigrad.value_and_grad(f, everything)(*point)
    return value, slopes, minigrad.hvp(f, everything)(*point, tuple(direction))


# What programs are made of, and what judges them
AGAINST = {"torch": (OPERATIONS, comparison(derivatives_by_torch)),
           "jax": (MORE_OPERATIONS, comparison(derivatives_by_jax)),
           "differences": (MORE_OPERATIONS, compare_with_differences)}


def check(seed, number, against):
    """Make a program, and compare; an error shows the program."""
    rng = np.random.default_rng([seed, number])
    operations, compare = AGAINST[against]
    program = Program(rng, operations)
    direction = [rng.normal(size=x.shape) for x in program.point]
    try:
        function = program.function()
        found = derivatives(function, program.point, direction)
        np.testing.assert_allclose(found[0], function(np, minigrad, at_index, *program.point), rtol=1e-12)
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
@pytest.mark.slow
def test_random_programs_agree_with_pytorch(block, one_thread):
    for number in range(200 * block, 200 * block + 200):
        check(0, number, "torch")


@pytest.fixture(scope="session")
def jax():
    """Import JAX before the test, since the import draws from NumPy's global random state."""
    return pytest.importorskip("jax")


@pytest.mark.slow
def test_random_programs_agree_with_jax(jax):
    for number in range(2000, 2020):
        check(0, number, "jax")


@pytest.mark.slow
def test_random_programs_agree_with_finite_differences():
    for number in range(3000, 3300):
        check(0, number, "differences")


@pytest.mark.slow
def test_every_operation_is_drawn():
    drawn = set()

    def watched(operation):
        def draw(program):
            line = operation(program)
            drawn.add(operation)
            return line
        return draw
    for number in range(300):
        Program(np.random.default_rng([0, number]), [watched(operation) for operation in MORE_OPERATIONS])
    assert drawn == set(MORE_OPERATIONS)


def main():
    parser = argparse.ArgumentParser(description="Compare derivatives of random programs with another library's.")
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--against", choices=AGAINST, default="torch")
    parser.add_argument("--only", type=int, help="run this program of the seed alone, and print it")
    options = parser.parse_args()
    if options.against == "torch":
        import torch
        torch.set_num_threads(1)
    if options.only is not None:
        rng = np.random.default_rng([options.seed, options.only])
        print(Program(rng, AGAINST[options.against][0]).source())
        check(options.seed, options.only, options.against)
        return 0
    failures = 0
    for number in range(options.count):
        try:
            check(options.seed, number, options.against)
        except AssertionError as error:
            failures += 1
            print(error, "\n", file=sys.stderr)
    print(f"{options.count} programs of seed {options.seed} against {options.against}: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
