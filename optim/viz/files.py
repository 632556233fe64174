"""Files of runs and maps: values save themselves, and `load` reads all kinds."""

import dataclasses
import typing
from numbers import Integral, Real

import numpy as np

import optim

from . import surfaces
from .maps.basins import BasinMap
from .maps.hyperparameters import HyperparameterMap
from .maps.trainability import TrainabilityMap
from .runs.trajectory import Race, Trajectory
from .surfaces.definition import Surface

MAPS = {kind.kind: kind for kind in (HyperparameterMap, BasinMap, TrainabilityMap)}


def load(path, function=None):
    """Read what `Trajectory.save`, `Race.save` or `Map.save` has written.

    Parameters
    ----------
    path : str or path
    function : callable, optional
        The surface's function, which is not in the file. Not needed for registered surfaces.

    Returns
    -------
    Trajectory, Race or Map

    Raises
    ------
    ValueError
        If the file holds something else, or its parts do not fit together.
    """
    content = optim.load(path)
    try:
        return value_in(content, function)
    except Exception as error:  # a forged file can raise almost any error
        raise ValueError(f"{path} holds neither a trajectory nor a race nor a map, as optim.viz writes them: "
                         f"{type(error).__name__}: {error}") from None


def value_in(content, function):
    """Return what a file holds."""
    if content["kind"] == "map":
        facts = dict(content["map"])
        return checked_map(MAPS[facts.pop("kind")](**facts))
    facts, name = content["surface"], content["surface"]["name"]
    if function is None:
        function = surfaces.get(name).function if name in surfaces.names() else MissingFunction(name)
    surface = checked_types(Surface(function, **facts))
    runs = tuple(checked_run(Trajectory(surface=surface, **state)) for state in content["trajectories"])
    if content["kind"] == "trajectory":
        (run,) = runs
        return run
    check(content["kind"] == "race" and runs, "the kind is trajectory, race or map")
    return checked_types(Race(surface, runs, content["note"]))


def checked_map(found):
    """Return a map; raise an error if its parts do not fit together."""
    checked_types(found)
    check(found.x.ndim == found.y.ndim == 1, "x and y are the coordinates along the axes")
    check(all(array.shape == found.shape for array in found.arrays.values()), "the arrays of a map have one shape")
    repr(found), found.summary()  # which read all facts that are needed
    return found


def checked_run(run):
    """Return a trajectory; raise an error if its parts do not fit together."""
    checked_types(run)
    length, n, *many = run.positions.shape
    check(n == run.surface.ndim and len(many) <= 1, "positions have the coordinates of the surface")
    check(run.steps.shape == (length,) and length > 0, "there is a step for each position")
    check(run.losses.shape == (length, *many), "there is a loss for each position")
    check(run.gradients.shape == run.positions.shape, "there is a gradient for each position")
    check(all(len(array) == length for array in (run.rates, *run.states.values())), "rates and states go with steps")
    check(run.last_steps.shape == tuple(many), "each run has a last step")
    check(np.isin(run.last_steps, run.steps).all(), "the last step is one of the steps")
    return run


def checked_types(value):
    """Return a dataclass; raise an error if a field does not have its annotated type."""
    for field in dataclasses.fields(value):
        if isinstance(field.type, type) and not typing.get_origin(field.type):
            kind = {int: Integral, float: Real}.get(field.type, field.type)
            check(isinstance(getattr(value, field.name), kind), f"{field.name} is a {kind.__name__}")
    return value


def check(holds, what):
    """Raise a ValueError that says what does not hold."""
    if not holds:
        raise ValueError(f"it is not true that {what}")


class MissingFunction:
    """Takes the place of a function that is not in the file, and raises an error that says so when it is called."""

    def __init__(self, name):
        self.name = name

    def __call__(self, p):
        raise ValueError(f"the function of {self.name!r} is not in the file: give it to load(path, function=...)")
