"""How far to go: searches along a line, functions of one variable t.

The chapters before this one chose the length of a step once, as `lr`. Here a search evaluates the function at a few
points of the line theta + t d, and chooses one of them: Armijo's backtracking, the exact search for quadratics, and
strong Wolfe. The methods that use them are in `quasi_newton.py` and `second_order.py`.
"""

from typing import NamedTuple

import numpy as np

from .interface.annotations import Function, Number
from .interface.hyperparameters import FINITE, FRACTION, NOT_NEGATIVE, check, check_callable, whole

MOST_TRIALS = 60  # halving a step 60 times makes it too small for the 53 bits of a float64


class Point(NamedTuple):
    """A point theta + t d of a line, as a line search sees it.

    Parameters
    ----------
    t : float
        How far along the line.
    value : float
        The loss there, phi(t) = f(theta + t d); infinite where the loss is not a finite number, so that every search
        turns back.
    slope : float
        Its derivative phi'(t), the gradient times d.
    grad : ndarray of shape (n,), optional
        The gradient it came from.
    """

    t: float
    value: float
    slope: float
    grad: np.ndarray | None = None


class Ray:
    """The loss along a line, t -> f(theta + t d).

    Parameters
    ----------
    evaluate : callable
        Takes a point of shape (n,), returns the loss and the gradient there.
    theta, direction : ndarray of shape (n,)

    Attributes
    ----------
    evaluations : int
        How often the function has been evaluated.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.line_search import Ray
    >>> ray = Ray(lambda x: (x @ x, 2 * x), theta=np.array([3.0, 4.0]), direction=np.array([-3.0, -4.0]))
    >>> float(ray(0.5).value), ray(0.5).slope, ray.evaluations
    (6.25, -25.0, 2)
    """

    def __init__(self, evaluate: Function, theta: np.ndarray, direction: np.ndarray) -> None:
        self.evaluate, self.theta, self.direction, self.evaluations = evaluate, theta, direction, 0

    def __call__(self, t):
        """Return the `Point` at t."""
        self.evaluations += 1
        value, grad = self.evaluate(self.theta + t * self.direction)
        with np.errstate(over="ignore", invalid="ignore"):  # far out, infinite gradients are to be expected
            slope = float(grad @ self.direction)
        return Point(t, value if np.isfinite(value) else np.inf, slope, grad)


def check_search(ray, t, **fractions):
    """Raise an error for a ray that cannot be called, and for numbers that no search can use."""
    check_callable("ray", ray)
    check("t", t, FINITE)
    for name, value in fractions.items():
        check(name, value, FRACTION)


def backtracking(ray: Function, start: Point, t: float, c1: Number = 1e-4, shrink: Number = 0.5) -> Point:
    r"""Shorten the step until the loss has fallen by a fair part of what the slope promised: Armijo's rule.

    .. math:: \varphi(t) \le \varphi(0) + c_1 t \, \varphi'(0), \qquad t \in \{t_0, \rho t_0, \rho^2 t_0, \dots\}

    It needs no gradient at the points it tries. It only shortens, so the first trial must be long enough.

    Parameters
    ----------
    ray : callable
        Takes t, returns a `Point`.
    start : Point
        The point at t = 0, with a negative slope.
    t : float
        The first trial.
    c1 : float, default 1e-4
        The part of the promised decrease that is required, between 0 and 1/2.
    shrink : float, default 0.5
        ρ, by which a refused trial is multiplied.

    Returns
    -------
    Point
        The first trial that satisfies the rule; `start` if none does, which near a minimum means that rounding hides
        any further decrease.

    References
    ----------
    Larry Armijo, "Minimization of functions having Lipschitz continuous first partial derivatives", 1966.
    Jorge Nocedal and Stephen J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.1.

    Examples
    --------
    From 1, down x², a step of 1 along -2 leads across the valley to the same height; half of it is accepted:

    >>> from optim.line_search import Point, backtracking
    >>> ray = lambda t: Point(t, (1 - 2 * t) ** 2, -4 * (1 - 2 * t))
    >>> backtracking(ray, ray(0.0), 1.0).t
    0.5
    """
    check_search(ray, t, c1=c1, shrink=shrink)
    for _ in range(MOST_TRIALS):
        trial = ray(t)
        if trial.value <= start.value + c1 * t * start.slope:
            return trial
        t *= shrink
    return start


def exact_on_quadratics(ray: Function, start: Point, t: float) -> Point:
    r"""Go to the minimum along the line of a quadratic, where the slope is a straight line in t.

    .. math:: t^* = t \, \frac{\varphi'(0)}{\varphi'(0) - \varphi'(t)}

    On other functions this is one step of the secant method, and nothing checks that the loss falls. Use it to see
    what theory says about exact searches: on a quadratic, conjugate gradients, BFGS and L-BFGS end in n steps.

    Parameters and result are those of `backtracking`. Where the line does not curve upwards, the result is the first
    trial.

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, equation (3.55).

    Examples
    --------
    >>> from optim.line_search import Point, exact_on_quadratics
    >>> ray = lambda t: Point(t, (1 - 2 * t) ** 2, -4 * (1 - 2 * t))
    >>> exact_on_quadratics(ray, ray(0.0), 3.0).t
    0.5
    """
    check_search(ray, t)
    trial = ray(t)
    curves_upwards = trial.slope > start.slope
    return ray(t * start.slope / (start.slope - trial.slope)) if curves_upwards else trial


def strong_wolfe(ray: Function, start: Point, t: float, c1: Number = 1e-4, c2: Number = 0.9, tolerance: Number = 1e-9,
                 most_trials: int = 25) -> Point:
    r"""Find a step that lowers the loss enough, and at which the slope has flattened out enough.

    .. math:: \varphi(t) \le \varphi(0) + c_1 t \, \varphi'(0), \qquad |\varphi'(t)| \le c_2 |\varphi'(0)|

    Armijo's rule lacks the second condition. It refuses steps that are too short, and it makes yᵀs positive, which
    quasi-Newton methods need. The search goes outwards until such a step must lie between the last two points, then
    closes in on it (`zoom`). Both place their trials by a cubic through two values and two slopes.

    It makes the same trials as PyTorch's `strong_wolfe`. Like PyTorch's, and unlike the book's, `zoom` keeps the lower
    end of its interval even where the first condition refuses it. After a trial that is hundreds of times too long, the
    result may satisfy neither condition, and only be lower than the start.

    Parameters
    ----------
    ray, start, t, c1
        As for `backtracking`.
    c2 : float, default 0.9
        How much of the slope can be left: 0.9 for quasi-Newton methods, 0.1 for conjugate gradients.
    tolerance : float, default 1e-9
        The search ends when its interval is shorter.
    most_trials : int, default 25

    Returns
    -------
    Point
        One that satisfies both conditions, or the lowest found when the trials are used up or the interval is too
        short.

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6.
    Mark Schmidt, "minFunc", 2005, the source of PyTorch's safeguards.

    Examples
    --------
    >>> from optim.line_search import Point, strong_wolfe
    >>> ray = lambda t: Point(t, (1 - 2 * t) ** 2, -4 * (1 - 2 * t))
    >>> strong_wolfe(ray, ray(0.0), 0.01, c2=0.1).t
    0.5
    """
    check_search(ray, t, c1=c1, c2=c2)
    check("tolerance", tolerance, NOT_NEGATIVE)
    check("most_trials", most_trials, whole(0))
    previous, trial = start, ray(t)
    for trials in range(most_trials):
        too_high = trial.value > start.value + c1 * trial.t * start.slope
        if too_high or (trials > 1 and trial.value >= previous.value):
            return zoom(ray, start, previous, trial, c1, c2, tolerance, most_trials - trials)
        if abs(trial.slope) <= -c2 * start.slope:
            return trial
        if trial.slope >= 0:
            return zoom(ray, start, previous, trial, c1, c2, tolerance, most_trials - trials)
        t = cubic_minimum(previous, trial, trial.t + 0.01 * (trial.t - previous.t), 10 * trial.t)
        previous, trial = trial, ray(t)
    return lower(start, trial)


def zoom(ray, start, one, other, c1, c2, tolerance, most_trials):
    """Close in on a step that satisfies the strong Wolfe conditions, known to lie between two points."""
    ends = [one, other]
    low = int(other.value < one.value)  # the end with the smaller value
    hesitated = False
    for _ in range(most_trials):
        if not abs(other.t - one.t) >= tolerance:
            break
        t, hesitated = kept_off_the_ends(cubic_minimum(*ends), *ends, hesitated)
        trial = ray(t)
        if trial.value > start.value + c1 * t * start.slope or trial.value >= ends[low].value:
            ends[1 - low] = trial
            low = int(ends[1].value < ends[0].value)
        else:
            if abs(trial.slope) <= -c2 * start.slope:
                return trial
            if trial.slope * (ends[1 - low].t - ends[low].t) >= 0:
                ends[1 - low] = ends[low]
            ends[low] = trial
        one, other = ends
    return ends[low]


def kept_off_the_ends(t, one, other, hesitated):
    """Return a trial that is sure to shorten the interval, and whether it is close to an end.

    A trial on an end, or the second in a row within a tenth of an end, is moved a tenth away from it.
    """
    left, right = min(one.t, other.t), max(one.t, other.t)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if hesitated or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def cubic_minimum(a, b, smallest=None, largest=None):
    r"""Return the minimum of the cubic through two points with their slopes, between bounds (by default the points).

    .. math::
        d_1 = \varphi'_a + \varphi'_b - 3 \frac{\varphi_a - \varphi_b}{a - b}, \qquad
        d_2 = \sqrt{d_1^2 - \varphi'_a \varphi'_b}
        t = b - (b - a) \frac{\varphi'_b + d_2 - d_1}{\varphi'_b - \varphi'_a + 2 d_2} \qquad (a < b)

    If the cubic has no minimum, a value is infinite, or the points are equal, return the middle of the bounds.

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, equation (3.59).

    Examples
    --------
    >>> from optim.line_search import Point, cubic_minimum
    >>> cubic_minimum(Point(0.0, 1.0, -4.0), Point(2.0, 9.0, 12.0))  # (1 - 2t)²
    0.5
    """
    a, b = (a, b) if a.t <= b.t else (b, a)
    smallest, largest = (a.t, b.t) if smallest is None else (smallest, largest)
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t) if a.t < b.t else np.nan
    square = d1 * d1 - a.slope * b.slope
    d2 = square**0.5 if square >= 0 else np.nan
    width = b.slope - a.slope + 2 * d2
    if not np.isfinite(width) or width == 0:
        return (smallest + largest) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / width), smallest), largest)


def lower(a, b):
    """Return the point with the smaller value, the first if they are equal."""
    return a if a.value <= b.value else b
