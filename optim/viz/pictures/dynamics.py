"""The dynamics of a run: its gradients, what the optimizer remembers, and the phase plane."""

import numpy as np

from ..runs.trajectory import note_of, one_run, quotient, runs_in
from .anatomy import directions
from .drawing import HALO, MINIMA, Drawing, add_legend, axes_or_new, look, style, titled
from .framing import ExitMarks
from .plots import curves, explain_curves, single_runs, step_axis

COORDINATES = "xyz"
ZERO_LINE = {"color": "#404040", "linewidth": 0.6, "zorder": 0}


def name_of(i, n):
    """Return the name of the i-th of n coordinates."""
    return f"${COORDINATES[i]}$" if n <= len(COORDINATES) else f"$x_{{{i + 1}}}$"


def gradient_norms(runs, ax=None, *, xscale="linear", legend=True, **kwargs):
    """Draw the length of the gradient by step, on a log scale.

    Parameters
    ----------
    runs, ax, xscale, legend, **kwargs
        As in `losses`.

    Returns
    -------
    Drawing
        With the artists of `losses`.
    """
    trajectories = runs_in(runs)
    with style():
        ax = axes_or_new(ax)
        artists = curves(ax, trajectories, [run.gradient_norms for run in trajectories], "length of the gradient",
                         xscale=xscale, **kwargs)
        explain_curves(ax, artists, runs, f"{trajectories[0].surface.heading}: gradients by step", legend)
    words = "; ".join(f"{run.label} ends at {np.median(run.at_end(run.gradient_norms)):.2g}" for run in trajectories)
    title = f"Length of the gradient by step on {trajectories[0].surface.name}"
    return Drawing(ax, artists, title, f"{title}: {words}")


def state(run, names=None, axes=None, **kwargs):
    """Draw what an optimizer sees, remembers and does, by step and coordinate: one panel each.

    Parameters
    ----------
    run : Trajectory
        A single run.
    names : list of str, optional
        Entries of `run.states`, or "gradients", or "effective_lr". Default: the gradients, all entries of the state
        that have a number for each coordinate, except those in lists ("old_dirs.0"), and the effective lr.
    axes : sequence of Axes, optional
        As many as names. Default: those of a new figure, one below the other.
    **kwargs
        For `Axes.plot`, of each line.

    Returns
    -------
    Drawing
        With a list of lines, one for each coordinate, by name.

    Raises
    ------
    ValueError
        If there is no such entry, the numbers of axes and names differ, or this is more than one run.

    Notes
    -----
    The effective lr is minus the step, divided by what gave the step its direction. This is the average of gradients in
    the state, such as Adam's "exp_avg", or else the gradient.
    """
    run = one_run(run)
    n = run.positions.shape[1]
    known = {"gradients": run.gradients, **run.states, "effective_lr": effective_lr(run)}
    drawable = {name: values for name, values in known.items() if values.shape[1:] == (n,)}
    names = [name for name in drawable if not name[-1].isdigit()] if names is None else list(names)
    if unknown := [name for name in names if name not in drawable]:
        raise ValueError(f"{run.label} has no {unknown[0]!r} for each coordinate; it has {', '.join(drawable)}")
    with style():
        axes = axes_or_new(axes, nrows=len(names), figsize=(6, 1 + 1.6 * len(names)), sharex=True, squeeze=False)
        axes = tuple(np.ravel(axes))
        if len(axes) != len(names):
            raise ValueError(f"{len(axes)} axes were given for {len(names)} panels: {names}")
        artists = {name: panel(ax, run, name, drawable[name], kwargs) for ax, name in zip(axes, names)}
        titled(axes[0], f"{run.surface.heading}: {run.label}")
        axes[-1].set_xlabel("step")
        axes[-1].figure.align_ylabels(axes)
        add_legend(axes[-1], "below")
    title = f"State of {run.label} by step on {run.surface.name}"
    return Drawing(axes, artists, title, f"{title}, for each coordinate: {', '.join(names)}")


def effective_lr(run):
    """Return the factor of each coordinate of the direction in each step, NaN where the direction is 0."""
    averages = [run.states[name] for name in directions(run) & run.states.keys()]
    averages = [average for average in averages if average.shape == run.positions.shape]
    return quotient(-run.effective_steps, averages[0][1:] if len(averages) == 1 else run.gradients[:-1])


def panel(ax, run, name, values, kwargs):
    """Draw the coordinates of one quantity by step, and return the lines."""
    n = values.shape[1]
    steps = run.steps[:len(values)]
    spacing = {"markevery": max(1, len(values) // 8)}
    lines = [ax.plot(steps, values[:, i], **{**look(i), "label": name_of(i, n), **spacing, **kwargs})[0]
             for i in range(n)]
    ax.set_ylabel(name)
    step_axis(ax, run.steps[-1])
    smallest, largest = np.nanmin(values), np.nanmax(values)
    typical = 10 ** np.ceil(np.log10(np.nanpercentile(np.abs(values[values != 0]), 20))) if np.any(values) else 1.0
    if smallest > 0 and largest > 30 * smallest:
        ax.set_yscale("log")
    elif smallest <= 0 and max(-smallest, largest) > 30 * typical:
        # On a linear scale, all but the first steps would seem 0. The linear part has room for its three numbers.
        decades = np.log10(max(-smallest, largest) / typical)
        ax.set_yscale("symlog", linthresh=typical, linscale=max(decades / 3, 1))
        ax.yaxis.get_major_locator().set_params(numticks=5)
        ax.axhline(0, **ZERO_LINE)
    elif smallest > 0:
        ax.set_ylim(0, 1.2 * largest)
    else:
        ax.axhline(0, **ZERO_LINE)
    return lines


def phase(runs, ax=None, *, coordinate=0, legend=True, **kwargs):
    """Draw the phase plane of one coordinate: its position against its last step.

    A run that settles ends at (minimum, 0). Without momentum it creeps there along a line; with much momentum it
    follows a spiral.

    Parameters
    ----------
    runs, ax, legend, **kwargs
        As in `losses`.
    coordinate : int, default 0

    Returns
    -------
    Drawing
        With the artists "lines", one for each run, "minima", the points (minimum, 0), and "exits", the triangles where
        lines leave the frame. It holds the runs that did not diverge.

    Raises
    ------
    ValueError
        If there is no such coordinate.
    """
    trajectories = runs_in(runs)
    surface = trajectories[0].surface
    if not 0 <= coordinate < surface.ndim:
        raise ValueError(f"coordinate is {coordinate}; {surface.name} has the coordinates 0 to {surface.ndim - 1}")
    name = name_of(coordinate, surface.ndim)
    with style():
        ax = axes_or_new(ax, (6, 4))
        lines, settled = [], []
        for _, run, looks in single_runs(trajectories):
            where, moved = run.positions[1:, coordinate], run.effective_steps[:, coordinate]
            spacing = {"markevery": max(1, len(where) // 12), "path_effects": HALO}
            lines += ax.plot(where, moved, **{**looks, **spacing, **kwargs})
            settled += [] if run.diverged else lines[-1:]
        rests = sorted({point[coordinate] for point in surface.minima})
        minima = ax.plot(rests, np.zeros(len(rests)), **MINIMA, zorder=4) if rests else []
        box = frame_around([line.get_xydata() for line in (settled or lines) + minima])
        outside = ExitMarks(ax).mark(lines, box)
        ax.axhline(0, **ZERO_LINE)
        ax.set(xlim=box[0], ylim=box[1], xlabel=name, ylabel=f"change of {name} in one step")
        titled(ax, f"{surface.heading}: phase plane", note=note_of(runs))
        if legend:
            add_legend(ax, "below", [*lines, *minima])
    title = f"Phase plane of coordinate {coordinate} on {surface.name}"
    words = ", ".join(run.label for run in trajectories)
    return Drawing(ax, {"lines": lines, "minima": minima, "exits": outside}, title,
                   f"{title}: position against last step, for {words}")


def frame_around(paths):
    """Return a frame with all points of some paths well inside: two pairs of numbers."""
    points = np.concatenate(paths)
    margin = 0.05 * np.ptp(points, axis=0)
    margin[margin == 0] = 1.0
    return tuple(zip(points.min(axis=0) - margin, points.max(axis=0) + margin))
