"""What the pictures of all maps share: pixels over axes, and dark hatching where runs diverged."""

import dataclasses

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import AutoLocator, FuncFormatter, LogLocator, NullLocator

DARK, HATCH, NOWHERE = "#2B2B2B", "#8A8A8A", "#D9D9D9"
DIVERGED = {"facecolor": DARK, "edgecolor": HATCH, "hatch": "////"}  # in a legend
HATCHED = 400  # pixels along the side of the grid that is hatched
SHOWN = 2048  # pixels along the side of an image; more would only take memory, 24 bytes each


def draw_image(ax, result, values, **kwargs):
    """Draw values as pixels over the map's axes, logarithmic ones if their values are.

    The logarithm of the corners is taken here, so on the screen all pixels are equally wide. An image in the
    coordinates of the data would have pixels of equal differences on a logarithmic axis.
    """
    extent = []
    for name, axis, coordinates in (("x", ax.xaxis, result.x), ("y", ax.yaxis, result.y)):
        low, high = ends = edges_of(coordinates)
        logarithmic = is_logarithmic(coordinates)
        ax.set(**{f"{name}scale": "log" if logarithmic else "linear", f"{name}lim": ends})
        if logarithmic and high < 30 * low:  # hardly a power of ten in the range: 2.6 instead of 2.6 x 10^0
            ticks = AutoLocator() if high < 5 * low else LogLocator(subs=(1, 2, 5))
            plain = FuncFormatter(lambda value, place: f"{value:g}")
            axis.set(major_locator=ticks, major_formatter=plain, minor_locator=NullLocator())
        extent += (np.log10(ends) if logarithmic else ends).tolist()
    ax.set_autoscale_on(False)
    image = ax.imshow(values, origin="lower", aspect="auto", extent=extent, transform=ax.transLimits + ax.transAxes,
                      **kwargs)
    ax.grid(False)
    return image


def is_logarithmic(values):
    """Return whether the values along an axis have equal ratios instead of equal differences."""
    gaps = np.diff(values)
    return not np.allclose(gaps, gaps[0], rtol=1e-6, atol=1e-12 * np.abs(values).max())


def edges_of(values):
    """Return where the first pixel along an axis begins and the last one ends."""
    if is_logarithmic(values):
        return np.exp(edges_of(np.log(values)))
    half = (values[-1] - values[0]) / (len(values) - 1) / 2
    return np.array([values[0] - half, values[-1] + half])


def hatch(ax, result, shown):
    """Draw the pixels of runs that diverged dark and hatched; None if there are none."""
    where = shown["diverged"]
    if not where.any():
        return None
    draw_image(ax, result, np.where(where[..., np.newaxis], [*to_rgb(DARK), 1.0], 0.0))
    rows, columns = (nearest(count, HATCHED) for count in where.shape)
    with mpl.rc_context({"hatch.color": HATCH, "hatch.linewidth": 0.6}):
        return ax.contourf(shown.x[columns], shown.y[rows], where[np.ix_(rows, columns)].astype(float), [0.5, 1.5],
                           colors="none", hatches=["////"])


def thinned(result):
    """Return a map with at most SHOWN of its rows and columns."""
    rows, columns = (nearest(count, SHOWN) for count in result.shape)
    arrays = {name: array[np.ix_(rows, columns)] for name, array in result.arrays.items()}
    return dataclasses.replace(result, x=result.x[columns], y=result.y[rows], arrays=arrays)


def nearest(count, most):
    """Return the places of at most this many of the values along an axis."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def axes_in_words(result):
    """Return the axes in words."""
    return (f"{result.x_name} from {result.x[0]:.3g} to {result.x[-1]:.3g} and {result.y_name} from "
            f"{result.y[0]:.3g} to {result.y[-1]:.3g}")
