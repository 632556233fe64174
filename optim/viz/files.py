"""Files of runs and maps: values save themselves, and `load` knows every kind of them."""

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
        If the file holds something else.
    """
    content = optim.load(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind == "map":
        return MAPS[content["map"].pop("kind")](**content["map"])
    if kind not in ("trajectory", "race"):
        raise ValueError(f"{path} holds neither a trajectory nor a race nor a map")
    facts, name = content["surface"], content["surface"]["name"]
    if function is None:
        function = surfaces.get(name).function if name in surfaces.names() else MissingFunction(name)
    surface = Surface(function, **facts)
    trajectories = tuple(Trajectory(surface=surface, **state) for state in content["trajectories"])
    return trajectories[0] if kind == "trajectory" else Race(surface, trajectories, content["note"])


class MissingFunction:
    """Stands for a function that is not in a file, and says so when it is called."""

    def __init__(self, name):
        self.name = name

    def __call__(self, p):
        raise ValueError(f"the function of {self.name!r} is not in the file: give it to load(path, function=...)")
