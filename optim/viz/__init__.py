"""See optimizers at work: surfaces to run on, runs as values, and pictures of both.

Read `surfaces.py` first, then `contestants.py`, `recording.py`, `trajectory.py` and `plots.py`; the other files are
pictures of many kinds, each on its own. `shell.py` is what `python -m optim` does.
"""

from . import surfaces
from .surfaces import Surface
from .recording import CLASSICS, Objective, race, record, tuned_race
from .trajectory import Race, Trajectory, load
from .drawing import Drawing, style
from .plots import contour, losses, overview, paths
from .relief import relief
from .anatomy import Anatomy, anatomy, dissect
from .dynamics import eigen_errors, gradient_norms, phase, rates, schedule, state
from .networks import decision_boundary, landscape, pca_path, weights
from .maps import Map, basin_map, hyperparameter_map, trainability_map
from .animation import animate
from .page import page
from .window import play

__all__ = [
    "surfaces", "Surface", "record", "race", "tuned_race", "CLASSICS", "Objective", "Trajectory", "Race", "load",
    "style", "Drawing", "contour", "paths", "losses", "overview", "relief", "anatomy", "dissect", "Anatomy",
    "gradient_norms", "state", "phase", "rates", "eigen_errors", "schedule",
    "decision_boundary", "landscape", "pca_path", "weights", "page", "play",
    "animate", "Map", "hyperparameter_map", "basin_map", "trainability_map",
]
