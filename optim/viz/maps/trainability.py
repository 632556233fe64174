"""Maps over the learning rates of two layers: where a small network can be trained."""

import dataclasses

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch

import optim
from minigrad import Tensor

from ..pictures.drawing import Drawing, add_legend, axes_or_new, style, titled
from ..runs import contestants
from ..runs.recording import check_count
from .map import Map, axis, check_runs_apart, mapped, optimizer_in_words, plain_hyperparameters
from .raster import axes_in_words, draw_image, thinned
from .tiles import LANES

TRAINED = LinearSegmentedColormap.from_list("trained", ["#C6E2F2", "#A8D3EA", "#2B7BBA", "#08306B"])
UNTRAINED = LinearSegmentedColormap.from_list("untrained", ["#FBCB9A", "#F2A25C", "#B8400E", "#4A1203"])


def trainability_map(x, y, optimizer="SGD", steps=200, *, inputs=4, width=4, samples=8, seed=0, executor=None,
                     path=None, tile=128):
    r"""Map where a small network can be trained: every pixel is a pair of learning rates, one for each layer.

    The network is :math:`\hat y(x) = h^{-1/2} \sum_{i=1}^h w_i \tanh(n^{-1/2} \sum_{j=1}^n W_{ij} x_j)`, trained on all
    samples at once by the mean squared error. Its first weights, and the targets, are normal random numbers, the same
    for all pixels. The boundary between rates that train and rates that do not is a fractal [1]_: zoom in with narrower
    `x` and `y`.

    Parameters
    ----------
    x, y : array_like
        The learning rates of the first layer (the columns) and of the second (the rows), evenly spaced, on a linear or
        a logarithmic scale.
    optimizer : str or callable, default "SGD"
        As in `hyperparameter_map`.
    steps : int, default 200
    inputs, width, samples : int
        n, h and the number of samples. Default: 4, 4 and 8.
    seed : int, default 0
        For the first weights and the targets.
    executor, path, tile
        As in `hyperparameter_map`.

    Returns
    -------
    Map
        With the arrays "trained" (whether the mean of the last 20 losses is below the first loss
        :math:`\ell_0`) and "measure", between 0 and 1: the mean over the steps of
        :math:`\min(\ell_t / \ell_0, 1)` where it trained, and of :math:`\min(\ell_0 / \ell_t, 1)` where it did not;
        so a measure of 0 means that it trains, or explodes, at once, and 1 that it hardly does.

    Raises
    ------
    ValueError, TypeError, OSError, RuntimeError, KeyboardInterrupt
        As `hyperparameter_map` does.

    Notes
    -----
    With ``rates = np.geomspace(0.1, 1000, 512)`` and both axes `rates` you see the whole boundary, and with
    ``np.geomspace(37, 46, 1024)`` for `x` and ``np.geomspace(2.14, 2.42, 1024)`` for `y` a detail of it.

    References
    ----------
    .. [1] J. Sohl-Dickstein, "The boundary of neural network trainability is fractal", 2024, arXiv:2402.06184. The
       network there is larger.

    Examples
    --------
    >>> import numpy as np
    >>> from optim.viz import trainability_map
    >>> rates = np.geomspace(0.1, 1000, 16)
    >>> result = trainability_map(rates, rates, steps=50)
    >>> bool(result["trained"][0, 0]), bool(result["trained"][-1, -1])
    (True, False)
    """
    for name, count in (("steps", steps), ("inputs", inputs), ("width", width), ("samples", samples)):
        check_count(name, count, 1)
    check_count("seed", seed, 0)
    axes = axis("x", x), axis("y", y)
    work = NetworkWork(optimizer, steps, inputs, width, samples, seed)
    work.check(*axes)
    names = "learning rate of the first layer", "learning rate of the second layer"
    return mapped(TrainabilityMap, work, names, axes, work.facts(), executor, path, tile)


@dataclasses.dataclass(frozen=True)
class NetworkWork:
    """The work for N pixels of a `trainability_map`: N networks, side by side on the last axis of every array."""

    optimizer: object
    steps: int
    inputs: int
    width: int
    samples: int
    seed: int
    batch = 8 * LANES  # all hidden units of this many networks fit into the cache

    def __call__(self, x, y):
        """Return the arrays of N pixels."""
        tally, recent = np.zeros((2, len(x))), np.zeros(len(x))
        for step, (_, loss) in enumerate(self.run(x, y)):
            if step == 0:
                begin = loss
            tally += np.minimum(np.nan_to_num([loss / begin, begin / loss], nan=0.0), 1)
            if step >= self.steps - 20:
                recent += loss
        trained = recent / min(20, self.steps) < begin
        return {"trained": trained, "measure": np.where(trained, *tally) / self.steps}

    def run(self, x, y):
        """Yield the layers after each step, and the losses before it."""
        rng, count = np.random.default_rng(self.seed), len(x)
        data = rng.standard_normal((self.inputs, self.samples)) / self.inputs**0.5
        targets = rng.standard_normal((self.samples, 1))
        first = rng.standard_normal((self.width, self.inputs, 1))
        second = rng.standard_normal((self.width, 1))
        layers = [Tensor(np.repeat(layer, count, axis=-1), requires_grad=True) for layer in (first, second)]
        runner = self.built(layers, x, y)
        with np.errstate(all="ignore"):
            for _ in range(self.steps):
                runner.zero_grad()
                hidden = np.tanh(np.einsum("hni,nd->hdi", layers[0], data))
                error = (layers[1][:, np.newaxis] * hidden).sum(axis=0) / self.width**0.5 - targets
                losses = (error**2).sum(axis=0) / self.samples
                losses.backward(np.ones(count))
                runner.step()
                yield layers, losses.data

    def built(self, layers, x, y):
        """Return an optimizer of two layers, each with its own array of learning rates."""
        groups = [{"params": [layer], "lr": rates} for layer, rates in zip(layers, (x, y))]
        return contestants.factory(self.optimizer)(groups)

    def check(self, x, y):
        """Raise an error for learning rates and optimizers that cannot be mapped, before any long work."""
        runner = self.built([optim.Parameter(0.0), optim.Parameter(0.0)], 0.1, 0.1)
        check_runs_apart(runner)
        self.built([optim.Parameter(np.zeros(len(rates))) for rates in (x, y)], x, y)

    def facts(self):
        """Return what the map depends on apart from its axes."""
        runner = self.built([optim.Parameter(0.0), optim.Parameter(0.0)], 0.1, 0.1)
        text = optimizer_in_words(runner, ("lr",))
        return {"title": f"a network {self.inputs}-{self.width}-1 trained by {text}", "optimizer": text,
                "hyperparameters": plain_hyperparameters(runner), "steps": self.steps, "inputs": self.inputs,
                "width": self.width, "samples": self.samples, "seed": self.seed}


class TrainabilityMap(Map):
    """What `trainability_map` returns."""

    kind = "trainability"

    def plot(self, ax=None, *, legend=True, **kwargs):
        """Draw where a network can be trained: blue where it can, red where it cannot, both darkest at the boundary.

        Parameters
        ----------
        ax, legend, **kwargs
            As in `HyperparameterMap.plot`.

        Returns
        -------
        Drawing
            With the artist "image".
        """
        shown, title = thinned(self), self.heading
        trained, measure = shown["trained"], shown["measure"]
        with style():
            ax = axes_or_new(ax, figsize=(6, 5.4))
            colors = np.where(trained[..., np.newaxis], ranked(TRAINED, measure, trained),
                              ranked(UNTRAINED, measure, ~trained))
            image = draw_image(ax, self, colors[..., :3], **kwargs)
            ax.set(xlabel=self.x_name, ylabel=self.y_name)
            titled(ax, f"{title}, {self.facts['steps']} steps")
            if legend:
                entries = ((trained, TRAINED, "trains (darker: slower)"),
                           (~trained, UNTRAINED, "does not (darker: explodes later)"))
                add_legend(ax, "below", [Patch(facecolor=color(0.35), label=label)
                                         for where, color, label in entries if where.any()])
        share = 100 * np.mean(self["trained"])
        description = f"{title} for {axes_in_words(self)}: {share:.0f} % of the pairs train"
        return Drawing(ax, {"image": image}, title, description)

    def summary(self):
        """Return the map as a row of a table."""
        return [{"map": self.facts["title"], "runs": self["trained"].size,
                 "trained, %": 100 * float(np.mean(self["trained"]))}]


def ranked(colormap, measure, where):
    """Return colours by rank among the pixels `where`, so that all shades appear equally often."""
    ordered = np.sort(measure[where])
    ranks = np.searchsorted(ordered, measure) / max(len(ordered), 1)
    return colormap(ranks)
