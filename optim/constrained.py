"""Constraints and penalties with kinks: how to descend without leaving a set, or towards solutions with exact zeros.

First come the projections, which bring a point back into a set. Then the methods: project after each gradient step;
replace the projection by a proximal operator, which works for penalties too (ISTA, and FISTA, which is faster); never
leave the set at all (Frank-Wolfe, mirror descent); and, for long streams of sparse data, FTRL-Proximal.
"""

from functools import partial

import numpy as np

from .interface.annotations import Any, ArrayLike, Function, Number, Params
from .interface.hooks import HookHandle
from .interface.hyperparameters import BOUND, FINITE, NOT_NEGATIVE, POSITIVE, check, check_callable, prepared
from .interface.optimizer import Optimizer
from .interface.words import described

# Projections: the nearest point of a set

def as_floats(x):
    """Return x as an array of floats."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(float)


def check_box(lower, upper):
    """Raise an error for bounds that are not numbers, or with nothing between them."""
    check("lower", lower, BOUND)
    check("upper", upper, BOUND)
    if np.any(np.asarray(lower) > np.asarray(upper)):
        raise ValueError(f"the box is empty: lower is {lower!r} and upper is {upper!r}")


def length(x, axis):
    """Return the Euclidean norm along an axis (of the whole array for None), ready to broadcast against x."""
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=True))


def project_box(x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> np.ndarray:
    r"""Return the nearest point of a box, :math:`l \le x \le u`: clip each coordinate.

    Parameters
    ----------
    x : array_like
    lower, upper : float or array_like
        Bounds that broadcast against x; -inf and inf where there are none.

    Returns
    -------
    ndarray
        Of the shape and dtype of x, as for all projections here; x itself is not changed.

    Raises
    ------
    ValueError
        If a lower bound is above an upper one.

    Examples
    --------
    >>> import optim
    >>> optim.project_box([-2.0, 0.5, 3.0], 0, 1)
    array([0. , 0.5, 1. ])
    """
    check_box(lower, upper)
    x = as_floats(x)
    return np.clip(x, lower, upper).astype(x.dtype, copy=False)


def project_non_negative(x: ArrayLike) -> np.ndarray:
    """Return the nearest point with no coordinate below 0.

    Examples
    --------
    >>> import optim
    >>> optim.project_non_negative([-2.0, 0.5])
    array([0. , 0.5])
    """
    return project_box(x, 0, np.inf)


def project_linf_ball(x: ArrayLike, radius: Number = 1.0) -> np.ndarray:
    r"""Return the nearest point with :math:`\max_i |x_i| \le r`: a box.

    Examples
    --------
    >>> import optim
    >>> optim.project_linf_ball([-2.0, 0.5])
    array([-1. ,  0.5])
    """
    check("radius", radius, POSITIVE)
    return project_box(x, -radius, radius)


def project_simplex(x: ArrayLike, total: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the nearest point of the simplex :math:`\{x : x_i \ge 0, \sum_i x_i = s\}`.

    .. math::
        w_i = \max(x_i - \tau, 0), \qquad \tau = \frac1\rho \left(\sum_{j \le \rho} u_j - s\right), \qquad
        \rho = \max\left\{j : u_j > \frac1j \left(\sum_{r \le j} u_r - s\right)\right\}

    with the coordinates in falling order as u. The same number is subtracted from all coordinates, so that those that
    stay above 0 have the right sum.

    Parameters
    ----------
    x : array_like
    total : float, default 1
        s.
    axis : int, optional
        The axis along which the points lie, for many at once. Default: the whole array is one point.

    References
    ----------
    John Duchi, Shai Shalev-Shwartz, Yoram Singer, Tushar Chandra, "Efficient projections onto the l1-ball for
    learning in high dimensions", 2008, figure 1.

    Examples
    --------
    >>> import optim
    >>> optim.project_simplex([0.5, 1.0, -3.0])
    array([0.25, 0.75, 0.  ])
    """
    check("total", total, POSITIVE)
    x = as_floats(x)
    if axis is None:
        return project_simplex(x.reshape(-1), total, 0).reshape(x.shape)
    x = x - x.max(axis=axis, keepdims=True)  # a common shift changes nothing, and large numbers keep their digits
    u = -np.sort(-x, axis=axis)
    j = np.expand_dims(np.arange(1, x.shape[axis] + 1, dtype=x.dtype), [i for i in range(x.ndim) if i != axis % x.ndim])
    excess = (np.cumsum(u, axis=axis) - total) / j
    rho = np.sum(u > excess, axis=axis, keepdims=True)
    return np.maximum(x - np.take_along_axis(excess, rho - 1, axis), 0)


def project_l1_ball(x: ArrayLike, radius: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the nearest point with :math:`\sum_i |x_i| \le r`: the point of the simplex, with the signs of x.

    The corners of the ball are on the axes, so many coordinates of a projection are 0.

    References
    ----------
    Duchi, Shalev-Shwartz, Singer, Chandra, 2008, section 4.

    Examples
    --------
    >>> import optim
    >>> optim.project_l1_ball([3.0, -2.5, 1.0])
    array([ 0.75, -0.25,  0.  ])
    """
    check("radius", radius, POSITIVE)
    x = as_floats(x)
    inside = np.sum(np.abs(x), axis=axis, keepdims=True) <= radius
    return np.where(inside, x, np.sign(x) * project_simplex(np.abs(x), radius, axis))


def project_l2_ball(x: ArrayLike, radius: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the nearest point with :math:`|x|_2 \le r`: x, shortened.

    Examples
    --------
    >>> import optim
    >>> optim.project_l2_ball([3.0, 4.0])
    array([0.6, 0.8])
    """
    check("radius", radius, POSITIVE)
    x = as_floats(x)
    return x * (radius / np.maximum(length(x, axis), radius))


def project_sphere(x: ArrayLike, radius: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the nearest point with :math:`|x|_2 = r`.

    The sphere is not convex: all its points are equally near to 0, and there the one with equal coordinates is
    returned.

    Examples
    --------
    >>> import optim
    >>> optim.project_sphere([0.3, 0.4])
    array([0.6, 0.8])
    """
    check("radius", radius, POSITIVE)
    x = as_floats(x)
    x = np.where(length(x, axis) > 0, x, np.ones_like(x))
    return x * (radius / length(x, axis))


def project_hyperplane(x: ArrayLike, normal: ArrayLike, offset: Number = 0.0, axis: Any = None) -> np.ndarray:
    r"""Return the nearest point with :math:`a^T x = b`.

    .. math:: x - \frac{a^T x - b}{a^T a} a

    Parameters
    ----------
    x : array_like
    normal : array_like
        a, which broadcasts against x.
    offset : float, default 0
        b.
    axis : int, optional
        The axis along which the points lie. Default: the whole array is one point.

    Examples
    --------
    >>> import optim
    >>> optim.project_hyperplane([3.0, 1.0], normal=[1.0, 1.0], offset=2.0)
    array([2., 0.])
    """
    return off_the_plane(x, normal, offset, axis, lambda beyond: beyond)


def project_halfspace(x: ArrayLike, normal: ArrayLike, offset: Number = 0.0, axis: Any = None) -> np.ndarray:
    r"""Return the nearest point with :math:`a^T x \le b`; parameters as for `project_hyperplane`.

    Examples
    --------
    >>> import optim
    >>> optim.project_halfspace([0.0, 1.0], normal=[1.0, 1.0], offset=2.0)
    array([0., 1.])
    """
    return off_the_plane(x, normal, offset, axis, lambda beyond: np.maximum(beyond, 0))


def off_the_plane(x, normal, offset, axis, kept):
    """Return x moved along the normal; `kept` says which part of the signed distance to the plane to go."""
    check("offset", offset, FINITE)
    x = as_floats(x)
    a = np.broadcast_to(np.asarray(normal, x.dtype), x.shape)
    square = np.sum(a * a, axis=axis, keepdims=True)
    if not np.all(square > 0):
        raise ValueError("normal is 0, so it has no direction; expected a vector that is not 0")
    return x - kept(np.sum(a * x, axis=axis, keepdims=True) - offset) / square * a


# Projected and proximal gradient

def project_after(optimizer: Optimizer, projection: Function) -> HookHandle:
    """Bring the parameters of any optimizer back into a set after each of its steps.

    In a chain the link `optim.project` does this. Use this function for optimizers that are not chains, such as
    `optim.Rprop`. An optimizer keeps what it has learnt at a point outside the set; `LBFGS`, for instance, keeps the
    curvature.

    Parameters
    ----------
    optimizer : Optimizer
    projection : callable
        Takes an array, returns the nearest one in the set.

    Returns
    -------
    HookHandle
        Its `remove()` ends the projections.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.5, 0.5])
    >>> optimizer = optim.Adam([p], lr=0.3)
    >>> handle = optim.project_after(optimizer, optim.project_simplex)
    >>> for _ in range(3):
    ...     p.grad = np.array([1.0, 2.0])
    ...     optimizer.step()
    >>> p.data.round(6)
    array([1., 0.])
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is {described(optimizer)}; expected an Optimizer")
    check_callable("projection", projection)

    def hook(optimizer, args, kwargs):
        for group in optimizer.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    param.data[...] = projection(param.data)

    return optimizer.register_step_post_hook(hook)


class PointOptimizer(Optimizer):
    """Methods that compute the next point, not the step: θ ← point(θ, g).

    This is not of the form lr * phi: the sum of a parameter and a step is rounded, and would miss exact zeros and
    bounds. A subclass has `point(self, param, grad, lr)` instead of `update`. All points are computed before any
    parameter moves.
    """

    elementwise = False

    def point(self, param, grad, lr):
        """Return the next value of a parameter, given its array, its gradient and the learning rate."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `point(self, param, grad, lr)`")

    def move_all(self, work):
        points = [self.point(param.data, grad, prepared(group["lr"], param.data)) for group, param, grad in work]
        for (_, param, _), point in zip(work, points):
            param.data[...] = point


class ProjectedGradient(PointOptimizer):
    """Gradient descent that is brought back into a set after every step.

    This is all that gradient descent needs to respect a constraint, where the projection is cheap. For convex sets it
    keeps the rates of gradient descent. It stops where the gradient is 0, or where it points straight into the set from
    the boundary. The link `optim.project` and `project_after` do the same for other optimizers. But adaptive methods
    measure distance differently for each coordinate, and the projection does not, so they may settle elsewhere on
    the boundary.

    Parameters
    ----------
    projection : callable
        Takes an array, returns the nearest one in the set, such as `optim.project_simplex`.
    lr : float or array, default 1e-3
        γ; 1/L where the gradient is L-Lipschitz.

    References
    ----------
    A. A. Goldstein, "Convex programming in Hilbert space", 1964.
    E. S. Levitin and B. T. Polyak, "Constrained minimization methods", 1966.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0, 0.0])
    >>> optimizer = optim.ProjectedGradient([p], optim.project_l2_ball, lr=0.5)
    >>> for _ in range(50):
    ...     p.grad = p.data - np.array([3.0, 4.0])
    ...     optimizer.step()
    >>> p.data.round(3)
    array([0.6, 0.8])
    """

    def __init__(self, params: Params, projection: Function, lr: Number = 1e-3, *, maximize: bool = False) -> None:
        check_callable("projection", projection)
        self.projection = projection
        super().__init__(params, lr=lr, maximize=maximize)

    def point(self, param, grad, lr):
        """
        θ ← projection(θ − γ g)
        """
        return self.projection(param - lr * grad)


def prox_l1(x: ArrayLike, threshold: Number) -> np.ndarray:
    r"""Soft threshold, the proximal operator of :math:`\lambda \sum_i |x_i|`.

    .. math:: \arg\min_u \tfrac12 |u - x|^2 + \lambda |u|_1 = \mathrm{sign}(x) \max(|x| - \lambda, 0)

    Parameters
    ----------
    x : array_like
    threshold : float or array
        λ, in a proximal method the learning rate times the weight of the penalty.

    Returns
    -------
    ndarray
        Of the shape of x; coordinates within λ of 0 become exactly 0.

    Examples
    --------
    >>> import optim
    >>> optim.prox_l1([3.0, -0.5, -2.0], 1.0)
    array([ 2.,  0., -1.])
    """
    check("threshold", threshold, NOT_NEGATIVE)
    x = as_floats(x)
    return np.where(np.abs(x) > threshold, x - threshold * np.sign(x), x.dtype.type(0))


def prox_group_lasso(x: ArrayLike, threshold: Number, axis: Any = -1) -> np.ndarray:
    r"""The proximal operator of :math:`\lambda \sum_g |x_g|_2`: shorten each group, or set all of it to 0.

    .. math:: x_g \max\left(1 - \frac{\lambda}{|x_g|_2}, 0\right)

    Parameters
    ----------
    x : array_like
    threshold : float
        λ.
    axis : int, tuple of int or None, default -1
        The axes along which a group lies: the rows of a matrix by default. None: all of x is one group.

    References
    ----------
    Ming Yuan and Yi Lin, "Model selection and estimation in regression with grouped variables", 2006.

    Examples
    --------
    >>> import optim
    >>> optim.prox_group_lasso([[3.0, 4.0], [0.3, 0.4]], 1.0)
    array([[2.4, 3.2],
           [0. , 0. ]])
    """
    check("threshold", threshold, NOT_NEGATIVE)
    x = as_floats(x)
    norm = length(x, axis)
    return x * (np.maximum(norm - threshold, 0) / np.where(norm > 0, norm, x.dtype.type(1)))


def prox_box(x: ArrayLike, threshold: Number, lower: ArrayLike, upper: ArrayLike) -> np.ndarray:
    """The proximal operator of the function that is 0 in a box and infinite outside: `project_box`, for any threshold.

    Examples
    --------
    >>> import optim
    >>> optim.prox_box([-2.0, 0.5], 0.1, lower=0, upper=1)
    array([0. , 0.5])
    """
    check("threshold", threshold, NOT_NEGATIVE)
    return project_box(x, lower, upper)


class ISTA(PointOptimizer):
    """Iterative shrinkage: a gradient step for the smooth part of the loss, a proximal step for the part with kinks.

    It minimises f + h, where g is the gradient of f alone, and prox(x, γ) is the u with the smallest
    h(u) + ‖u − x‖² / (2γ). `ProjectedGradient` is the case of an h that is 0 on a set and infinite outside. Subgradient
    steps on `λ|θ|` hover around 0, while these steps reach it: that makes the lasso sparse. For convex f the distance
    of f + h from its minimum falls like 1/k after k steps, and exponentially where f is strongly convex.

    Parameters
    ----------
    prox : callable
        prox(x, lr), such as `lambda x, lr: optim.prox_l1(x, 0.1 * lr)` for 0.1 ‖θ‖₁.
    lr : float or array, default 1e-3
        γ; at most 1/L where the gradient of f is L-Lipschitz.

    References
    ----------
    Ingrid Daubechies, Michel Defrise, Christine De Mol, "An iterative thresholding algorithm for linear inverse
    problems with a sparsity constraint", 2004. Amir Beck and Marc Teboulle, "A fast iterative shrinkage-thresholding
    algorithm for linear inverse problems", 2009.

    Examples
    --------
    The minimum of `½(θ - 3)² + |θ|` is at 2, that of `½(θ - 0.5)² + |θ|` at 0:

    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.ISTA([p], optim.prox_l1, lr=0.5)
    >>> for _ in range(30):
    ...     p.grad = p.data - np.array([3.0, 0.5])
    ...     optimizer.step()
    >>> p.data.round(6)
    array([2., 0.])
    """

    def __init__(self, params: Params, prox: Function, lr: Number = 1e-3, *, maximize: bool = False) -> None:
        check_callable("prox", prox)
        self.prox = prox
        super().__init__(params, lr=lr, maximize=maximize)

    def point(self, param, grad, lr):
        """
        θ ← prox(θ − γ g, γ)
        """
        return self.prox(param - lr * grad, lr)


class FISTA(ISTA):
    """ISTA with Nesterov's momentum: the gradient is taken at a point ahead, and the loss falls like 1/k².

        t_next ← (1 + √(1 + 4 t²)) / 2                              t starts as 0
        y ← θ + (t − 1) / t_next (θ − θ_before)
        θ ← prox(y − γ ∇f(y), γ)

    It costs one vector more than `ISTA` and gains a factor k in the rate: with F = f + h and γ = 1/L,
    F(θ) − F* ≤ 2 ‖θ₀ − θ*‖² / (γ (k + 1)²) after k steps. No first-order method can promise more than a constant
    factor better. The loss can rise now and then, and close to a strongly convex minimum the momentum makes ripples.

    Parameters
    ----------
    params, prox, lr
        As for `ISTA`.

    Notes
    -----
    `step` needs a closure, since the gradient is not taken where the parameters are: it moves them to y, calls the
    closure, and leaves them at θ. The loss that it returns is f(y).

    References
    ----------
    Beck and Teboulle, 2009, equations (4.1) to (4.3) and theorem 4.4.
    Yurii Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k²)", 1983.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0, 1.0])
    >>> def closure():
    ...     residual = p.data - np.array([3.0, 0.5])
    ...     p.grad = residual
    ...     return residual @ residual / 2
    >>> optimizer = optim.FISTA([p], optim.prox_l1, lr=0.5)
    >>> for _ in range(30):
    ...     loss = optimizer.step(closure)
    >>> p.data.round(3)
    array([2., 0.])
    """

    def init_state(self, param):
        return {"t": 0.0, "previous": param.copy()}

    def step(self, closure=None):
        """Move to y, take loss and gradients there, and go on to θ; after an error the parameters are restored.

        Parameters
        ----------
        closure : callable
            Clears the gradients, computes loss and gradients of f (without the penalty h), and returns the loss.
        """
        if not callable(closure):
            raise TypeError("FISTA.step needs a closure that clears the gradients, computes the loss and the "
                            f"gradients, and returns the loss: write optimizer.step(closure); got {closure!r}")
        params = [param for group in self.param_groups for param in group["params"]]
        before = [param.data.copy() for param in params]
        states = [self.state.get(param) or self.init_state(param.data) for param in params]
        t = [(1 + (1 + 4 * state["t"] ** 2) ** 0.5) / 2 for state in states]
        try:
            for param, state, t_k in zip(params, states, t):
                param.data += (state["t"] - 1) / t_k * (param.data - state["previous"])
            loss = super().step(closure)
        except BaseException:
            for param, theta in zip(params, before):
                param.data[...] = theta
            raise
        for param, theta, t_k in zip(params, before, t):
            if param.grad is None:
                param.data[...] = theta
            else:
                self.state[param] = {"t": t_k, "previous": theta}
        return loss


# Frank-Wolfe

def lmo_simplex(grad: ArrayLike, total: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the point s of the simplex that minimises :math:`g^T s`: the corner of the smallest entry of g.

    The linear minimisation oracle (LMO) of `FrankWolfe`; `total` and `axis` as for `project_simplex`.

    Examples
    --------
    >>> import optim
    >>> optim.lmo_simplex([3.0, -1.0, 2.0])
    array([0., 1., 0.])
    """
    check("total", total, POSITIVE)
    grad = as_floats(grad)
    return total * corner(np.argmin(grad, axis=axis, keepdims=True), grad, axis)


def lmo_l1_ball(grad: ArrayLike, radius: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the point s with :math:`|s|_1 \le r` that minimises :math:`g^T s`: a corner, against the largest entry.

    Examples
    --------
    >>> import optim
    >>> optim.lmo_l1_ball([3.0, -4.0, 2.0])
    array([0., 1., 0.])
    """
    check("radius", radius, POSITIVE)
    grad = as_floats(grad)
    return -radius * np.sign(grad) * corner(np.argmax(np.abs(grad), axis=axis, keepdims=True), grad, axis) + 0.0


def lmo_l2_ball(grad: ArrayLike, radius: Number = 1.0, axis: Any = None) -> np.ndarray:
    r"""Return the point s with :math:`|s|_2 \le r` that minimises :math:`g^T s`: -r g / \|g\|, and 0 for g = 0.

    Examples
    --------
    >>> import optim
    >>> optim.lmo_l2_ball([3.0, 4.0])
    array([-0.6, -0.8])
    """
    check("radius", radius, POSITIVE)
    grad = as_floats(grad)
    norm = length(grad, axis)
    return grad * (-radius / np.where(norm > 0, norm, grad.dtype.type(1)))


def lmo_box(grad: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> np.ndarray:
    r"""Return the point s of a box that minimises :math:`g^T s`: the lower bound where the gradient is positive.

    Examples
    --------
    >>> import optim
    >>> optim.lmo_box([3.0, -4.0], 0, 1)
    array([0., 1.])
    """
    check_box(lower, upper)
    grad = as_floats(grad)
    return np.where(grad > 0, lower, upper).astype(grad.dtype)


def corner(index, like, axis):
    """Return an array of zeros shaped as `like`, with a 1 at the index along the axis."""
    if axis is None:
        return corner(index.reshape(-1), like.reshape(-1), 0).reshape(like.shape)
    ones = np.zeros_like(like)
    np.put_along_axis(ones, index, 1, axis)
    return ones


class FrankWolfe(Optimizer):
    """Frank-Wolfe, or conditional gradient: go part of the way to the point of the set that is farthest downhill.

    What it adds to projected gradient: it needs no projection. It minimises a linear function instead, and reaches a
    corner; that is much cheaper on sets such as the trace-norm ball. Iterates are averages of corners, so after t steps
    θ is made of at most t of them (a sparse vector, a matrix of low rank). There is no learning rate. The first step
    goes all the way, so any start will do. For a convex loss it is then within 2C/(t + 2) of the best, where C
    measures the curvature of the loss over the set. That is slow where the minimum is on the boundary: the path
    zigzags between corners.

    Parameters
    ----------
    oracle : callable
        Takes the gradient, returns the point s of the set: `optim.lmo_simplex`, or one of the others.

    Notes
    -----
    `update` returns the whole step. `state[param]["gap"]` is gᵀ (θ − s). For a convex loss it is an upper bound for the
    distance of the loss before the last step from the best value in the set: a certificate that most methods do not
    have.

    References
    ----------
    Marguerite Frank and Philip Wolfe, "An algorithm for quadratic programming", 1956.
    Martin Jaggi, "Revisiting Frank-Wolfe: projection-free sparse convex optimization", 2013, algorithm 1 and theorem 1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0, 0.0, 0.0])
    >>> optimizer = optim.FrankWolfe([p], optim.lmo_simplex)
    >>> for _ in range(100):
    ...     p.grad = p.data - np.array([0.6, 0.4, 0.0])
    ...     optimizer.step()
    >>> p.data.round(2) + 0.0
    array([0.6, 0.4, 0. ])
    """

    elementwise = False
    returns_step = True

    def __init__(self, params: Params, oracle: Function, *, maximize: bool = False) -> None:
        check_callable("oracle", oracle)
        self.oracle = oracle
        super().__init__(params, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "gap": np.inf}

    def update(self, grad, state, param):
        """
        s ← oracle(g)                    the point of the set with the smallest gᵀ s
        gap ← gᵀ (θ − s)
        φ ← 2 / (t + 1) (θ − s)          the whole step
        """
        s, t = self.oracle(grad), state["step"]
        state["gap"] = float(np.sum(grad * (param - s)))
        return 2 / (t + 1) * (param - s)


# Mirror descent

class MirrorDescent(PointOptimizer):
    """Mirror descent: make the gradient step in other coordinates, chosen so that the set has no boundary there.

    A gradient is a slope, not a displacement; ∇ψ maps points to where slopes live, and its inverse maps them back.
    With ψ = ½ ‖θ‖² this is gradient descent. If ψ becomes infinitely steep at the boundary, the iterates stay inside
    without a projection. If ψ fits the set, the rate may depend on the number of variables only through its logarithm
    (`ExponentiatedGradient`).

    Parameters
    ----------
    to_dual : callable
        The mirror map ∇ψ.
    to_primal : callable
        Its inverse, with a projection where the set needs one.
    lr : float or array, default 1e-3
        γ.

    References
    ----------
    A. S. Nemirovsky and D. B. Yudin, "Problem complexity and method efficiency in optimization", 1983. Amir Beck and
    Marc Teboulle, "Mirror descent and nonlinear projected subgradient methods for convex optimization", 2003.

    Examples
    --------
    Positive numbers, in logarithmic coordinates:

    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.MirrorDescent([p], to_dual=np.log, to_primal=np.exp, lr=0.1)
    >>> for _ in range(300):
    ...     p.grad = p.data - np.array([3.0, -1.0])
    ...     optimizer.step()
    >>> p.data.round(3)
    array([3., 0.])
    """

    def __init__(self, params: Params, to_dual: Function, to_primal: Function, lr: Number = 1e-3, *,
                 maximize: bool = False) -> None:
        check_callable("to_dual", to_dual)
        check_callable("to_primal", to_primal)
        self.to_dual, self.to_primal = to_dual, to_primal
        super().__init__(params, lr=lr, maximize=maximize)

    def point(self, param, grad, lr):
        """
        dual ← ∇ψ(θ)
        θ ← ∇ψ⁻¹(dual − γ g)
        """
        with np.errstate(divide="ignore"):  # the logarithm of a number that has become 0
            dual = self.to_dual(param)
        return self.to_primal(dual - lr * grad)


def softmax(x, axis=None):
    """Return exp(x) / sum(exp(x)), without overflow."""
    weights = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return weights / np.sum(weights, axis=axis, keepdims=True)


class ExponentiatedGradient(MirrorDescent):
    """Mirror descent on the simplex with the entropy as ψ: multiply by exp(−γ g), then normalise.

    Probabilities stay positive and sum to 1: θᵢ ← θᵢ exp(−γ gᵢ) / Σⱼ θⱼ exp(−γ gⱼ). It is the rule of multiplicative
    weights and of Hedge; with gᵢ = −log of a likelihood and γ = 1 it is Bayes' rule. If the entries of the gradients
    are bounded, its regret over n variables grows like √log n, while the bound for projected gradient grows like √n.
    No entry becomes exactly 0 except by underflow, and an entry that is 0 stays 0.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; all entries must be positive at the start, such as 1/n.
    lr : float or array, default 0.1
        γ.
    axis : int, optional
        The axis along which the points lie, for many at once. Default: each parameter is one point.

    References
    ----------
    Jyrki Kivinen and Manfred K. Warmuth, "Exponentiated gradient versus gradient descent for linear predictors", 1997.
    Beck and Teboulle, 2003.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1 / 3, 1 / 3, 1 / 3])
    >>> optimizer = optim.ExponentiatedGradient([p], lr=0.5)
    >>> for _ in range(100):
    ...     p.grad = p.data - np.array([0.6, 0.4, 0.0])
    ...     optimizer.step()
    >>> p.data.round(2)
    array([0.59, 0.39, 0.01])
    """

    def __init__(self, params: Params, lr: Number = 0.1, axis: Any = None, *, maximize: bool = False) -> None:
        super().__init__(params, np.log, partial(softmax, axis=axis), lr, maximize=maximize)

    def add_param_group(self, group):
        super().add_param_group(group)
        for param in self.param_groups[-1]["params"]:
            if not np.all(param.data > 0):
                self.param_groups.pop()
                raise ValueError(f"a parameter starts with an entry of {np.min(param.data)}; ExponentiatedGradient "
                                 "multiplies its entries, so all must be positive: start from 1/n")


# Follow the regularised leader

class FTRLProximal(Optimizer):
    """Follow the proximally regularised leader: minimise all linear models seen so far, plus penalties, in one go.

    Without penalties this is gradient descent with the rate γ / (β + √Σg²) for each coordinate, as in Adagrad. With
    λ₁ it is much sparser than `ISTA` with gradients from single examples: the sum of a coordinate's gradients decides
    whether it is set to 0, not the last gradient. Made for linear models on streams of sparse data, such as the
    prediction of clicks.

    Parameters
    ----------
    lr : float or array, default 0.1
        γ (α in the paper).
    damping : float or array, default 1
        β, makes the first steps shorter.
    l1, l2 : float or array, default 0
        λ₁ and λ₂, the penalties λ₁ ‖θ‖₁ + ½ λ₂ ‖θ‖² on the sum of the losses.

    Notes
    -----
    `update` returns the whole step. z starts so that θ₀ is the parameter's own start; in the paper that is 0.

    References
    ----------
    H. Brendan McMahan et al., "Ad click prediction: a view from the trenches", 2013, algorithm 1.

    Examples
    --------
    The second coordinate's gradients cancel, and it stays at 0:

    >>> import numpy as np, optim
    >>> p = optim.Parameter([0.0, 0.0])
    >>> optimizer = optim.FTRLProximal([p], l1=1.5)
    >>> for grad in ([-1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0]):
    ...     p.grad = np.array(grad)
    ...     optimizer.step()
    >>> p.data.round(3)
    array([0.091, 0.   ])
    """

    returns_step = True
    overflows = True
    ranges = {"damping": NOT_NEGATIVE, "l1": NOT_NEGATIVE, "l2": NOT_NEGATIVE}

    def __init__(self, params: Params, lr: Number = 0.1, damping: Number = 1.0, l1: Number = 0.0, l2: Number = 0.0, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, damping=damping, l1=l1, l2=l2, maximize=maximize)

    def init_state(self, param, *, lr, damping, l1, l2):
        return {"z": np.asanyarray(-param * (damping / lr + l2) - np.sign(param) * l1), "n": np.zeros_like(param)}

    def update(self, grad, state, param, *, lr, damping, l1, l2):
        """
        σ ← (√(n + g²) − √n) / γ
        z ← z + g − σ θ
        n ← n + g²
        w ← where(|z| > λ₁, (sign(z) λ₁ − z) / ((β + √n) / γ + λ₂), 0)
        φ ← θ − w                            the whole step: w is the next θ
        """
        z, n = state["z"], state["n"]
        sigma = (np.sqrt(n + grad * grad) - np.sqrt(n)) / lr
        z += grad - sigma * param
        n += grad * grad
        w = np.where(np.abs(z) > l1, (np.sign(z) * l1 - z) / ((damping + np.sqrt(n)) / lr + l2), 0)
        return param - w
