"""The interface for methods that see all parameters as one vector, and search along a line: `WholeVectorOptimizer`.

It is to Newton and BFGS what `interface/optimizer.py` is to SGD and Adam. It handles groups, closures, failures and
state once, so that a method is only its `update`.
"""

from copy import deepcopy

import numpy as np

from .interface.optimizer import Optimizer, fitted
from .interface.signatures import check_phi
from .line_search import Point, Ray, backtracking, exact_on_quadratics, strong_wolfe


class WholeVectorOptimizer(Optimizer):
    r"""Optimizers that see all parameters of all groups as one vector, and search for how far to go.

    .. math:: \theta_t = \theta_{t-1} - t^* \phi(g_t, s), \qquad t^* \text{ by a line search that starts at } \gamma

    This is not of the form lr * phi: `update` still returns phi, but for the whole vector, and the learning rate γ is
    only the first trial of the search. With `line_search_fn=None` it is the step. `step` needs a closure, as
    in PyTorch's LBFGS: it is called at every trial, forgets the old gradients, computes loss and gradients, and
    returns the loss.

    All groups are one vector, so they have the same hyperparameters, and these are numbers, not arrays. A gradient
    that is None counts as zeros. The state belongs to the first parameter; if a group is added later, the state
    starts again.

    After any error, the closure's own included, parameters and state are what they were before the step.

    Raises
    ------
    TypeError
        From `step`, without a closure, or if the closure does not return a number.
    ValueError
        If groups differ in a hyperparameter, or one is an array, or the name of the line search is not known.
    FloatingPointError
        From `step`, if the loss or a gradient is not finite where the step begins.

    Examples
    --------
    The direction of the signs, with a step by backtracking:

    >>> import numpy as np, optim
    >>> class SignSearch(optim.WholeVectorOptimizer):
    ...     def __init__(self, params, lr=1, line_search_fn="backtracking"):
    ...         super().__init__(params, lr=lr, line_search_fn=line_search_fn)
    ...     def update(self, grad, state, param):
    ...         return np.sign(grad)
    >>> p, q = optim.Parameter([3.0]), optim.Parameter([[-2.5]])
    >>> def closure():
    ...     p.grad, q.grad = 2 * p.data, 2 * q.data
    ...     return float(np.sum(p.data**2) + np.sum(q.data**2))
    >>> optimizer = SignSearch([p, q])
    >>> [optimizer.step(closure) for _ in range(4)]
    [15.25, 6.25, 1.25, 0.25]
    """

    machinery = "place", "evaluate"  # the trials of a line search are not shown one by one

    elementwise = False
    line_searches = {"backtracking": backtracking, "strong_wolfe": strong_wolfe, "exact": exact_on_quadratics}

    def add_param_group(self, group: dict) -> None:
        """Add a group, as every optimizer does; forget what was learnt about the shorter vector."""
        super().add_param_group(group)
        try:
            self.hyperparameters()
        except ValueError:
            self.param_groups.pop()
            raise
        self.state.clear()

    def steps_itself(self):
        """A subclass has a rule, `update` or `iterate`, whose step is here."""
        return False

    def hyperparameters(self):
        """Return the hyperparameters that all groups share."""
        for name in self.defaults:
            values = [group[name] for group in self.param_groups]
            if any(np.ndim(value) for value in values):
                raise ValueError(f"{name} is {values}, but {type(self).__name__} moves all parameters as one vector: "
                                 "pass a number")
            if any(value != values[0] for value in values):
                raise ValueError(f"{type(self).__name__} sees all groups as one vector, so they need the same {name}; "
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
        """The sign that turns the problem into a minimisation: -1 to maximise."""
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
        """Move the parameters to theta; return loss and gradient there."""
        self.place(theta)
        return self.sign * number(closure()), self.gradient()

    # A step

    def step(self, closure=None):
        """Move once along the direction of the rule, as far as the line search says.

        Parameters
        ----------
        closure : callable
            Forgets the gradients, computes the loss and new gradients, and returns the loss.

        Returns
        -------
        float or array-like
            The loss before the step, as the closure returned it.
        """
        if not callable(closure):
            raise TypeError(f"{type(self).__name__}.step needs a closure that clears the gradients, computes the loss "
                            f"and the gradients, and returns the loss: write optimizer.step(closure); got {closure!r}")
        return self.guarded_step(closure)

    def guarded_step(self, closure):
        """Call `iterate`, and keep the state that it returns; after an error, put parameters and state back."""
        group, first = self.hyperparameters(), self.params[0]
        before, states = self.vector(), dict(self.state)
        try:
            loss, self.state[first] = self.iterate(closure, group)
        except BaseException:
            self.place(before)
            self.state.clear()
            self.state.update(states)
            raise
        return loss

    def copied_state(self, group, theta):
        """Return a copy of the state, to be kept if the step succeeds."""
        if state := self.state.get(self.params[0]):
            return deepcopy(state)
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
        check_phi(self, phi, theta)
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
        return float(loss.item() if hasattr(loss, "item") else loss)  # a Tensor gives its number by item()
    except (TypeError, ValueError):
        raise TypeError(f"the closure returned {loss!r}; expected the loss, a single number: "
                        "end it with `return loss`") from None


def check_finite(what, values):
    """Raise a FloatingPointError unless all numbers are finite."""
    if not np.all(np.isfinite(values)):
        bad = np.asarray(values)[~np.isfinite(values)].flat[0]
        raise FloatingPointError(f"{what} {bad}; expected finite numbers. The parameters are back where the step "
                                 "began: try another start, a smaller lr, or a line search")
