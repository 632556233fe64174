"""See optimizers at work: surfaces to run on, runs as values, and pictures of both.

Read `surfaces.py` first, then `contestants.py`, `recording.py` and `trajectory.py`.
"""

from . import surfaces
from .recording import CLASSICS, Objective, race, record, tuned_race
from .surfaces import Surface
from .trajectory import Race, Trajectory, load

__all__ = ["surfaces", "Surface", "record", "race", "tuned_race", "load", "Trajectory", "Race", "Objective", "CLASSICS"]
