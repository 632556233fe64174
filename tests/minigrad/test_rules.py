"""Every function in the table has examples, whose values are NumPy's and whose derivatives finite differences confirm.

An example draws arrays and returns (function, *arrays); the function is called with Tensors in their place. Products,
linear algebra and Fourier transforms have their examples in the files named after them. Below stand the conventions at
kinks and edges.
"""

import math
import runpy
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.registry import TABLE, on_values, refuse
from minigrad.rules.reductions import PLACES


def on(function, *shapes, within=(-2.0, 2.0)):
    """Return what draws arrays of these shapes, uniformly within an interval, for a function of them."""
    return lambda rng: (function, *[rng.uniform(*within, shape) for shape in shapes])


def at(function, *arrays):
    """Return an example at a given point."""
    return lambda rng: (function, *[np.array(array, float) for array in arrays])


def one(function, within=(-2.0, 2.0)):
    """Return the examples of an elementwise function of one argument: a matrix, a single number, nothing."""
    return [on(function, shape, within=within) for shape in [(2, 3), (), (0,)]]


def two(function, within=(-2.0, 2.0)):
    """Return the examples of an elementwise function of two arguments: all ways to broadcast, numbers, nothing."""
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((2, 1), (3,)), ((1, 3), (2, 1, 1)), ((), (2,)), ((), ()), ((0,), (1,))]
    return [on(function, *pair, within=within) for pair in shapes] + [
        on(lambda x: function(x, 1.5), (2,), within=within), on(lambda y: function(1.5, y), (2,), within=within)]


def reducing(function, *further, within=(-2.0, 2.0)):
    """Return the examples of a reduction: every axis, negative, several, all; with and without keepdims."""
    options = [((2, 3), {}), ((2, 3), {"axis": 0}), ((2, 3), {"axis": -1, "keepdims": True}),
               ((2, 3, 2), {"axis": (0, -1)}), ((2, 3, 2), {"axis": (2, 1), "keepdims": True}),
               ((3, 2), {"keepdims": True}), ((), {}), ((1, 2), {"axis": 0})]
    return [on(lambda x, given=given: function(x, **given), shape, within=within)
            for shape, given in options] + list(further)


def calls(function, *examples, within=(-2.0, 2.0)):
    """Return examples from tuples (shape, *further positional arguments) or (shape, ..., {keywords})."""
    def example(shape, *args):
        keywords = args[-1] if args and isinstance(args[-1], dict) else {}
        args = args[:-1] if keywords else args
        return on(lambda x: function(x, *args, **keywords), shape, within=within)
    return [example(*given) for given in examples]


def of_complex(function):
    """Return the examples of a function on the way from real arrays through complex numbers."""
    return [on(lambda x, y: np.real(function(x + 1j * y)) + np.imag((1 + 2j) * function(1j * y * x)), (3,), (3,))]


NAN = math.nan
ODD = [[True, False, True], [False, True, False]]

ELEMENTWISE = {
    np.add: two(np.add), np.subtract: two(np.subtract), np.multiply: two(np.multiply),
    np.divide: two(np.divide, (0.5, 2)),
    np.remainder: two(np.remainder, (1.1, 7)), np.fmod: two(np.fmod, (1.1, 7)), np.divmod: [
        on(lambda x, y: np.divmod(x, y)[1], (3,), (3,), within=(1, 5)), on(lambda x: np.divmod(x, 1.3)[1], (3,))],
    np.negative: one(np.negative), np.positive: one(np.positive), np.square: one(np.square),
    np.reciprocal: one(np.reciprocal, (1, 2)),
    np.power: [*two(np.power, (0.5, 2)), *calls(np.power, ((3,), 3), ((3,), 2), ((3,), -1), ((3,), 1), ((3,), 0)),
               at(lambda x: x ** 1, [0.0, 2.0]), at(lambda x: x ** 0, [0.0, 2.0]), at(lambda x: x ** 3.0, [0.0, -1.0]),
               at(lambda x: x ** np.array([0, 1, 2, 3]), [0.0] * 4), at(lambda y: 2 ** y, [-1.0, 0.0, 2.5])],
    np.float_power: two(np.float_power, (0.5, 2)),
    np.sqrt: one(np.sqrt, (0.5, 2)), np.cbrt: one(np.cbrt, (0.5, 2)), np.hypot: two(np.hypot),
    np.exp: one(np.exp), np.exp2: one(np.exp2), np.expm1: one(np.expm1), np.log: one(np.log, (0.5, 2)),
    np.log2: one(np.log2, (0.5, 2)), np.log10: one(np.log10, (0.5, 2)), np.log1p: one(np.log1p, (-0.5, 2)),
    np.ldexp: calls(np.ldexp, ((3,), 3), ((2, 2), np.array([1, -2])), ((), 2)),
    np.logaddexp: two(np.logaddexp), np.logaddexp2: two(np.logaddexp2),
    np.sin: one(np.sin), np.cos: one(np.cos), np.tan: one(np.tan, (-1, 1)),
    np.arcsin: one(np.arcsin, (-0.9, 0.9)), np.arccos: one(np.arccos, (-0.9, 0.9)), np.arctan: one(np.arctan),
    np.arctan2: two(np.arctan2, (0.5, 2)) + two(lambda y, x: np.arctan2(-y, -x), (0.5, 2)),
    np.sinh: one(np.sinh), np.cosh: one(np.cosh), np.tanh: one(np.tanh),
    np.arcsinh: one(np.arcsinh), np.arccosh: one(np.arccosh, (1.2, 3)), np.arctanh: one(np.arctanh, (-0.9, 0.9)),
    np.deg2rad: one(np.deg2rad), np.radians: one(np.radians), np.rad2deg: one(np.rad2deg), np.degrees: one(np.degrees),
    np.sinc: [*one(np.sinc), at(np.sinc, [0.0, 1e-9, 0.3, -1.0, 1.0, 2.5, 40.0])],
    np.maximum: two(np.maximum), np.minimum: two(np.minimum), np.fmax: two(np.fmax), np.fmin: two(np.fmin),
    np.fabs: one(np.fabs), np.absolute: [*one(np.absolute), *of_complex(np.abs)],
    np.copysign: [*calls(np.copysign, ((2, 3), [1.0, -1.0, 0.0]), ((), -1)), on(lambda x: np.copysign(x, -x), (3,))],
    np.heaviside: [on(lambda h: np.heaviside([0.0, -1.0, 0.0], h), (3,)), on(lambda h: np.heaviside(0.0, h), ())],
    np.nextafter: calls(np.nextafter, ((3,), 2.0)),
    np.clip: [*calls(np.clip, ((4,), -1.0, 1.0), ((4,), None, 0.5), ((4,), 0, None),
                     ((4,), {"a_min": -0.5, "a_max": 0.5})),
              on(np.clip, (5,), (), ()), on(lambda x, low: np.clip(x, low, 0.5), (2, 3), (3,)),
              on(lambda low, high: np.clip(np.linspace(-2, 2, 5), low, high), (), ())],
    np._core.umath.clip: [on(lambda low, high: np.linspace(-2, 2, 5).clip(low, high), (), ())],
    np.where: [on(lambda x, y: np.where(ODD, x, y), (2, 3), (3,)),
               on(lambda x, y: np.where(x > y, x, 2 * y), (3,), (3,)),
               on(lambda x: np.where(x > 0, x, 0), (3,)), on(lambda y: np.where(ODD[0], 1.0, y), ())],
    np.select: [on(lambda x, y: np.select([x > 0.5, y > 0], [x * y, y], 3 * x), (5,), (5,))],
    np.nan_to_num: one(np.nan_to_num),
    np.real: of_complex(lambda z: np.real(z) * z), np.imag: of_complex(lambda z: np.imag(z) * z) + one(np.real),
    np.conjugate: [*of_complex(lambda z: np.conj(z) * np.sin(z)), *one(np.conj)],
    np.angle: [*of_complex(np.angle), *of_complex(partial(np.angle, deg=True))],
    np.real_if_close: [*one(np.real_if_close), on(lambda x: np.real_if_close(x + 0j), (3,))],
    np.modf: [on(lambda x: np.modf(x)[0], (4,))], np.frexp: [on(lambda x: np.frexp(x)[0], (4,), within=(1.1, 9))],
    np.unwrap: calls(np.unwrap, ((6,),), ((2, 5), {"axis": 0}), ((6,), {"period": 3.0}), within=(-9, 9)),
    np.i0: [*one(np.i0), at(np.i0, [0.0, 1e-9, -3.0, 8.0, 20.0])],
}

POLYNOMIALS = {
    np.polyval: [on(np.polyval, (3,), (2,)), on(lambda x: np.polyval([1.0, -2.0, 0.5], x), (2, 2))],
    np.polyadd: [on(np.polyadd, (2,), (4,)), on(np.polyadd, (3,), ()), *calls(np.polyadd, ((3,), [1.0, 2.0, 3.0]))],
    np.polysub: [on(np.polysub, (2,), (4,)), on(lambda x: np.polysub([1.0], x), (2,))],
    np.polymul: [on(np.polymul, (2,), (3,)), *calls(np.polymul, ((3,), [0.0, 1.0, 3.0]), ((3,), [0.0]))],
    np.polydiv: [on(np.polydiv, (5,), (3,)), on(np.polydiv, (2,), (2,)), on(np.polydiv, (3,), (1,), within=(1, 2))],
    np.polyder: calls(np.polyder, ((4,),), ((4,), 2), ((2,), 0)),
    np.polyint: calls(np.polyint, ((3,),), ((3,), 2), ((3,), 2, [1.0, 2.0]), ((1,), {"k": 0.5})),
    np.poly: [on(np.poly, (3,)), on(lambda x: np.poly(np.diag([1.0, 2.0, 4.0]) + x / 9), (3, 3))],
    np.roots: [on(lambda x: np.abs(np.roots(np.array([1.0, 2.0, -5.0, -6.0]) + x / 9)), (4,)),
               on(lambda x: np.abs(np.roots(np.array([1.0, 2.0, 5.0]) + x / 9)), (3,)),
               at(lambda x: np.roots(x * [0, 1, 1]), [3.0, 2.0, -1.0])],
    np.polyfit: [on(lambda y: np.polyfit(np.arange(5.0), y, 2), (5,)),
                 on(lambda x, y: np.polyfit(np.arange(5.0) + x / 9, y, 1), (5,), (5, 2)),
                 on(lambda y, w: np.polyfit(np.arange(4.0), y, 1, w=w), (4,), (4,), within=(1, 2))],
}

SOME = [((2, 3), {"where": np.array(ODD)}), ((2, 3), 1, {"where": np.array(ODD), "keepdims": True}),
        ((2, 3, 3), (0, 2), {"where": np.array(ODD[0])})]
SMOOTH_METHODS = ["linear", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased"]
STARTED = [(shape, *args, {"initial": 0.3, **options}) for shape, *args in SOME for options in [args.pop()]]

REDUCTIONS = {
    np.sum: reducing(np.sum, *calls(np.sum, ((2, 3), 1), *SOME, ((3,), {"initial": 2.0}), ((0, 2), 1))),
    np.mean: reducing(np.mean, *calls(np.mean, ((2, 3), 1), ((2, 0), 0), *SOME)),
    np.prod: reducing(np.prod, *calls(np.prod, ((2, 3), 0, {"initial": 2.0}), *SOME),
                      at(np.prod, [0.0, 2.0, 3.0]), at(np.prod, [0.0, 2.0, 0.0]), at(np.prod, [0.0] * 4),
                      at(lambda x: np.prod(x, (0, 2)), [[[0.0, 2.0], [1.0, 0.0]], [[3.0, 4.0], [0.0, 0.0]]]),
                      on(np.prod, (0,))),
    np.var: reducing(np.var, *calls(np.var, ((2, 3), 1, {"ddof": 1}), ((4,), {"ddof": 2}), ((2, 3), 0, None, None, 1)),
                     on(lambda x, y: np.var(x + 1j * y), (3,), (3,)),
                     on(lambda x: np.var(x, 1, mean=np.mean(x, 1, keepdims=True)), (2, 3)),
                     *calls(np.var, *SOME, ((2, 3), 0, {"correction": 1}), ((3,), {"mean": 0.5}))),
    np.std: [example for i, example in enumerate(reducing(np.std)) if i not in (6, 7)]
            + calls(np.std, ((2, 3), 1, {"ddof": 1}), ((4,), {"ddof": 2}), *SOME, ((2, 3), 0, {"correction": 1})),
    **{extremum: reducing(extremum, *calls(extremum, *STARTED, ((0,), {"initial": 1.0}), ((3,), {"initial": 9.0})))
       for extremum in (np.max, np.amax, np.min, np.amin)},
    np.ptp: reducing(np.ptp)[:5],
    np.median: reducing(np.median, *calls(np.median, ((5,),), ((4, 3), 0))),
    np.quantile: [*calls(np.quantile, ((5,), 0.3), ((5,), [0.1, 0.9]), ((2, 5), [[0.2, 0.5]], -1), ((2, 5), 1.0, 1),
                         ((2, 3, 2), 0.4, (0, 2), {"keepdims": True}), ((4, 2), [0.0, 0.6], 0, {"keepdims": True}),
                         ((), 0.5)),
                  *[on(lambda a, method=method: np.quantile(a, [0.3, 0.8], method=method), (5,)) for method in PLACES],
                  *[on(lambda a, q, method=method: np.quantile(a, q, method=method), (5,), (2,), within=(0.3, 0.7))
                    for method in SMOOTH_METHODS]],
    np.percentile: calls(np.percentile, ((5,), 30), ((2, 5), [10, 90], 1)),
    np.nanquantile: [*calls(np.nanquantile, ((5,), 0.3), ((2, 3, 2), [0.4, 0.9], (0, 2), {"keepdims": True})),
                     *[on(lambda x, q, method=method: np.nanquantile(np.where(ODD, NAN, x), q, 1, method=method),
                          (2, 3), (2,), within=(0.3, 0.7)) for method in SMOOTH_METHODS]],
    np.nanpercentile: [on(lambda x: np.nanpercentile(np.where(ODD, NAN, x), [10, 60], 1), (2, 3))],
    np.nanmedian: [on(lambda x: np.nanmedian(np.where(ODD, NAN, x), 1), (2, 3)),
                   *calls(np.nanmedian, ((2, 3),), ((2, 3), 0, {"keepdims": True}))],
    np.apply_over_axes: calls(partial(np.apply_over_axes, np.sum), ((2, 3, 2), [0, -1]), ((2, 3), 1)),
    np.average: [*calls(np.average, ((2, 3),), ((2, 3), 0), ((2, 3), 1, [1.0, 2.0, 0.5]), ((2, 3), {"keepdims": True}),
                        ((2, 3, 2), (2, 0), np.array([[1.0, 2.0], [3.0, 4.0]]))),
                 on(lambda a, w: np.average(a, weights=w), (2, 3), (2, 3), within=(0.5, 2)),
                 on(lambda a, w: np.average(a, 0, w, returned=True), (2, 3), (2,), within=(0.5, 2))],
    np.trapezoid: [*calls(np.trapezoid, ((4,),), ((4,), {"dx": 0.5}), ((3, 2), {"axis": 0}), ((2, 3), [0.0, 1.0, 3.0])),
                   on(np.trapezoid, (4,), (4,)), on(lambda y, x: np.trapezoid(y, x, axis=0), (4, 2), (4, 1))],
    np.cov: [*calls(np.cov, ((4,),), ((2, 4),), ((4, 2), None, False), ((2, 4), {"bias": True}), ((2, 4), {"ddof": 2})),
             on(np.cov, (4,), (4,)), on(lambda x, w: np.cov(x, aweights=w), (2, 4), (4,), within=(1, 2)),
             *calls(np.cov, ((2, 4), {"fweights": [1, 2, 0, 3]}), ((4,), {"aweights": [0.5] * 4}),
                    ((2, 3), {"fweights": [1, 3, 2], "aweights": [1.0, 0.5, 2.0], "ddof": 2}))],
    np.corrcoef: [*calls(np.corrcoef, ((3, 4),), ((4, 3), None, False)), on(np.corrcoef, (4,), (4,))],
    np.cumsum: calls(np.cumsum, ((3,),), ((2, 3),), ((2, 3), 1), ((2, 3), -2), ((),), ((0,), 0)),
    np.cumprod: [*calls(np.cumprod, ((3,),), ((2, 3),), ((2, 3), 1), ((2, 3), -2), ((),), ((0,), 0)),
                 at(np.cumprod, [2.0, 0.0, 3.0, 4.0]), at(np.cumprod, [2.0, 0.0, 3.0, 0.0]), at(np.cumprod, [0.0] * 3),
                 at(lambda x: np.cumprod(x, 0), [[0.0, 1.0], [2.0, 3.0], [0.0, 2.0]])],
    **{reduction: reducing(lambda x, reduction=reduction, **options: reduction(np.where(x > 1, NAN, x), **options),
                           *calls(reduction, *SOME))
       for reduction in (np.nansum, np.nanprod)},
    np.nancumsum: [on(lambda x: np.nancumsum(np.where(ODD, NAN, x), 1), (2, 3))],
    np.nancumprod: [on(lambda x: np.nancumprod(np.where(ODD, NAN, x), 1), (2, 3))],
    np.nanmax: [on(lambda x: np.nanmax(np.where(ODD, NAN, x), 1), (2, 3)),
                *calls(np.nanmax, ((2, 3), 0, {"keepdims": True}), *STARTED)],
    np.nanmin: [on(lambda x: np.nanmin(np.where(ODD, NAN, x), 1), (2, 3)),
                *calls(np.nanmin, ((2, 3), 0, {"keepdims": True}), *STARTED)],
    np.nanmean: [on(lambda x: np.nanmean(np.where(ODD, NAN, x), 1), (2, 3)),
                 *calls(np.nanmean, ((2, 3), {"keepdims": True}), *SOME)],
    np.nanvar: [on(lambda x: np.nanvar(np.where(ODD, NAN, x), 0, ddof=0), (2, 3)),
                *calls(np.nanvar, ((2, 3), 1, {"ddof": 1}), *SOME)],
    np.nanstd: [on(lambda x: np.nanstd(np.where(np.eye(3) > 0, NAN, x), 0), (3, 3)),
                *calls(np.nanstd, ((2, 3), 1, {"ddof": 1}))],
}

SHAPES = {
    np.reshape: calls(np.reshape, ((2, 3), (3, 2)), ((2, 3), -1), ((2, 3), (6,), "F"), ((), (1, 1)), ((0, 2), (2, 0))),
    np.ravel: [*calls(np.ravel, ((2, 3),), ((2, 3), "F"), ((),)), on(lambda x: np.ravel(x.T, "K"), (2, 3)),
               on(lambda x: np.ravel(x.T, "A"), (2, 3)), on(lambda x: np.ravel(np.moveaxis(x, 0, 1), "K"), (2, 3, 2))],
    np.squeeze: calls(np.squeeze, ((1, 3, 1),), ((1, 3, 1), 0), ((1, 3, 1), (0, -1)), ((1, 1),)),
    np.expand_dims: calls(np.expand_dims, ((2, 3), 0), ((2,), (0, -1)), ((), 0)),
    np.broadcast_to: calls(np.broadcast_to, ((3,), (2, 3)), ((2, 1), (2, 3)), ((), (2,)), ((1, 1), (2, 0))),
    np.broadcast_arrays: [on(np.broadcast_arrays, (2, 1), (3,), ())],
    np.copy: calls(np.copy, ((2, 3),), ((),)), np.astype: [on(lambda x: np.astype(x, x.dtype), (3,))],
    np.atleast_1d: [on(np.atleast_1d, (), (2,)), on(np.atleast_1d, ())],
    np.atleast_2d: [on(np.atleast_2d, (), (2,), (2, 2)), on(np.atleast_2d, (3,))],
    np.atleast_3d: [on(np.atleast_3d, (), (2,), (2, 2), (1, 2, 1)), on(np.atleast_3d, (2, 3))],
    np.transpose: calls(np.transpose, ((2, 3),), ((2, 3, 4), (1, 2, 0)), ((2, 3, 4), (0, -1, 1)), ((3,),)),
    np.swapaxes: calls(np.swapaxes, ((2, 3, 4), 0, -1)),
    np.moveaxis: calls(np.moveaxis, ((2, 3, 4), 0, -1), ((2, 3, 4), (0, 1), (-1, 0))),
    np.rollaxis: calls(np.rollaxis, ((2, 3, 4), 2), ((2, 3, 4), 0, 3), ((2, 3, 4), -1, -2), ((2, 3, 4), 1, 1)),
    np.matrix_transpose: calls(np.matrix_transpose, ((2, 3, 4),)),
    np.linalg.matrix_transpose: calls(np.linalg.matrix_transpose, ((2, 3),)),
    np.flip: calls(np.flip, ((2, 3),), ((2, 3), 0), ((2, 3, 2), (0, -1)), ((0,),)),
    np.fliplr: calls(np.fliplr, ((2, 3),)), np.flipud: calls(np.flipud, ((3,),)),
    np.rot90: calls(np.rot90, ((2, 3),), ((2, 3), 2), ((2, 3, 4), -1, (1, 2))),
    np.roll: calls(np.roll, ((5,), 2), ((2, 3), 1), ((2, 3), (1, -1), (0, 1)), ((2, 3), -1, 1)),
    np.tril: calls(np.tril, ((3, 3),), ((2, 3), 1), ((2, 3, 3), -1)),
    np.triu: calls(np.triu, ((3, 3),), ((2, 3), 1), ((2, 3, 3), -1)),
    np.diag: calls(np.diag, ((3,),), ((2,), 1), ((2,), -2), ((3, 4),), ((3, 4), -1), ((3, 2), 1), ((0,),)),
    np.diagflat: calls(np.diagflat, ((2, 2),), ((2,), 1)),
    np.diagonal: calls(np.diagonal, ((3, 3),), ((3, 4), 2), ((2, 3, 4), -1, 0, 2), ((2, 2), 5), ((4, 3, 2), 1, -1, 1)),
    np.linalg.diagonal: calls(np.linalg.diagonal, ((2, 3, 4),), ((2, 3, 4), {"offset": 1})),
    np.trace: calls(np.trace, ((3, 3),), ((2, 3, 3), 1, 2, 1)),
    np.linalg.trace: calls(np.linalg.trace, ((2, 3, 3),), ((2, 3), {"offset": 1})),
    np.concatenate: [on(lambda *parts: np.concatenate(parts), (2, 2), (1, 2), (0, 2)),
                     on(lambda *parts: np.concatenate(parts, -1), (2, 2), (2, 1)),
                     on(lambda x: np.concatenate(x), (2, 3)),
                     on(lambda *parts: np.concatenate(parts, axis=None), (2, 2), (), (3,)),
                     on(lambda x: np.concatenate([x, [1.0, 2.0], x]), (2,))],
    np.stack: [on(lambda *parts: np.stack(parts), (2,), (2,)), on(lambda *parts: np.stack(parts, -1), (2, 3), (2, 3)),
               on(lambda x: np.stack([x, x, np.ones(2, x.dtype)], axis=1), (2,))],
    np.vstack: [on(lambda *parts: np.vstack(parts), (2,), (3, 2))],
    np.column_stack: [on(lambda *x: np.column_stack(x), (2,), (2, 3))],
    np.hstack: [on(lambda *parts: np.hstack(parts), (2,), (), (1,)),
                on(lambda *parts: np.hstack(parts), (2, 1), (2, 3))],
    np.dstack: [on(lambda *parts: np.dstack(parts), (2,), (1, 2, 2)),
                on(lambda *parts: np.dstack(parts), (2, 3), (2, 3))],
    np.append: [on(np.append, (2, 2), (3,)), on(lambda x, y: np.append(x, y, axis=1), (2, 2), (2, 1))],
    np.block: [on(lambda a, b, c, d: np.block([[a, b], [c, d]]), (2, 2), (2, 1), (1, 2), (1, 1)),
               on(lambda a: np.block(a), (2,)),
               on(lambda a, b: np.block([a, 2.0, b]), (2,), (1,)), on(lambda a: np.block([[a], [a]]), (2,))],
    np.array_split: calls(np.array_split, ((5,), 3), ((2, 5), [1, 3], -1), ((5,), [3, 1, -1]), ((2,), 3)),
    np.split: calls(np.split, ((6,), 3), ((2, 4), 2, 1), ((5,), [2, 4])),
    np.vsplit: calls(np.vsplit, ((4, 2), 2)), np.hsplit: calls(np.hsplit, ((2, 4), 2), ((4,), 2)),
    np.dsplit: calls(np.dsplit, ((1, 2, 4), [1])),
    np.repeat: calls(np.repeat, ((2, 3), 2), ((2, 3), 2, 1), ((2, 3), [0, 2, 1], -1), ((3,), [1, 0, 2]), ((), 3)),
    np.tile: calls(np.tile, ((2,), 3), ((2, 3), (2, 1)), ((2,), (2, 2, 1)), ((2, 3), 2), ((), (2, 2)), ((2,), 0)),
    np.resize: calls(np.resize, ((2, 3), (4, 2)), ((2, 3), 3)),
    np.meshgrid: [on(np.meshgrid, (2,), (3,)), on(lambda *x: np.meshgrid(*x, indexing="ij"), (2,), (3,), (2,)),
                  on(lambda *x: np.meshgrid(*x, sparse=True), (2,), (3,)), on(np.meshgrid, (3,)),
                  on(np.meshgrid, (2,), ())],
    np.pad: calls(np.pad, ((3,), 2), ((2, 3), ((1, 0), (0, 2))), ((2, 3), (1, 2), {"constant_values": 3.0}),
                  ((2, 3), 1, "edge"),
                  ((3,), 2, "reflect"), ((2, 3), ((1, 1), (2, 0)), "symmetric"), ((3,), (2, 4), "wrap"), ((2, 2), 0)),
    np.insert: [*calls(np.insert, ((3,), 1, 5.0), ((2, 3), 2, 1.0), ((2, 3), [0, 2], [[7.0, 8.0]], 1),
                       ((3,), slice(0, 2), 0.0)),
                on(lambda x, v: np.insert(x, 1, v, axis=1), (2, 3), (2,)),
                on(lambda x, v: np.insert(x, [1], v, axis=1), (2, 3), (2, 1)),
                on(lambda x, v: np.insert(x, [0, 0, 3], v), (3,), (3,)),
                on(lambda x, v: np.insert(x, -1, v, 0), (2, 3), (3,)),
                on(lambda x, v: np.insert(x, 2, v), (3,), (4,))],
    np.delete: calls(np.delete, ((4,), 1), ((2, 3), [0, 2], 1), ((4,), slice(1, 3)), ((2, 3), -1),
                     ((3,), np.array([True, False, True]))),
    np.sort: calls(np.sort, ((5,),), ((3, 2), 0), ((2, 3), None), ((0,),)),
    np.sort_complex: [*of_complex(np.sort_complex), on(lambda x: np.real(np.sort_complex(x)), (2, 3))],
    np.trim_zeros: [on(lambda x, trim=trim: np.trim_zeros(x * [0, 0, 1, 0, 2, 0], trim), (6,))
                    for trim in ("fb", "f", "b")],
    np.partition: calls(np.partition, ((5,), 2), ((3, 2), 1, 0), ((2, 3), 3, None)),
    np.diff: [*calls(np.diff, ((5,),), ((5,), 2), ((3, 2), {"axis": 0}), ((3,), {"prepend": 0.0, "append": [1.0, 2.0]}),
                     ((1,),), ((3,), 0)),
              on(lambda x, y: np.diff(x, prepend=y), (2, 3), (2, 1))],
    np.ediff1d: [*calls(np.ediff1d, ((4,),), ((2, 2), [1.0, 2.0], 0.0)),
                 on(lambda x, y: np.ediff1d(x, to_begin=y), (3,), (2,))],
    np.gradient: [*calls(np.gradient, ((4,),), ((3, 4),), ((4, 3), {"axis": 0}), ((5,), 0.5),
                         ((5,), [0.0, 1.0, 1.5, 3.0, 4.0]),
                         ((5,), [0.0, 1.0, 1.5, 3.0, 4.0], {"edge_order": 2}),
                         ((3, 4), 2.0, [0.0, 1.0, 4.0, 5.0], {"edge_order": 2}),
                         ((2, 3, 2), {"axis": (0, -1)}), ((2,),), ((3, 3), 0.5)),
                  at(np.gradient, [1.0, 3.0, 2.0, 0.0], [0.0, 1.0, 1.5, 3.0])],
    np.full: [on(lambda x: np.full((2, 3), x, like=x), (3,))],
    np.full_like: [on(lambda x: np.full_like(x, x[0]), (2, 3)), on(lambda x: np.full_like(x, x[0], shape=(4,)), (2,))],
    np.arange: [on(lambda x, y: np.arange(x, 5.0, y, like=x), (), (), within=(1.1, 1.2))],
    np.linspace: [on(np.linspace, (), ()), on(lambda x, y: np.linspace(x, y, 5, endpoint=False, axis=1), (2,), ()),
                  on(lambda x: np.linspace(0.0, x, 4, retstep=True), (2,))],
    np.logspace: [on(lambda x, y: np.logspace(x, y, 4), (), ()), on(lambda x: np.logspace(x, 1.0, 3, base=2.0), (2,))],
    np.geomspace: [on(lambda x, y: np.geomspace(x, y, 4), (), (), within=(1, 9)),
                   on(lambda x: np.geomspace(x, -1.0, 3, axis=-1), (2,), within=(-3, -2))],
    np.vander: calls(np.vander, ((3,),), ((3,), 2), ((2,), 4, True)),
}

INDEXING = {
    np.take: calls(np.take, ((5,), [0, 0, 3]), ((2, 3), 4), ((2, 3), [[1, 1], [0, 2]], 1), ((2, 3), -1, 0),
                   ((3,), [4, -5], {"mode": "wrap"}),
                   ((3,), [4, -5], {"mode": "clip"}), ((3, 2), np.zeros(0, int), 0)),
    np.take_along_axis: calls(np.take_along_axis, ((2, 3), np.array([[0, 0], [2, 1]]), 1),
                              ((2, 3), np.array([5, 0, 5]), None),
                              ((2, 3), np.array([[1, 0, 0]]), 0), ((2, 3, 2), np.array([[[0], [1], [0]]]), -1)),
    np.compress: [on(lambda x: np.compress([True, False, True], x, 1), (2, 3)),
                  on(lambda x: np.compress([False, True], x), (2, 3))],
    np.extract: [on(lambda x: np.extract(ODD, x), (2, 3)), on(lambda x: np.extract(x > 0, x), (5,))],
    np.unique: [at(np.unique, [3.0, 1.0, 2.0]), on(lambda x: np.unique(x, return_counts=True)[0], (2, 3))],
    np.unique_values: [on(np.unique_values, (5,))], np.unique_all: [on(lambda x: np.unique_all(x).values, (5,))],
    np.unique_counts: [on(lambda x: np.unique_counts(x).values, (5,))],
    np.unique_inverse: [on(lambda x: np.unique_inverse(x)[0], (5,))],
    np.union1d: [on(np.union1d, (3,), (2,))], np.setdiff1d: [at(lambda x: np.setdiff1d(x, [9.0]), [3.0, 1.0, 2.0])],
    np.intersect1d: [at(lambda x: np.intersect1d(x, np.array(x.data)), [3.0, 1.0])],
    np.setxor1d: [on(np.setxor1d, (3,), (2, 2))],
    np.choose: [on(lambda x, y: np.choose([0, 1, 1], [x, y]), (3,), (2, 1)),
                on(lambda x: np.choose([[2], [0]], x), (3, 2)),
                *[on(lambda x, y, mode=mode: np.choose([0, -1, 5], [x, y], mode=mode), (3,), (3,))
                  for mode in ("wrap", "clip")]],
    np.piecewise: [on(lambda x: np.piecewise(x, [x < -1, x > 1], [np.sin, 3.0, np.square]), (8,)),
                   on(lambda x: np.piecewise(x, x > 0, [lambda v: v ** 3, np.exp]), (5,)),
                   on(lambda x: np.piecewise(x, [x > 0], [lambda v: v ** 3, np.exp]), (2, 3)),
                   on(lambda x: np.piecewise(x, [x > 0, x > 1], [lambda v, k: v ** k, np.divide], 2.0), (8,)),
                   on(lambda x: np.piecewise(x, [x > 0], [np.exp]), ())],
    np.apply_along_axis: [on(lambda x: np.apply_along_axis(lambda row: row * np.sum(row), 0, x), (3, 2)),
                          on(lambda x: np.apply_along_axis(np.prod, -1, x), (2, 3)),
                          on(lambda x: np.apply_along_axis(np.outer, 1, x, [1.0, 2.0]), (2, 3, 2))],
    np.bincount: [on(lambda w: np.bincount([0, 2, 2, 1], w), (4,)),
                  on(lambda w: np.bincount([0, 2, 2, 1], w, minlength=6), (4,))],
    np.histogram_bin_edges: [*calls(np.histogram_bin_edges, ((5,), 3), ((2, 3), "sturges")),
                             on(lambda b: np.histogram_bin_edges([1.0], np.cumsum(b)), (4,), within=(0.1, 2))],
    np.histogram: [on(lambda a: np.histogram(a, 4)[1], (5,)),
                   on(lambda w: np.histogram([0.1, 0.5, 0.5, 1.0, 3.0], 4, (0, 1), weights=w)[0], (5,)),
                   on(lambda w: np.histogram([0.1, 0.5, 0.5, 1.0], [0.0, 0.2, 1.0], density=True, weights=w)[0], (4,),
                      within=(1, 2))],
    np.histogram2d: [on(lambda w, bins=bins: np.histogram2d([0.1, 0.5, 0.9], [1.0, 2.0, 1.1], bins, weights=w)[0], (3,))
                     for bins in (2, [2, 3], [0.0, 0.6, 1.0, 2.0])],
    np.histogramdd: [on(lambda w: np.histogramdd(np.array([[0.1, 2.0], [0.5, 3.0]]), 2, weights=w)[0], (2,)),
                     on(lambda w: np.histogramdd([[0.1, 0.5], [2.0, 3.0]], 2, density=True, weights=w)[0], (2,),
                        within=(1, 2))],
    np.interp: [on(lambda x: np.interp(x, [-1.0, 0.0, 1.5], [3.0, 1.0, 2.0]), (8,)),
                on(lambda x, fp: np.interp(x, [-1.0, 0.0, 1.5], fp), (8,), (3,)),
                at(np.interp, [-3.0, -0.5, 0.2, 1.0, 4.0], [-1.0, 0.0, 1.5], [3.0, 1.0, 2.0]),
                on(lambda x: np.interp(x, [-1.0, 0.0, 1.5], [3.0, 1.0, 2.0], left=0.0, right=-1.0), (8,)),
                on(lambda x, fp: np.interp(x, [-1.0, 5.0, 1.5], fp, period=4.0), (8,), (3,)),
                on(lambda x, fp: np.interp(x, [0.5], fp), (4,), (1,))],
}
if hasattr(np, "unstack"):  # since NumPy 2.1
    ELEMENTWISE[np.clip] += calls(np.clip, ((4,), {"min": -0.5, "max": 0.5}), ((4,), {"max": 0.5}))
    SHAPES[np.unstack] = calls(np.unstack, ((2, 3),), ((2, 3), {"axis": -1}))
    REDUCTIONS[np.cumulative_sum] = calls(np.cumulative_sum, ((3,),), ((2, 3), {"axis": 1, "include_initial": True}))
    REDUCTIONS[np.cumulative_prod] = calls(np.cumulative_prod, ((3,),), ((2, 3), {"axis": -2, "include_initial": True}))

normalized = [((4,),), ((2, 3), -1), ((2, 3), 0), ((2, 3, 2), (0, 2)), ((),), ((0, 3),)]
SPECIAL = {getattr(function, "__wrapped__", function): examples for function, examples in {
    minigrad.erf: [*one(minigrad.erf), on(minigrad.erf, (9,), within=(-6, 6))],
    minigrad.erfc: [*one(minigrad.erfc), on(minigrad.erfc, (9,), within=(-6, 6))],
    minigrad.relu: one(minigrad.relu), minigrad.sigmoid: one(minigrad.sigmoid),
    minigrad.softplus: one(minigrad.softplus), minigrad.silu: one(minigrad.silu),
    minigrad.gelu: [*one(minigrad.gelu), *one(partial(minigrad.gelu, approximate="tanh"))],
    minigrad.softmax: calls(minigrad.softmax, *normalized),
    minigrad.log_softmax: calls(minigrad.log_softmax, *normalized),
    minigrad.logsumexp: reducing(minigrad.logsumexp),
}.items()}

INDICES = [
    0, -1, (1, 2), slice(None), slice(None, None, -2), slice(1, 2), (slice(None), 1), (..., 0), None, (), ...,
    (None, slice(1), None, 1), [0, 0, 1], [], np.array([[0, 1], [1, 1]]), np.array(1), np.int64(1), np.array(ODD),
    ([0, 1, 1], [2, 0, 0]), (slice(None), [0, 0, 2]), (0, [1, 1]), ([1, 0], None, slice(1, 3)), ([True, False],),
    (np.array([False, True]), slice(None, None, 2)), (np.array([False, True]), 1),
    (np.array([[1], [0]]), np.array([0, 0]))]
UPDATES = {
    "getitem": [on(lambda x, index=index: x[index], (2, 3)) for index in INDICES] + [
        on(lambda x: x[()], ()), on(lambda x: x[..., None], ())],
    "at.set": [on(lambda x, index=index: changed(x, index, 2.5), (2, 3)) for index in INDICES] + [
        on(lambda x, v: changed(x, ([0, 1, 1], [2, 0, 0]), v), (2, 3), (3,)),
        on(lambda x, v: changed(x, (slice(None), [0, 0, 2]), v), (2, 3), (3,)),
        on(lambda x, v: changed(x, (slice(None), 1), v), (2, 3), ()),
        on(lambda x, v: changed(x, x > 0, v), (2, 3), ())],
    "at.add": [on(lambda x, index=index: increased(x, index, 2.5), (2, 3)) for index in INDICES] + [
        on(lambda x, v: increased(x, ([0, 1, 1], [2, 0, 0]), v), (2, 3), (3,)),
        on(lambda x, v: increased(x, [0, 0, 1], v), (2, 3), (3,))],
}


def changed(x, index, values):
    """Return x with values at the index, of a Tensor or, to compare, of an array."""
    if isinstance(x, Tensor):
        return x.at[index].set(values)
    result = x.copy()
    result[index] = values
    return result


def increased(x, index, values):
    """Return x with values added at the index, of a Tensor or, to compare, of an array."""
    if isinstance(x, Tensor):
        return x.at[index].add(values)
    result = x.copy()
    np.add.at(result, index, values)
    return result


EXAMPLES = {**ELEMENTWISE, **POLYNOMIALS, **REDUCTIONS, **SHAPES, **INDEXING, **SPECIAL}
CASES = [pytest.param(example, id=f"{getattr(function, '__name__', function)}-{i}")
         for function, examples in {**EXAMPLES, **UPDATES}.items() for i, example in enumerate(examples)]


def several(results):
    """Return a list of one result, or of several."""
    return list(results) if isinstance(results, (list, tuple)) else [results]


@pytest.mark.parametrize("example", CASES)
def test_value_is_numpys(example, rng):
    function, *arrays = example(rng)
    results, expected = several(function(*map(Tensor, arrays))), several(function(*arrays))
    assert len(results) == len(expected)
    for result, value in zip(results, expected):
        assert isinstance(result, Tensor)
        assert result.shape == np.shape(value)
        np.testing.assert_allclose(result.data, value, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("example", CASES)
def test_derivatives_to_second_order(example, rng):
    assert minigrad.gradcheck(*example(rng))


@pytest.mark.parametrize("example", CASES)
def test_float32_is_kept(example, rng):
    function, *arrays = example(rng)
    arrays = [array.astype(np.float32) for array in map(np.asarray, arrays)]
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    results, expected = several(function(*tensors)), several(function(*arrays))
    assert all(result.dtype in (np.float32, np.result_type(value)) for result, value in zip(results, expected))
    sum(result.sum() for result in results).backward()
    assert [(x.grad.dtype, x.grad.shape) for x in tensors] == [(np.float32, x.shape) for x in arrays]


def test_every_function_of_the_table_has_an_example():
    elsewhere = [runpy.run_path(str(Path(__file__).with_name(f"test_{name}.py")))["EXAMPLES"]
                 for name in ("products", "linalg", "fft")]
    differentiable = {function for function, known in TABLE.items()
                      if known is not function and getattr(known, "func", None) not in (on_values, refuse)}
    assert differentiable <= EXAMPLES.keys() | set().union(*elsewhere)


# Conventions at kinks and edges

def gradients(function, *arrays):
    """Return what each argument receives from the sum of what the function returns."""
    tensors = [Tensor(np.array(array, float), requires_grad=True) for array in arrays]
    np.sum(function(*tensors)).backward()
    return [tensor.grad.tolist() for tensor in tensors]


def second(function):
    """Return the second derivative of a function of one number."""
    return minigrad.grad(minigrad.grad(function))


@pytest.mark.parametrize("function", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_equal_arguments_share_the_gradient(function):
    assert gradients(function, [1.0, 2.0], [1.0, 2.0]) == [[0.5, 0.5], [0.5, 0.5]]
    assert gradients(lambda x: function(x, 0), 0.0) == [0.5]


def test_ties_are_shared_beside_elements_that_are_not_tied():
    assert gradients(np.maximum, [1.0, 2.0, 0.0], [1.0, 0.0, 3.0]) == [[0.5, 1.0, 0.0], [0.5, 0.0, 1.0]]
    assert gradients(np.minimum, [1.0, 2.0, 0.0], [1.0, 0.0, 3.0]) == [[0.5, 0.0, 1.0], [0.5, 1.0, 0.0]]


class Watched(np.ndarray):
    """An array like those that record a program: rules may compute with it, but not look at its numbers."""


def test_shares_of_ties_do_not_depend_on_the_numbers_of_a_program():
    vjp, g, x = TABLE[np.maximum].vjps[0], np.ones(2), np.array([1.0, 2.0])
    assert isinstance(vjp(g, x, x.view(Watched), 0.0), Watched)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "count_nonzero", None)
        assert vjp(g, x, x.view(Watched), 1.0).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("function", [np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin])
def test_tied_elements_share_the_gradient(function):
    assert gradients(function, [3.0, 3.0, 3.0, 3.0]) == [[0.25] * 4]
    assert gradients(lambda x: function(x, axis=1), [[2.0, 2.0, 2.0], [5.0, 5.0, 5.0]]) == [[[1 / 3] * 3] * 2]


def test_fmax_ignores_nan():
    assert gradients(np.fmax, [NAN, 1.0, NAN], [2.0, NAN, 0.0]) == [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    assert gradients(np.fmin, [NAN, 1.0, NAN], [2.0, NAN, 0.0]) == [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]


@pytest.mark.parametrize("function", [
    np.abs, np.fabs, minigrad.relu, lambda x: np.hypot(x, 0.0), lambda x: np.copysign(x, 1.0), lambda x: np.abs(x + 0j),
    np.sinc, lambda x: np.std(np.stack([x, x])), lambda x: np.std(np.stack([x, x]), ddof=1)])
def test_slope_at_0_is_0(function):
    assert minigrad.grad(function)(0.0) == 0
    assert np.isfinite(second(function)(0.0))


def test_clip_has_half_a_slope_at_its_bounds():
    assert gradients(lambda x: np.clip(x, -1, 1), [-2.0, -1.0, 0.0, 1.0, 2.0]) == [[0.0, 0.5, 1.0, 0.5, 0.0]]


def test_sinc_has_the_derivatives_of_its_series_at_0():
    derivative = np.sinc
    for expected in (0, -np.pi ** 2 / 3, 0, np.pi ** 4 / 5, 0, -np.pi ** 6 / 7):
        derivative = minigrad.grad(derivative)
        assert derivative(0.0) == pytest.approx(expected, rel=1e-14)


def test_powers_are_exact_at_0():
    for power, slope, curvature in [(0, 0, 0), (1, 1, 0), (2, 0, 2), (3, 0, 0), (1.0, 1, 0), (2.0, 0, 2)]:
        assert minigrad.grad(lambda x: x ** power)(0.0) == slope  # noqa: B023
        assert second(lambda x: x ** power)(0.0) == curvature  # noqa: B023
    assert gradients(np.power, [0.0, 0.0], [0.0, 2.0]) == [[0.0, 0.0], [0.0, 0.0]]


def test_product_of_others_is_what_a_factor_receives():
    assert gradients(np.prod, [2.0, 0.0, 3.0]) == [[0.0, 6.0, 0.0]]
    assert gradients(np.prod, [0.0, 0.0, 3.0]) == [[0.0, 0.0, 0.0]]
    assert minigrad.hessian(np.prod)(np.array([0.0, 0.0, 3.0])).tolist() == [[0, 3, 0], [3, 0, 0], [0, 0, 0]]
    assert gradients(np.prod, [1e-200, 1e-200, 1e300]) == [[1e100, 1e100, 0.0]]


def test_where_keeps_nan_of_the_branch_not_taken_out():
    assert gradients(lambda x, y: np.where([True, False], x, y * NAN), [1.0, 2.0], [3.0, 4.0])[0] == [1.0, 0.0]
    assert gradients(lambda x: np.where(np.isnan(x), 0, x) ** 2, [NAN, 3.0]) == [[0.0, 6.0]]
    assert second(lambda x: np.where(x > 0, x ** 3, np.inf))(2.0) == 12


@pytest.mark.parametrize("function", [np.nansum, np.nanmean, np.nanprod, np.nanvar, np.nanstd, np.nanmax, np.nanmin,
                                      np.nancumsum,
                                      np.nancumprod, np.nan_to_num])
def test_nan_that_is_left_out_has_no_gradient(function):
    (gradient,) = gradients(function, [1.0, NAN, 3.0, 2.0])
    assert gradient[1] == 0
    assert np.isfinite(gradient).all()


def test_infinities_that_mean_log_0_have_no_gradient():
    infinite = [-math.inf, -math.inf]
    assert gradients(np.logaddexp, [*infinite, 0.0], [-math.inf, 1.0, 0.0]) == [[0.0, 0.0, 0.5], [0.0, 1.0, 0.5]]
    assert gradients(np.logaddexp2, infinite, infinite) == [[0.0, 0.0]] * 2
    assert gradients(minigrad.logsumexp, infinite) == [[0.0, 0.0]]
    assert gradients(minigrad.logsumexp, [0.0, -math.inf]) == [[1.0, 0.0]]
    assert gradients(lambda x: minigrad.softmax(x)[0], [0.0, -math.inf]) == [[0.0, 0.0]]
    assert gradients(lambda x: minigrad.log_softmax(x)[0], [0.0, -math.inf]) == [[0.0, 0.0]]


def test_last_value_written_to_a_repeated_place_has_the_gradient():
    t = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert gradients(lambda v: t.at[[1, 1, 2]].set(v), [7.0, 8.0, 9.0]) == [[0.0, 1.0, 1.0]]
    assert t.at[[1, 1, 2]].set([7.0, 8.0, 9.0]).data.tolist() == [1.0, 8.0, 9.0]
    assert t.grad.tolist() == [1.0, 0.0, 0.0]


def test_updates_keep_the_dtype_and_leave_the_tensor_alone():
    t = Tensor(np.ones(3, np.float32), requires_grad=True)
    assert t.at[0].set(np.float64(2.5)).dtype == t.at[1:].add(np.array([0.5, 2.0])).dtype == np.float32
    assert t.data.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="broadcast"):
        t.at[:2].add([1.0, 2.0, 3.0])
    with pytest.raises(IndexError):
        t.at[5].set(1.0)


# Special functions to their last digits

def test_erf_and_erfc_are_accurate_to_their_last_digits():
    x = np.concatenate([np.linspace(-27, 27, 5401), np.geomspace(1e-300, 1, 400), -np.geomspace(1e-300, 1, 400)])
    np.testing.assert_allclose(minigrad.erf(x), [math.erf(v) for v in x], rtol=1e-15, atol=0)
    normal = x < 26.5  # beyond, erfc falls below the smallest number of full precision
    np.testing.assert_allclose(minigrad.erfc(x[normal]), [math.erfc(v) for v in x[normal]], rtol=1.5e-15, atol=0)
    single = x.astype(np.float32)
    np.testing.assert_allclose(minigrad.erf(single), [math.erf(v) for v in single], rtol=5e-7, atol=1e-38)


def test_error_function_of_what_is_not_finite():
    assert minigrad.erf([np.inf, -np.inf, NAN, -0.0]).tolist()[:2] == [1, -1]
    assert minigrad.erfc([np.inf, -np.inf]).tolist() == [0, 2]
    assert np.isnan(minigrad.erf(NAN)) and np.isnan(minigrad.erfc(NAN))
    assert np.signbit(minigrad.erf(-0.0))


def density(x):
    """Return the normal density."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def distribution(x):
    """Return the normal distribution function."""
    return math.erfc(-x / math.sqrt(2)) / 2


@pytest.mark.parametrize("function, value, slope, curvature, x", [
    *[(minigrad.sigmoid, math.exp(x), math.exp(x), math.exp(x), x) for x in (-40.0, -700.0)],
    *[(minigrad.sigmoid, 1, math.exp(-x), -math.exp(-x), x) for x in (40.0, 700.0)],
    *[(minigrad.softplus, math.exp(x), math.exp(x), math.exp(x), x) for x in (-40.0, -700.0)],
    *[(minigrad.softplus, x, 1, math.exp(-x), x) for x in (40.0, 700.0)],
    *[(minigrad.silu, x * math.exp(x), (1 + x) * math.exp(x), (2 + x) * math.exp(x), x) for x in (-40.0, -700.0)],
    (minigrad.silu, 40, 1, -38 * math.exp(-40), 40.0),
    *[(minigrad.gelu, x * distribution(x), distribution(x) + x * density(x), (2 - x * x) * density(x),
       x) for x in (-8.0, -20.0, 9.0)],
    *[(minigrad.erfc, math.erfc(x), -2 / math.sqrt(math.pi) * math.exp(-x * x),
       4 * x / math.sqrt(math.pi) * math.exp(-x * x), x)
      for x in (8.0, 20.0)],
    *[(function, limit, 0, 0, x) for function, *limits in [(minigrad.erf, -1, 1), (minigrad.erfc, 2, 0),
                                                           (minigrad.sigmoid, 0, 1)]
      for limit, x in zip(limits, [-1e200, 1e200])],
    *[(function, max(x, 0), float(x > 0), 0, x) for function in (minigrad.relu, minigrad.softplus, minigrad.silu,
                                                                 minigrad.gelu)
      for x in (-1e200, 1e200)],
])
def test_tails_keep_their_digits_in_value_slope_and_curvature(function, value, slope, curvature, x):
    assert function(x) == pytest.approx(value, rel=1e-13, abs=1e-320)
    assert minigrad.grad(function)(x) == pytest.approx(slope, rel=1e-12, abs=1e-320)
    assert second(function)(x) == pytest.approx(curvature, rel=1e-11, abs=1e-320)


@pytest.mark.parametrize("x", [-1000.0, -30.0, 30.0, 1000.0])
def test_gelu_by_tanh_is_stable_in_both_tails(x):
    gelu = partial(minigrad.gelu, approximate="tanh")
    assert minigrad.grad(gelu)(x) == pytest.approx(float(x > 0), abs=1e-12)
    assert second(gelu)(x) == pytest.approx(0, abs=1e-12)


def test_normalised_exponentials_do_not_overflow():
    x = np.array([1e4, -1e4, 1e4 - 1])
    expected = np.array([1, 0, math.exp(-1)]) / (1 + math.exp(-1))
    np.testing.assert_allclose(minigrad.softmax(x), expected, rtol=1e-15)
    np.testing.assert_allclose(minigrad.grad(minigrad.logsumexp)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(minigrad.hessian(minigrad.logsumexp)(x),
                               np.diag(expected) - np.outer(expected, expected), atol=1e-12)
    assert minigrad.log_softmax(x)[1] == -2e4 - math.log1p(math.exp(-1))
    assert minigrad.logsumexp(np.zeros((0, 2)), axis=0).tolist() == [-math.inf] * 2


def test_special_functions_take_lists_numbers_and_integers():
    for function in (minigrad.erf, minigrad.erfc, minigrad.relu, minigrad.sigmoid, minigrad.softplus, minigrad.silu,
                     minigrad.gelu,
                     minigrad.softmax, minigrad.log_softmax):
        expected = function(np.array([1.0, 2.0]))
        np.testing.assert_array_equal(function([1, 2]), expected)
        np.testing.assert_array_equal(function(np.array([1, 2])), expected)
        assert np.ndim(function(1.0)) == 0
    with pytest.raises(ValueError, match="approximate must be one of 'none', 'tanh'; got 'erf'"):
        minigrad.gelu(1.0, "erf")


# Functions that do not differentiate

@pytest.mark.parametrize("call", [
    np.sign, np.floor, np.round, np.argmax, np.argsort, np.isnan, np.flatnonzero, np.shape, np.size,
    np.ones_like,
    np.array2string, np.array_repr, np.result_type, lambda t: t > 1, lambda t: t == t, lambda t: np.isclose(t, 1),
    lambda t: np.allclose(t, t), lambda t: np.array_equal(t, t), lambda t: np.searchsorted(t, 1.5),
    lambda t: np.histogram(t)[0],
    lambda t: np.can_cast(t.dtype, np.float64), lambda t: np.zeros(2, like=t), lambda t: np.arange(3, like=t),
    lambda t: np.eye(2, like=t),
    lambda t: np.bincount(t[:0].astype(int)), lambda t: np.where(t)[0], lambda t: np.isin(t, [1.0]),
    lambda t: np.nanargmax(t),
])
def test_what_has_no_useful_derivative_is_plain(call):
    t = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    result, expected = call(t), call(t.data)
    assert not isinstance(result, Tensor)
    assert type(result) is type(expected)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("call", [
    lambda t: np.copyto(np.ones(2), t), lambda t: np.fill_diagonal(t, 0), lambda t: np.put(t, 0, 1),
    lambda t: np.putmask(t, t > 0, 1),
    lambda t: np.place(t, t > 0, 1), lambda t: np.put_along_axis(t, np.array([0]), 1, 0),
    lambda t: t.sort(), lambda t: t.fill(0), lambda t: t.put(0, 1), lambda t: t.resize(3), lambda t: t.partition(1)])
def test_writing_into_arrays_is_refused_with_another_way(call):
    with pytest.raises(TypeError, match=r"t\.at\[index\]\.set\(values\)"):
        call(Tensor([1.0, 2.0], requires_grad=True))


@pytest.mark.parametrize("call, message", [
    (lambda t: np.polyfit(t, t, 1, full=True), "leave out full and cov"),
    (lambda t: np.sum(t, whatever=1), "whatever"),
    (lambda t: np.exp(t, where=t.data > 0), "np.exp on Tensors does not take where"),
    (lambda t: np.exp(t, out=np.zeros(3)), "leave out `out=`"),
    (lambda t: np.mean(t, out=np.zeros(())), "leave out `out=`"),
    (lambda t: np.add.reduceat(t, [0, 1]), "np.add.reduceat has no derivative rule"),
    (lambda t: np.pad(t, 1, "mean"), "np.pad of mode 'mean'.* has no derivative rule"),
    (lambda t: np.array([t, t], like=t), "np.stack"), (lambda t: np.full(3, t), "drop its gradient"),
    (lambda t: np.average(t, weights=np.ones((2, 2))), "fit neither a, of shape"),
    (lambda t: np.gradient(t, 1.0, 2.0), "one for each of the 1 axes; got 2"),
])
def test_what_cannot_be_done_is_reported(call, message):
    with pytest.raises(TypeError, match=message):
        call(Tensor([1.0, 2.0, 3.0], requires_grad=True))


def test_methods_of_ufuncs_are_differentiated(rng):
    x, y = rng.standard_normal((2, 3)), rng.standard_normal(4)
    assert minigrad.gradcheck(np.add.reduce, x)
    assert minigrad.gradcheck(lambda x: np.multiply.reduce(x, axis=1), x)
    assert minigrad.gradcheck(lambda x: np.maximum.reduce(x, axis=None), x)
    assert minigrad.gradcheck(lambda x: np.add.accumulate(x, axis=1), x)
    assert minigrad.gradcheck(np.multiply.accumulate, x)
    for function in (np.maximum, np.minimum, np.logaddexp, np.hypot):
        assert minigrad.gradcheck(lambda x: function.accumulate(x, axis=-1), x)  # noqa: B023
        np.testing.assert_array_equal(function.accumulate(Tensor(x)).data, function.accumulate(x))
    assert minigrad.gradcheck(np.subtract.outer, x, y)
    assert minigrad.gradcheck(np.power.outer, np.abs(y), x)
    np.testing.assert_array_equal(np.divide.outer(Tensor(x), Tensor(y)).data, np.divide.outer(x, y))


# Other libraries

SMOOTH = [
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arctanh", "exp",
    "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "reciprocal", "abs", "sinc", "prod",
    "cumsum", "cumprod", "var", "std", "mean", "max", "min", "sort", "diff", "flip", "tril", "gradient", "hypot",
    "arctan2", "logaddexp", "power", "fmod", "copysign", "maximum", "erf", "erfc", "sigmoid", "softplus", "silu",
    "gelu", "softmax", "log_softmax", "logsumexp"]


@pytest.mark.parametrize("name", SMOOTH)
def test_hessian_vector_products_equal_pytorchs(name, rng):
    torch = pytest.importorskip("torch")
    near = {"sigmoid": torch.sigmoid, "softplus": torch.nn.functional.softplus, "silu": torch.nn.functional.silu,
            "gelu": torch.nn.functional.gelu, "fmod": torch.fmod, "power": torch.pow,
            "flip": lambda x: torch.flip(x, (0, 1)), "max": torch.amax, "min": torch.amin}
    last_axis = {"cumsum", "cumprod", "softmax", "log_softmax", "logsumexp"}
    ours, theirs = getattr(np, name, None) or getattr(minigrad, name), near.get(name) or getattr(torch, name)
    arguments = 2 if name in {"hypot", "arctan2", "logaddexp", "power", "fmod", "copysign", "maximum"} else 1
    arrays, directions = rng.uniform(0.1, 0.9, (arguments, 3, 3)), rng.standard_normal((arguments, 3, 3))
    options = {"axis": -1} if name in last_axis else {"ddof": 1} if name in {"var", "std"} else {}

    def energy(*tensors):
        result = ours(*tensors, **options)
        return np.sum(np.sin(np.stack(result) if isinstance(result, tuple) else result))

    def torch_energy(*tensors):
        result = theirs(*tensors, -1) if name in last_axis else theirs(*tensors)
        result = result.values if name == "sort" else result
        return torch.sum(torch.sin(torch.stack(result) if isinstance(result, (list, tuple)) else result))

    everything = tuple(range(arguments))
    value, product = energy(*map(Tensor, arrays)), minigrad.hvp(energy, argnums=everything)(*arrays, tuple(directions))
    expected, products = torch.autograd.functional.vhp(torch_energy, tuple(map(torch.tensor, arrays)),
                                                        tuple(map(torch.tensor, directions)))
    np.testing.assert_allclose(value.data, expected.numpy(), rtol=1e-12)
    np.testing.assert_allclose(product, np.stack(products), rtol=1e-9, atol=1e-12)
