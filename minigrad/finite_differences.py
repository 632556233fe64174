"""Finite differences against the rules: the check that every rule passes, and that your own rules should pass.

A function of any shape is first made a single number by a sum with random weights, φ(x) = Σ wᵢ fᵢ(x); every derivative
after the first is taken along a random direction d, φ′(x) = ⟨∇φ(x), d⟩. So the same comparison works for every order.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .arguments import OptionalNotNegative, OptionalPositive, Size, checked, shown
from .registry import value_of
from .structure import arrays_in, dtype_of, paths, rebuild
from .tensor import Tensor, no_grad
from .transforms import grad, inner


class GradientError(AssertionError):
    """A derivative differs from what finite differences say it is, or does not exist."""


@checked
def gradcheck(function: Callable, *inputs: Any, order: Size = 2, step: OptionalPositive = None,
              rtol: OptionalNotNegative = None, atol: OptionalNotNegative = None) -> bool:
    """Compare the derivatives of a function, as minigrad finds them, with finite differences.

    With a step h that grows with x, `h = ∛ε max(1, |x|)`, the slope is compared with the central difference

        ∂φ/∂xᵢ ≈ (φ(x + h eᵢ) − φ(x − h eᵢ)) / 2h,

    and the second derivative with differences of the gradient along a random direction d. The two one-sided differences
    (φ(x + h eᵢ) − φ(x)) / h and (φ(x) − φ(x − h eᵢ)) / h agree up to h where φ is smooth. Where they do not, and a
    smaller h does not help, there is a kink or a jump. Weights and directions are the same in every call; for a
    single number, the weight is 1.

    Parameters
    ----------
    function : callable
        Takes the inputs and returns an array of any shape, or a list, tuple or dictionary of them.
    *inputs : array_like
        The point. Derivatives are taken by floats, and floats in lists, tuples and dictionaries; anything else
        (integers, masks, strings) is passed on unchanged.
    order : int, default 2
        The highest derivative to check.
    step : float, optional
        h for `|x| <= 1`. By default the cube root of the machine epsilon of the least precise input or result: 6e-6 for
        float64, 5e-3 for float32.
    rtol, atol : float, optional
        The error allowed is `atol + rtol * |derivative|`. By default rtol is twice the step, and atol a fifth of it
        times the largest number that the differences are taken of, if that is above 1, since its rounding errors count.

    Returns
    -------
    bool
        True. Anything else raises.

    Raises
    ------
    GradientError
        An AssertionError with the largest error, the argument and index where it is, and both numbers; it says so
        where the function has a kink.
    TypeError
        If no input is made of floats.

    References
    ----------
    Philip E. Gill, Walter Murray, Margaret H. Wright, "Practical Optimization", 1981, section 8.6 (the choice of h).

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> minigrad.gradcheck(lambda x, y: x * np.sin(y), np.array([1.0, 2.0]), 3.0)
    True
    >>> minigrad.gradcheck(np.abs, np.array([1.0, 0.0]))
    Traceback (most recent call last):
    ...
    minigrad.finite_differences.GradientError: derivative 1 does not exist at argument 0, index (1,): there is a kink...
    """
    if not callable(function):
        raise TypeError(f"function must be a function of the inputs; got {shown(function)}")
    places = [i for i, x in enumerate(inputs) if arrays_in(x) and all(map(is_float, arrays_in(x)))]
    if not places:
        raise TypeError("inputs must hold floats, such as 1.0 or np.array([1.0, 2.0]); got "
                        f"{', '.join(map(shown, inputs)) or 'none'}")
    point = [np.array(value_of(x)) for i in places for x in arrays_in(inputs[i])]
    labels = partial(label, point, [name for i in places for name in paths(inputs[i], f"argument {i}")])
    everything = tuple(range(len(point)))

    def flat_function(*values):
        values, arguments = iter(values), list(inputs)
        for i in places:
            arguments[i] = rebuild(inputs[i], values)
        return arrays_in(function(*arguments))

    rng = np.random.default_rng(0)
    results = on_arrays(flat_function, point)
    step = step or float(np.cbrt(max(np.finfo(x.dtype).eps for x in point + results if x.dtype.kind == "f")))
    rtol = 2 * step if rtol is None else rtol

    def check(order, slopes, differences, size):
        """Compare the slopes, of numbers of this size, with the differences, and return them."""
        found = flat(slopes(*point))
        compare(found, differences, step, rtol, 0.2 * step * max(1, size) if atol is None else atol, labels, order)
        return found

    projected = along(flat_function, weights(rng, results))
    slopes = grad(projected, everything)
    found = check(1, slopes, partial(coordinate_differences, projected, point), largest(flat(results)))
    for k in range(2, order + 1):
        direction = [w * scale(x) for w, x in zip(weights(rng, point), point)]
        lower, slopes = slopes, grad(along(slopes, direction), everything)
        found = check(k, slopes, partial(directional_differences, lower, point, direction), largest(found))
    return True


def is_float(x):
    """Return whether x is a float, or an array of floats."""
    return np.asarray(value_of(x)).dtype.kind == "f"


def label(point, names, i):
    """Return the name and the index of the i-th number of the point."""
    for x, name in zip(point, names):
        if i < x.size:
            return f"{name}, index {tuple(map(int, np.unravel_index(i, x.shape)))}" if x.ndim else name
        i -= x.size


def weights(rng, arrays):
    """Return random weights in the form of the arrays, between 0.5 and 1.5 of either sign; 1 for a single number."""
    if len(arrays) == arrays[0].size == 1:
        return [np.ones_like(arrays[0])]
    return [np.asarray(rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape), dtype_of(x)) for x in arrays]


def scale(x):
    """Return the factor of the step for each number of x."""
    return np.maximum(1, np.abs(x))


def flat(arrays):
    """Return the numbers of all arrays as one vector of float64."""
    return np.concatenate([np.ravel(value_of(x)).astype(float) for x in arrays])


def largest(numbers):
    """Return the largest absolute value, 0 for no numbers."""
    return np.max(np.abs(numbers), initial=0)


def along(function, direction):
    """Return the function ⟨f(x), d⟩ of a function f with a list of arrays as its result."""
    def projected(*values):
        result = inner(function(*values), direction)
        return result if isinstance(result, Tensor) else Tensor(result)  # because `grad` warns about plain numbers
    return projected


def on_arrays(function, values):
    """Return, as a list of arrays, what a function of Tensors gives for arrays."""
    with no_grad():
        return [np.asarray(value_of(y)) for y in arrays_in(function(*map(Tensor, values)))]


def coordinate_differences(projected, point, step):
    """Return (φ(x + h eᵢ) − φ(x)) / h and (φ(x) − φ(x − h eᵢ)) / h for every number xᵢ of the point."""
    here, = on_arrays(projected, point)
    quotients = []
    for k, x in enumerate(point):
        for i in np.ndindex(x.shape):
            for sign in 1, -1:
                moved = x.copy()
                moved[i] += sign * step * scale(x[i])
                there, = on_arrays(projected, [*point[:k], moved, *point[k + 1:]])
                quotients.append((float(there) - float(here)) / (float(moved[i]) - float(x[i])))
    return np.array(quotients[::2]), np.array(quotients[1::2])


def directional_differences(lower, point, direction, step):
    """Return (∇φ(x + h d) − ∇φ(x)) / h and (∇φ(x) − ∇φ(x − h d)) / h."""
    here = flat(on_arrays(lower, point))
    ahead = flat(on_arrays(lower, [x + step * d for x, d in zip(point, direction)]))
    behind = flat(on_arrays(lower, [x - step * d for x, d in zip(point, direction)]))
    return (ahead - here) / step, (here - behind) / step


def compare(found, differences, step, rtol, atol, labels, order):
    """Raise GradientError if derivatives and differences are further apart than allowed, or there is a kink."""
    ahead, behind = differences(step)
    expected, gap = (ahead + behind) / 2, np.abs(ahead - behind)
    error, allowed = np.abs(found - expected), atol + rtol * np.abs(expected)
    wrong = ~(error <= allowed)  # in this form NaN counts as wrong
    doubtful = (gap > 30 * step * (1 + np.abs(expected))) | (wrong & (gap > allowed))
    if not wrong.any() and not doubtful.any():
        return
    # Where the function is smooth, a tenth of the step leaves a tenth of the gap, and a hundredth of the error.
    closer_ahead, closer_behind = differences(step / 10)
    closer = (closer_ahead + closer_behind) / 2
    wrong &= ~(np.abs(found - closer) <= allowed)
    ratio = np.abs(closer_ahead - closer_behind) / np.where(gap == 0, 1, gap)
    grown = np.abs(closer) > 5 * np.abs(expected)
    kinks = (doubtful & ~((ratio > 0.03) & (ratio < 0.4))) | (wrong & grown)
    if (wrong & ~kinks).any():
        i = np.argmax(np.where(wrong & ~kinks, np.nan_to_num(error, nan=np.inf), -1))
        raise GradientError(
            f"derivative {order} is wrong at {labels(i)}: minigrad finds {found[i]:.9g}, finite differences "
            f"{expected[i]:.9g}, an error of {error[i]:.3g} where {allowed[i]:.3g} is allowed; "
            f"{wrong.sum()} of {wrong.size} numbers are wrong, and this one is the worst")
    if kinks.any():
        i = np.argmax(np.where(kinks, gap, -1))
        raise GradientError(
            f"derivative {order} does not exist at {labels(i)}: there is a kink or a jump, with slope {ahead[i]:.6g} "
            f"ahead and {behind[i]:.6g} behind, and minigrad finds {found[i]:.6g}; check at another point")
