"""A map: a picture whose pixels are runs. This file holds what all kinds of maps share; each kind has its own file.

A hyperparameter can be an array, and a parameter can hold N points, so thousands of pixels are one run of an ordinary
optimizer. Each kind has a class of work, which computes N pixels; `tiles.py` applies it to all of them.
"""

import dataclasses
import os
import re
from concurrent.futures import Executor
from numbers import Real

import numpy as np

import optim

from .. import surfaces
from ..runs import contestants
from ..runs.recording import Objective, check_count
from ..runs.table import formatted
from ..surfaces.definition import sentence
from .tiles import Store, check_same, compute, remove_left_over, remove_tiles


@dataclasses.dataclass(eq=False, repr=False)
class Map:
    """A picture whose pixels are runs: arrays over two axes. Each kind of map is a subclass.

    Attributes
    ----------
    kind : str
        The name of the subclass in files.
    x_name, y_name : str
        The names of the axes.
    x, y : ndarray of shape (width,), (height,)
        The coordinates of the columns and of the rows.
    arrays : dict of ndarrays of shape (height, width)
        The results, by name; ``result["diverged"]`` is the same as ``result.arrays["diverged"]``. The function that
        made the map lists them.
    facts : dict
        Everything else that the map depends on: the surface, the optimizer, the number of steps and so on.
    """

    kind = ""

    x_name: str
    y_name: str
    x: np.ndarray
    y: np.ndarray
    arrays: dict
    facts: dict

    def __getitem__(self, name):
        return self.arrays[name]

    @property
    def shape(self):
        """The numbers of rows and of columns."""
        return len(self.y), len(self.x)

    @property
    def heading(self):
        """The title of the map in pictures."""
        title, name = self.facts["title"], self.facts.get("surface")
        if name is None:
            return sentence(title)
        known = surfaces.get(name).heading if name in surfaces.names() else sentence(name)
        return f"{known}: {title.removesuffix(f' on {name}')}"

    def plot(self, ax=None, **kwargs):
        """Draw the map, and return a Drawing."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `plot(self, ax=None, **kwargs)`")

    def summary(self):
        """Return the map as rows of a table, a list of dictionaries with the same keys."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `summary(self)`")

    def table(self, format="text"):
        """Return the map in numbers as a table; `format` is "text", "markdown", "html" or "csv"."""
        return formatted(self.summary(), format)

    def save(self, path):
        """Write the map to a file of NumPy's format .npz, which `load` reads."""
        optim.save(path, {"kind": "map", "map": {"kind": self.kind, **{name: getattr(self, name) for name in FIELDS}}})

    def __repr__(self):
        height, width = self.shape
        return f"<Map of {self.facts['title']}: {width} x {height} pixels over {self.x_name} and {self.y_name}>"


FIELDS = [field.name for field in dataclasses.fields(Map)]


class SharedNoise(Objective):
    """An objective for N runs whose gradients all have the same noise, the noise of a single run with the same seed."""

    def begin_step(self):
        """Forget the results of the last step, and draw new noise."""
        self.loss = self.gradient = None
        if self.noise:
            self.perturbation = self.noise * self.generators[0].standard_normal((len(self.parameter.data), 1))


def walk(runner, objective, steps):
    """Yield the positions and the losses before the first step and after each, as `record` finds them."""
    with np.errstate(all="ignore"):  # runs that diverge are counted
        for step in range(steps + 1):
            objective.begin_step()
            objective()
            yield objective.parameter.data, objective.loss
            if step < steps:
                runner.step()


def mapped(kind, work, names, axes, facts, executor, path, tile):
    """Return a map, from its file if that exists; otherwise compute it, and write it to the file."""
    check_count("tile", tile, 1)
    if not isinstance(executor, (Executor, type(None))):
        raise TypeError(f"executor is a {type(executor).__name__}; expected a concurrent.futures.Executor, such as "
                        "ProcessPoolExecutor(), or client.get_executor() of a Dask client")
    facts = {**facts, "corner_losses": corner_losses(work, *axes)}
    plan = {"kind": kind.kind, "x_name": names[0], "y_name": names[1], "x": axes[0], "y": axes[1], **facts}
    if path is not None and os.path.exists(os.fspath(path)):
        content = optim.load(path)
        if not (isinstance(content, dict) and content.get("kind") == "map"):
            raise ValueError(f"{path} holds no map: give this one another path")
        check_same(path, plan_of(content["map"]), plan)
        remove_left_over(path)
        return kind(**{name: content["map"][name] for name in FIELDS})
    store = None if path is None else Store(path, {**plan, "tile": tile})
    arrays = compute(work, *axes, side=tile, executor=executor, store=store)
    result = kind(*names, *axes, arrays, facts)
    if store:
        result.save(path)
        remove_tiles(path)
    return result


def corner_losses(work, x, y):
    """Return the losses after a few steps of the runs in the corners: the mark of a function and of an optimizer.

    Two functions can have the same name, and an optimizer can be edited before an interrupted map goes on. The losses
    have six digits, since on another machine the last ones can differ.
    """
    columns, rows = (grid.ravel() for grid in np.meshgrid(x[[0, -1]], y[[0, -1]]))
    *_, (_, losses) = dataclasses.replace(work, steps=min(work.steps, 3)).run(columns, rows)
    return tuple(float(f"{loss:.6g}") for loss in np.nan_to_num(losses))


def plan_of(content):
    """Return the plan of a map, from the content of its file."""
    return {name: value for name, value in content.items() if name not in ("arrays", "facts")} | content["facts"]


def axis(argument, given):
    """Return the values along an axis as an array, evenly spaced on a linear or a logarithmic scale."""
    try:
        values = np.array(given, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"the values of {argument} are {given!r}; expected numbers") from None
    increasing = values.ndim == 1 and values.size > 1 and np.isfinite(values).all() and values[1] > values[0]
    if increasing and (is_even(values) or (values[0] > 0 and is_even(np.log(values)))):
        return values
    raise ValueError(f"{argument} must hold at least two increasing values, evenly spaced, such as "
                     "np.linspace(0, 1, 256) or np.geomspace(1e-3, 1, 256); "
                     f"got {np.array2string(values, threshold=6)}")


def is_even(values):
    """Return whether values are evenly spaced."""
    gaps = np.diff(values)
    return bool(np.allclose(gaps, gaps[0], rtol=1e-6, atol=1e-12 * np.abs(values).max()))


def check_positive(name, value):
    """Raise an error unless this is a positive number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; expected a number")
    if not 0 < value < np.inf:
        raise ValueError(f"{name} is {value!r}; it must be positive and finite")


def check_independent(runner, surface, points):
    """Raise an error for an optimizer or a surface for which N runs cannot be one."""
    check_runs_apart(runner)
    with np.errstate(all="ignore"):  # the function need not be defined everywhere
        if not surface.takes_many(points):
            raise ValueError(f"{surface.name} must take p of shape ({surface.ndim}, N) and return N values for a map: "
                             "write it by coordinates, as in x, y = p, with operators and functions of NumPy")
        Objective(surface, points)()  # raises an error for a function that cannot be differentiated


def check_runs_apart(runner):
    """Raise an error for an optimizer that may mix the runs of different pixels."""
    if reason := contestants.why_runs_may_mix(runner):
        raise ValueError(f"{reason}, so the pixels of a map might not be separate runs: a map needs an elementwise "
                         "optimizer, such as SGD, Adam, or a class with an update and no step. record(...) runs any")


def optimizer_in_words(runner, axes):
    """Return an optimizer as text, without the hyperparameters along the axes."""
    text = contestants.describe(runner)
    for name in axes:
        text = re.sub(rf"\b{name}=(\([^)]*\)|[^,)]*)(, )?", "", text)
    return text.replace(", )", ")").removesuffix("()")


def common_facts(surface, runner):
    """Return the facts of a surface and of an optimizer."""
    return {"surface": surface.name, "minimum": surface.minimum, "hyperparameters": plain_hyperparameters(runner)}


def plain_hyperparameters(runner):
    """Return the hyperparameters that are numbers, switches or tuples of them."""
    group = runner.param_groups[0]
    return {name: value for name, value in group.items() if isinstance(value, (int, float, tuple, type(None)))}
