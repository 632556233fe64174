"""Maps over two hyperparameters: which runs converge, how fast, and the edge beyond which no run can stay."""

import dataclasses

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogFormatter

import optim
from minigrad import Tensor, hessian

from .. import surfaces
from ..pictures.drawing import Drawing, add_legend, axes_or_new, style, titled
from ..runs.recording import FAR, built, check_count, starting_points
from ..surfaces.definition import Surface
from .map import (
    Map,
    SharedNoise,
    axis,
    check_independent,
    check_positive,
    common_facts,
    mapped,
    optimizer_in_words,
    walk,
)
from .raster import DIVERGED, HATCHED, NOWHERE, axes_in_words, draw_image, hatch, nearest, thinned
from .tiles import BATCH, LANES

NAMED_BETAS = ("beta1", "beta2")  # the two entries of the hyperparameter `betas`, each for one axis
EDGE = "#D55E00"
EDGE_HALO = [withStroke(linewidth=5, foreground="white")]  # so that the edge can be seen without colours too
FLOOR = 1e-16  # on a logarithmic scale, smaller losses look like this one
PLAIN = 1000  # smaller numbers are written out on the colour bar, not as powers of ten


def hyperparameter_map(surface, optimizer, x, y, start=None, steps=500, *, tolerance=1e-3, noise=None, seed=0,
                       executor=None, path=None, tile=128):
    r"""Map how well an optimizer works over two of its hyperparameters: every pixel is a run.

    Parameters
    ----------
    surface : str, Surface or callable
    optimizer : str or callable
        As in `record`: text such as "SGD(nesterov=True, momentum=0.9)", a class, or a function of the parameters. Its
        elements must move independently, as in all optimizers that are `elementwise`.
    x, y : (str, array_like)
        The name of a hyperparameter, and the values for the columns or the rows, evenly spaced, on a linear or a
        logarithmic scale. "beta1" and "beta2" are the entries of `betas`.
    start : point, optional
        Default: the surface's own.
    steps : int, default 500
    tolerance : float, default 1e-3
        A run has converged when its loss above the global minimum is this small.
    noise : float, optional
        Standard deviation of the noise on the gradient. Default: the surface's own, which is 0 for most.
    seed : int, default 0
        For the noise, which is the same for all pixels, and the same as in `record` with this seed.
    executor : concurrent.futures.Executor, optional
        Who computes the tiles: a process pool, the executor of a Dask client (``client.get_executor()``) or of MPI
        (``mpi4py.futures.MPIPoolExecutor()``). The result is the same to the last bit. Default: this process.
    path : str or path, optional
        Where to write the map. Finished tiles are kept beside it, so after an interruption the same call goes on from
        there. If the map exists already, it is read. Tiles of another map raise an error.
    tile : int, default 128
        Pixels along the side of a tile.

    Returns
    -------
    Map
        With the arrays "loss" (after the last step; NaN where the run diverged), "steps" (until the loss first came
        within the tolerance of the global minimum; NaN if it never did, or no minimum is known), "last_steps" (the last
        step before the run diverged) and "diverged".

    Raises
    ------
    ValueError, TypeError, OSError
        If the surface, the optimizer, an axis or a number is not what was expected, or `path` belongs to another map or
        cannot be written. All this is checked before the first tile is computed.
    RuntimeError
        If a tile fails again and again with the executor. Finished tiles are kept.
    KeyboardInterrupt
        With a message that says how many tiles have been kept.

    Notes
    -----
    A pixel is the same as `record` with the same hyperparameters. As there, a run has diverged if its position is no
    longer finite, or is a million times the size of the domain away.

    On a quadratic of largest curvature L, the heavy ball is stable as long as

    .. math:: \gamma < \frac{2 (1 + \mu)}{L},

    gradient descent (:math:`\mu = 0`) as long as :math:`\gamma < 2/L` [1]_, and with Nesterov's momentum, as long as
    :math:`\gamma < \frac{2 (1 + \mu)}{(1 + 2 \mu) L}`. For SGD the plot shows this edge; where the surface is not
    quadratic, L is the curvature of the flattest global minimum, and the edge says where no run can stay.

    References
    ----------
    .. [1] B. T. Polyak, "Introduction to Optimization", 1987, section 3.2.1, theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.viz import hyperparameter_map
    >>> result = hyperparameter_map("quadratic bowl", "SGD", ("lr", np.linspace(0.1, 1, 64)),
    ...                             ("momentum", np.linspace(0, 0.9, 48)), steps=50)
    >>> result
    <Map of SGD on quadratic_bowl: 64 x 48 pixels over lr and momentum>
    >>> stable = result.x < 2 * (1 + result.y[:, np.newaxis]) / 4
    >>> bool((result["loss"] < 0.5)[stable].mean() > 0.9), bool(np.nanmin(result["loss"][~stable]) > 0.5)
    (True, True)
    """
    surface = surfaces.get(surface)
    check_count("steps", steps, 0)
    check_count("seed", seed, 0)
    check_positive("tolerance", tolerance)
    noise = surface.noise if noise is None else dataclasses.replace(surface, noise=noise).noise
    start = tuple(starting_points(surface, start, seed, {}).tolist())
    if np.ndim(start) == 2:
        raise ValueError(f"start has shape {np.shape(start)}; expected one point, from which all runs begin")
    names, axes = zip(named_axis("x", x), named_axis("y", y))
    if names[0] == names[1]:
        raise ValueError(f"both axes are {names[0]!r}; expected two hyperparameters")
    work = HyperparameterWork(surface, optimizer, names, start, steps, tolerance, noise, seed)
    work.check(*axes)
    facts = {**work.facts(), **stability_facts(work)}
    return mapped(HyperparameterMap, work, names, axes, facts, executor, path, tile)


@dataclasses.dataclass(frozen=True)
class HyperparameterWork:
    """The work for N pixels of a `hyperparameter_map`: one run of N columns."""

    surface: Surface
    optimizer: object
    names: tuple
    start: tuple
    steps: int
    tolerance: float
    noise: float
    seed: int

    @property
    def batch(self):
        """Pixels at a time; a multiple of LANES."""
        return max(1, 2 * BATCH // self.surface.ndim // LANES) * LANES

    def __call__(self, x, y):
        """Return the arrays of N pixels."""
        surface, count = self.surface, len(x)
        limit = FAR * np.abs([*np.ravel(surface.domain), *self.start]).max()
        target = (np.nan if surface.minimum is None else surface.minimum) + self.tolerance
        here, waiting = np.ones(count, bool), np.ones(count, bool)
        last_steps, waited = np.full(count, -1, np.int32), np.zeros(count, np.int32)
        for position, loss in self.run(x, y):
            here &= np.abs(position).max(axis=0) < limit
            here &= np.isfinite(loss)
            last_steps += here
            waiting &= ~(here & (loss <= target))
            waited += waiting
        return {"loss": np.where(here, loss, np.nan), "steps": np.where(waiting, np.nan, waited).astype(np.float32),
                "last_steps": np.maximum(last_steps, 0), "diverged": ~here}

    def run(self, x, y):
        """Yield the positions and the losses of the runs, step by step."""
        starts = np.repeat(np.array(self.start)[:, np.newaxis], len(x), axis=1)
        objective = SharedNoise(self.surface, starts, self.noise, self.seed, self.steps)
        return walk(self.built(objective.parameter, x, y), objective, self.steps)

    def built(self, parameter, x, y):
        """Return an optimizer of the parameter whose two hyperparameters are arrays."""
        runner = built(self.optimizer, self.surface, [parameter], {})
        group = runner.param_groups[0]
        for name, values in zip(self.names, (x, y)):
            if name in NAMED_BETAS and "betas" in group:
                betas = list(group["betas"])
                betas[NAMED_BETAS.index(name)] = values
                group["betas"] = tuple(betas)
            elif isinstance(group.get(name), (bool, tuple)):
                hint = f": name its entries, {' or '.join(NAMED_BETAS)}" if name == "betas" else ""
                raise ValueError(f"{name} is {group[name]}, but an axis needs a hyperparameter that is a number{hint}")
            else:
                whole = isinstance(group.get(name), int) and np.all(values == np.round(values))
                group[name] = values.astype(int) if whole else values
        return runner

    def check(self, x, y):
        """Raise an error for axes, optimizers and surfaces that cannot be mapped, before any long work."""
        start = np.array(self.start)
        for ends in ((x, np.full(len(x), y[0])), (np.full(len(y), x[0]), y)):
            columns = np.repeat(start[:, np.newaxis], len(ends[0]), axis=1)
            check_independent(self.built(Tensor(columns, requires_grad=True), *ends), self.surface, columns)

    def facts(self):
        """Return what the map depends on apart from its axes."""
        runner = built(self.optimizer, self.surface, [optim.Parameter(self.start)], {})
        text = optimizer_in_words(runner, {"betas" if name in NAMED_BETAS else name for name in self.names})
        return {"title": f"{text} on {self.surface.name}", **common_facts(self.surface, runner), "optimizer": text,
                "start": self.start, "loss_at_start": float(self.surface(np.array(self.start))), "steps": self.steps,
                "tolerance": self.tolerance, "noise": float(self.noise), "seed": self.seed}


def stability_facts(work):
    """Return the curvature that the edge of stability depends on, if the edge of the optimizer is known."""
    runner = built(work.optimizer, work.surface, [optim.Parameter(work.start)], {})
    known = type(runner) is optim.SGD and not runner.defaults["maximize"]
    return {"curvature": flattest_curvature(work.surface) if known else None}


def flattest_curvature(surface):
    """Return the largest curvature of a quadratic, or at the flattest global minimum; None if there is none."""
    if surface.minima:
        return min(float(np.linalg.eigvalsh(hessian(surface)(np.array(point)))[-1]) for point in surface.minima)
    with np.errstate(all="ignore"):  # the function need not be defined everywhere
        here, there = (hessian(surface)(np.array(point)) for point in (surface.start, np.mean(surface.domain, axis=1)))
    if not np.allclose(here, there):
        return None
    curvatures = np.linalg.eigvalsh(here)
    is_bowl = curvatures[0] > 0
    return float(curvatures[-1]) if is_bowl else None


def named_axis(argument, given):
    """Return the name of a hyperparameter and the values along its axis."""
    if not (isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[0], str)):
        raise TypeError(f"{argument} is {given!r}; expected the name of a hyperparameter and its values, such as "
                        '("lr", np.geomspace(1e-3, 1, 256))')
    return given[0], axis(argument, given[1])


class HyperparameterMap(Map):
    """What `hyperparameter_map` returns."""

    kind = "hyperparameters"

    def plot(self, ax=None, *, show=None, legend=True, **kwargs):
        """Draw a map over two hyperparameters.

        Parameters
        ----------
        ax : Axes, optional
            Default: those of a new figure.
        show : {"steps", "loss"}, optional
            The number of steps to within the tolerance of the minimum, or the loss after the last step (above the
            global minimum, if that is known). Default: the steps, if at least a tenth of the runs got that close.
        legend : bool, default True
        **kwargs
            For `Axes.imshow`.

        Returns
        -------
        Drawing
            With the artists "image", "hatching", "edge" (the contour of the theoretical edge of stability, or None) and
            "colorbar" (None if every run diverged).
        """
        show = show or ("loss" if np.isnan(self["steps"]).mean() > 0.9 else "steps")
        shown, title = thinned(self), self.heading
        values, label, norm = shown_values(shown, show)
        with style():
            ax = axes_or_new(ax, figsize=(6.4, 5.6))
            look = {"norm": norm, "cmap": mpl.colormaps["viridis_r"].with_extremes(bad=NOWHERE), **kwargs}
            image = draw_image(ax, self, values, **look)
            hatching = hatch(ax, self, shown)
            edge = draw_edge(ax, self)
            extend = "min" if np.nanmin(values, initial=np.inf) < norm.vmin or norm.vmin == FLOOR else "neither"
            bar = ax.figure.colorbar(image, ax=ax, label=label, extend=extend) if np.isfinite(values).any() else None
            if bar is not None and norm.vmin >= 1 and norm.vmax < PLAIN:
                bar.ax.yaxis.set(major_formatter=LogFormatter(), minor_formatter=LogFormatter(labelOnlyBase=False))
            ax.set(xlabel=self.x_name, ylabel=self.y_name)
            titled(ax, title)
            entries = [Patch(**DIVERGED, label="diverged")] if hatching else []
            if show == "steps" and np.isnan(values[~shown["diverged"]]).any():
                entries.append(Patch(facecolor=NOWHERE, label=f"more than {self.facts['steps']} steps"))
            if edge is not None:
                entries.append(Line2D([], [], color=EDGE, linestyle="--", linewidth=2, path_effects=EDGE_HALO,
                                      label=edge_in_words(self).replace(": ", ":\n")))
            if legend and entries:
                add_legend(ax, "below", entries)
        diverged = 100 * np.mean(self["diverged"])
        description = f"{title}, {label} for {axes_in_words(self)}; {diverged:.0f} % of the runs diverge"
        if edge is not None:
            description += f"; a line shows the {edge_in_words(self)}"
        return Drawing(ax, {"image": image, "hatching": hatching, "edge": edge, "colorbar": bar}, title, description)

    def summary(self):
        """Return the best pixel as a row of a table."""
        loss = np.where(self["diverged"], np.inf, self["loss"])
        row, column = np.unravel_index(np.argmin(loss), loss.shape)
        best = self.x[column], self.y[row], loss[row, column]
        x, y, least = best if np.isfinite(loss).any() else (np.nan, np.nan, np.nan)
        converged = np.nan if self.facts["minimum"] is None else 100 * float(np.mean(~np.isnan(self["steps"])))
        return [{"map": self.facts["title"], "runs": loss.size, f"best {self.x_name}": float(x),
                 f"best {self.y_name}": float(y), "loss there": float(least),
                 "converged, %": converged, "diverged, %": 100 * float(np.mean(self["diverged"]))}]


def shown_values(result, show):
    """Return the values to show, what to call them, and the norm of their colours."""
    steps = result.facts["steps"]
    if show == "steps":
        known = result["steps"][~np.isnan(result["steps"])]
        low, high = (max(np.percentile(known, 1), 1), max(known.max(), 2)) if known.size else (1, 2)
        return result["steps"], f"steps to within {result.facts['tolerance']:g} of the minimum", LogNorm(low, high)
    if show != "loss":
        raise ValueError(f'show is {show!r}; expected "loss" or "steps"')
    minimum = result.facts["minimum"]
    above = " above the minimum" if minimum else ""
    values = result["loss"] - (minimum or 0)
    label = f"loss{above} after {steps} steps"
    if np.nanmin(values, initial=np.inf) < 0 and minimum is None:
        return values, label, mpl.colors.Normalize()
    values = np.where(np.isnan(values), np.nan, np.maximum(values, FLOOR))
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [1, 99.5]) if finite.size else (FLOOR, 1.0)
    return values, label, LogNorm(low, max(high, 10 * low))


def draw_edge(ax, result):
    """Draw the edge of stability as a contour, or return None if it is not known or not in the picture."""
    x, y = (values[nearest(len(values), HATCHED)] for values in (result.x, result.y))
    load = stability_load(result, x, y[:, np.newaxis])
    if load is None or not load.min() < 1 < load.max():
        return None
    edge = ax.contour(x, y, load, [1.0], colors=EDGE, linestyles="--", linewidths=2)
    edge.set(path_effects=EDGE_HALO)
    return edge


def stability_load(result, x, y):
    r"""Return what must be below 1 for SGD to be stable on a quadratic, on a grid of pixels; None for other optimizers.

    :math:`\gamma (1 - \tau) (L + \lambda) / (2 (1 + \mu))`, with Nesterov's momentum times :math:`1 + 2 \mu`; without
    any momentum, SGD ignores the dampening :math:`\tau`.
    """
    curvature = result.facts["curvature"]
    if curvature is None:
        return None
    hyper = {**result.facts["hyperparameters"], result.x_name: x, result.y_name: y}
    momentum, dampening = hyper["momentum"], hyper["dampening"] if np.any(hyper["momentum"]) else 0.0
    load = hyper["lr"] * (1 - dampening) * (curvature + hyper["weight_decay"]) / (2 * (1 + momentum))
    return np.broadcast_to(load * (1 + 2 * momentum) if hyper["nesterov"] else load, (len(y), len(x)))


def edge_in_words(result):
    """Return the formula of the edge of stability."""
    hyper = result.facts["hyperparameters"]
    at_work = {name for name, value in hyper.items() if value or name in (result.x_name, result.y_name)}
    above = "2 (1 + momentum)" if "momentum" in at_work else "2"
    curvature = f"{result.facts['curvature']:.4g}"
    if "weight_decay" in at_work:
        curvature = f"({curvature} + weight_decay)"
    factors = ["(1 - dampening)"] if {"momentum", "dampening"} <= at_work else []
    factors += ["(1 + 2 momentum)", curvature] if hyper["nesterov"] else [curvature]
    below = f"({' '.join(factors)})" if len(factors) > 1 else curvature
    return f"edge of stability at the minimum: lr = {above} / {below}"
