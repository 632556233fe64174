"""The value of every function of the table is NumPy's, for calls drawn at random from the arguments that NumPy takes.

A function written in terms of other functions computes its value in another way than NumPy does. An axis, an empty
array or a single number may then go wrong while the gradient, checked against that value, looks right. Each function is
called a hundred times here, recorded and under no_grad: with arrays of every shape, of which some are Tensors, and with
each argument left out or drawn from what its name means. The value must be NumPy's, or be refused in words.
"""

import inspect
import linecache
import math
import traceback
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.coverage_table import kind
from minigrad.registry import TABLE

CALLS = 100
FUNCTIONS = [function for function in TABLE if kind(function) in ("composition", "rule")
             and (isinstance(function, np.ufunc) or function.__module__.startswith("numpy"))
             and function is not np._core.umath.clip]  # what ndarray.clip calls; np.clip is drawn
if tuple(map(int, np.__version__.split(".")[:2])) < (2, 2):  # where NumPy itself changed these later
    FUNCTIONS = [function for function in FUNCTIONS if function not in (np.cov, np.corrcoef, np.trim_zeros)]


def alike(keys, choices):
    """Return a dictionary with the same choices for several keys."""
    return dict(zip(keys, [choices] * len(keys)))


# What to draw for a parameter of each name. A string stands for arrays, which `Call` draws: see `drawn` there.
FLAG, AXIS, FEW = [False, True], [None, 0, 1, -1, -2, 2, (0,), (0, 1), (-1, 0), ()], [0, 1, -1, -3, 5]
NORMS = [None, 0, 1, 2, -1, -2, 3, 0.5, math.inf, -math.inf, "fro", "nuc"]
ARGUMENTS = {
    **alike(["keepdims", "returned", "rowvar", "bias", "increasing", "include_initial", "endpoint", "retstep",
                     "sparse", "copy", "upper", "compute_uv", "full_matrices", "optimize"], FLAG),
    **alike(["axis", "axes"], AXIS), **alike(["axisa", "axisb", "axisc", "axis1"], [0, 1, -1]),
    **alike(["hermitian", "full", "cov", "overwrite_input", "subok", "writeable"], [False]),
    **alike(["a_min", "left", "to_begin", "default"], [None, -0.5, "any"]), "axis2": [0, 1, -2],
    **alike(["a_max", "right", "to_end"], [None, 0.5, "any"]), **alike(["min", "max"], [None, 0.2]),
    **alike(["prepend", "append"], [np._NoValue, 0.5, "any"]), "dtype": [None, np.float32, float, complex],
    "ddof": [0, 1, 2], "correction": [0, 1], "initial": [0.5, -3.0, 2], "mean": ["number"], "where": ["mask"],
    "weights": [None, "positive"], "discont": [None, 1.0, 4.0], "period": [None, 2.0, 6.283], "dx": [1.0, 0.5, "any"],
    "k": FEW, "offset": FEW, "n": [0, 1, 2, 3, 5], "N": [None, 0, 1, 4], "density": [None, False, True],
    "order": ["C", "F", "A", "K", None], "kind": [None, "stable"], "stable": [None, True], "trim": ["fb", "f", "B"],
    "method": ["linear", "lower", "inverted_cdf", "hazen", "nearest", "midpoint", "averaged_inverted_cdf", "weibull"],
    "q": [0.0, 0.3, 1.0, [0.2, 0.7], [[0.5], [1.0]], 25], "num": [0, 1, 2, 5], "base": [10.0, 2.0, "positive"],
    "indexing": ["xy", "ij"], "reps": [0, 1, 3, (2,), (2, 1), (1, 2, 2), (), np.array([2, 1])],
    "obj": [0, 1, -1, [0], [0, 1], [], slice(0, 2), slice(None, None, 2), np.array([True, False, True])],
    "pad_width": [0, 1, (1, 2), ((1, 2),), ((1, 0), (0, 2)), ((2, 0),)], "repeats": [0, 1, 3, [1, 2, 0], [2]],
    "newshape": [(-1,), (1, -1)], "new_shape": [(), 0, 3, (2, 4), (0, 2)],
    "indices_or_sections": [1, 2, 3, [1], [1, 2], [0, 5], [], [-1]],
    "indices": [0, -1, [0, 1], [[0], [1]], [], 5, np.zeros((1, 3), int)], "kth": [0, 1, [0, 1], -1],
    "condition": [[True, False, True], [True], [0, 1, 0], []], "ord": NORMS, "p": NORMS, "casting": ["same_kind"],
    "window_shape": [1, 2, (2,), (2, 1), (1, 1, 1)], "bins": [3, 10, [0.0, 0.5, 2.0], "auto"], "minlength": [0, 5],
    "range": [None, (-1, 1), (0, 0)], "shape": [None, (), (3,), (2, 3), 4, 0], "fill_value": ["number", 2.0],
    "edge_order": [1, 2], "s": [None, (2,), (3, 2), (2, -1), (4,)], "norm": [None, "ortho", "forward", "backward"],
    "deg": [0, 1, 2], "m": [0, 1, 2], "w": [None, "positive"], "rcond": [None, 1e-3, -1], "rtol": [1e-3],
    "ind": [1, 2, 3], "UPLO": ["L", "U"], "start": [0, 1, -1], "values": [1.5, [1.0, 2.0], "any"],
    "fweights": [None, [1, 2, 0]], "aweights": [None, "positive"], "tol": [100],
}
CONVOLUTIONS, PICKING = ["full", "same", "valid"], ["raise", "wrap", "clip"]
POLYNOMIAL = ["vector"]
OF_FUNCTION = {  # where a name means something else in one function, or only some calls make sense
    np.tensordot: {"axes": [0, 1, 2, (0, 0), ([0, 1], [0, 1]), (-1, 0), ([1], [0])]},
    np.linalg.tensordot: {"axes": [0, 1, 2, (0, 0), ([1], [0])]}, np.linalg.matrix_power: {"n": [0, 1, 2, 3, 5, -1]},
    np.where: {"condition": ["mask"], "x": ["any"], "y": ["any"]},
    np.select: {"condlist": ["masks"], "choicelist": ["several"]}, np.take_along_axis: {"axis": [None, 0, 1, -1]},
    np.choose: {"a": [0, [0, 1, 1], [[1], [0]], [0, 3, -1]], "choices": ["several", "any"], "mode": PICKING},
    np.arange: {"start": ["number"], "stop": [None, "number"], "step": [0.5]},
    np.piecewise: {"x": ["same"], "condlist": ["masks"],
                   "funclist": [[np.sin, 2.0], [np.sin], [1.0, np.square, np.exp]]},
    np.apply_over_axes: {"func": [np.sum, np.max], "axes": [0, 1, (0, 1), -1, [0, -1]]},
    np.apply_along_axis: {"func1d": [np.sum, np.sort, lambda row: np.multiply.outer(row, [1.0, 2.0])],
                          "axis": [0, 1, -1]},
    np.bincount: {"x": [[0, 2, 1], [1, 1, 0], [0]], "weights": [None, "vector"]},
    np.rollaxis: {"axis": [0, 1, -1, 2], "start": [0, 1, 2, -1, 3]}, np.astype: {"dtype": [np.float32, float, complex]},
    np.geomspace: {"start": ["positive"], "stop": ["positive"], "axis": [0, -1]},
    np.linspace: {"start": ["any", 0.0], "stop": ["any"], "axis": [0, -1]},
    np.logspace: {"start": ["any", 0.0], "stop": ["any"], "axis": [0, -1]}, np.full: {"shape": [3]},
    np.block: {"arrays": ["any", "several", "blocks"]}, np.linalg.multi_dot: {"arrays": ["chain"]},
    np.meshgrid: {"xi": ["vectors"]}, np.gradient: {"varargs": ["spacings"]}, np.einsum: {"operands": ["einsum"]},
    np.broadcast_arrays: {"args": ["several"]}, np.ldexp: {"x2": [0, 2, -1]},
    np.matmul: {"x1": ["rows"], "x2": ["columns"]},
    **alike([np.flip, np.fliplr, np.flipud, np.rot90, np.tril, np.triu], {"m": ["any"]}),
    **alike([np.atleast_1d, np.atleast_2d, np.atleast_3d], {"arys": ["several"]}),
    **alike([np.concatenate, np.stack], {"arrays": ["several", "any"]}),
    **alike([np.vstack, np.hstack, np.dstack, np.column_stack], {"tup": ["several"]}),
    np.histogramdd: {"sample": ["any"], "bins": [2, [2, 3]], "range": [None], "weights": [None, "vector"]},
    np.histogram2d: {"x": ["vector"], "y": ["vector"], "bins": [2, [2, 3], [0.0, 0.5, 1.0]], "range": [None],
                     "weights": [None, "vector"]},
    np.linalg.cholesky: {"a": ["definite"]}, np.interp: {"x": ["any"], "xp": [[-1.0, 0.0, 1.0]], "fp": ["three"]},
    np.pad: {"mode": ["constant", "edge", "reflect", "symmetric", "linear_ramp"], "kwargs": ["padding"]},
    np.quantile: {"weights": [None, None, "positive"]}, np.linalg.cond: {"p": [None, 2, -2]},
    np.linalg.qr: {"mode": ["reduced", "r", "complete"]}, np.take: {"mode": PICKING},
    np.convolve: {"a": ["vector"], "v": ["vector"], "mode": CONVOLUTIONS},
    np.correlate: {"a": ["vector"], "v": ["vector"], "mode": CONVOLUTIONS},
    np.cov: {"m": ["any"], "y": [None, "any"], "ddof": [None, 0, 1]}, np.polyval: {"p": POLYNOMIAL, "x": ["any"]},
    np.polyder: {"p": POLYNOMIAL}, np.polyint: {"p": POLYNOMIAL, "k": [None, 0.5, [1.0, 2.0]]},
    np.roots: {"p": POLYNOMIAL}, np.poly: {"seq_of_zeros": ["vector", "any"]}, np.trapezoid: {"x": [None, "any"]},
    **alike([np.polyadd, np.polysub, np.polymul], {"a1": POLYNOMIAL, "a2": POLYNOMIAL}),
    np.polydiv: {"u": ["coefficients"], "v": ["coefficients"]},
    np.polyfit: {"x": ["three"], "y": ["three"], "w": [None, "three"]},
    np.unwrap: {"p": ["any"]}, np.vander: {"x": ["vector"]}, np.insert: {"values": [1.5, [1.0, 2.0], "any"]},
}
for name in ("cumulative_sum", "cumulative_prod"):
    OF_FUNCTION[getattr(np, name, None)] = {"axis": [None, 0, 1, -1]}
OF_FUNCTION[getattr(np, "matvec", None)] = {"x1": ["rows"], "x2": ["three"], "axes": [None], "axis": [None]}
OF_FUNCTION[getattr(np, "vecmat", None)] = {"x1": ["rows"], "x2": ["columns"], "axes": [None], "axis": [None]}
OF_FUNCTION[np.take_along_axis]["indices"] = [np.zeros((1, 3), int), np.array([1, 0]), np.zeros((2, 1), int)]
# Not drawn: whole numbers and places in memory, which the other tests are about.
NOT_DRAWN = {"out", "like", "device", "signature"}
SHAPES = [(), (0,), (1,), (3,), (2, 3), (3, 2), (2, 2), (3, 3), (0, 3), (3, 0), (1, 3), (2, 2, 2), (2, 3, 2), (2, 0, 3)]
EINSUMS = [("ij,jk", (2, 3), (3, 2)), ("ij->ji", (2, 3)), ("i,i->", (3,), (3,)), ("ii", (3, 3)), ("ij", (0, 3)),
           ("ij,jk->ik", (2, 0), (0, 2)), ("i,j->ij", (3,), (0,)), ("...i,...i->...", (2, 3), (3,)), (",", (), ()),
           ("ij->", (2, 3)), ("ij,kj,k->i", (2, 3), (2, 3), (2,)), ("i...->...", (2, 3)), ("ij,ij->ij", (2, 3), (1, 3))]


def parameters_of(function):
    """Return the parameters of a NumPy function, which ufuncs of older NumPys do not say; None if nothing is known."""
    try:
        return inspect.signature(function).parameters.values()
    except ValueError:
        names = [f"x{i + 1}" for i in range(getattr(function, "nin", 0))]
        return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]


class Operand:
    """An array of a drawn call, and whether it is to be a Tensor."""

    def __init__(self, array, tensor):
        self.array, self.tensor = array, tensor

    def __repr__(self):
        return f"{'tensor' if self.tensor else 'array'}{self.array.shape}"


class Call:
    """A call drawn at random: its positional and keyword arguments, with an Operand for each array."""

    def __init__(self, function, rng):
        self.rng, self.shape = rng, SHAPES[rng.integers(len(SHAPES))]  # most arrays of a call have the same shape
        self.args, self.keywords = [], {}
        special, by_position = OF_FUNCTION.get(function, {}), True
        for p in parameters_of(function):
            several = p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            optional = p.default is not p.empty or (several and p.name not in special)
            choices = special.get(p.name) or ARGUMENTS.get(p.name) or ([None] if optional else ["any"])
            choice = choices[rng.integers(len(choices))]
            if p.name in NOT_DRAWN or (optional and (choices == [None] or rng.random() < 0.5)):
                by_position = False
            elif p.kind == p.VAR_POSITIONAL:
                self.args += self.drawn(choice)
            elif p.kind == p.VAR_KEYWORD:
                self.keywords.update(self.drawn(choice))
            elif p.kind == p.KEYWORD_ONLY or (optional and not by_position):
                self.keywords[p.name] = self.drawn(choice)
            else:
                self.args.append(self.drawn(choice))

    def array(self, shape=None, low=-2.0):
        """Draw an array; some of its numbers may be equal, and it may be a Tensor."""
        rng = self.rng
        if shape is None:
            shape = self.shape if rng.random() < 0.6 else SHAPES[rng.integers(len(SHAPES))]
        numbers = rng.uniform(low, 2.0, shape)
        return Operand(np.round(numbers) if low < 0 and rng.random() < 0.15 else numbers, rng.random() < 0.75)

    def drawn(self, choice):
        """Draw what a string stands for; other choices are meant as they are."""
        rng, number = self.rng, self.rng.integers(1, 4)
        arrays = {
            "any": lambda: self.array(), "positive": lambda: self.array(low=0.1), "number": lambda: self.array(()),
            "same": lambda: self.array(self.shape),
            "vector": lambda: self.array((rng.integers(4),)), "three": lambda: self.array((3,)),
            "rows": lambda: self.array([(2, 3), (0, 3), (2, 2, 3)][number - 1]), "columns": lambda: self.array((3, 2)),
            "coefficients": lambda: self.array((number,), low=0.1),
            "several": lambda: [self.array(self.shape if rng.random() < 0.8 else None) for _ in range(number)],
            "vectors": lambda: [self.array((rng.integers(4),)) for _ in range(number)],
            "chain": lambda: [self.array((2, 3)), self.array((3, 1)), self.array((1, 2))],
            "blocks": lambda: [[self.array((2, 2)), self.array((2, 1))], [self.array((1, 2)), self.array((1, 1))]],
            "mask": lambda: rng.random(self.shape) < 0.6,
            "masks": lambda: [rng.random(self.shape) < 0.6 for _ in range(number)],
            "definite": lambda: Operand((m := rng.normal(size=(number, number))) @ m.T + np.eye(number), True),
            "spacings": lambda: [[0.5, [0.0, 1.0, 3.0], [0.0, 0.5]][rng.integers(3)] for _ in range(number - 1)],
            "padding": lambda: [{}, {"constant_values": 2.0}, {"reflect_type": "odd"}][rng.integers(3)],
            "einsum": lambda: [(case := EINSUMS[rng.integers(len(EINSUMS))])[0], *map(self.array, case[1:])]}
        return arrays[choice]() if isinstance(choice, str) and choice in arrays else choice

    def with_tensors(self, tensors):
        """Return the arguments, with Tensors or arrays for the operands."""
        return convert(self.args, tensors), {name: convert(arg, tensors) for name, arg in self.keywords.items()}

    def has_a_tensor(self):
        """Return whether any operand is a Tensor."""
        return any(isinstance(x, Tensor) for x in minigrad.structure.arrays_in(list(self.with_tensors(True))))

    def __repr__(self):
        return ", ".join([*map(repr, self.args), *[f"{name}={arg!r}" for name, arg in self.keywords.items()]])


def convert(x, tensors):
    """Replace the operands in nested lists by Tensors that require a gradient, or by their arrays."""
    if isinstance(x, Operand):
        return Tensor(x.array, requires_grad=True) if tensors and x.tensor else x.array
    return type(x)([convert(item, tensors) for item in x]) if isinstance(x, (list, tuple)) else x


def arrays_in(result):
    """Return the arrays of a result, which may be nested in lists and tuples, without their Tensors."""
    if isinstance(result, (list, tuple)):
        return [x for item in result for x in arrays_in(item)]
    return [np.asarray(minigrad.registry.value_of(result))]


def refused_in_words(error):
    """Return whether an error was raised by a statement of minigrad's, rather than by NumPy on the way."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "minigrad" in last.filename and linecache.getline(last.filename, last.lineno).strip().startswith("raise")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{getattr(f, '__module__', 'numpy')}.{f.__name__}")
def test_value_is_numpys_over_numpys_arguments(function):
    rng, compared = np.random.default_rng(0), 0
    for _ in range(CALLS):
        call = Call(function, rng)
        if not call.has_a_tensor():
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                args, keywords = call.with_tensors(False)
                expected = arrays_in(function(*args, **keywords))
            except Exception:  # NumPy does not take these arguments together
                continue
            args, keywords = call.with_tensors(True)
            try:
                results = arrays_in(function(*args, **keywords))
            except (TypeError, ValueError) as error:
                assert refused_in_words(error), call
                continue
            with minigrad.no_grad():
                results += arrays_in(function(*args, **keywords))
        assert len(results) == 2 * len(expected), call
        for result, value in zip(results, expected * 2):
            assert result.shape == value.shape, call
            if value.dtype.kind not in "fcbiu":
                continue
            if function is np.roots:  # in any order
                result, value = np.sort_complex(result), np.sort_complex(value)
            tolerance = 1e-5 if np.float32 in (value.dtype, result.dtype) else 1e-7
            np.testing.assert_allclose(result, value, rtol=tolerance, atol=tolerance, err_msg=repr(call))
            assert "dtype" in repr(call) or result.dtype.kind == value.dtype.kind, call
        compared += 1
    assert compared >= 4 or function in NEVER_ON_TENSORS or not parameters_of(function)


@pytest.mark.parametrize("call", [
    lambda x: np.vecdot(x, np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1), lambda x: np.repeat(x[0, 0, 0], 3, axis=0),
    lambda x: np.resize(x[:0], (2, 2)), lambda x: np.linalg.lstsq(x[0, :0], np.zeros(0))[0],
    lambda x: np.linalg.lstsq(x[0, :, :0], np.zeros(2))[0], lambda x: np.pad(x[0, 0, 0], ((2, 0),)),
    lambda x: np.diff(x, prepend=np._NoValue, append=1),
    lambda x: np.quantile(x, 0.3, weights=np.arange(1.0, 9).reshape(2, 2, 2), method="inverted_cdf"),
    lambda x: np.concatenate([x, x], casting="unsafe"), lambda x: np.heaviside(np.zeros((2, 2, 2)), x),
    lambda x: np.trapezoid(x, np.array([[0.0, 1.0], [2.0, 5.0]]), axis=1),
    lambda x: np.median(x[:0]), lambda x: np.insert(x[0], [0], [1.0, 2.0]), lambda x: np.add(x, 1.0, casting="unsafe")])
def test_arguments_that_once_went_wrong_give_numpys_value_and_a_gradient(call):
    x = np.arange(8.0).reshape(2, 2, 2) ** 2
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result, expected = call(Tensor(x, requires_grad=True)), call(x)
    np.testing.assert_allclose(minigrad.registry.value_of(result), expected)
    assert np.shape(result) == np.shape(expected)
    if np.size(expected) and np.all(np.isfinite(expected)) and isinstance(result, Tensor):
        assert minigrad.gradcheck(call, x + 0.1)


# np.array(t) and its like always raise for Tensors that require a gradient, and np.full and np.arange
# look at Tensors only with like=, which is not drawn.
NEVER_ON_TENSORS = {np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.full, np.arange}
