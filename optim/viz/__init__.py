"""See optimizers at work: surfaces to run on, runs as values, and pictures of both.

Read `surface.py` and `surfaces.py` first, then `contestants.py`, `objective.py`, `recording.py`, `trajectory.py`,
`drawing.py`, `framing.py` and `plots.py`; the other files are pictures of many kinds, each on its own. `shell.py` is
what `python -m optim` does.
"""

from .surface import Surface
from . import surfaces
from .objective import Objective
from .recording import CLASSICS, race, record, tuned_race
from .trajectory import Race, Trajectory
from .drawing import Drawing, style
from .plots import contour, losses, overview, paths
from .relief import relief
from .anatomy import Anatomy, anatomy, dissect
from .dynamics import gradient_norms, phase, state
from .convergence import eigen_errors, rates
from .schedules import schedule
from .networks import decision_boundary, landscape, pca_path, weights
from .maps import Map
from .hyperparameter_maps import hyperparameter_map
from .basin_maps import basin_map
from .trainability_maps import trainability_map
from .files import load
from .animation import animate
from .page import page
from .window import play
from . import notebook  # noqa: F401  (gives the values what a notebook shows of them)

__all__ = [
    "surfaces", "Surface", "record", "race", "tuned_race", "CLASSICS", "Objective", "Trajectory", "Race", "load",
    "style", "Drawing", "contour", "paths", "losses", "overview", "relief", "anatomy", "dissect", "Anatomy",
    "gradient_norms", "state", "phase", "rates", "eigen_errors", "schedule",
    "decision_boundary", "landscape", "pca_path", "weights", "page", "play",
    "animate", "Map", "hyperparameter_map", "basin_map", "trainability_map",
]
