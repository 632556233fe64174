"""A surface in relief, seen in three dimensions, with the paths of runs on it.

Heights are drawn in units of contour lines: one step up is from one level of `Surface.levels` to the next, and the axis
is labelled with the true values. On Rosenbrock, where true heights would show walls and no valley, the valley is seen.
Paths are laid over the ground from step to step, and shine through what is in front of them.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap

from .. import surfaces
from ..runs.trajectory import is_within, note_of, runs_in
from ..surfaces.definition import Surface
from .drawing import HALO, MINIMA, STARTS, Drawing, add_legend, axes_or_new, style, titled
from .framing import along, frame, points_within, visible_parts
from .plots import first_positions, formula_of, single_runs

PALE_VIRIDIS = ListedColormap(0.5 + 0.5 * mpl.colormaps["viridis"](np.linspace(0, 1, 256)))  # dark paths stand out
BETWEEN = 12  # points at which a path is laid over the ground from one step to the next
ABOVE = 0.15  # contour lines, for a path to be seen


def relief(what, ax=None, *, domain=None, levels=20, legend=True, **kwargs):
    """Draw a surface in relief, and on it the paths of runs.

    Parameters
    ----------
    what : Race, Trajectory, list of Trajectory; or a surface, its name or a function
        Runs, or a surface alone.
    ax : Axes, optional
        With three dimensions, as ``plt.subplot(projection="3d")``. Default: those of a new figure.
    domain : two pairs (low, high), optional
        The part of the plane to show. Default: the surface's own domain. Of a path, only what lies above it is drawn.
    levels : int, default 20
        How many steps of height.
    legend : bool, default True
    **kwargs
        For `Axes3D.plot_surface`.

    Returns
    -------
    Drawing
        With the artists "surface", "lines" (one for each run), "starts" and "minima" (lists with one line of points or
        none).

    Raises
    ------
    ValueError
        If `ax` has no third dimension, or the surface has not two coordinates.
    """
    alone = isinstance(what, (str, Surface)) or callable(what)
    trajectories = [] if alone else runs_in(what)
    surface = surfaces.get(what) if alone else trajectories[0].surface
    box = frame(surface, domain)
    with style(), np.errstate(all="ignore"):
        in_space = {"projection": "3d", "computed_zorder": False}
        ax = axes_or_new(ax, figsize=(6, 4.5), subplot_kw=in_space)
        if ax.name != "3d":
            raise ValueError('relief needs axes of three dimensions: plt.subplot(projection="3d")')
        X, Y, Z = surface.grid(150, domain=domain)
        heights = surface.levels(levels, domain=domain)
        mesh = {"rcount": 100, "ccount": 100, "linewidth": 0.2, "edgecolor": "white", "cmap": PALE_VIRIDIS, "zorder": 1}
        drawn = ax.plot_surface(X, Y, in_levels(Z, heights), **{**mesh, **kwargs})
        above = lambda points: in_levels(surface.values(points), heights) + ABOVE
        lines = [lay(ax, run, looks, box, above) for _, run, looks in single_runs(trajectories, box)]
        starts = dots(ax, first_positions(trajectories), box, above, **{**STARTS, "markersize": 7})
        minima = dots(ax, surface.minima, box, above, **{**MINIMA, "markersize": 12})
        titled(ax, surface.heading, formula_of(surface), note_of(what))
        furnish(ax, box, heights)
        if legend and (lines or minima):
            add_legend(ax, "below", [*lines, *starts, *minima])
    told = f", with the paths of {', '.join(one.label for one in trajectories)}" if trajectories else ""
    title = f"Relief of {surface.name}"
    return Drawing(ax, {"surface": drawn, "lines": lines, "starts": starts, "minima": minima}, title, f"{title}{told}")


def lay(ax, run, looks, box, above):
    """Draw the path of a run over the ground, and return the line."""
    points, marks = on_the_ground(run.positions, box)
    line, = ax.plot(*points, above(points), **looks, markevery=marks, path_effects=HALO, zorder=3)
    return line


def dots(ax, points, box, above, **looks):
    """Draw those points that are in the frame, a little above the ground; return a list with one line, or none."""
    x, y = points = points_within(points, box).T
    return ax.plot(x, y, above(points), markeredgewidth=1.2, zorder=4, **looks) if len(x) else []


def on_the_ground(positions, box):
    """Return points close together along a path, NaN where it is outside the frame, and which of them are marked."""
    positions = np.concatenate([positions, positions[-1:]])  # so that every step begins a segment
    entering, leaving = visible_parts(positions, box)
    way = entering + np.linspace(0, 1, BETWEEN)[:, np.newaxis] * (leaving - entering)
    way[-1, leaving < 1] = np.nan
    way[:, entering > leaving] = np.nan
    points = positions[:-1].T[:, np.newaxis] + way * np.diff(positions, axis=0).T[:, np.newaxis]
    marks = [BETWEEN * t for t in along(positions[:-1], box) if is_within(positions[t], box)]
    return points.transpose(0, 2, 1).reshape(2, -1), marks


def in_levels(values, heights):
    """Return values in units of contour lines: 0 at the lowest level, 1 at the next, and so on."""
    return np.interp(values, heights, np.arange(len(heights)))


def furnish(ax, box, heights):
    """Set the frame, and label heights with the values that they stand for."""
    shown = np.linspace(0, len(heights) - 1, 5).round().astype(int)
    ax.set_zticks(shown, [f"{heights[k]:,.0f}" if 100 <= abs(heights[k]) < 1e5 else f"{heights[k]:.2g}" for k in shown])
    ax.set(xlim=box[0], ylim=box[1], xlabel="$x$", ylabel="$y$", zlabel="$f$")
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=5)
    ax.view_init(elev=48, azim=-65)
    ax.set_box_aspect((4, 4, 2.7), zoom=1.1)
