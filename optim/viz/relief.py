"""A surface in relief, seen in three dimensions, with the paths of runs on it.

Heights are drawn in units of contour lines: one step up is from one level of `Surface.levels` to the next, and the axis
is labelled with the true values. On Rosenbrock, where true heights would show walls and no valley, the valley is seen.
"""

import matplotlib.pyplot as plt
import numpy as np

from . import surfaces
from .drawing import Drawing, look, style
from .plots import frame, heading, is_within, runs_in
from .surfaces import Surface


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
        With the artists "surface", "lines" (one for each run) and "minima" (a list with one line of stars, or none).

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
        ax = plt.figure(figsize=(7.5, 4.5)).add_subplot(projection="3d", computed_zorder=False) if ax is None else ax
        if ax.name != "3d":
            raise ValueError('relief needs axes of three dimensions: plt.subplot(projection="3d")')
        X, Y, Z = surface.grid(150, domain=domain)
        heights = surface.levels(levels, domain=domain)
        fine = {"rcount": 100, "ccount": 100, "linewidth": 0, "antialiased": False}
        shown = {"cmap": "viridis", "alpha": 0.85, "zorder": 1}
        drawn = ax.plot_surface(X, Y, in_levels(Z, heights), **{**fine, **shown, **kwargs})
        lines = []
        for i, trajectory in enumerate(trajectories):
            label = trajectory.label
            for run in trajectory:
                seen = np.where(is_within(run.positions, box)[:, np.newaxis], run.positions, np.nan)
                over = in_levels(surface.values(run.positions.T), heights) + 0.15  # above the ground, to be seen
                spacing = max(1, len(over) // 12)
                lines += ax.plot(*seen.T, over, **{**look(i), "label": label, "markevery": spacing}, zorder=3)
                label = None
        stars = np.array([point for point in surface.minima if is_within(point, box)])
        minima = ax.plot(*stars.T, np.zeros(len(stars)), linestyle="none", marker="*", markersize=12, color="#F0E442",
                         markeredgecolor="black", label="minimum", zorder=4) if len(stars) else []
        furnish(ax, heading(what, surface), box, heights)
        if legend and (lines or minima):
            ax.legend(loc="upper left", bbox_to_anchor=(1.05, 1))
    told = f", with the paths of {', '.join(one.label for one in trajectories)}" if trajectories else ""
    title = f"Relief of {surface.name}"
    return Drawing(ax, {"surface": drawn, "lines": lines, "minima": minima}, title, f"{title}{told}")


def in_levels(values, heights):
    """Return values in units of contour lines: 0 at the lowest level, 1 at the next, and so on."""
    return np.interp(values, heights, np.arange(len(heights)), left=np.nan, right=np.nan)


def furnish(ax, title, box, heights):
    """Set the frame, and label heights with the values that they stand for."""
    shown = np.linspace(0, len(heights) - 1, 5).round().astype(int)
    ax.set_zticks(shown, [f"{heights[k]:,.0f}" if abs(heights[k]) >= 100 else f"{heights[k]:.2g}" for k in shown])
    ax.set(xlim=box[0], ylim=box[1], xlabel="$x$", ylabel="$y$", zlabel="$f$", title=title)
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=5)
    ax.view_init(elev=48, azim=-65)
