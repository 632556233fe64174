"""The plots of a race: paths over the contours of the surface, the loss by step, and both side by side.

Each takes a `Race`, a `Trajectory` or a list of trajectories, and returns a `Drawing`. Nothing is hidden that does not fit:
where a path crosses the edge of the frame, or a curve its top, stands a triangle, and the legend tells how a run ended.
"""

import matplotlib.patheffects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

from . import surfaces
from .drawing import Drawing, axes_or_new, look, style
from .trajectory import Race, Trajectory, median

PALE = LinearSegmentedColormap.from_list("pale", ["#FFFFFF", "#9EA8B8"])  # dark paths stand out, most of all in valleys
OUTWARD = {"left": "<", "right": ">", "bottom": "v", "top": "^"}  # the triangle that points out of each edge
HALO = [matplotlib.patheffects.withStroke(linewidth=2.8, foreground="white")]


def runs_in(what):
    """Return a Race, a Trajectory or several trajectories as a list of them."""
    runs = [what] if isinstance(what, Trajectory) else list(what)
    if not runs or not all(isinstance(one, Trajectory) for one in runs):
        raise TypeError(f"expected a Race, a Trajectory or a list of trajectories, as record and race return; got {what!r}")
    return runs


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
        How many; they crowd where the surface is flat, see `Surface.levels`.
    **kwargs
        For `Axes.contourf`.

    Returns
    -------
    Drawing
        With the artists "contours" and "minima".

    Examples
    --------
    >>> contour("himmelblau").description
    'Contours of himmelblau for x from -6 to 6 and y from -6 to 6, with minima at (3, 2), (-2.8, 3.1), ...'
    """
    surface = surfaces.get(surface)
    (left, right), (bottom, top) = box = surface.domain if domain is None else domain
    with style(), np.errstate(all="ignore"):
        ax = axes_or_new(ax)
        X, Y, Z = surface.grid(domain=domain)
        heights = surface.levels(levels, domain=domain)
        if len(heights) == 1:
            heights = heights[0] + np.array([-0.5, 0.5])  # a constant
        filled = ax.contourf(X, Y, Z, heights, **{"norm": BoundaryNorm(heights, 256), "cmap": PALE, **kwargs})
        ax.contour(X, Y, Z, heights, colors="white", linewidths=0.5, alpha=0.7)
        seen = np.array([point for point in surface.minima if all(is_within(point, box))]).reshape(-1, 2)
        minima, = ax.plot(*seen.T, linestyle="none", marker="*", markersize=15, color="#F0E442", markeredgecolor="black",
                          markeredgewidth=0.9, zorder=4, label="minimum" if len(seen) else None)
        ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y")
        ax.grid(False)
    points = [f"({x:.2g}, {y:.2g})" for x, y in seen]
    told = f", with {'minima' if len(points) > 1 else 'the minimum'} at {some(points)}" if points else ""
    area = f"for x from {left:g} to {right:g} and y from {bottom:g} to {top:g}"
    title = f"Contours of {surface.name}"
    return Drawing(ax, {"contours": filled, "minima": minima}, title, f"{title} {area}{told}")


def paths(runs, ax=None, *, domain=None, levels=20, legend=True, **kwargs):
    """Draw the paths of runs over the contours of their surface.

    Parameters
    ----------
    runs : Race, Trajectory, or list of Trajectory
        On a surface of two coordinates.
    ax, domain, levels
        As in `contour`.
    legend : bool, default True
    **kwargs
        For `Axes.plot`, of each path.

    Returns
    -------
    Drawing
        With the artists "lines" (a list with a line for each run, and for N runs in one pass N of them), "starts",
        "exits" (the triangles where lines leave the frame), and those of `contour`.

    Notes
    -----
    Markers stand at equal distances along a path, and at its end.
    """
    trajectories = runs_in(runs)
    surface = trajectories[0].surface
    (left, right), (bottom, top) = box = surface.domain if domain is None else domain
    with style():
        ax = axes_or_new(ax)
        ground = contour(surface, ax, domain=domain, levels=levels)
        lines, crossings = [], {side: [] for side in OUTWARD}
        for i, trajectory in enumerate(trajectories):
            appearance, several = look(i), trajectory.count is not None
            for k, run in enumerate(trajectory):
                spacing = {"markevery": evenly_spaced(run.positions, box), "path_effects": HALO}
                thin = {"linewidth": 0.8, "alpha": 0.6, "markevery": [-1]} if several else {}
                label = None if k else f"{trajectory.label}{how_it_ended(trajectory, box)}"
                lines += ax.plot(*run.positions.T, **{**appearance, "label": label, **spacing, **thin, **kwargs})
                for side, point in exits(run.positions, box):
                    crossings[side].append((*point, lines[-1].get_color()))
        outside = [ax.scatter(*np.array([point[:2] for point in points]).T, c=[point[2] for point in points], clip_on=False,
                              marker=OUTWARD[side], s=55, edgecolors="white", linewidths=0.7, zorder=5)
                   for side, points in crossings.items() if points]
        begun = np.unique(np.concatenate([np.atleast_2d(one.positions[0].T) for one in trajectories]), axis=0)
        starts, = ax.plot(*begun.T, linestyle="none", marker="o", markersize=8, color="white", markeredgecolor="black",
                          markeredgewidth=1.2, zorder=4, label="start")
        ax.set_title(headline(surface, runs))
        if legend:
            ax.legend(loc="best" if len(lines) < 8 else "upper right")
    artists = {"lines": lines, "starts": starts, "exits": outside, **ground.artists}
    title = f"Paths on {surface.name}"
    return Drawing(ax, artists, title, f"{ground.description}. Paths: {'; '.join(map(told_path, trajectories))}")


def is_within(positions, box):
    """Tell which positions, with x and y on their last axis, lie in the frame: x and y apart for a single point."""
    (left, right), (bottom, top) = box
    x, y = np.moveaxis(np.asarray(positions), -1, 0)
    return (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
