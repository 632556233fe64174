"""How far to go: line searches, and descent methods that take a direction from their rule and its length from a search.

The chapter before this one chose the length of a step once, as `lr`. Here the function itself is asked, at a few
points of the line theta + t d. First come the searches (Armijo's backtracking, strong Wolfe, exact on quadratics),
functions of one variable; then `WholeVectorOptimizer`, which sees all parameters as one vector; then gradient descent
with a search.
"""

from copy import deepcopy
from typing import NamedTuple

import numpy as np

from .optimizer import Optimizer, fitted

MOST_TRIALS = 60  # halving a step as often leaves the 53 bits of a float64


# Searches along a line

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
        How often the function has been asked.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.line_search import Ray
    >>> ray = Ray(lambda x: (x @ x, 2 * x), theta=np.array([3.0, 4.0]), direction=np.array([-3.0, -4.0]))
    >>> float(ray(0.5).value), ray(0.5).slope, ray.evaluations
    (6.25, -25.0, 2)
    """

    def __init__(self, evaluate, theta, direction):
        self.evaluate, self.theta, self.direction, self.evaluations = evaluate, theta, direction, 0

    def __call__(self, t):
        """Return the `Point` at t."""
        self.evaluations += 1
        value, grad = self.evaluate(self.theta + t * self.direction)
        with np.errstate(over="ignore", invalid="ignore"):  # far out, infinite gradients are no surprise
            slope = float(grad @ self.direction)
        return Point(t, value if np.isfinite(value) else np.inf, slope, grad)


def backtracking(ray, start, t, c1=1e-4, shrink=0.5):
    r"""Shorten the step until the loss has fallen by a fair part of what the slope promised: Armijo's rule.

    .. math:: \varphi(t) \le \varphi(0) + c_1 t \, \varphi'(0), \qquad t \in \{t_0, \rho t_0, \rho^2 t_0, \dots\}

    It asks for no gradient at the points it tries, and it only ever shortens: the first trial must be long enough.

    Parameters
    ----------
    ray : callable
        Takes t, returns a `Point`.
    start : Point
        The point at t = 0, with a negative slope.
    t : float
        The first trial.
    c1 : float, default 1e-4
        The part of the promised decrease that is asked for, between 0 and 1/2.
    shrink : float, default 0.5
        ρ, what a trial that is refused is multiplied by.

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
    for _ in range(MOST_TRIALS):
        trial = ray(t)
        if trial.value <= start.value + c1 * t * start.slope:
            return trial
        t *= shrink
    return start


def exact_on_quadratics(ray, start, t):
    r"""Go to the minimum along the line of a quadratic, where the slope is a straight line in t.

    .. math:: t^* = t \, \frac{\varphi'(0)}{\varphi'(0) - \varphi'(t)}

    On other functions this is one step of the secant method, and nothing checks that the loss falls. It is for showing
    what theory says of exact searches: conjugate gradients, BFGS and L-BFGS end in n steps.

    Parameters, and what is returned, are those of `backtracking`; where the line does not curve upwards it is the
    first trial.

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
    trial = ray(t)
    curves_upwards = trial.slope > start.slope
    return ray(t * start.slope / (start.slope - trial.slope)) if curves_upwards else trial


def strong_wolfe(ray, start, t, c1=1e-4, c2=0.9, tolerance=1e-9, most_trials=25):
    r"""Find a step that lowers the loss enough, and at which the slope has flattened out enough.

    .. math:: \varphi(t) \le \varphi(0) + c_1 t \, \varphi'(0), \qquad |\varphi'(t)| \le c_2 |\varphi'(0)|

    The second condition is what Armijo's rule lacks: it refuses steps that are too short, and it makes yᵀs positive,
    which quasi-Newton methods live on. The search strides outwards until such a step must lie between the last two
    points, then closes in on it (`zoom`); both place their trials by a cubic through two values and two slopes.

    It makes the same trials as PyTorch's `strong_wolfe`. Like that, and unlike the book, `zoom` holds on to the lower
    end of its interval even where the first condition refuses it: after a trial hundreds of times too long, the point
    that is returned may be no more than lower.

    Parameters
    ----------
    ray, start, t, c1
        As for `backtracking`.
    c2 : float, default 0.9
        How much of the slope may be left: 0.9 for quasi-Newton methods, 0.1 for conjugate gradients.
    tolerance : float, default 1e-9
        Give up on an interval that is shorter.
    most_trials : int, default 25

    Returns
    -------
    Point
        One that satisfies both conditions, or the lowest found when the trials are used up or the interval is too
        short.

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6.
    Mark Schmidt, "minFunc", 2005, from where PyTorch has its safeguards.

    Examples
    --------
    >>> from optim.line_search import Point, strong_wolfe
    >>> ray = lambda t: Point(t, (1 - 2 * t) ** 2, -4 * (1 - 2 * t))
    >>> strong_wolfe(ray, ray(0.0), 0.01, c2=0.1).t
    0.5
    """
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
    low = int(other.value < one.value)  # the end of the smaller value
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
    """Return a trial that shortens the interval for sure, and whether this one came close to an end of it.

    The second trial in a row that comes within a tenth of an end, or one on the end, is put a tenth away from it.
    """
    left, right = min(one.t, other.t), max(one.t, other.t)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if hesitated or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True


def cubic_minimum(a, b, smallest=None, largest=None):
    r"""Return the minimum of the cubic through two points with their slopes, kept between bounds (by default, them).

    .. math::
        d_1 = \varphi'_a + \varphi'_b - 3 \frac{\varphi_a - \varphi_b}{a - b}, \qquad
        d_2 = \sqrt{d_1^2 - \varphi'_a \varphi'_b}
        t = b - (b - a) \frac{\varphi'_b + d_2 - d_1}{\varphi'_b - \varphi'_a + 2 d_2} \qquad (a < b)

    The middle of the bounds where the cubic has no minimum, a value is infinite, or the points are one.

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
    """Return the point of the smaller value, the first if they are equal."""
    return a if a.value <= b.value else b


# Methods that see all parameters as one vector

class WholeVectorOptimizer(Optimizer):
    r"""Optimizers that see all parameters of all groups as one vector, and ask the function how far to go.

    .. math:: \theta_t = \theta_{t-1} - t^* \phi(g_t, s), \qquad t^* \text{ by a line search that starts at } \gamma

    This is not of the form lr * phi: `update` still returns phi, but for the whole vector, and the learning rate γ is
    no more than the first trial of the search. With `line_search_fn=None` it is the step. `step` needs a closure, as
    in PyTorch's LBFGS: it is called at every trial, forgets the old gradients, computes loss and gradients, and
    returns the loss.

    All groups are one vector, so they have the same hyperparameters, and these are numbers, not arrays. A gradient
    that is None counts as zeros. The state belongs to the first parameter; a group that is added later starts it
    afresh.

    Raises
    ------
    TypeError
        From `step`, without a closure, or if the closure does not return a number.
    ValueError
        If groups differ in a hyperparameter, or one is an array, or the name of the line search is not known.
    FloatingPointError
        From `step`, if the loss or a gradient is not finite where the step begins.

    After any error, the closure's own included, parameters and state are what they were before the step.
    """

    elementwise = False
    line_searches = {"backtracking": backtracking, "strong_wolfe": strong_wolfe, "exact": exact_on_quadratics}

    def add_param_group(self, group):
        """Add a group, as every optimizer does; what has been learnt about the shorter vector is forgotten."""
        super().add_param_group(group)
        try:
            self.hyperparameters()
        except ValueError:
            self.param_groups.pop()
            raise
        self.state.clear()

    def hyperparameters(self):
        """Return the hyperparameters that all groups share."""
        for name in self.defaults:
            values = [group[name] for group in self.param_groups]
            if any(np.ndim(value) for value in values):
                raise ValueError(f"{name} is {values}, but {type(self).__name__} makes one run of all parameters: "
                                 "give it a number")
            if any(value != values[0] for value in values):
                raise ValueError(f"{type(self).__name__} sees all groups as one vector, which need the same {name}; "
                                 f"got {values}")
        first = self.param_groups[0]
        search = first.get("line_search_fn")
        if search is not None and search not in self.line_searches:
            raise ValueError(f"line_search_fn is {search!r}; expected None or one of {sorted(self.line_searches)}")
        return first

    # Parameters as a vector

    @property
    def params(self):
        """All parameters, in the order of the groups."""
        return [param for group in self.param_groups for param in group["params"]]

    @property
    def sign(self):
        """What makes the problem a minimisation: -1 if it is to be maximised."""
        return -1 if self.param_groups[0]["maximize"] else 1

    def vector(self):
        """Return the parameters as one new vector."""
        return np.concatenate([param.data.ravel() for param in self.params])

    def split(self, vector):
        """Return the parts of a vector that belong to each parameter, in its shape and dtype."""
        ends = np.cumsum([param.data.size for param in self.params])[:-1]
        return [part.reshape(param.data.shape).astype(param.data.dtype, copy=False)
                for part, param in zip(np.split(vector, ends), self.params)]

    def place(self, vector):
        """Write a vector into the parameters."""
        for param, part in zip(self.params, self.split(vector)):
            param.data[...] = part

    def gradient(self):
        """Return the gradients as one new vector."""
        return np.concatenate([np.zeros(param.data.size, param.data.dtype) if param.grad is None
                               else self.checked_gradient(param, group).ravel()
                               for group in self.param_groups for param in group["params"]])

    def evaluate(self, closure, theta):
        """Return loss and gradient at theta, where it leaves the parameters."""
        self.place(theta)
        return self.sign * number(closure()), self.gradient()

    # A step

    def step(self, closure):
        """Move once along the direction of the rule, as far as the line search says.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss and new gradients, and returns the loss.

        Returns
        -------
        The loss before the step, as the closure returned it.
        """
        if not callable(closure):
            raise TypeError(f"{type(self).__name__}.step needs a closure that clears the gradients, computes the loss "
                            f"and the gradients, and returns the loss; got {closure!r}")
        return self.guarded_step(closure)

    def guarded_step(self, closure):
        """Call hooks and `iterate`; after an error, put back the parameters, and leave the state as it was."""
        group = self.hyperparameters()
        for hook in tuple(self._before_step.values()):
            hook(self, (closure,), {})
        before = self.vector()
        try:
            loss, state = self.iterate(closure, group)
        except BaseException:
            self.place(before)
            raise
        self.state[self.params[0]] = state
        for hook in tuple(self._after_step.values()):
            hook(self, (closure,), {})
        return loss

    def copied_state(self, group, theta):
        """Return a copy of the state, to be kept if the step succeeds."""
        if self.params[0] in self.state:
            return deepcopy(self.state[self.params[0]])
        return self.init_state(theta, **self.chosen(self.init_state, group, theta))

    def first_point(self, closure):
        """Return the closure's loss and the `Point` where the step begins, which must be finite."""
        loss = closure()
        point = Point(0.0, self.sign * number(loss), 0.0, self.gradient())
        check_finite("the closure returned", point.value)
        check_finite("the closure left gradients with", point.grad)
        return loss, point

    def iterate(self, closure, group):
        """Move the parameters once; return the loss before and the new state."""
        theta = self.vector()
        loss, start = self.first_point(closure)
        state = self.copied_state(group, theta)
        if not start.grad.any():
            return loss, state
        if "step" in state:
            state["step"] += 1
        phi = self.update(start.grad, state, theta, **self.chosen(self.update, group, theta))
        start = start._replace(slope=-float(start.grad @ phi))
        if not start.slope < 0:  # rounding has spoilt the direction
            phi, start = start.grad, start._replace(slope=-float(start.grad @ start.grad))
        ray = Ray(lambda x: self.evaluate(closure, x), theta, -phi)
        self.place(theta - self.step_size(ray, start, state, group) * phi)
        return loss, state

    def step_size(self, ray, start, state, group):
        """Return how far to go along the ray."""
        t = self.first_trial(start, state, **self.chosen(self.first_trial, group, start.grad))
        if group["line_search_fn"] is None:
            return t
        return self.line_searches[group["line_search_fn"]](ray, start, t).t

    def first_trial(self, start, state, *, lr):
        """Return the step that the line search tries first."""
        return lr

    def _loaded_state(self, number, data, group, saved):
        theta = self.vector()
        if number != 0:
            raise ValueError(f"{type(self).__name__} keeps one state, at parameter 0; got one for parameter {number}")
        return fitted("the state", self.init_state(theta, **self.chosen(self.init_state, group, theta)), saved, theta)


def number(loss):
    """Return the loss that a closure returned as a Python number."""
    try:
        return float(loss)
    except (TypeError, ValueError):
        raise TypeError(f"the closure returned {loss!r}; expected the loss, a single number: "
                        "end it with `return loss`") from None


def check_finite(what, values):
    """Raise a FloatingPointError unless all numbers are finite."""
    if not np.all(np.isfinite(values)):
        bad = np.asarray(values)[~np.isfinite(values)].flat[0]
        raise FloatingPointError(f"{what} {bad}; expected finite numbers. The parameters are back where the step "
                                 "began: try another start, a smaller lr, or a line search")


class BacktrackingGradientDescent(WholeVectorOptimizer):
    r"""Gradient descent that needs no learning rate chosen: each step is shortened until Armijo's rule holds.

    .. math:: \theta_t = \theta_{t-1} - \gamma \rho^j g_t

    with the smallest j ≥ 0 such that :math:`f(\theta_t) \le f(\theta_{t-1}) - c_1 \gamma \rho^j |g_t|^2`.

    It adds to gradient descent that the loss never rises. It helps where no one step suits the whole way, as on
    Rosenbrock's walls and floor; it costs a few evaluations a step, does not cure the zigzag, and has no meaning when
    the loss is noisy, since the two values that it compares must be of one function.

    Parameters
    ----------
    params : iterable
        Parameters or groups.
    lr : float, default 1
        γ, the first trial of every step.
    c1 : float, default 1e-4
        The part of the promised decrease that is asked for.
    shrink : float, default 0.5
        ρ, what a trial that is refused is multiplied by.

    References
    ----------
    Larry Armijo, "Minimization of functions having Lipschitz continuous first partial derivatives", 1966.
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 3.1.

    Examples
    --------
    >>> import optim
    >>> p = optim.Parameter([1.0, 1.0])
    >>> def closure():
    ...     x, y = p.data
    ...     p.grad = np.array([x, 100 * y])
    ...     return (x**2 + 100 * y**2) / 2
    >>> import numpy as np
    >>> optimizer = optim.BacktrackingGradientDescent([p])
    >>> [round(float(optimizer.step(closure)), 3) for _ in range(4)]
    [50.5, 16.305, 5.475, 2.039]
    """

    def __init__(self, params, lr=1, c1=1e-4, shrink=0.5, *, maximize=False):
        super().__init__(params, lr=lr, c1=c1, shrink=shrink, maximize=maximize)

    def update(self, grad, state, param):
        return grad

    def step_size(self, ray, start, state, group):
        return backtracking(ray, start, float(group["lr"]), float(group["c1"]), float(group["shrink"])).t
