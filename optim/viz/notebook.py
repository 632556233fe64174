"""What a notebook shows for a surface, runs and maps: a picture, and words or a table below it.

The values do not depend on pictures. This file is imported last, and gives their classes the method that a notebook
calls.
"""

import html

from .maps.map import Map
from .pictures.plots import contour, losses, overview
from .runs.trajectory import Race, Trajectory
from .surfaces.definition import Surface


def surface_html(surface):
    """Return the contours of a surface of two coordinates and its lesson as HTML, and None for any other surface."""
    return contour(surface).html() + f"<p>{html.escape(surface.lesson)}</p>" if surface.ndim == 2 else None


def runs_html(runs):
    """Return the picture and the table of a race or a trajectory as HTML."""
    drawable = runs[0].positions.shape[1] <= 2
    return (overview if drawable else losses)(runs).html() + runs.table("html")


def map_html(result):
    """Return the picture and the table of a map as HTML."""
    return result.plot().html() + result.table("html")


Surface._repr_html_ = surface_html
Trajectory._repr_html_ = Race._repr_html_ = runs_html
Map._repr_html_ = map_html
