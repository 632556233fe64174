"""See optimizers at work: surfaces to run on, runs as values, and pictures of both.

Read the rooms in this order: `surfaces/`, `runs/`, `pictures/`, then `maps/`, `motion/` and `live_page/`, which do not
use each other, and `shell/`, which is what `python -m optim` does. `files.py` reads what runs and maps have written,
and `notebook.py` shows them in a notebook.
"""

from .surfaces.definition import Surface
from . import surfaces
from .runs.objective import Objective
from .runs.recording import CLASSICS, race, record, tuned_race
from .runs.trajectory import Race, Trajectory
from .pictures.drawing import Drawing, style
from .pictures.plots import contour, losses, overview, paths
from .pictures.relief import relief
from .pictures.anatomy import Anatomy, anatomy, dissect
from .pictures.dynamics import gradient_norms, phase, state
from .pictures.convergence import eigen_errors, rates
from .pictures.schedules import schedule
from .pictures.networks import decision_boundary, landscape, pca_path, weights
from .maps.map import Map
from .maps.hyperparameters import hyperparameter_map
from .maps.basins import basin_map
from .maps.portraits import portraits
from .maps.trainability import trainability_map
from .files import load
from .motion.animation import animate
from .live_page.page import page
from .motion.window import play
from . import notebook  # noqa: F401  (gives the values what a notebook shows of them)

__all__ = [
    "surfaces", "Surface", "record", "race", "tuned_race", "CLASSICS", "Objective", "Trajectory", "Race", "load",
    "style", "Drawing", "contour", "paths", "losses", "overview", "relief", "anatomy", "dissect", "Anatomy",
    "gradient_norms", "state", "phase", "rates", "eigen_errors", "schedule",
    "decision_boundary", "landscape", "pca_path", "weights", "page", "play",
    "animate", "Map", "hyperparameter_map", "basin_map", "portraits", "trainability_map",
]
