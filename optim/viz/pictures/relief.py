"""A surface in relief, seen in three dimensions, with the paths of runs on it.

Heights are drawn in units of contour lines: one step up is from one level of `Surface.levels` to the next, and the axis
is labelled with the true values. On Rosenbrock, true heights would show only walls; this way you see the valley.
Paths are laid over the ground from step to step, with a dot for each step; where the ground hides them, a faint line
shows how they go on. Minima behind the ground are faint too.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap

from .. import surfaces
from ..runs.trajectory import note_of, runs_in
from ..surfaces.definition import Surface
from .drawing import (
    HALO,
    MINIMA,
    STARTS,
    Drawing,
    add_legend,
    axes_or_new,
    in_legend,
    may_grow,
    style,
    titled,
    widest_legend,
)
from .framing import apart, frame, points_within, visible_parts
from .plots import DOTS, first_positions, formula_of, single_runs

PALE_VIRIDIS = ListedColormap(0.5 + 0.5 * mpl.colormaps["viridis"](np.linspace(0, 1, 256)))  # dark paths stand out
BETWEEN = 12  # points at which a path is laid over the ground from one step to the next
ABOVE = 0.15  # contour lines, so that a path can be seen
BOX = np.array([4, 4, 2.7])  # the sides of the axes
ELEVATION, AZIMUTH = 48, -65  # direction of view, in degrees


def relief(what, ax=None, *, domain=None, levels=20, legend=True, **kwargs):
    """Draw a surface in relief, and on it the paths of runs.

    Parameters
    ----------
    what : Race, Trajectory, list of Trajectory; or a surface, its name or a function
        Runs, or a surface alone.
    ax : Axes, optional
        With three dimensions, as ``plt.subplot(projection="3d")``. Default: those of a new figure.
    domain : two pairs (low, high), optional
        The part of the plane to show. Default: the surface's own domain. Only the part of a path that lies above it is
        drawn.
    levels : int, default 20
        The number of steps of height.
    legend : bool, default True
    **kwargs
        For `Axes3D.plot_surface`.

    Returns
    -------
    Drawing
        With the artists "surface", "lines" (one for each run, whole and faint), "visible" (the parts of them that the
        ground does not hide), "starts" and "minima" (lists of two lines of points, those in sight and those behind the
        ground, or none).

    Raises
    ------
    ValueError
        If `ax` has no third dimension, or the surface does not have two coordinates.
    """
    alone = isinstance(what, (str, Surface)) or callable(what)
    trajectories = [] if alone else runs_in(what)
    surface = surfaces.get(what) if alone else trajectories[0].surface
    box = frame(surface, domain)
    with style(), np.errstate(all="ignore"):
        in_space = {"projection": "3d", "proj_type": "ortho", "computed_zorder": False}
        ax = axes_or_new(ax, figsize=(5.4, 4), subplot_kw=in_space)
        if ax.name != "3d":
            raise ValueError('relief needs axes of three dimensions: plt.subplot(projection="3d")')
        X, Y, Z = surface.grid(150, domain=domain)
        heights = surface.levels(levels, domain=domain)
        mesh = {"rcount": 100, "ccount": 100, "linewidth": 0.2, "edgecolor": "white", "cmap": PALE_VIRIDIS, "zorder": 1}
        drawn = ax.plot_surface(X, Y, in_levels(Z, heights), **{**mesh, **kwargs})
        above = lambda points: in_levels(surface.values(points), heights) + ABOVE
        furnish(ax, box, heights)
        laid = [lay(ax, run, looks, box, above) for _, run, looks in single_runs(trajectories, box)]
        lines, visible = map(list, zip(*laid)) if laid else ([], [])
        starts = dots(ax, first_positions(trajectories), box, above, **{**STARTS, "markersize": 7})
        minima = dots(ax, surface.minima, box, above, **{**MINIMA, "markersize": 12})
        titled(ax, surface.heading, formula_of(surface), note_of(what))
        if legend and (handles := in_legend([*visible, *starts[:1], *minima[:1]])):
            if may_grow(ax.figure):
                height = widest_legend(ax.figure, handles).get_window_extent().height
                ax.figure.set_figheight(ax.figure.get_figheight() + height / ax.figure.dpi)
            else:
                add_legend(ax, handles=handles)
    words = f", with the paths of {', '.join(one.label for one in trajectories)}" if trajectories else ""
    title = f"Relief of {surface.name}"
    artists = {"surface": drawn, "lines": lines, "visible": visible, "starts": starts, "minima": minima}
    return Drawing(ax, artists, title, f"{title}{words}")


def lay(ax, run, looks, box, above):
    """Draw the path of a run over the ground, faint as a whole, and where it can be seen; return both lines."""
    points = on_the_ground(run.positions, box)
    whole = np.array([*points, above(points)])
    looks = {**looks, "markevery": [-1]}
    faint, = ax.plot(*whole, **{**looks, "linestyle": "-", "linewidth": 0.8, "alpha": 0.35}, zorder=2)
    seen = np.where(hidden(whole, box, above, ax.get_zlim()[1]), np.nan, whole)
    line, = ax.plot(*seen, **looks, path_effects=HALO, zorder=3)
    steps = BETWEEN * np.array(apart(run.positions, box))
    ax.plot(*seen[:, steps], **DOTS, color=looks["color"], markersize=3, zorder=3)
    return faint, line


def hidden(points, box, above, top, depth=2 * ABOVE):
    """Return which points are hidden this deep behind the ground, seen from the axes' direction of view."""
    elevation, azimuth = np.radians(ELEVATION), np.radians(AZIMUTH)
    to_viewer = [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    unit = np.array([*np.ptp(box, axis=1), top]) / BOX  # of the axes' own lengths, in coordinates
    way = np.linspace(0, BOX[2] / to_viewer[2], 60)[1:]
    sights = points[:, :, np.newaxis] + (unit * to_viewer)[:, np.newaxis, np.newaxis] * way
    low, high = np.transpose(box)[:, :, np.newaxis, np.newaxis]
    inside = np.all((low <= sights[:2]) & (sights[:2] <= high), axis=0)
    ground = np.full(inside.shape, -np.inf)
    ground[inside] = above(sights[:2, inside])
    return (ground > sights[2] + depth).any(axis=1)


def dots(ax, points, box, above, **looks):
    """Draw the points in the frame a little above the ground, faint behind it; return both lines, or none."""
    x, y = points = points_within(points, box).T
    if not len(x):
        return []
    whole = np.array([x, y, above(points)])
    behind = hidden(whole, box, above, ax.get_zlim()[1], depth=3)  # contour lines: a symbol is that high
    return [ax.plot(*whole[:, where], markeredgewidth=1.2, zorder=4, alpha=alpha, **looks)[0]
            for where, alpha in ((~behind, 1), (behind, 0.55))]


def on_the_ground(positions, box):
    """Return points close together along a path, BETWEEN for each step, NaN where it is outside the frame."""
    positions = np.concatenate([positions, positions[-1:]])  # so that every step begins a segment
    entering, leaving = visible_parts(positions, box)
    way = entering + np.linspace(0, 1, BETWEEN)[:, np.newaxis] * (leaving - entering)
    way[-1, leaving < 1] = np.nan
    way[:, entering > leaving] = np.nan
    points = positions[:-1].T[:, np.newaxis] + way * np.diff(positions, axis=0).T[:, np.newaxis]
    return points.transpose(0, 2, 1).reshape(2, -1)


def in_levels(values, heights):
    """Return values in units of contour lines: 0 at the lowest level, 1 at the next, and so on."""
    return np.interp(values, heights, np.arange(len(heights)))


def furnish(ax, box, heights):
    """Set the frame, and label the heights with round values."""
    values = round_values(heights)
    ax.set_zticks(in_levels(values, heights), [f"{value:,g}" for value in values])
    ax.set(xlim=box[0], ylim=box[1], zlim=(0, max(len(heights) - 1, 1)), xlabel="$x$", ylabel="$y$", zlabel="$f$")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=5)
    ax.view_init(elev=ELEVATION, azim=AZIMUTH)
    ax.set_box_aspect(BOX, zoom=1.1)


def round_values(heights):
    """Return round values between the lowest and the highest level, at least a fifth of the axis apart."""
    digits = [sign * digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5) for sign in (-1, 1)]
    kept = []
    for value in [0.0, *sorted(digits, key=lambda value: (f"{abs(value):e}"[0] != "1", abs(value)))]:
        places = in_levels([value, *kept], heights)
        if heights[0] <= value <= heights[-1] and np.all(np.abs(places[1:] - places[0]) >= len(heights) / 5):
            kept.append(value)
    return sorted(kept)
