"""Portraits of optimizers: the basins of attraction of many optimizers on one surface, side by side."""

from math import ceil

from matplotlib.patches import Patch

from .. import surfaces
from ..pictures.drawing import MINIMA, Drawing, new_figure, style, widest_legend
from ..pictures.framing import points_within
from ..runs.contestants import without_lr
from .basins import basin_colors, basin_map, counted, minimum_entries, shading
from .raster import DIVERGED, NOWHERE, draw_image, hatch, thinned

SITTERS = {  # learning rates that show what each rule does on a surface about ten units wide
    "SGD": "SGD(lr=0.01)", "momentum": "SGD(lr=0.01, momentum=0.9)",
    "Nesterov": "SGD(lr=0.01, momentum=0.9, nesterov=True)", "Rprop": "Rprop(lr=0.1)", "SignSGD": "SignSGD(lr=0.05)",
    "Signum": "Signum(lr=0.02)", "Lion": "Lion(lr=0.04)", "Adagrad": "Adagrad(lr=0.5)", "Adadelta": "Adadelta(lr=10)",
    "RMSprop": "RMSprop(lr=0.1)", "Adam": "Adam(lr=0.2)", "Adamax": "Adamax(lr=0.2)", "NAdam": "NAdam(lr=0.2)",
    "RAdam": "RAdam(lr=0.01)", "AdaBelief": "AdaBelief(lr=0.2)", "Yogi": "Yogi(lr=0.2)",
}
PANEL, NARROWEST = 2.1, 5.4  # inches, of a panel and of the whole sheet


def portraits(surface, optimizers=None, steps=300, *, size=256, domain=None, columns=None, seed=0, executor=None):
    """Draw a map of basins for each of many optimizers, with one legend and one scale of shading.

    Parameters
    ----------
    surface : str, Surface or callable
        A surface of two coordinates.
    optimizers : dict or list, optional
        Optimizers as in `race`, elementwise ones; a dictionary gives them titles. Default: sixteen well-known rules.
    steps : int, default 300
        The steps of each run.
    size : int, default 256
        Pixels along each side of a panel. Each pixel is a run.
    domain, seed, executor : optional
        As in `basin_map`.
    columns : int, optional
        Panels in a row. Default: about as many as there are rows, or all of up to three.

    Returns
    -------
    Drawing
        With the artists "images" (one for each optimizer) and "maps" (a BasinMap for each).

    Examples
    --------
    >>> from optim.viz import portraits
    >>> drawing = portraits("himmelblau", {"plain": "SGD(lr=0.01)", "heavy": "SGD(lr=0.01, momentum=0.9)"}, size=32)
    >>> [ax.get_title().split(",")[0] for ax in drawing.ax]
    ['plain', 'heavy']
    """
    surface = surfaces.get(surface)
    chosen = SITTERS if optimizers is None else optimizers
    labels = list(chosen) if isinstance(chosen, dict) else [None] * len(chosen)
    given = list(chosen.values()) if isinstance(chosen, dict) else list(chosen)
    if not given:
        raise ValueError("optimizers is empty; expected at least one, such as 'Adam(lr=0.2)'")
    settings = {"size": size, "seed": seed, "executor": executor}
    maps = [basin_map(surface, optimizer, domain, steps, **settings) for optimizer in given]
    columns = columns or (len(maps) if len(maps) < 4 else ceil(len(maps) ** 0.5))
    rows, scale = ceil(len(maps) / columns), shading(maps)
    with style():
        side = max(PANEL, NARROWEST / columns)
        (left, right), (bottom, top) = maps[0].facts["domain"]
        high = side * min((top - bottom) / (right - left), 3)
        figure = new_figure((side * columns, (high + 0.25) * rows + 0.8))
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        images = [panel(ax, result, label, scale) for ax, result, label in zip(axes, maps, labels)]
        for ax in axes[len(maps):]:
            ax.set_axis_off()
        figure.suptitle(f"{surface.heading}: which minimum each start leads to, in {steps} steps", fontsize=11)
        widest_legend(figure, entries(maps, scale), fontsize=8)
    description = f"Basins of attraction on {surface.name}: " + "; ".join(result.facts["title"] for result in maps)
    return Drawing(tuple(axes[:len(maps)]), {"images": images, "maps": maps}, f"Portraits on {surface.name}",
                   description)


def panel(ax, result, label, scale):
    """Draw one map without numbers along its axes, and return its image."""
    shown = thinned(result)
    image = draw_image(ax, result, basin_colors(shown, scale))
    hatch(ax, result, shown)
    (left, right), (bottom, top) = result.facts["domain"]
    minima = points_within(result.facts["minima"], result.facts["domain"])
    ax.plot(*minima.T, **{**MINIMA, "color": "white", "markersize": 6, "markeredgewidth": 0.6})
    ax.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], box_aspect=(top - bottom) / (right - left))
    lr = result.facts["hyperparameters"].get("lr")
    name = label or without_lr(result.facts["optimizer"])
    ax.set_title(name if lr is None else f"{name}, lr {lr:g}", fontsize=8.5, loc="center")
    return image


def entries(maps, scale):
    """Return the entries of the legend that all panels share."""
    facts = maps[0].facts
    found = minimum_entries(facts["global"], [f"({x:.3g}, {y:.3g})" for x, y in facts["minima"]])
    if any(((result["minimum"] < 0) & ~result["diverged"]).any() for result in maps):
        found.append(Patch(facecolor=NOWHERE, label="not there yet"))
    if any(result["diverged"].any() for result in maps):
        found.append(Patch(**DIVERGED, label="diverged"))
    low, high = scale
    return [*found, Patch(alpha=0, label=f"pale: {counted(low)}, dark: {counted(high)}")]
