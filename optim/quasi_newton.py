"""Descent along lines, from gradients alone: the change of the slope along the way shows how the surface curves.

Gradient descent with a line search remembers nothing, conjugate gradients one direction. BFGS builds up a whole
matrix, and L-BFGS keeps the part that fits into a few vectors. All need a loss without noise, and a line search. The
methods of `second_order.py` call functions that return the curvature.
"""

import warnings
from functools import partial

import numpy as np

from .interface.annotations import Number, Params
from .interface.hyperparameters import FRACTION, NOT_NEGATIVE, check, whole
from .line_search import Ray, backtracking, strong_wolfe
from .whole_vector import WholeVectorOptimizer, check_finite


class BacktrackingGradientDescent(WholeVectorOptimizer):
    """Gradient descent without a learning rate to choose: each step is shortened until Armijo's rule holds.

    It goes to θ − γ ρʲ g with the smallest j ≥ 0 for which f(θ − γ ρʲ g) ≤ f(θ) − c₁ γ ρʲ ‖g‖².

    What it adds to gradient descent: the loss never rises. It helps where no single step size suits the whole way, as
    on Rosenbrock's walls and floor. It costs a few evaluations a step and does not cure the zigzag. With a noisy loss
    it makes no sense, because the two values that it compares must come from the same function.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    lr : float, default 1
        γ, the first trial of every step.
    c1 : float, default 1e-4
        c₁, the part of the promised decrease that is required.
    shrink : float, default 0.5
        ρ, by which a refused trial is multiplied.

    References
    ----------
    Larry Armijo, "Minimization of functions having Lipschitz continuous first partial derivatives", 1966.
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 3.1.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([1.0, 1.0])
    >>> def closure():
    ...     x, y = p.data
    ...     p.grad = np.array([x, 100 * y])
    ...     return (x**2 + 100 * y**2) / 2
    >>> optimizer = optim.BacktrackingGradientDescent([p])
    >>> [round(float(optimizer.step(closure)), 3) for _ in range(4)]
    [50.5, 16.305, 5.475, 2.039]
    """

    ranges = {"c1": FRACTION, "shrink": FRACTION}

    def __init__(self, params: Params, lr: Number = 1, c1: Number = 1e-4, shrink: Number = 0.5, *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, c1=c1, shrink=shrink, maximize=maximize)

    def update(self, grad, state, param):
        """
        φ is g
        """
        return grad

    def step_size(self, ray, start, state, group):
        return backtracking(ray, start, float(group["lr"]), float(group["c1"]), float(group["shrink"])).t


def fletcher_reeves(grad, y, phi, previous):
    """β = ‖g‖² / ‖g₋‖². Never restarts by itself: after one bad direction it may take many small steps."""
    return grad @ grad / (previous @ previous)


def polak_ribiere(grad, y, phi, previous):
    """β = max(gᵀy / ‖g₋‖², 0), "Polak-Ribière plus". Restarts along the gradient where the gradient hardly changes."""
    return max(grad @ y / (previous @ previous), 0)


def hestenes_stiefel(grad, y, phi, previous):
    """β = gᵀy / dᵀy with d = -φ. Keeps successive directions conjugate whatever the line search did."""
    curvature = -(phi @ y)
    return grad @ y / curvature if curvature else 0


class NonlinearCG(WholeVectorOptimizer):
    """Conjugate gradients: bend each direction so that the step does not undo what the last one has achieved.

    This is momentum whose coefficient β and step size are chosen at each step. There are three formulas for β, see
    `fletcher_reeves`, `polak_ribiere` and `hestenes_stiefel`. On a quadratic with exact line searches they are equal,
    and the method ends in n steps. Elsewhere they differ, and Polak-Ribière is the usual choice. It learns curvature
    with three vectors of memory (the last point, gradient and direction), where `BFGS` needs a matrix. It needs a
    rather exact line search (c2 = 0.1), and falls back to the gradient when a direction does not lead downhill.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    lr : float, default 1
        Scales the first trial of each search, which is the step that promises the same decrease as the last one did.
    formula : "polak_ribiere", "fletcher_reeves" or "hestenes_stiefel", default "polak_ribiere"
    line_search_fn : str or None, default "strong_wolfe"
        Or "exact" or "backtracking".

    References
    ----------
    R. Fletcher and C. M. Reeves, "Function minimization by conjugate gradients", 1964.
    E. Polak and G. Ribière, "Note sur la convergence de méthodes de directions conjuguées", 1969.
    M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems", 1952.
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 5.4, equations (5.41a), (5.45) and (5.46).

    Examples
    --------
    >>> import numpy as np, optim
    >>> curvatures = np.array([1.0, 10.0, 100.0])
    >>> p = optim.Parameter([1.0, 1.0, 1.0])
    >>> def closure():
    ...     p.grad = curvatures * p.data
    ...     return p.data @ p.grad / 2
    >>> optimizer = optim.NonlinearCG([p], line_search_fn="exact")
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    >>> bool(closure() < 1e-25)
    True
    """

    formulas = {"fletcher_reeves": fletcher_reeves, "polak_ribiere": polak_ribiere,
                "hestenes_stiefel": hestenes_stiefel}
    line_searches = {**WholeVectorOptimizer.line_searches, "strong_wolfe": partial(strong_wolfe, c2=0.1)}

    def __init__(self, params: Params, lr: Number = 1, formula: str = "polak_ribiere",
                 line_search_fn: str | None = "strong_wolfe", *, maximize: bool = False) -> None:
        if formula not in self.formulas:
            raise ValueError(f"formula is {formula!r}; expected one of {sorted(self.formulas)}")
        super().__init__(params, lr=lr, formula=formula, line_search_fn=line_search_fn, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "prev_param": None, "prev_grad": None, "prev_phi": None, "last_decrease": 0.0}

    def update(self, grad, state, param, *, formula):
        """
        β ← formula(g, g − g₀, φ₀, g₀)             g₀, φ₀ and θ₀ are those of the step before
        φ ← g + β φ₀                               g at first, and if φ leads uphill
        last_decrease ← (θ − θ₀)ᵀ g₀
        """
        previous, phi = state["prev_grad"], grad
        if previous is not None:
            beta = self.formulas[formula](grad, grad - previous, state["prev_phi"], previous)
            phi = grad + beta * state["prev_phi"]
            state["last_decrease"] = float((param - state["prev_param"]) @ previous)
            if not phi @ grad > 0:
                phi = grad
        state.update(prev_param=param, prev_grad=grad, prev_phi=phi)
        return phi

    def first_trial(self, start, state, *, lr):
        decrease = state["last_decrease"]
        return lr * (decrease / start.slope if decrease < 0 else cautious(start.grad))


def cautious(grad):
    """Return the first trial of a method that knows no curvature yet: a step along g no longer than 1 in the 1-norm."""
    return min(1.0, 1 / float(np.abs(grad).sum()))


class BFGS(WholeVectorOptimizer):
    """Broyden, Fletcher, Goldfarb, Shanno: learn the inverse of the Hessian from the gradients along the way.

    B, the approximate inverse, changes as little as possible (in a weighted norm) so that it stays symmetric and
    explains the last step: B y = s. In one line, B ← (I − ρ s yᵀ) B (I − ρ y sᵀ) + ρ s sᵀ; `update` has the products
    multiplied out. What it adds to `NonlinearCG` is a memory of all directions. Near a minimum, steps of length 1
    then fit, and the convergence is superlinear without second derivatives. The first B is a multiple of I, scaled by
    what the first step has shown. A step whose yᵀ s is not positive teaches nothing and is skipped; a strong Wolfe
    search makes none. It keeps n² numbers: for more than a few thousand variables use `LBFGS`. Noise in the gradients
    goes straight into y and spoils B.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    lr : float, default 1
        The first trial of the line search.
    line_search_fn : str or None, default "strong_wolfe"
        Or "exact" or "backtracking".

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 6.1, equations (6.17) and (6.20).

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([-1.2, 1.0])
    >>> def closure():
    ...     x, y = p.data
    ...     p.grad = np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])
    ...     return 100 * (y - x**2) ** 2 + (1 - x) ** 2
    >>> optimizer = optim.BFGS([p])
    >>> for _ in range(40):
    ...     loss = optimizer.step(closure)
    >>> p.data.round(6)
    array([1., 1.])
    """

    def __init__(self, params: Params, lr: Number = 1, line_search_fn: str | None = "strong_wolfe", *,
                 maximize: bool = False) -> None:
        super().__init__(params, lr=lr, line_search_fn=line_search_fn, maximize=maximize)

    def init_state(self, param):
        identity = np.eye(param.size, dtype=param.dtype)
        return {"step": 0, "inverse_hessian": identity, "prev_param": None, "prev_grad": None}

    def update(self, grad, state, param):
        """
        s ← θ − θ₀                                  θ₀ and g₀ are those of the step before
        y ← g − g₀
        curvature ← sᵀ y                            the lines below if it is positive
        B ← curvature / (yᵀ y) B                    once, at the second step
        ρ ← 1 / curvature
        By ← B y
        cross ← By sᵀ
        growth ← (1 + ρ yᵀ By) s sᵀ
        B ← B + ρ (growth − cross − crossᵀ)
        φ ← B g
        """
        if state["prev_grad"] is not None:
            s, y = param - state["prev_param"], grad - state["prev_grad"]
            curvature = s @ y
            if curvature > np.finfo(y.dtype).eps * np.linalg.norm(s) * np.linalg.norm(y):
                if state["step"] == 2:
                    state["inverse_hessian"] *= curvature / (y @ y)
                # Multiplied out, the formula needs of the order of n² operations rather than n³.
                rho, By = 1 / curvature, state["inverse_hessian"] @ y
                cross = np.outer(By, s)
                growth = (1 + rho * (y @ By)) * np.outer(s, s)
                state["inverse_hessian"] += rho * (growth - cross - cross.T)
        state.update(prev_param=param, prev_grad=grad)
        return state["inverse_hessian"] @ grad

    def first_trial(self, start, state, *, lr):
        return lr * cautious(start.grad) if state["step"] == 1 else lr


class LBFGS(WholeVectorOptimizer):
    """BFGS with limited memory: keep the last steps and gradient differences, not the matrix.

    B is the matrix of `BFGS`, built from (yᵀ s / yᵀ y) I and the last k pairs (s, y). It is never written down: the
    two loops of `two_loop_recursion` multiply it by the gradient in about 4kn multiplications. This is the method
    for smooth problems with up to millions of variables and no noise. With line_search_fn=None it trusts its step
    length blindly.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them; see `WholeVectorOptimizer`, also for what `step` raises.
    lr : float, default 1
        The first trial of the line search, or the step without one.
    max_iter : int, default 20
        Iterations in one call of `step`.
    max_eval : int, default max_iter * 5 // 4
        Evaluations in one call of `step`, after which no new iteration begins. It also limits the trials of
        "strong_wolfe": with a small max_iter, pass a larger max_eval, such as 25. A `step` that does not move because
        the search had too few trials warns.
    tolerance_grad : float, default 1e-7
        `step` ends when no entry of the gradient is larger.
    tolerance_change : float, default 1e-9
        `step` ends when no parameter moves by more, or the loss changes by less.
    history_size : int, default 100
        k.
    line_search_fn : "strong_wolfe", "backtracking", "exact" or None, default None

    Attributes
    ----------
    stopped_by : str or None
        What ended the last `step`: "max_iter", "max_eval", "tolerance_grad" or "tolerance_change". If it was one of the
        tolerances, the run has arrived, and further steps will hardly move.
    state : dict
        At the first parameter, "n_iter" and "func_evals" count the iterations and evaluations of the whole run.

    Notes
    -----
    Arguments, defaults, state keys and arithmetic are those of torch.optim.LBFGS. As there, one `step` makes up
    to `max_iter` iterations, and the first trial of the very first is lr * min(1, 1 / ‖g‖₁). Unlike PyTorch's, it
    takes several groups with equal hyperparameters, has `maximize`, and puts the parameters back if the loss stops
    being a number.

    References
    ----------
    Jorge Nocedal, "Updating quasi-Newton matrices with limited storage", 1980.
    Dong C. Liu and Jorge Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.
    Nocedal and Wright, "Numerical Optimization", 2006, algorithms 7.4 and 7.5.

    Examples
    --------
    >>> import numpy as np, optim
    >>> p = optim.Parameter([-1.2, 1.0])
    >>> def closure():
    ...     x, y = p.data
    ...     p.grad = np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])
    ...     return 100 * (y - x**2) ** 2 + (1 - x) ** 2
    >>> optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    ...     print(optimizer.stopped_by, optimizer.state[p]["n_iter"])
    max_eval 19
    tolerance_change 35
    tolerance_change 36
    >>> p.data.round(6)
    array([1., 1.])
    """

    stopped_by = None
    ranges = {"max_iter": whole(1), "max_eval": whole(1), "tolerance_grad": NOT_NEGATIVE,
              "tolerance_change": NOT_NEGATIVE, "history_size": whole(1)}

    def __init__(self, params: Params, lr: Number = 1, max_iter: int = 20, max_eval: int | None = None,
                 tolerance_grad: Number = 1e-7, tolerance_change: Number = 1e-9, history_size: int = 100,
                 line_search_fn: str | None = None, *, maximize: bool = False) -> None:
        check("max_iter", max_iter, whole(1))
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        super().__init__(params, lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad,
                         tolerance_change=tolerance_change, history_size=history_size, line_search_fn=line_search_fn,
                         maximize=maximize)

    def init_state(self, param):
        return {"func_evals": 0, "n_iter": 0}

    def update(self, grad, state, param, *, history_size):
        """
        y ← g − g₀                                g₀ is the gradient of the step before
        s ← t d                                   its step
        curvature ← yᵀ s                          a pair is kept if it is positive
        H_diag ← curvature / (yᵀ y)
        φ ← B g                                   see `two_loop_recursion`
        coefficients ← those of its first loop
        al ← coefficients                         as PyTorch keeps them
        """
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        else:
            y, s = grad - state["prev_flat_grad"], state["d"] * state["t"]
            curvature = float(y @ s)
            if curvature > 1e-10:
                state["old_dirs"].append(y)
                state["old_stps"].append(s)
                state["ro"].append(1 / curvature)
                state["H_diag"] = curvature / float(y @ y)
            for name in ("old_dirs", "old_stps", "ro"):
                del state[name][:-history_size]
        state["prev_flat_grad"] = grad
        phi, coefficients = two_loop_recursion(
            grad, state["old_stps"], state["old_dirs"], state["ro"], state["H_diag"])
        if state["n_iter"] > 1:
            state["al"] = coefficients + [None] * (history_size - len(coefficients))
        return phi

    def iterate(self, closure, group):
        """Make up to max_iter iterations."""
        state = {name: list(entry) if isinstance(entry, list) else entry  # no array of the state is changed in place
                 for name, entry in (self.state.get(self.params[0]) or self.init_state(None)).items()}
        loss, point = self.first_point(closure)
        state["func_evals"] += 1
        evaluations, hyper = 1, self.chosen(self.update, group, point.grad)
        if np.abs(point.grad).max() <= group["tolerance_grad"]:
            self.stopped_by = "tolerance_grad"
            return loss, state
        for iteration in range(1, group["max_iter"] + 1):
            theta = self.vector()
            state["n_iter"] += 1
            phi = self.update(point.grad, state, theta, **hyper)
            state.update(d=-phi, prev_loss=point.value)
            point = point._replace(t=0.0, slope=-float(point.grad @ phi))
            state["t"] = self.first_trial(point, state, **self.chosen(self.first_trial, group, phi))
            if point.slope > -group["tolerance_change"]:
                self.stopped_by = "tolerance_change"
                break
            ray = Ray(lambda x: self.evaluate(closure, x), theta, state["d"])
            last = iteration == group["max_iter"]
            point = self.next_point(ray, point, state["t"], group, last, group["max_eval"] - evaluations)
            self.place(theta + point.t * state["d"])
            state["t"] = point.t
            state["func_evals"] += ray.evaluations
            evaluations += ray.evaluations
            self.stopped_by = self.reason_to_stop(point, state, group, last, evaluations)
            if self.stopped_by:
                break
        return loss, state

    def first_trial(self, start, state, *, lr):
        return lr * cautious(start.grad) if state["n_iter"] == 1 else lr

    def next_point(self, ray, start, t, group, last, trials_left):
        """Return the next point along the ray; after the last fixed step, without its value, which is not needed."""
        name = group["line_search_fn"]
        if name == "strong_wolfe":
            tolerance = group["tolerance_change"] / float(np.abs(ray.direction).max())
            point = strong_wolfe(ray, start, t, tolerance=tolerance, most_trials=trials_left)
            too_few_trials = ray.evaluations == group["max_eval"] < 25  # usually, a search has 25
            if point.t == 0 and too_few_trials:
                warnings.warn(f"LBFGS did not move: with max_eval={group['max_eval']}, its line search ended before it "
                              "found a lower loss. Pass a larger max_eval, for instance 25 (the default is max_iter * "
                              "5 // 4)", UserWarning, stacklevel=7)
            return point
        if name is not None:
            return self.line_searches[name](ray, start, t)
        if last:
            return start._replace(t=t)
        point = ray(t)
        check_finite("after a fixed step the closure returned", point.value)
        check_finite("after a fixed step the closure left gradients with", point.grad)
        return point

    @staticmethod
    def reason_to_stop(point, state, group, last, evaluations):
        """Return the name of the hyperparameter that ends the step after an iteration, or None to go on."""
        if last:
            return "max_iter"
        if evaluations >= group["max_eval"]:
            return "max_eval"
        if np.abs(point.grad).max() <= group["tolerance_grad"]:
            return "tolerance_grad"
        smallest = group["tolerance_change"]
        if np.abs(state["d"] * state["t"]).max() <= smallest or abs(point.value - state["prev_loss"]) < smallest:
            return "tolerance_change"
        return None

    def _loaded_group(self, own, saved):
        return super()._loaded_group(own, {"maximize": False, **saved})  # which PyTorch's LBFGS does not have

    def _loaded_state(self, number, data, group, saved):
        """Return a copy of the state, saved here or by PyTorch: its history is as long as the run was."""
        if number != 0:
            raise ValueError(f"LBFGS keeps one state, at parameter 0; got one for parameter {number}")
        theta = self.vector()

        def vector(value):
            if np.shape(value) != theta.shape:
                raise ValueError(f"the state holds a vector of shape {np.shape(value)}; expected {theta.shape}")
            return np.array(np.asarray(value), theta.dtype)  # asarray first, since it may be a tensor of PyTorch

        def vectors(values):
            return [vector(value) for value in values]

        def numbers(values):
            return [None if value is None else float(value) for value in values]

        kinds = {"func_evals": int, "n_iter": int, "t": float, "H_diag": float, "prev_loss": float, "d": vector,
                 "prev_flat_grad": vector, "old_dirs": vectors, "old_stps": vectors, "ro": numbers, "al": numbers}
        needed = kinds.keys() - {"al"} if saved.get("n_iter") else {"func_evals", "n_iter"}
        if not needed <= saved.keys() <= kinds.keys():
            raise ValueError(f"the state has {sorted(saved)}; LBFGS keeps {sorted(kinds)}")
        state = {name: kinds[name](entry) for name, entry in saved.items()}
        lengths = {len(state[name]) for name in ("old_dirs", "old_stps", "ro") if name in state}
        if len(lengths) > 1:
            raise ValueError(f"old_dirs, old_stps and ro have {sorted(lengths)} entries; expected equal lengths")
        return state


def two_loop_recursion(grad, steps, changes, rho, scale):
    """Return φ = B g and the coefficients α of the first loop, from pairs (s, y) with ρ = 1 / yᵀ s, and B₀ = scale I.

    The first loop multiplies by the factors (I − ρ y sᵀ), the latest pair first; the second by the factors
    (I − ρ s yᵀ), the latest pair last, and adds the terms ρ s sᵀ.

    References
    ----------
    Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.4.
    """
    phi, alpha = grad.copy(), [0.0] * len(steps)
    for i in reversed(range(len(steps))):
        alpha[i] = rho[i] * float(steps[i] @ phi)
        phi -= alpha[i] * changes[i]
    phi *= scale
    for i in range(len(steps)):
        beta = rho[i] * float(changes[i] @ phi)
        phi += (alpha[i] - beta) * steps[i]
    return phi, alpha
