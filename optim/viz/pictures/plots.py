"""The plots of a race: paths over the contours of the surface, the loss by step, and both side by side.

Each takes a `Race`, a `Trajectory` or a list of trajectories, and returns a `Drawing`. What does not fit is marked: a
triangle where a path leaves the frame or a curve leaves it at the top, and a word in the legend.
"""

import dataclasses
import textwrap

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.ticker import ScalarFormatter

from .. import surfaces
from ..runs.trajectory import note_of, runs_in, swept
from .drawing import (
    HALO,
    MINIMA,
    STARTS,
    Drawing,
    add_legend,
    axes_or_new,
    filled_contours,
    in_legend,
    look,
    may_grow,
    new_figure,
    style,
    titled,
    widest_legend,
)
from .framing import ExitMarks, apart, exits, frame, has_equal_scales, points_within

FAN = LinearSegmentedColormap.from_list("fan", mpl.colormaps["viridis"](np.linspace(0, 0.9, 256)))  # dark on white
DOTS = {"linestyle": "none", "marker": "o", "markeredgewidth": 0}
IN_CORNER = 6  # curves whose names have room in a corner of the axes
FLOOR = 1e-16  # of the highest value: below it, a logarithmic scale would show rounding errors


# Contours and paths

def contour(surface, ax=None, *, domain=None, levels=20, **kwargs):
    """Draw the contours of a surface, with its global minima as stars.

    Parameters
    ----------
    surface : str, Surface or callable
    ax : Axes, optional
        Default: those of a new figure.
    domain : two pairs (low, high), optional
        The part of the plane to show. Default: the surface's own domain.
    levels : int, default 20
        How many. They are closer where the surface is flat, see `Surface.levels`.
    **kwargs
        For `Axes.contourf`.

    Returns
    -------
    Drawing
        With the artists "contours" and "minima" (a list with one line of stars, or none).

    Examples
    --------
    >>> from optim.viz import contour
    >>> contour("dixon_price").description
    'Contours of dixon_price for x from -2 to 4 and y from -2 to 2, with minima at (1, 0.71), (1, -0.71)'
    """
    surface = surfaces.get(surface)
    (left, right), (bottom, top) = box = frame(surface, domain)
    with style(), np.errstate(all="ignore"):
        ax = axes_or_new(ax)
        X, Y, Z = surface.grid(domain=domain)
        filled = filled_contours(ax, X, Y, Z, surface.levels(levels, domain=domain), **kwargs)
        seen = points_within(surface.minima, box)
        minima = stars(ax, seen)
        ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x$", ylabel="$y$")
        if has_equal_scales(box):
            ax.set_aspect("equal")
        titled(ax, surface.heading, formula_of(surface))
    title = f"Contours of {surface.name}"
    area = f"for x from {left:g} to {right:g} and y from {bottom:g} to {top:g}"
    return Drawing(ax, {"contours": filled, "minima": minima}, title, f"{title} {area}{minima_in_words(seen)}")


def paths(runs, ax=None, *, domain=None, levels=20, legend=True, **kwargs):
    """Draw the paths of runs over the contours of their surface; of a function of one coordinate, along its graph.

    Parameters
    ----------
    runs : Race, Trajectory, or list of Trajectory
        On one surface of one or two coordinates.
    ax, domain, levels
        As in `contour`.
    legend : bool, default True
    **kwargs
        For `Axes.plot`, of each path.

    Returns
    -------
    Drawing
        With the artists "lines" (one for each run, in order), "dots" (likewise), "starts", "exits" (the triangles where
        lines leave the frame), and those of `contour`; in one dimension "graph" (a line) instead of "contours".

    Notes
    -----
    Each step has a dot, except where dots would merge; a symbol marks the end. So you see which steps are long, and a
    stretch of many steps looks full. On the graph of a function of one coordinate, the first run has the widest line,
    so that the others do not hide it.

    Examples
    --------
    >>> from optim.viz import paths
    >>> import optim.viz
    >>> drawing = paths(optim.viz.race("booth", ["SGD(lr=0.05)", "Adam(lr=1)"]))
    >>> [line.get_label() for line in drawing["lines"]]
    ['SGD(lr=0.05)', 'Adam(lr=1)']
    """
    trajectories = runs_in(runs)
    surface = trajectories[0].surface
    if surface.ndim != 1:
        frame(surface, domain)  # raises an error if it cannot be drawn
    with style():
        ax = axes_or_new(ax, (6, 4))
        if surface.ndim == 1:
            trajectories = [on_graph(trajectory) for trajectory in trajectories]
            ground = graph(surface, ax, domain)
        else:
            ground = contour(surface, ax, domain=domain, levels=levels)
        box, lines, dots = (ax.get_xlim(), ax.get_ylim()), [], []
        for trajectory, run, looks in single_runs(trajectories, box):
            if trajectory.count:
                weight = {"linewidth": 0.8, "alpha": 0.7}
            elif surface.ndim == 1:
                weight = {"linewidth": 2 + 2.5 * (len(trajectories) - 1 - len(lines)), "linestyle": "-"}
            else:
                weight = {"path_effects": HALO}
            lines += ax.plot(*run.positions.T, **{**looks, **weight, "markevery": [-1], **kwargs})
            dots += ax.plot(*run.positions[apart(run.positions, box)].T, **DOTS, color=lines[-1].get_color(),
                            markersize=2 if trajectory.count else 4)
        outside = ExitMarks(ax).mark(lines, box)
        starts, = ax.plot(*first_positions(trajectories).T, **STARTS, markeredgewidth=1.2, zorder=4)
        titled(ax, surface.heading, formula_of(surface), note_of(runs))
        if legend:
            add_legend(ax, "below", [*lines, starts, *ground["minima"]])
    words = "; ".join(f"{trajectory.label} {path_in_words(trajectory, box)}" for trajectory in trajectories)
    title = f"Paths on {surface.name}"
    return Drawing(ax, {"lines": lines, "dots": dots, "starts": starts, "exits": outside, **ground.artists}, title,
                   f"{title}: {words}. {ground.description}")


def graph(surface, ax, domain=None):
    """Draw the graph of a function of one coordinate, with its global minima as stars."""
    ((left, right),) = surface.domain if domain is None else dataclasses.replace(surface, domain=domain).domain
    with np.errstate(all="ignore"):
        x = np.linspace(left, right, 500)
        values = surface.values(x[np.newaxis])
    finite = values[np.isfinite(values)]
    margin = 0.05 * (np.ptp(finite) or 1)
    line, = ax.plot(x, values, color="#606A78", linewidth=1.5, linestyle="-", marker="", label="_graph")
    seen = np.array([(*point, surface.minimum) for point in surface.minima if left <= point[0] <= right])
    minima = stars(ax, seen)
    ax.set(xlim=(left, right), ylim=(finite.min() - margin, finite.max() + margin), xlabel="$x$", ylabel="$f(x)$")
    words = f"Graph of {surface.name} for x from {left:g} to {right:g}{minima_in_words(seen)}"
    return Drawing(ax, {"graph": line, "minima": minima}, f"Graph of {surface.name}", words)


def on_graph(trajectory):
    """Return a run over one coordinate as points of the graph: the loss is the second coordinate."""
    points = np.stack([trajectory.positions[:, 0], trajectory.losses], axis=1)
    return dataclasses.replace(trajectory, positions=points)


def stars(ax, points):
    """Draw minima as stars: a list of one line, or of none."""
    return ax.plot(*points.T, **MINIMA, markeredgewidth=0.9, zorder=4, clip_on=False) if len(points) else []


def single_runs(trajectories, box=None):
    """Yield each single run, its trajectory, and the style of its line; a trajectory's first run has the label."""
    for i, trajectory in enumerate(trajectories):
        looks, colors = {**look(i), "label": run_in_words(trajectory, box)}, {}
        if is_sweep(trajectories):
            colors = dict(enumerate(sweep_colors(trajectory).to_rgba(swept(trajectory)[1])))
        for j, run in enumerate(trajectory):
            yield trajectory, run, {**looks, "color": colors.get(j, looks["color"])}
            looks = {**looks, "label": None}


def first_positions(trajectories):
    """Return the points where runs begin, each once, one in each row."""
    return np.unique([run.positions[0] for trajectory in trajectories for run in trajectory], axis=0)


# Losses

def losses(runs, ax=None, *, xscale="linear", legend=True, **kwargs):
    """Draw the loss by step: above the global minimum and on a log scale, where these make sense.

    Parameters
    ----------
    runs : Race, Trajectory, or list of Trajectory
    ax : Axes, optional
    xscale : {"linear", "log"}, default "linear"
        "log" spreads out the first steps, for runs in which much happens there.
    legend : bool, default True
    **kwargs
        For `Axes.plot`, of each curve.

    Returns
    -------
    Drawing
        With the artists "lines" (one for each trajectory), "bands" (for each of N runs in one pass: from the 10th to
        the 90th percentile, around the median) and "exits" (the triangles where a curve leaves the frame). N runs that
        differ in only one hyperparameter are a fan: a line for each, coloured by the value, and a "colorbar".

    Notes
    -----
    The scale is logarithmic if the minimum is known and no loss is below it, or if all losses are positive and span
    more than a factor of 100. It ends where rounding errors begin, at 1e-16 of the highest loss. The frame holds the
    runs that did not diverge. In a new figure, curves have their names at their ends instead of a legend, if the ends
    are far enough apart.
    """
    trajectories = runs_in(runs)
    values, name, logarithmic = loss_scale(trajectories)
    with style():
        ax = axes_or_new(ax)
        artists = curves(ax, trajectories, values, name, logarithmic, xscale, **kwargs)
        explain_curves(ax, artists, runs, f"{trajectories[0].surface.heading}: loss by step", legend)
    words = "; ".join(f"{trajectory.label} {loss_in_words(trajectory)}" for trajectory in trajectories)
    title = f"Loss by step on {trajectories[0].surface.name}"
    scale = " on a logarithmic scale" if logarithmic else ""
    return Drawing(ax, artists, title, f"{title}{scale}: {words}")


def curves(ax, trajectories, values, name, logarithmic=True, xscale="linear", **kwargs):
    """Draw a number by step for each trajectory, in axes made to fit, and return the artists as `losses` does."""
    if xscale not in ("linear", "log"):
        raise ValueError(f'xscale is {xscale!r}; expected "linear" or "log"')
    if logarithmic:
        ax.set_yscale("log", nonpositive="mask")
    draw = fan if is_sweep(trajectories) else medians
    artists, (bottom, top) = draw(ax, trajectories, values, logarithmic, **kwargs)
    step_axis(ax, max(trajectory.steps[-1] for trajectory in trajectories), xscale)
    outside = [mark for line in artists["lines"] for mark in curve_exits(ax, line, bottom, top)]
    ax.set(xlabel="step", ylabel=name, ylim=(bottom, top))
    return {**artists, "exits": outside}


def medians(ax, trajectories, values, logarithmic, **kwargs):
    """Draw a curve for each trajectory, of N runs with a band; return the artists, and limits in which they fit."""
    spread = [percentiles(value, [10, 50, 90]) if value.ndim == 2 else np.array([value]) for value in values]
    lines, bands = [], []
    for i, (trajectory, value) in enumerate(zip(trajectories, spread)):
        steps, middle = trajectory.steps[:value.shape[1]], value[len(value) // 2]
        if len(value) == 3:
            bands.append(ax.fill_between(steps, *value[::2], color=look(i)["color"], alpha=0.2, linewidth=0))
        every = max(1, len(middle) // 8)
        staggered = {"markevery": (i * every // len(trajectories), every)}
        lines += ax.plot(steps, middle, **{**look(i), "label": run_in_words(trajectory), **staggered, **kwargs})
    return {"lines": lines, "bands": bands}, loss_limits(trajectories, spread, logarithmic)


def fan(ax, trajectories, values, logarithmic, **kwargs):
    """Draw N curves, coloured by the value that was swept; return the artists, and limits for the runs that stay."""
    (trajectory,), (values,) = trajectories, values
    colors, (name, swept_values) = sweep_colors(trajectory), swept(trajectory)
    steps, looks = trajectory.steps[:len(values)], {"linestyle": "-", "marker": "", "linewidth": 1.3, **kwargs}
    lines = [ax.plot(steps, column, **{"color": colors.to_rgba(value), **looks})[0]
             for column, value in zip(values.T, swept_values)]
    bar = ax.figure.colorbar(colors, ax=ax, label=name)
    staying = values[:, ~trajectory.diverged] if not trajectory.diverged.all() else values[:1]
    return {"lines": lines, "bands": [], "colorbar": bar}, loss_limits([], [staying], logarithmic)


def explain_curves(ax, artists, runs, title, legend=True):
    """Set the title of curves, and name the runs: at the ends of the curves if there is room, or in a legend."""
    trajectories = runs_in(runs)
    is_fan = "colorbar" in artists
    note = trajectories[0].label if is_fan and legend else note_of(runs)
    titled(ax, title if is_fan else f"{title}{spread_in_words(trajectories)}", note=note)
    if legend and not is_fan and not name_ends(ax, artists["lines"]):
        add_legend(ax, "inside" if len(trajectories) <= IN_CORNER else "below")


def name_ends(ax, lines):
    """Write the name of each curve at its end if the axes are new and there is room; return whether this was done."""
    ends = [ax.transData.transform(line.get_xydata()[-1]) for line in lines]
    heights = np.array([height for _, height in ends])
    gaps = np.diff(np.sort(heights), prepend=ax.bbox.y0, append=ax.bbox.y1)
    short = all(len(line.get_label()) <= 24 for line in lines)
    if not (may_grow(ax.figure) and short and np.all(gaps[1:-1] >= 14) and np.all(gaps[[0, -1]] >= 0)):
        return False
    for line in lines:
        ax.annotate(line.get_label(), line.get_xydata()[-1], (8, 0), textcoords="offset points", va="center",
                    color=line.get_color(), fontsize=9, annotation_clip=False)
    return True


def curve_exits(ax, line, bottom, top):
    """Draw triangles where a curve first leaves the frame at the top and at the bottom; return them."""
    points, values = line.get_xydata(), line.get_ydata()
    return [mark for marker, edge, beyond in (("^", top, values > top), ("v", bottom, values < bottom))
            for leaving in np.flatnonzero(~beyond[:-1] & beyond[1:])[:1]
            for mark in ax.plot(crossing(ax, points[leaving:leaving + 2], edge), edge, linestyle="none",
                                marker=marker, markersize=8, clip_on=False, color=line.get_color(), zorder=5)]


def crossing(ax, ends, edge):
    """Return where the line between two points on the screen crosses a height; the first one if it is endless."""
    (left, low), (right, high) = ends
    with np.errstate(all="ignore"):
        low, high, level = ax.yaxis.get_transform().transform([low, high, edge])
    if not np.isfinite(high):
        return left
    along = ax.xaxis.get_transform()
    left, right = along.transform([left, right])
    return along.inverted().transform([left + (level - low) / (high - low) * (right - left)])[0]


def is_sweep(trajectories):
    """Return whether there is one trajectory, of N runs with different values of one hyperparameter."""
    return len(trajectories) == 1 and swept(trajectories[0]) is not None


def sweep_colors(trajectory):
    """Return the colours of N runs by the value that was swept, as a ScalarMappable; `to_rgba` gives them."""
    values = swept(trajectory)[1]
    logarithmic = values.min() > 0 and values.max() >= 10 * values.min()
    return ScalarMappable((LogNorm if logarithmic else Normalize)(values.min(), values.max()), FAN)


def step_axis(ax, last, scale="linear"):
    """Let the horizontal axis count steps, up to the last."""
    ax.set_xlim((0, last) if last > 1 else (-0.1, 1.1))  # markers of a single step are at the very ends
    ax.xaxis.get_major_locator().set_params(integer=True)
    if scale == "log":
        ax.set_xscale("symlog", linthresh=1)  # which has a place for step 0
        ax.xaxis.set_major_formatter(ScalarFormatter())


def loss_scale(trajectories):
    """Return the values to draw, what to call them, and whether their scale is logarithmic."""
    excess = [trajectory.excess for trajectory in trajectories]
    if not np.isnan(excess[0]).all() and all(np.nanmin(value) >= -FLOOR * np.nanmax(value) for value in excess):
        return excess, "loss" if trajectories[0].surface.minimum == 0 else "loss above the minimum", True
    values = [trajectory.losses for trajectory in trajectories]
    lowest, highest = min(map(np.nanmin, values)), max(map(np.nanmax, values))
    return values, "loss", bool(0 < 100 * lowest < highest)


def step_scale(trajectories):
    """Return "log" if more than a third of the change of the losses happens in the first twentieth of the steps."""
    values, _, logarithmic = loss_scale(trajectories)
    early = []
    for trajectory, value in zip(trajectories, values):
        with np.errstate(all="ignore"):
            value = np.log(value) if logarithmic else value
        value = value[np.isfinite(value).reshape(len(value), -1).all(axis=1)]
        if len(value):
            span, first = np.ptp(value, axis=0), np.ptp(value[:len(trajectory.steps) // 20 + 1], axis=0)
            early.append(np.median(first / np.where(span > 0, span, 1)))
    return "log" if early and np.median(early) > 1 / 3 and trajectories[0].steps[-1] >= 40 else "linear"


def loss_limits(trajectories, values, logarithmic):
    """Return the bottom and the top of a frame for all values, except those that only diverging runs have reached."""
    settled = [value for trajectory, value in zip(trajectories, values) if not trajectory.diverged.any()]
    settled = settled or ([value[:, :1] for value in values] if trajectories else values)
    finite = np.concatenate([value[np.isfinite(value)] for value in settled])
    if logarithmic:
        return logarithmic_limits(finite)
    if not finite.size:
        return 0.1, 10.0
    margin = 0.05 * (np.ptp(finite) or np.abs(finite[0])) or 1.0
    return finite.min() - margin, finite.max() + margin


def logarithmic_limits(values):
    """Return the bottom and the top of a frame on a logarithmic scale, for all values above rounding errors."""
    positive = values[values > 0]
    if not positive.size:
        return 0.1, 10.0
    return max(positive.min(), FLOOR * positive.max()) / 2, positive.max() * 3


def percentiles(values, which):
    """Return percentiles over the runs, which are on the last axis, by step; NaN where all runs have ended."""
    there = ~np.isnan(values).all(axis=1)
    found = np.full((len(which), len(values)), np.nan)
    found[:, there] = np.nanpercentile(values[there], which, axis=1)
    return found


# Both

def overview(race, *, domain=None, levels=20):
    """Draw the paths beside the loss curves, as a figure.

    Parameters
    ----------
    race : Race, Trajectory, or list of Trajectory
    domain, levels
        As in `contour`.

    Returns
    -------
    Drawing
        With `ax` the pair of axes, and the artists of `paths` and, under "losses", those of `losses`.
    """
    trajectories = runs_in(race)
    with style():
        figure = new_figure((8, 4))
        left, right = figure.subplots(1, 2)
        over = paths(trajectories, left, domain=domain, levels=levels, legend=False)
        by_step = losses(trajectories, right, xscale=step_scale(trajectories), legend=False)
        note = textwrap.wrap(note_of(race), 118, break_on_hyphens=False)
        if note:
            figure.suptitle("\n".join(note), x=0.01, ha="left", fontsize=9)
        handles = in_legend([*over["lines"], over["starts"], *over["minima"]])
        legend = widest_legend(figure, handles)
        figure.set_figheight(3.55 + 0.2 * len(note) + max(legend.get_window_extent().height / figure.dpi, 0.45))
    return Drawing((left, right), {**over.artists, "losses": by_step.artists}, over.title,
                   f"{over.description}. {by_step.description}")


# Words

def formula_of(surface):
    """Return the formula of a surface for a title, or an empty string if it is too long."""
    return f"$f = {surface.formula}$" if 0 < len(surface.formula) < 60 else ""


def run_in_words(trajectory, box=None):
    """Return the label of a run with its learning rate, and how it ended."""
    return f"{trajectory.label}{lr_in_words(trajectory)}{ending_in_words(trajectory, box)}"


def lr_in_words(trajectory):
    """Return the learning rate for a label that does not state it; nothing if there are several."""
    stated = "lr" in trajectory.label or "rate" in trajectory.label
    return "" if stated or np.ptp(trajectory.rates) != 0 else f", lr={trajectory.rates.flat[0]:.4g}"


def ending_in_words(trajectory, box=None):
    """Return what to add to a label if the run diverged or, given a frame, the path leaves it."""
    if trajectory.ending:
        return f", {trajectory.ending}"
    leaving = 0 if box is None else sum(any(exits(run.positions, box)) for run in trajectory)
    if not leaving:
        return ""
    return f", {leaving} of {trajectory.count} leave the frame" if trajectory.count else ", leaves the frame"


def path_in_words(trajectory, box):
    """Return in words where a run went."""
    ending = ending_in_words(trajectory, box)
    if trajectory.count:
        return f"{trajectory.count} runs{ending}"
    (x, y), (u, v) = trajectory.positions[0], trajectory.positions[-1]
    return f"from ({x:.2g}, {y:.2g}) to ({u:.2g}, {v:.2g}) in {trajectory.last_steps} steps{ending}"


def loss_in_words(trajectory):
    """Return in words how the loss went."""
    first, last = np.median(trajectory.losses[0]), np.median(trajectory.at_end(trajectory.losses))
    return f"from {first:.2g} to {last:.2g}{ending_in_words(trajectory)}"


def spread_in_words(trajectories):
    """Return what the curves and bands of N runs in one pass show."""
    counts = [trajectory.count for trajectory in trajectories if trajectory.count]
    return f", median of {max(counts)} runs, shaded from 10 % to 90 %" if counts else ""


def minima_in_words(points):
    """Return in words where the minima are, at most the first three."""
    if not len(points):
        return ""
    words = ", ".join(f"({x:.2g}, {y:.2g})" for x, y in points[:3])
    return f", with {'minima' if len(points) > 1 else 'the minimum'} at {words}{', ...' if len(points) > 3 else ''}"
