"""How fast runs converge: the distance from the minimum by step, and the rates that theory predicts.

On a quadratic, gradient descent and momentum are linear maps: what they do to the distance from the minimum and to
their state is one matrix, and its eigenvalues say how fast they converge. `iteration_matrix` gets that matrix from
the optimizer's own code, one basis vector at a time. So the prediction that is drawn beside a run is not a second
formula.
"""

import numpy as np

import minigrad
import optim

from ..runs.states import arrays_in
from ..runs.trajectory import note_of, one_run, runs_in
from .drawing import Drawing, add_legend, axes_or_new, look, style, titled
from .plots import curves, logarithmic_limits, step_axis

THIN = {"linestyle": "-", "marker": "", "linewidth": 0.9, "alpha": 0.8, "zorder": 1}  # predictions


def iteration_matrix(run):
    r"""Return the matrix of one step near a minimum, or None if the optimizer is not linear there.

    With :math:`H` the Hessian at the minimum :math:`\theta^*` that is nearest to the end of the run, a step maps
    :math:`z = (\theta - \theta^*, s)`, s the arrays of the state, to :math:`M z`; on a quadratic everywhere.

    Parameters
    ----------
    run : Trajectory
        A single run on a surface with known minima.

    Returns
    -------
    M : ndarray of shape (k n, k n), or None
        With k - 1 arrays in the state.
    minimum : ndarray of shape (n,)
    hessian : ndarray of shape (n, n)

    Examples
    --------
    >>> from optim.viz.pictures.convergence import iteration_matrix
    >>> import optim.viz
    >>> M, minimum, hessian = iteration_matrix(optim.viz.record("SGD(lr=0.1)", "quadratic_bowl", steps=3))
    >>> M
    array([[0.9, 0. ],
           [0. , 0.6]])
    """
    minimum = nearest_minimum(run)
    n = len(minimum)
    hessian = minigrad.hessian(run.surface.function)(minimum)
    p = optim.Parameter(minimum)
    optimizer = run.new_optimizer([p])
    if not optimizer.elementwise:
        return None, minimum, hessian

    def step(z):
        """Take a step from z and return where it leads; entries of the state that are not arrays stay as they were."""
        p.data[...] = minimum + z[:n]
        p.grad = hessian @ z[:n]
        for array, part in zip(arrays_in(optimizer.state.get(p, {})).values(), z[n:].reshape(-1, n)):
            array[...] = part
        optimizer.step()
        return np.concatenate([p.data - minimum, *arrays_in(optimizer.state.get(p, {})).values()])

    with np.errstate(all="ignore"):  # a state that no run reaches can make a root negative
        size = len(step(np.zeros(n)))  # which also makes the state
        M = np.stack([step(unit) for unit in np.eye(size)], axis=1)
        z = np.random.default_rng(0).standard_normal(size)
        linear = all(np.allclose(step(factor * z), factor * (M @ z), rtol=1e-6) for factor in (1.0, -2.0))
    return (M if linear else None), minimum, hessian


def nearest_minimum(run):
    """Return the global minimum that is nearest to the end of a run."""
    if not run.surface.minima:
        raise ValueError(f"no minimum of {run.surface.name} is known, so there is no distance to it: "
                         "give it as Surface(function, minima=...)")
    points = np.array(run.surface.minima)
    return points[np.argmin(np.linalg.norm(points - run.positions[-1], axis=1))]


def predicted_rate(run):
    """Return the predicted factor by which the distance to the minimum shrinks in each step, NaN without a theory.

    It is the largest absolute eigenvalue of `iteration_matrix`: `max |1 - lr λ|` for gradient descent.
    """
    M, _, _ = iteration_matrix(run)
    return float("nan") if M is None else float(np.abs(np.linalg.eigvals(M)).max())


def fitted_rate(run):
    """Return the factor by which the distance to the minimum has shrunk in each step of the run's second half.

    A straight line is fitted to the logarithm of the distance, as long as that is above rounding errors.
    """
    distances = run.distances
    usable = np.flatnonzero(distances > 1e-12 * distances[0])
    usable = usable[len(usable) // 2:]
    if len(usable) < 2:
        return float("nan")
    return float(np.exp(np.polyfit(run.steps[usable], np.log(distances[usable]), 1)[0]))


def rates(runs, ax=None, *, legend=True, **kwargs):
    """Draw the distance to the minimum by step, with the fitted rate and the predicted one.

    The prediction is exact on quadratics, and holds near the minimum elsewhere. It exists only for optimizers that are
    linear maps (SGD, with or without momentum).

    Parameters
    ----------
    runs, ax, legend, **kwargs
        As in `losses`; single runs on a surface with known minima.

    Returns
    -------
    Drawing
        With the artists of `losses`, "predicted" (a thin line for each run that has a prediction), and the numbers
        "rates": for each run, the pair (fitted, predicted).

    Raises
    ------
    ValueError
        If no minimum is known, or a run is N runs in one pass.
    """
    trajectories = [one_run(run) for run in runs_in(runs)]
    found = [(fitted_rate(run), predicted_rate(run)) for run in trajectories]
    with style():
        ax = axes_or_new(ax, (6, 4))
        artists = curves(ax, trajectories, [run.distances for run in trajectories], "distance to the minimum", **kwargs)
        slopes = []
        for run, line, (fitted, predicted) in zip(trajectories, artists["lines"], found):
            measured = f"rate {fitted:.4f}" if np.isfinite(fitted) else "too few steps for a rate"
            words = f"predicted {predicted:.4f}" if np.isfinite(predicted) else "not linear: no prediction"
            line.set_label(f"{run.label}: {measured}, {words}")
            if predicted > 0:
                fall = run.distances[-1] * predicted ** (run.steps - run.steps[-1].astype(float))
                slopes += ax.plot(run.steps, fall, color=line.get_color(), **THIN)
        titled(ax, f"{trajectories[0].surface.heading}: rates (thin lines: predicted)", note=note_of(runs))
        if legend:
            add_legend(ax, "below")
    title = f"Distance to the minimum by step on {trajectories[0].surface.name}"
    words = "; ".join(f"{run.label} shrinks by {fitted:.4f} a step, predicted {predicted:.4f}"
                     for run, (fitted, predicted) in zip(trajectories, found))
    return Drawing(ax, {**artists, "predicted": slopes, "rates": found}, title, f"{title}: {words}")


def eigen_errors(run, ax=None, **kwargs):
    """Draw the distance to the minimum along each eigenvector of the Hessian, by step.

    Gradient descent treats these directions one by one: each step multiplies an error with eigenvalue λ by `1 - lr λ`.
    So the curve of the flattest direction falls slowly, and that of the steepest rises if lr is too large for it.
    Predictions are drawn as thin lines.

    Parameters
    ----------
    run : Trajectory
        A single run on a surface with known minima.
    ax : Axes, optional
    **kwargs
        For `Axes.plot`, of each curve.

    Returns
    -------
    Drawing
        With the artists "lines" and "predicted" (a thin line for each, if the optimizer is linear), by ascending
        eigenvalue, and the numbers "eigenvalues".

    Raises
    ------
    ValueError
        If no minimum is known, or it is more than one run.
    """
    run = one_run(run)
    M, minimum, hessian = iteration_matrix(run)
    eigenvalues, vectors = np.linalg.eigh(hessian)
    errors = np.abs((run.positions - minimum) @ vectors)
    with style():
        ax = axes_or_new(ax, (6, 4))
        ax.set_yscale("log", nonpositive="mask")
        lines, slopes = [], []
        for i, (value, vector) in enumerate(zip(eigenvalues, vectors.T)):
            rate = None if M is None else rate_along(M, vector)
            label = f"λ = {value:.3g}" + ("" if rate is None else f", predicted rate {rate:.4f}")
            spacing = {"markevery": max(1, len(errors) // 10), "label": label}
            lines += ax.plot(run.steps, errors[:, i], **{**look(i), **spacing, **kwargs})
            if rate is not None:
                slopes += ax.plot(run.steps, errors[0, i] * rate**run.steps, color=lines[-1].get_color(), **THIN)
        step_axis(ax, run.steps[-1])
        ax.set(xlabel="step", ylabel="error along the eigenvector", ylim=logarithmic_limits(errors))
        titled(ax, f"{run.surface.heading}: {run.label}", note="thin lines: predicted" * bool(slopes))
        add_legend(ax, "below")
    title = f"Errors of {run.label} along the eigenvectors of the Hessian of {run.surface.name}"
    words = ", ".join(f"λ = {value:.3g} ends at {error:.2g}" for value, error in zip(eigenvalues, errors[-1]))
    return Drawing(ax, {"lines": lines, "predicted": slopes, "eigenvalues": eigenvalues}, title, f"{title}: {words}")


def rate_along(M, vector):
    """Return the factor by which errors along an eigenvector of the Hessian shrink in each step."""
    n = len(vector)
    k = len(M) // n
    block = np.einsum("i,aibj,j->ab", vector, M.reshape(k, n, k, n), vector)
    return float(np.abs(np.linalg.eigvals(block)).max())
