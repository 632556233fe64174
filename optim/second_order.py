"""Second order: methods that know how the slope changes, and so how long a step should be in each direction.

Newton's method needs the Hessian. Each method after it avoids part of its cost: conjugate gradients inside Newton need
only products with it, Gauss-Newton and Levenberg-Marquardt build it from first derivatives, and AdaHessian and Sophia
need only a rough diagonal. You pass functions that compute the curvature, such as `minigrad.hessian(f)`. Methods that
learn curvature from gradients alone are in `quasi_newton.py`.
"""

import inspect
from copy import deepcopy

import numpy as np

from .interface.annotations import Any, Function, Number, Pair, Params
from .interface.hyperparameters import NOT_NEGATIVE, POSITIVE, check_callable, whole
from .interface.optimizer import Optimizer
from .line_search import Point
from .whole_vector import WholeVectorOptimizer, check_finite

# The Hessian itself

class Newton(WholeVectorOptimizer):
    """Newton's method: go to the minimum of the parabola that fits slope and curvature here.

    Gradient descent measures a step by the slope alone, Newton's method by slope over curvature. On a quadratic one
    step is enough, and near a minimum the number of correct digits about doubles every step. While H is positive
    definite, τ is 0 and no scaling of the variables changes the path. Two safeguards make it a method for starts far
    away. One is τ (`modified_cholesky`), for places where the surface curves downwards and the parabola has no
    minimum. The other is the line search ("damped" Newton), for places where the parabola is a bad picture of the
    surface. A step costs about n²/2 second derivatives and of the order of n³ operations, which is too much for
    networks.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    hessian : callable
        Returns the second derivatives at the parameters: an array with n² numbers or, for several parameters, a
        sequence of rows of blocks. It takes the parameters' arrays, as `minigrad.hessian(f)` and, for two parameters,
        `minigrad.hessian(f, (0, 1))` do; or it takes nothing, and reads the parameters itself.
    lr : float, default 1
        The first trial of the line search; without one, the length of the step in units of Newton's.
    line_search_fn : str or None, default "backtracking"
        Or "strong_wolfe" or "exact"; None gives the pure method.

    References
    ----------
    Jorge Nocedal and Stephen J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.2 and 3.3.

    Examples
    --------
    >>> import numpy as np, optim
    >>> A = np.array([[100.0, 30.0], [30.0, 10.0]])
    >>> p = optim.Parameter([1.0, -2.0])
    >>> def closure():
    ...     p.grad = A @ p.data
    ...     return float(p.data @ A @ p.data) / 2
    >>> optimizer = optim.Newton([p], hessian=lambda: A)
    >>> optimizer.step(closure)
    10.0
    >>> bool(np.allclose(p.data, 0))
    True
    """

    def __init__(self, params: Params, hessian: Function, lr: Number = 1,
                 line_search_fn: str | None = "backtracking", *, maximize: bool = False) -> None:
        check_callable("hessian", hessian)
        self.hessian = hessian
        super().__init__(params, lr=lr, line_search_fn=line_search_fn, maximize=maximize)

    def update(self, grad, state, param):
        """
        H ← ∇²f(θ)
        L ← Cholesky factor of H + τ I         τ = 0 if H is positive definite
        φ ← L⁻ᵀ L⁻¹ g                          (H + τ I)⁻¹ g
        """
        sizes = [item.data.size for item in self.params]
        hessian = self.sign * as_matrix(
            "hessian", at_parameters(self.hessian, self.params), sizes, sizes, grad.dtype)
        lower = modified_cholesky(hessian)
        return np.linalg.solve(lower.T, np.linalg.solve(lower, grad))


def modified_cholesky(A, beta=1e-3):
    r"""Factor A + τI into L Lᵀ, with τ = 0 if A is positive definite, and otherwise a τ that is large enough.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Symmetric, finite; the lower triangle is read.
    beta : float, default 1e-3
        The smallest τ > 0 that is tried; it doubles until the factorisation succeeds.

    Returns
    -------
    ndarray of shape (n, n)
        L, lower triangular.

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.second_order import modified_cholesky
    >>> L = modified_cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))  # eigenvalues 3 and -1
    >>> (L @ L.T).round(3)
    array([[2.024, 2.   ],
           [2.   , 2.024]])
    """
    smallest = A.diagonal().min()
    tau = 0 if smallest > 0 else beta - float(smallest)
    while True:
        try:
            return np.linalg.cholesky(A + tau * np.eye(len(A), dtype=A.dtype))
        except np.linalg.LinAlgError:
            tau = max(2 * tau, beta)


class NewtonCG(WholeVectorOptimizer):
    """Newton's method for many variables: solve for the step by conjugate gradients, which need only products Hv.

    It solves H φ = g until ‖g − H φ‖ ≤ min(1/2, √‖g‖) ‖g‖. What it adds to `Newton`: no matrix is ever formed, and a
    product costs about as much as two gradients. Far from the minimum the solution is rough, near it more and more
    exact. There it converges with order 1.5 (each error is about the last one to the power 1.5), where Newton's
    method has order 2. If the surface curves downwards along a direction, the inner iteration stops, and its result so
    far is the step.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    hvp : callable
        Returns the product of the Hessian at the parameters and a vector: an array or, for several parameters, a
        sequence of them. It is `minigrad.hvp(f)` or, for two parameters, `minigrad.hvp(f, (0, 1))`; or it takes the
        vector alone, one array for each parameter in its shape, and reads the parameters itself.
    lr : float, default 1
        The first trial of the line search.
    line_search_fn : str or None, default "backtracking"
        Or "strong_wolfe" or "exact".

    References
    ----------
    Ron S. Dembo, Stanley C. Eisenstat, Trond Steihaug, "Inexact Newton methods", 1982.
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> curvatures = np.array([1.0, 10.0, 100.0])
    >>> p = optim.Parameter([1.0, 1.0, 1.0])
    >>> def closure():
    ...     p.grad = curvatures * p.data
    ...     return p.data @ p.grad / 2
    >>> optimizer = optim.NewtonCG([p], hvp=lambda v: curvatures * v)
    >>> for _ in range(6):
    ...     loss = optimizer.step(closure)
    >>> bool(closure() < 1e-12)
    True
    """

    def __init__(self, params: Params, hvp: Function, lr: Number = 1, line_search_fn: str | None = "backtracking", *,
                 maximize: bool = False) -> None:
        check_callable("hvp", hvp)
        self.hvp = hvp
        super().__init__(params, lr=lr, line_search_fn=line_search_fn, maximize=maximize)

    def update(self, grad, state, param):
        """
        length ← ‖g‖
        tolerance ← min(1/2, √length) length
        φ ← 0                                          and r and d are g
        Hd ← H d                                       from here on until ‖r‖ ≤ tolerance
        curvature ← dᵀ Hd                              if it is ≤ 0, stop with φ, or g if φ = 0
        α ← rᵀ r / curvature
        φ ← φ + α d
        shorter ← r − α Hd                             the next r
        d ← shorter + (shorterᵀ shorter / rᵀ r) d
        """
        length = float(np.linalg.norm(grad))
        tolerance = min(0.5, length**0.5) * length
        phi, residual, direction = np.zeros_like(grad), grad, grad
        for _ in range(grad.size):
            Hd = self.hessian_times(direction)
            curvature = direction @ Hd
            if curvature <= 0:
                return phi if phi.any() else grad
            alpha = residual @ residual / curvature
            phi = phi + alpha * direction
            shorter = residual - alpha * Hd
            if np.linalg.norm(shorter) <= tolerance:
                break
            direction = shorter + (shorter @ shorter) / (residual @ residual) * direction
            residual = shorter
        return phi

    def hessian_times(self, vector):
        """Return the product of the Hessian, of the function to minimise, and a vector."""
        parts = products_of(self.hvp, self.params, self.split(vector))
        return self.sign * np.concatenate([part.ravel() for part in parts])


# Sums of squares, where first derivatives are enough

class LeastSquaresOptimizer(WholeVectorOptimizer):
    """Methods for sums of squares, f(θ) = ½ ‖r(θ)‖², with curvature from first derivatives.

    The gradient is Jᵀ r, and the Hessian Jᵀ J + Σ rᵢ ∇²rᵢ is replaced by Jᵀ J. The part left out is small where the
    residuals are small, or nearly linear. `step` needs no closure. If there is one, it is called once, for the loss
    that `step` returns; otherwise `step` returns ½ ‖r‖².
    """

    def __init__(self, params: Params, residuals: Function, jacobian: Function, **defaults: Any) -> None:
        check_callable("residuals", residuals)
        self.residuals = residuals
        check_callable("jacobian", jacobian)
        self.jacobian = jacobian
        super().__init__(params, **defaults)

    def hyperparameters(self):
        """Return the hyperparameters that all groups share."""
        if any(group["maximize"] for group in self.param_groups):
            raise ValueError("maximize is True, but a sum of squares has no maximum")
        return super().hyperparameters()

    def step(self, closure=None):
        """Move once; return the loss before the step."""
        return self.guarded_step(closure)

    def residual_vector(self):
        """Return the residuals at the parameters as they are, as a vector."""
        return np.asarray(at_parameters(self.residuals, self.params), self.params[0].data.dtype).ravel()

    def half_square(self, theta):
        """Move the parameters to theta; return ½‖r‖² there, infinity if it is not a number."""
        self.place(theta)
        r = self.residual_vector()
        with np.errstate(over="ignore", invalid="ignore"):
            value = float(r @ r) / 2
        return value if np.isfinite(value) else np.inf

    def linearised(self):
        """Return residuals and Jacobian at the parameters as they are; both must be finite."""
        r = self.residual_vector()
        sizes = [param.data.size for param in self.params]
        J = as_matrix("jacobian", at_parameters(self.jacobian, self.params), [r.size], sizes, r.dtype)
        check_finite("the residuals hold", r)
        check_finite("the jacobian holds", J)
        return r, J


class GaussNewton(LeastSquaresOptimizer):
    """Gauss-Newton: replace the residuals by their tangents and solve the linear least squares problem that remains.

        φ ← the φ with the smallest ‖r − J φ‖, which is (Jᵀ J)⁻¹ Jᵀ r
        θ ← θ − t φ                                    t from the line search

    When the model fits the data well (r near 0 at the minimum) it has nearly the speed of Newton's method, and needs
    first derivatives only. The matrix Jᵀ J never curves downwards, so the step leads downhill wherever there is a
    slope. Large residuals make it slow, and where the columns of J are nearly dependent its steps are very long:
    `LevenbergMarquardt` solves that.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    residuals : callable
        Returns r, m numbers. It takes the parameters' arrays; or it takes nothing, and reads the parameters itself.
    jacobian : callable
        Returns its derivatives, shape (m, n); for several parameters, a sequence of such arrays. It takes what
        `residuals` may take: `minigrad.jacobian(residuals)` is such a function.
    lr : float, default 1
        The first trial of the line search.
    line_search_fn : "backtracking" or None, default "backtracking"

    References
    ----------
    Carl Friedrich Gauss, "Theoria motus corporum coelestium", 1809.
    Nocedal and Wright, "Numerical Optimization", 2006, section 10.3.

    Examples
    --------
    Rosenbrock's function is half the sum of the squares of √2 · 10 (y - x²) and √2 (1 - x):

    >>> import numpy as np, optim
    >>> p = optim.Parameter([-1.2, 1.0])
    >>> def residuals():
    ...     x, y = p.data
    ...     return np.sqrt(2) * np.array([10 * (y - x**2), 1 - x])
    >>> def jacobian():
    ...     x, y = p.data
    ...     return np.sqrt(2) * np.array([[-20 * x, 10], [-1, 0]])
    >>> optimizer = optim.GaussNewton([p], residuals, jacobian, line_search_fn=None)
    >>> [float(round(optimizer.step(), 6)) for _ in range(3)]
    [24.2, 2342.56, 0.0]
    """

    line_searches = {"backtracking": WholeVectorOptimizer.line_searches["backtracking"]}

    def __init__(self, params: Params, residuals: Function, jacobian: Function, lr: Number = 1,
                 line_search_fn: str | None = "backtracking") -> None:
        super().__init__(params, residuals, jacobian, lr=lr, line_search_fn=line_search_fn)

    def iterate(self, closure, group):
        theta, state = self.vector(), {}
        r, J = self.linearised()
        value = float(r @ r) / 2
        loss = value if closure is None else closure()
        phi = np.linalg.lstsq(J, r, rcond=None)[0]
        start = Point(0.0, value, -float(r @ (J @ phi)))
        t = self.step_size(lambda t: Point(t, self.half_square(theta - t * phi), np.nan), start, state, group)
        self.place(theta - t * phi)
        return loss, state


class LevenbergMarquardt(LeastSquaresOptimizer):
    """Levenberg-Marquardt: Gauss-Newton with a damping that leads to gradient descent where the model fails.

        φ ← (Jᵀ J + μ I)⁻¹ Jᵀ r
        gain ← the decrease of the loss, over the decrease that the linear model promised
        θ ← θ − φ,  μ ← μ max(1/3, 1 − (2 gain − 1)³),  ν ← 2        if gain > 0
        μ ← μ ν,  ν ← 2 ν,  and try again                            otherwise

    It adds μ to `GaussNewton` and so needs no line search: a step that does not lower the loss is not made, μ grows,
    and the next trial is shorter and nearer to the gradient. It is the usual method for fitting curves.

    Parameters
    ----------
    params, residuals, jacobian
        As for `GaussNewton`.
    damping : float, default 1e-3
        τ; at the first step μ is τ times the largest entry on the diagonal of JᵀJ. 1e-6 for a good start, 1 for a bad
        one.

    Notes
    -----
    There is no learning rate, and the update is not of the form lr * phi. One `step` makes trials until one of them
    lowers the loss, or until rounding hides any decrease. MINPACK and SciPy scale the damping by the columns of J;
    here it is the same for all variables.

    References
    ----------
    Kenneth Levenberg, "A method for the solution of certain non-linear problems in least squares", 1944.
    Donald W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963.
    Kaj Madsen, Hans Bruun Nielsen, Ole Tingleff, "Methods for non-linear least squares problems", 2004, algorithm 3.16.

    Examples
    --------
    Fit a·exp(bx) to four points that lie on 2·exp(-x):

    >>> import numpy as np, optim
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> p = optim.Parameter([1.0, 0.0])
    >>> def residuals():
    ...     a, b = p.data
    ...     return a * np.exp(b * x) - 2 * np.exp(-x)
    >>> def jacobian():
    ...     a, b = p.data
    ...     return np.stack([np.exp(b * x), a * x * np.exp(b * x)], axis=1)
    >>> optimizer = optim.LevenbergMarquardt([p], residuals, jacobian)
    >>> for _ in range(10):
    ...     loss = optimizer.step()
    >>> p.data.round(6)
    array([ 2., -1.])
    """

    returns_step = True  # there is no learning rate
    most_trials = 30
    ranges = {"damping": NOT_NEGATIVE}

    def __init__(self, params: Params, residuals: Function, jacobian: Function, damping: Number = 1e-3) -> None:
        super().__init__(params, residuals, jacobian, damping=damping)

    def init_state(self, param):
        return {"step": 0, "mu": 0.0, "nu": 2.0}

    def iterate(self, closure, group):
        theta = self.vector()
        state = self.copied_state(group, theta)
        r, J = self.linearised()
        value, grad = float(r @ r) / 2, J.T @ r
        loss = value if closure is None else closure()
        state["step"] += 1
        if state["step"] == 1:
            state["mu"] = float(group["damping"]) * float(np.max(np.sum(J * J, axis=0)))
        for _ in range(self.most_trials):
            phi = damped_least_squares(J, r, state["mu"])
            promised = float(phi @ (state["mu"] * phi + grad)) / 2
            if not promised > 0 or np.linalg.norm(phi) <= np.finfo(theta.dtype).eps * np.linalg.norm(theta):
                break
            gain = (value - self.half_square(theta - phi)) / promised
            if gain > 0:
                state["mu"] *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
                state["nu"] = 2.0
                return loss, state
            state["mu"] *= state["nu"]
            state["nu"] *= 2
        self.place(theta)
        return loss, state


def damped_least_squares(J, r, mu):
    """Return the φ that minimises ‖r - Jφ‖² + μ‖φ‖²; rows √μ below J do it without squaring its condition number."""
    n = J.shape[1]
    rows = np.concatenate([J, mu**0.5 * np.eye(n, dtype=J.dtype)])
    return np.linalg.lstsq(rows, np.concatenate([r, np.zeros(n, r.dtype)]), rcond=None)[0]


# The diagonal alone, from random products

class DiagonalHessianOptimizer(Optimizer):
    """Methods that estimate the diagonal of the Hessian by Hutchinson's trick: a product with random signs.

    The estimate is z ⊙ H z, with each zᵢ equal to 1 or −1 with equal chance. Its mean is the diagonal of H; the
    entries of H off the diagonal become noise. If H is diagonal, the estimate is exact. `hvp` is called once, before
    any parameter moves, when an estimate is due. It must use the same function and minibatch as the gradients. The
    state of the random generator is part of `state_dict()`, as "rng".
    """

    def __init__(self, params: Params, hvp: Function | None, rng: Any, **defaults: Any) -> None:
        self.hvp, self.rng = hvp, np.random.default_rng(0 if rng is None else rng)
        super().__init__(params, **defaults)

    def estimate(self, params):
        """Return an estimate of the diagonal for each parameter."""
        before = self.rng.bit_generator.state
        signs = [self.rng.choice(np.array([-1, 1], param.data.dtype), param.data.shape) for param in params]
        try:
            products = products_of(self.hvp, params, signs)
        except BaseException:
            self.rng.bit_generator.state = before
            raise
        return [z * product for z, product in zip(signs, products)]

    def is_due(self, state, group):
        """Return whether a parameter needs a new estimate."""
        return True

    def move_all(self, work):
        states = [self.state.get(param)
                  or self.init_state(param.data, **self.chosen(self.init_state, group, param.data))
                  for group, param, _ in work]
        if any(self.is_due(state, group) for (group, _, _), state in zip(work, states)):
            params = [param for group in self.param_groups for param in group["params"]]
            diagonal = {id(param): entry for param, entry in zip(params, self.estimate(params))}
            for (group, param, _), state in zip(work, states):
                state["estimate"][...] = -diagonal[id(param)] if group["maximize"] else diagonal[id(param)]
        self.state.update((param, state) for (_, param, _), state in zip(work, states))
        super().move_all(work)

    def state_dict(self):
        """Return what `Optimizer.state_dict` does, and under "rng" the state of the random generator."""
        return {**super().state_dict(), "rng": deepcopy(self.rng.bit_generator.state)}

    def load_state_dict(self, state_dict):
        """Take over a copy of what `state_dict` returned; nothing changes if it does not fit."""
        rng = deepcopy(self.rng)
        try:
            rng.bit_generator.state = state_dict["rng"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError('the dictionary needs the state of the random generator under "rng"') from error
        super().load_state_dict({name: entry for name, entry in state_dict.items() if name != "rng"})
        self.rng.bit_generator.state = rng.bit_generator.state


class AdaHessian(DiagonalHessianOptimizer):
    """Adam with curvature instead of the squared gradient.

    Adam divides by the size of the gradient, which says little about how far the minimum is. This method divides by
    an average of the curvature, somewhat as Newton's method does. If the Hessian is diagonal, D is its diagonal. The
    average is then the curvature itself, and with k = 1 the path does not depend on how a variable is scaled. In
    general it is larger: v averages D², whose mean for one variable is the squared norm of its row of H.

    A step needs a product H v on top of the gradient, which costs about as much as two gradients. The sign of the
    curvature does not count, so the method moves away from saddles. Where the surface is flat (relu networks without
    smoothing) the denominator is near 0 and steps are long.

    Parameters
    ----------
    hvp : callable
        As for `NewtonCG`, such as `minigrad.hvp(f)`.
    weight_decay : float, default 0
        λ, decoupled as in AdamW.
    hessian_power : float, default 1
        k: 1 for Newton's scaling, 0 for momentum alone.
    rng : numpy.random.Generator or int, optional
        Where the random signs come from. Default: a new generator with seed 0.

    Notes
    -----
    Defaults and weight decay are as in the authors' program. It also averages D over the window of a convolution, and
    this class does not.

    References
    ----------
    Zhewei Yao, Amir Gholami, Sheng Shen, Mustafa Mustafa, Kurt Keutzer, Michael W. Mahoney, "ADAHESSIAN: An adaptive
    second order optimizer for machine learning", 2021, algorithm 1.

    Examples
    --------
    A valley whose walls are ten thousand times as steep as its floor is as easy as a round bowl:

    >>> import numpy as np, optim
    >>> curvatures = np.array([1.0, 10000.0])
    >>> p = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.AdaHessian([p], hvp=lambda v: curvatures * v, lr=0.5)
    >>> for _ in range(3):
    ...     p.grad = curvatures * p.data
    ...     optimizer.step()
    >>> p.data.round(3)
    array([-0.125, -0.125])
    """

    ranges = {"hessian_power": NOT_NEGATIVE}

    def __init__(self, params: Params, hvp: Function, lr: Number = 0.15, betas: Pair = (0.9, 0.999), eps: Number = 1e-4,
                 weight_decay: Number = 0, hessian_power: Number = 1, rng: Any = None, *,
                 maximize: bool = False) -> None:
        check_callable("hvp", hvp)
        super().__init__(params, hvp, rng, lr=lr, betas=betas, eps=eps,
                         weight_decay=weight_decay, hessian_power=hessian_power, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "exp_hessian_diag_sq": np.zeros_like(param),
                "estimate": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps, weight_decay, hessian_power):
        """
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) D²                      D is the estimate z ⊙ H z
        m̂ ← m / (1 − β₁ᵗ)
        v̂ ← v / (1 − β₂ᵗ)
        φ ← m̂ / (v̂^(k / 2) + ε) + λ θ
        """
        (beta1, beta2), t, D = betas, state["step"], state["estimate"]
        m, v = state["exp_avg"], state["exp_hessian_diag_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * D * D
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return m_hat / (v_hat ** (hessian_power / 2) + eps) + weight_decay * param


class Sophia(DiagonalHessianOptimizer):
    """Second-order clipped stochastic optimization: momentum over curvature, clipped in every coordinate.

    What it adds to `AdaHessian` is the clipping. It makes rare and rough estimates good enough: with k = 10 only every
    tenth step computes second derivatives. Where the curvature is small or negative, the step is that of sign descent
    with momentum; elsewhere it is momentum over curvature, for each coordinate. No coordinate of the step is longer
    than γ c, apart from the weight decay, which comes on top. Meant for language models; the authors advise tuning ρ
    so that a tenth to a half of the coordinates are not clipped.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them.
    hvp : callable, optional
        As for `NewtonCG`; ĥ is then Hutchinson's estimate, z ⊙ H z (Sophia-H).
    weight_decay : float, default 1e-4
        λ, decoupled as in AdamW.
    gamma : float, default 0.01
        ρ (γ in the paper), a factor of the curvature: smaller values clip more.
    clip_threshold : float, default 1
        c, the largest coordinate of φ.
    update_interval : int, default 10
        k.
    hessian_diagonal : callable, optional
        Instead of `hvp`: takes nothing, returns ĥ, one array for each parameter. The Gauss-Newton-Bartlett estimate
        of the paper (Sophia-G) is B ĝ², where ĝ is the mean gradient over B examples whose labels are drawn from the
        model itself.
    rng : numpy.random.Generator or int, optional
        Where the random signs come from. Default: a new generator with seed 0.

    Notes
    -----
    The arithmetic is optax's: m is corrected for its start at 0, and an estimate is first used in the next step, so
    the first step is sign descent. Algorithm 3 of the paper does neither. The paper draws z from a normal
    distribution; here z holds signs, which give less noise.

    References
    ----------
    Hong Liu, Zhiyuan Li, David Hall, Percy Liang, Tengyu Ma, "Sophia: A scalable stochastic second-order optimizer for
    language model pre-training", 2023, algorithms 1 to 3.

    Examples
    --------
    >>> import numpy as np, optim
    >>> curvatures = np.array([1.0, 10000.0])
    >>> p = optim.Parameter([1.0, 1.0])
    >>> optimizer = optim.Sophia([p], hvp=lambda v: curvatures * v, lr=0.1, weight_decay=0, update_interval=1)
    >>> for _ in range(2):
    ...     p.grad = curvatures * p.data
    ...     optimizer.step()
    >>> p.data  # both coordinates clipped
    array([0.8, 0.8])
    """

    ranges = {"gamma": NOT_NEGATIVE, "clip_threshold": POSITIVE, "update_interval": whole(1)}

    def __init__(self, params: Params, hvp: Function | None = None, lr: Number = 1e-4, betas: Pair = (0.965, 0.99),
                 eps: Number = 1e-8, weight_decay: Number = 1e-4, gamma: Number = 0.01, clip_threshold: Number = 1.0,
                 update_interval: int = 10, hessian_diagonal: Function | None = None, rng: Any = None, *,
                 maximize: bool = False) -> None:
        if (hvp is None) == (hessian_diagonal is None):
            raise TypeError("Sophia needs either hvp (for Hutchinson's estimate) or hessian_diagonal (for your "
                            f"own); got {hvp!r} and {hessian_diagonal!r}")
        check_callable("hvp or hessian_diagonal", hvp or hessian_diagonal)
        self.hessian_diagonal = hessian_diagonal
        super().__init__(params, hvp, rng, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, gamma=gamma,
                         clip_threshold=clip_threshold, update_interval=update_interval, maximize=maximize)

    def estimate(self, params):
        if self.hessian_diagonal is None:
            return super().estimate(params)
        return as_parts("hessian_diagonal", at_parameters(self.hessian_diagonal, params), params)

    def is_due(self, state, group):
        return state["step"] % group["update_interval"] == 0

    def init_state(self, param):
        return {"step": 0, "exp_avg": np.zeros_like(param), "hessian": np.zeros_like(param),
                "estimate": np.zeros_like(param)}

    def update(self, grad, state, param, *, betas, eps, weight_decay, gamma, clip_threshold,
               update_interval):
        """
        m ← β₁ m + (1 − β₁) g
        m̂ ← m / (1 − β₁ᵗ)
        newton ← m̂ / max(ρ h, ε)
        h ← β₂ h + (1 − β₂) ĥ                       every k steps
        φ ← clip(newton, −c, c) + λ θ
        """
        (beta1, beta2), t, h_hat = betas, state["step"], state["estimate"]
        m, h = state["exp_avg"], state["hessian"]
        m *= beta1
        m += (1 - beta1) * grad
        m_hat = m / (1 - beta1**t)
        newton = m_hat / np.maximum(gamma * h, eps)
        if (t - 1) % update_interval == 0:
            h *= beta2
            h += (1 - beta2) * h_hat
        return np.clip(newton, -clip_threshold, clip_threshold) + weight_decay * param


# Users' functions: what they take and what they return

def at_parameters(function, params, vectors=()):
    """Return the value of a function that takes the parameters' arrays and then the vectors, or the vectors alone."""
    if not takes_parameters(function, len(vectors)):
        return function(*vectors)
    vectors = [tuple(vectors)] if len(vectors) > 1 else vectors  # as minigrad.hvp(f, (0, 1)) takes them
    return function(*[param.data for param in params], *vectors)


def takes_parameters(function, others):
    """Return whether a function takes the parameters' arrays before its `others` arguments.

    The derivatives that minigrad makes take any arguments and keywords.
    """
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # if it is written in C
        return False
    if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= {p.kind for p in arguments}:
        return True
    by_place = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return sum(p.kind in by_place and p.default is p.empty for p in arguments) > others


def as_matrix(name, value, rows, columns, dtype):
    """Return what `name` returned as a matrix of sum(rows) x sum(columns): one array, or nested sequences of blocks."""
    if isinstance(value, (tuple, list)) and len(value) == len(rows) > 1:
        return np.concatenate([as_matrix(name, row, [n], columns, dtype) for row, n in zip(value, rows)])
    if isinstance(value, (tuple, list)) and len(value) == len(columns) > 1 == len(rows):
        return np.concatenate([as_matrix(name, block, rows, [n], dtype) for block, n in zip(value, columns)], axis=1)
    matrix, shape = np.asarray(value, dtype), (sum(rows), sum(columns))
    if matrix.size != shape[0] * shape[1]:
        raise ValueError(f"{name} returned an array of shape {matrix.shape}; expected {shape}, or that many numbers")
    check_finite(f"{name} returned", matrix)
    return matrix.reshape(shape)


def as_parts(name, value, params):
    """Return what `name` returned as a list of one array for each parameter, in its shape and dtype."""
    parts = [value] if len(params) == 1 and not isinstance(value, (tuple, list)) else list(value)
    if len(parts) != len(params):
        raise ValueError(f"{name} returned {len(parts)} arrays for {len(params)} parameters")
    parts = [np.asarray(part, param.data.dtype) for part, param in zip(parts, params)]
    for part, param in zip(parts, params):
        if part.shape != param.data.shape:
            raise ValueError(f"{name} returned an array of shape {part.shape} for a parameter of shape "
                             f"{param.data.shape}")
        check_finite(f"{name} returned", part)
    return parts


def products_of(hvp, params, vectors):
    """Return the products that `hvp` returns, checked."""
    return as_parts("hvp", at_parameters(hvp, params, vectors), params)
