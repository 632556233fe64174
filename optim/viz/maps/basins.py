"""Maps over starts: which minimum an optimizer reaches from each start, and how fast."""

import dataclasses

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

import optim
from minigrad import Tensor, hessian
from minigrad import grad as gradient

from .. import surfaces
from ..pictures.drawing import MINIMA, Drawing, add_legend, axes_or_new, style, titled
from ..pictures.framing import has_equal_scales, points_within
from ..runs.recording import FAR, Objective, built, check_count
from ..surfaces.definition import Surface
from .map import Map, SharedNoise, check_independent, check_positive, common_facts, mapped, optimizer_in_words, walk
from .raster import DARK, DIVERGED, NOWHERE, axes_in_words, draw_image, hatch, thinned
from .tiles import BATCH

# Okabe's and Ito's colours, with a yellower green: lightness shows the steps, so all eyes must see different hues.
BASINS = ["#0072B2", "#E69F00", "#2E9B4F", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"]
SHADED = [1, 99.5]  # percentiles of the steps: quicker runs have the palest colour, slower ones the darkest
IN_LEGEND = len(BASINS)  # minima that are named in a legend


def basin_map(surface, optimizer, domain=None, steps=500, *, size=512, radius=None, noise=None, seed=0, executor=None,
              path=None, tile=128):
    """Map which minimum an optimizer reaches from each start: every pixel is a start.

    Parameters
    ----------
    surface : str, Surface or callable
        A surface of two coordinates.
    optimizer : str or callable
        As in `hyperparameter_map`.
    domain : two pairs (low, high), optional
        The starts. Default: the surface's own domain.
    steps : int, default 500
    size : int or (int, int), default 512
        Pixels along each side, or the numbers of columns and rows. Starts are the centres of the pixels.
    radius : float, optional
        A run has reached a minimum if it stays this near to it. Default: a hundredth of the domain's shorter side.
    noise, seed, executor, path, tile
        As in `hyperparameter_map`.

    Returns
    -------
    Map
        With the arrays "minimum" (the index in ``facts["minima"]`` of the minimum that the run reached, or -1),
        "steps" (until it was there for good; NaN if it never was) and "diverged". The minima are the known ones of the
        surface, global ones first, and then others that a search from 24 x 24 starts finds in the domain.

    Raises
    ------
    ValueError, TypeError, OSError, RuntimeError, KeyboardInterrupt
        As `hyperparameter_map` does.

    Examples
    --------
    >>> from optim.viz import basin_map
    >>> result = basin_map("himmelblau", "SGD(lr=0.01)", size=64, steps=200)
    >>> [(round(x, 1), round(y, 1)) for x, y in result.facts["minima"]]
    [(3.0, 2.0), (-2.8, 3.1), (-3.8, -3.3), (3.6, -1.8)]
    >>> int(result["minimum"][40, 40]), int(result["minimum"][20, 20])  # from the upper right, from the lower left
    (0, 2)
    """
    surface = surfaces.get(surface)
    if surface.ndim != 2:
        raise ValueError(f"a map of basins needs a surface of two coordinates, but {surface.name} has {surface.ndim}")
    check_count("steps", steps, 0)
    check_count("seed", seed, 0)
    check_positive("radius", 1.0 if radius is None else radius)
    if domain is not None and np.shape(domain) != (2, 2):
        raise ValueError(f"domain is {domain!r}; expected two pairs (low, high), such as ((-2, 2), (-1, 3))")
    noise = surface.noise if noise is None else dataclasses.replace(surface, noise=noise).noise
    domain = surface.domain if domain is None else dataclasses.replace(surface, domain=domain).domain
    axes = [centres(low, high, count) for (low, high), count in zip(domain, sizes(size))]
    radius = np.diff(domain).min().item() / 100 if radius is None else radius
    corners = np.array(domain)
    check_independent(built(optimizer, surface, [Tensor(corners, requires_grad=True)], {}), surface, corners)
    minima = all_minima(surface, domain, radius)
    work = BasinWork(surface, optimizer, minima, radius, domain, steps, noise, seed)
    return mapped(BasinMap, work, ("x", "y"), axes, work.facts(), executor, path, tile)


@dataclasses.dataclass(frozen=True)
class BasinWork:
    """The work for N pixels of a `basin_map`: a run of N starts, and the same run again.

    The first run finds where each start leads, the second when it was there for good.
    """

    surface: Surface
    optimizer: object
    minima: tuple
    radius: float
    domain: tuple
    steps: int
    noise: float
    seed: int
    batch = BATCH

    def __call__(self, x, y):
        """Return the arrays of N pixels."""
        limit = FAR * np.abs([self.surface.domain, self.domain]).max()
        here = np.ones(len(x), bool)
        for position, loss in self.run(x, y):
            here &= np.abs(position).max(axis=0) < limit
            here &= np.isfinite(loss)
        reached, goal = self.nearest(position, here)
        steps = np.zeros(len(x), np.float32)
        for step, (position, _) in enumerate(self.run(x, y)):
            np.copyto(steps, step + 1, where=~(squared_distance(position, goal) < self.radius**2))
        steps[reached < 0] = np.nan
        return {"minimum": reached, "steps": steps, "diverged": ~here}

    def nearest(self, position, here):
        """Return the index of the minimum that each run has reached, or -1, and the minimum it is nearest to."""
        nearest = np.full(len(here), np.inf)
        reached, goal = np.full(len(here), -1, np.int16), np.zeros_like(position)
        with np.errstate(all="ignore"):
            for i, minimum in enumerate(self.minima):
                distance = squared_distance(position, minimum)
                nearer = here & (distance < nearest)
                np.copyto(nearest, distance, where=nearer)
                np.copyto(reached, i, where=nearer & (distance < self.radius**2))
                np.copyto(goal, np.array(minimum)[:, np.newaxis], where=nearer)
        return reached, goal

    def run(self, x, y):
        """Yield the positions and the losses of the runs, step by step."""
        objective = SharedNoise(self.surface, np.stack([x, y]), self.noise, self.seed, self.steps)
        return walk(built(self.optimizer, self.surface, [objective.parameter], {}), objective, self.steps)

    def facts(self):
        """Return what the map depends on apart from its axes."""
        runner = built(self.optimizer, self.surface, [optim.Parameter(self.surface.start)], {})
        text = optimizer_in_words(runner, ())
        return {"title": f"{text} on {self.surface.name}", **common_facts(self.surface, runner), "optimizer": text,
                "minima": self.minima, "global": len(self.surface.minima), "radius": float(self.radius),
                "domain": self.domain, "steps": self.steps, "noise": float(self.noise), "seed": self.seed}


def squared_distance(position, point):
    """Return the squares of the distances of N positions, shape (2, N), from a point or from N points.

    `np.hypot` would take ten times as long.
    """
    x, y = position[0] - point[0], position[1] - point[1]
    return x * x + y * y


def all_minima(surface, domain, radius):
    """Return the known minima of a surface, and those that runs over the domain find, as a tuple of points."""
    minima = [np.array(point) for point in surface.minima + surface.local_minima]
    starts = np.stack(np.meshgrid(*(centres(low, high, 24) for low, high in domain))).reshape(2, -1)
    objective = Objective(surface, starts, steps=600)
    descent = optim.Adam([objective.parameter], lr=np.diff(domain).min() / 100)
    schedule = optim.schedule.CosineAnnealingLR(descent, T_max=600)
    with np.errstate(all="ignore"):
        for _ in range(600):
            objective()
            descent.step()
            schedule.step()
        for point in np.unique(np.round(objective.parameter.data / radius), axis=1).T * radius:
            found = polished(surface, point)
            if found is not None and is_new(found, minima, domain, radius):
                minima.append(found)
    return tuple(tuple((point.round(12) + 0.0).tolist()) for point in minima)  # without -0


def polished(surface, point, iterations=20):
    """Return the minimum to which Newton's method leads from a point near it, or None if that is not a minimum."""
    for _ in range(iterations):
        curvature, slope = hessian(surface)(point), gradient(surface)(point)
        if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature)[0] <= 0:
            return None
        point = point - np.linalg.solve(curvature, slope)
    return point if np.abs(np.linalg.solve(curvature, slope)).max() < 1e-6 else None


def is_new(point, minima, domain, radius):
    """Return whether a point lies in the domain and is not one of the minima known so far."""
    low, high = np.transpose(domain)
    return bool(np.all((low <= point) & (point <= high))) and all(
        np.linalg.norm(point - known) > radius for known in minima)


def centres(low, high, count):
    """Return the centres of equal parts of an interval."""
    return low + (np.arange(count) + 0.5) * ((high - low) / count)


def sizes(size):
    """Return the numbers of columns and rows."""
    columns, rows = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    check_count("size", columns, 2)
    check_count("size", rows, 2)
    return columns, rows


class BasinMap(Map):
    """What `basin_map` returns."""

    kind = "basins"

    def plot(self, ax=None, *, legend=True, **kwargs):
        """Draw the basins of attraction: a colour for each minimum, darker where runs took more steps.

        Parameters
        ----------
        ax, legend, **kwargs
            As in `HyperparameterMap.plot`.

        Returns
        -------
        Drawing
            With the artists "image", "hatching" and "minima" (a list with one line of stars, or none).
        """
        with style():
            ax = axes_or_new(ax, figsize=(7, 5))
            shown = thinned(self)
            image = draw_image(ax, self, basin_colors(shown), **kwargs)
            hatching = hatch(ax, self, shown)
            box = self.facts["domain"]
            minima = points_within(self.facts["minima"], box)
            looks = {**MINIMA, "color": "white", "markersize": 13 if len(minima) < 30 else 6}
            stars = ax.plot(*minima.T, **looks, clip_on=False) if len(minima) else []
            ax.set(xlabel="$x$", ylabel="$y$", xlim=box[0], ylim=box[1])
            if has_equal_scales(box):
                ax.set_box_aspect(np.divide(*np.ptp(box, axis=1)[::-1]))
            titled(ax, self.heading, note=f"which minimum each start leads to in {self.facts['steps']} steps")
            if legend:
                add_legend(ax, "right", basin_entries(self))
        rows = [f"{share(row['starts, %'])} {row['ends at']}" for row in self.summary() if row["starts, %"] > 0]
        description = (f"Basins of attraction of {self.facts['title']}, for {axes_in_words(self)}: "
                       f"{'; '.join(rows[:12])}")
        return Drawing(ax, {"image": image, "hatching": hatching, "minima": stars},
                       f"Basins of {self.facts['title']}", description)

    def summary(self):
        """Return a row for each minimum, and for the runs that reached none."""
        reached, steps = self["minimum"], self["steps"]
        rows = [{"ends at": f"({x:.4g}, {y:.4g})", "starts, %": 100 * float(np.mean(reached == i)),
                 "median steps": float(np.median(steps[reached == i])) if (reached == i).any() else float("nan")}
                for i, (x, y) in enumerate(self.facts["minima"])]
        elsewhere = {"no minimum": (reached < 0) & ~self["diverged"], "diverged": self["diverged"]}
        return rows + [{"ends at": name, "starts, %": 100 * float(np.mean(where)), "median steps": float("nan")}
                       for name, where in elsewhere.items()]


def basin_colors(result, scale=None):
    """Return the colour of every pixel, an array of shape (height, width, 3); `scale` as `shading` returns it."""
    palette = np.array([to_rgb(color) for color in BASINS])
    reached = result["minimum"]
    colors = palette[reached % len(palette)]
    slowness = np.nan_to_num(slow(result, scale or shading([result])))[..., np.newaxis]
    pale = np.clip(1 - 2 * slowness, 0, 1) * 0.5
    dark = np.clip(2 * slowness - 1, 0, 1) * 0.65
    colors = colors + pale * (1 - colors) - dark * colors
    colors[reached < 0] = to_rgb(NOWHERE)
    colors[result["diverged"]] = to_rgb(DARK)
    return colors


def shading(results):
    """Return the numbers of steps that are drawn palest and darkest in all these maps: two of their percentiles."""
    steps = np.concatenate([result["steps"].ravel() for result in results])
    return (0.0, 0.0) if np.isnan(steps).all() else tuple(np.nanpercentile(steps, SHADED).tolist())


def slow(result, scale):
    """Return how slow each run was, from 0 to 1: the logarithm of its steps between the two of the scale."""
    low, high = np.log1p(scale)
    return np.clip((np.log1p(result["steps"]) - low) / max(high - low, 1e-9), 0, 1)


def basin_entries(result):
    """Return the entries of the legend: the minima with their shares, the runs that reached none, and the shades."""
    rows = result.summary()
    minima, others = rows[:-2], rows[-2:]
    label = lambda row: f"{row['ends at']}  {share(row['starts, %'])}"
    entries = minimum_entries(result.facts["global"], [label(row) for row in minima])
    entries += [Patch(**look, label=label(row)) for row, look in zip(others, ({"facecolor": NOWHERE}, DIVERGED))
                if row["starts, %"] > 0]
    if not np.isnan(result["steps"]).all():
        low, high = shading([result])
        entries.append(Patch(alpha=0, label=f"pale: {counted(low)}\ndark: {counted(high)}"))
    return entries


def minimum_entries(count, labels):
    """Return the entries of a legend for minima with these labels: of many, only the first, which are global."""
    named = labels if len(labels) <= IN_LEGEND else labels[:min(count, IN_LEGEND)]
    entries = [Patch(facecolor=color, label=label) for color, label in zip(BASINS, named)]
    if len(labels) > len(named):
        entries.append(Patch(alpha=0, label=f"and {len(labels) - len(named)} more minima\n(colours repeat)"))
    return entries


def counted(steps):
    """Return a number of steps in words."""
    return f"{steps:.0f} step{'' if round(steps) == 1 else 's'}"


def share(percent):
    """Return a percentage in words; only an exact 0 is called 0."""
    return f"{percent:.0f} %" if percent == 0 or percent >= 1 else "< 1 %"
