"""The anatomy of a step: what the gradient, the preconditioner, the memory and the corrections each add to it.

`dissect` runs the optimizer's own `update` several times on the same gradient and state, each time with one more of its
parts switched on, and takes differences. So the parts add up to the step, no formula is written a second time, and a
student's own optimizer is dissected as well as a built-in one. `anatomy` draws the parts as arrows.
"""

import copy
import dataclasses
import functools

import matplotlib.patches
import numpy as np

import optim

from ..runs.states import arrays_in
from ..runs.trajectory import one_run
from .drawing import HALO, Drawing, add_legend, axes_or_new, look, style, titled
from .framing import ExitMarks, frame
from .plots import contour

LATE = 10**9  # steps, after which no bias correction is left
NAMES = {  # what the legend calls the parts, in the order in which they are put together
    "gradient": "minus the gradient, scaled", "preconditioning": "preconditioning",
    "memory": "memory of past gradients", "decay": "weight decay"}
TRUE_TO_SCALE = {"angles": "xy", "scale_units": "xy", "scale": 1}


@dataclasses.dataclass
class Anatomy:
    r"""The parts of one step of one optimizer; they add up to it.

    Attributes
    ----------
    position : ndarray of shape (n,)
        θ before the step.
    step : ndarray of shape (n,)
        What was really added to θ.
    parts : dict of ndarrays of shape (n,)
        In this order, those that the optimizer has:
        "gradient", minus the gradient, times a number that gives it the length of the preconditioned gradient;
        "preconditioning", which turns it; "memory", what past gradients add; "decay", the pull of weight decay.
    preconditioner : ndarray of shape (n,)
        How far a unit of gradient moves each coordinate, without memory and decay: the diagonal of the matrix P
        in :math:`-P g`.
    uncorrected : ndarray of shape (n,)
        The step without the correction for finite t, such as Adam's bias correction; the same as `step` if there is
        no such correction.
    """

    position: np.ndarray
    step: np.ndarray
    parts: dict
    preconditioner: np.ndarray
    uncorrected: np.ndarray


def dissect(run, step=0):
    """Take a step of a run apart.

    Parameters
    ----------
    run : Trajectory
        A single run of an optimizer whose rule is elementwise.
    step : int, default 0
        Its number; 0 is the first.

    Returns
    -------
    Anatomy

    Raises
    ------
    ValueError
        If this is more than one run, it comes from a file, it has no such step, or its optimizer couples elements
        or has no `update`.

    Notes
    -----
    To get the state before the step, the run is replayed: a new optimizer gets the recorded gradients. Entries of the
    state that change sign with the gradients are memory. Others, such as a mean of squares, belong to the
    preconditioner.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.viz import dissect
    >>> import optim.viz
    >>> run = optim.viz.record("Adam(lr=0.1)", "rosenbrock", steps=10)
    >>> parts = dissect(run, 5).parts
    >>> list(parts)
    ['gradient', 'preconditioning', 'memory']
    >>> bool(np.allclose(sum(parts.values()), run.effective_steps[5], rtol=1e-12, atol=0))
    True
    """
    run = one_run(run)
    optimizer, seen = replayed(run, step)
    grad, memory = seen["grad"], directions(run)
    alone = added(optimizer, seen, forgotten=memory, decay=False)
    remembering = added(optimizer, seen, decay=False)
    whole = added(optimizer, seen)
    if not np.allclose(whole, run.effective_steps[step], rtol=1e-9, atol=0):
        raise ValueError(f"{run.label} did more in step {step} than its update says, so the step has other parts")
    length = np.linalg.norm(grad)
    towards = -grad * (np.linalg.norm(alone) / length if length else 0.0)
    parts = {"gradient": towards, "preconditioning": alone - towards, "memory": remembering - alone,
             "decay": whole - remembering}
    least = 1e-14 * max(np.abs(part).max() for part in parts.values())
    parts = {name: part for name, part in parts.items() if name == "gradient" or np.abs(part).max() > least}
    probe = np.where(grad == 0, 1e-8 * (np.abs(grad).max() or 1.0), grad)
    preconditioner = -added(optimizer, {**seen, "grad": probe}, forgotten=memory, decay=False) / probe
    return Anatomy(run.positions[step], run.effective_steps[step], parts, preconditioner,
                   uncorrected=added(optimizer, seen, late=True))


def replayed(run, step):
    """Return a new optimizer after the steps of a run before this one, and the arguments of its next `update`."""
    last = len(run.positions) - 2
    if not 0 <= step <= last or run.steps[step + 1] != step + 1:
        raise ValueError(f"step is {step}; expected one from 0 to {last}, in a run that kept every step")
    p = optim.Parameter(run.positions[0])
    optimizer, calls = run.new_optimizer([p]), []
    if isinstance(optimizer, optim.Wrapper):
        raise ValueError(f"{type(optimizer).__name__} is wrapped around an optimizer: dissect a run of that one alone")
    if not optimizer.elementwise:
        raise ValueError(f"{type(optimizer).__name__} does not move each coordinate by itself, so its step "
                         "has no parts to show")
    if optimizer.steps_itself():
        raise ValueError(f"{type(optimizer).__name__} has its own step and no update, so its step has no known parts")
    for t in range(step + 1):
        optimizer.param_groups[0]["lr"] = run.rates[t].item()
        p.grad = run.gradients[t].copy()
        if t == step:
            optimizer.__class__ = listening(type(optimizer), calls)
        optimizer.step(lambda: run.losses[t])  # noqa: B023 - called at once
    return optimizer, calls[0]  # the first step of a class runs `update` once more, see interface/lost_state.py


def listening(kind, calls):
    """Return a class like `kind` that notes the arguments of `update`."""
    @functools.wraps(kind.update)
    def update(self, grad, state, param, **hyperparameters):
        seen = {"grad": grad, "state": state, "param": param, "hyperparameters": hyperparameters}
        calls.append(copy.deepcopy(seen))
        return kind.update(self, grad, state, param, **hyperparameters)
    return type(kind.__name__, (kind,), {"update": update})


def directions(run):
    """Return the names of those entries of the state that change sign with the gradients: memory of directions."""
    states = []
    for sign in (1.0, -1.0):
        p = optim.Parameter(np.zeros(run.positions.shape[1]))
        optimizer = run.new_optimizer([p])
        for size in (1.0, 2.0):
            p.grad = np.full_like(p.data, sign * size)
            optimizer.step(lambda: 0.0)
        states.append(arrays_in(optimizer.state[p]))
    there, mirrored = states
    return {name for name, entry in there.items() if np.any(entry) and np.allclose(entry, -mirrored[name])}


def added(optimizer, seen, forgotten=(), decay=True, late=False):
    """Return what `update` adds to θ: optionally without some memory, without weight decay, or as if t were large."""
    seen = copy.deepcopy(seen)
    for name, entry in arrays_in(seen["state"]).items():
        if name in forgotten:
            entry[...] = 0
    state = replaced(seen["state"], "step", LATE) if late else seen["state"]
    hyperparameters = seen["hyperparameters"] if decay else replaced(seen["hyperparameters"], "weight_decay", 0)
    phi = optimizer.update(seen["grad"], state, seen["param"], **hyperparameters)
    return -phi if optimizer.returns_step else -optimizer.param_groups[0]["lr"] * phi


def replaced(tree, name, value):
    """Return a dictionary with another value wherever it, or a dictionary in it, has this name."""
    return {key: replaced(entry, name, value) if isinstance(entry, dict) else value if key == name else entry
            for key, entry in tree.items()}


# The picture

def anatomy(run, step=0, ax=None, *, domain=None, legend=True, **kwargs):
    """Draw the parts of a step as arrows, tip to tail, with the step itself and the preconditioner as an ellipse.

    Parameters
    ----------
    run, step
        As in `dissect`.
    ax : Axes, optional
    domain : two pairs (low, high), optional
        The part of the plane to show. Default: a square that holds the arrows of all parts, and the ellipse.
    legend : bool, default True
    **kwargs
        For `Axes.quiver`, of all arrows.

    Returns
    -------
    Drawing
        With the artists "parts" (arrows by name), "step" (the arrow of the whole), "ellipse" (where a gradient of the
        length of this one, in any direction, would lead without memory: a circle unless there is a preconditioner),
        "path" (before the step), "uncorrected" (a line, or None without a correction for t), "exits" (the triangle
        where that line leaves the frame), "labels" (at the tips of all arrows that can be seen) and "contours".

    Raises
    ------
    ValueError
        As `dissect` does, and if the surface has not two coordinates.
    """
    run = one_run(run)
    frame(run.surface)
    found = dissect(run, step)
    corners, ellipse = np.cumsum([found.position, *found.parts.values()], axis=0), ellipse_of(found)
    box = square_around(np.concatenate([corners, corners_of(ellipse)])) if domain is None else domain
    with style():
        ax = axes_or_new(ax, figsize=(7.5, 5))
        ground = contour(run.surface, ax, domain=box)
        path, = ax.plot(*run.positions[:step + 1].T, color="#606060", linewidth=1, marker=".", label="the path so far")
        ax.add_patch(ellipse)
        arrows = {}
        for tail, (name, part) in zip(corners, found.parts.items()):
            color = look(list(NAMES).index(name))["color"]
            settings = {**TRUE_TO_SCALE, "color": color, "width": 0.008, "label": NAMES[name], "zorder": 4, **kwargs}
            arrows[name] = ax.quiver(*tail, *part, **settings)
        settings = {**TRUE_TO_SCALE, "color": "#A8A8A8", "width": 0.022, "label": "the step", "zorder": 3, **kwargs}
        whole = ax.quiver(*found.position, *found.step, **settings)
        tips = [label_at(ax, tip, part, name, look(list(NAMES).index(name))["color"], corners.mean(axis=0))
                for tip, (name, part) in zip(corners[1:], found.parts.items())
                if np.linalg.norm(part) > 0.02 * np.diff(box).max()]
        without = [] if np.allclose(found.uncorrected, found.step) else uncorrected_line(ax, found)
        outside = ExitMarks(ax).mark(without, box)
        ax.set_aspect("equal")
        ax.locator_params(nbins=5)
        titled(ax, f"{run.surface.heading}: step {step} of {run.label}")
        if legend:
            add_legend(ax, "right")
    words = ", ".join(f"{NAMES[name]} ({x:.2g}, {y:.2g})" for name, (x, y) in found.parts.items())
    title = f"Anatomy of step {step} of {run.label} on {run.surface.name}"
    x, y = found.step
    artists = {"parts": arrows, "step": whole, "ellipse": ellipse, "path": path, "exits": outside,
               "uncorrected": without[0] if without else None, "labels": tips}
    return Drawing(ax, {**artists, **ground.artists}, title,
                   f"{title}: {words}; together the step ({x:.2g}, {y:.2g})")


def label_at(ax, tip, part, name, color, center):
    """Write the name of an arrow beside its tip, in its colour, on the side that is away from the other arrows."""
    x, y = part / (np.linalg.norm(part) or 1)
    across, up = (y, -x) if np.dot((y, -x), tip - center) > 0 else (-y, x)
    return ax.annotate(name, tip, (9 * across, 9 * up), textcoords="offset points", color=color, fontsize=9, zorder=6,
                       ha="left" if across > 0.3 else "right" if across < -0.3 else "center",
                       va="bottom" if up > 0.3 else "top" if up < -0.3 else "center", path_effects=HALO)


def uncorrected_line(ax, found):
    """Draw the step without the correction for t, which can lead far away."""
    ratio = np.linalg.norm(found.uncorrected) / np.linalg.norm(found.step)
    ends = np.stack([found.position, found.position + found.uncorrected])
    return ax.plot(*ends.T, color="#8A3FA0", linewidth=1.3, linestyle="--", marker="", zorder=5,
                   label=f"without correction for t: {ratio:.2g} times as long")


def square_around(points):
    """Return a square frame with all points well inside."""
    center, half = (points.min(axis=0) + points.max(axis=0)) / 2, 0.6 * np.ptp(points, axis=0).max()
    return tuple((float(c - (half or 1)), float(c + (half or 1))) for c in center)


def ellipse_of(found):
    """Return the image of a circle of gradients under the preconditioner, scaled to touch where this gradient leads."""
    led_to = found.parts["gradient"] + found.parts.get("preconditioning", 0)
    size = np.linalg.norm(led_to / found.preconditioner)
    width, height = 2 * size * found.preconditioner
    return matplotlib.patches.Ellipse(found.position, width, height, fill=False, linestyle=":", linewidth=1.4,
                                      color="#404040", label="preconditioner", zorder=3)


def corners_of(ellipse):
    """Return two opposite corners of the box around an ellipse."""
    half = np.array([ellipse.width, ellipse.height]) / 2
    return np.array([ellipse.center - half, ellipse.center + half])
