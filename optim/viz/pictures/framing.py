"""The frame of a picture, the part of the plane that it shows, and where paths leave it.

Nothing that does not fit is hidden: where a path crosses an edge of the frame, `ExitMarks` draws a triangle.
"""

import dataclasses

import numpy as np

from ..runs.trajectory import is_within

OUTWARD = {"left": "<", "right": ">", "bottom": "v", "top": "^"}  # the triangle that points out of each edge


def frame(surface, domain=None):
    """Return the part of the plane to show as two pairs of numbers."""
    if surface.ndim != 2:
        raise ValueError(f"{surface.name} has {surface.ndim} coordinate{'s' * (surface.ndim > 1)}, and this picture "
                         "shows two: viz.losses(race) and race.table() take any number")
    return surface.domain if domain is None else dataclasses.replace(surface, domain=domain).domain


def points_within(points, box):
    """Return the points that lie in the frame, one in each row."""
    points = np.reshape(points, (-1, 2))
    return points[is_within(points, box)]


def has_equal_scales(box):
    """Return whether a frame is drawn with equal scales, so that gradients are perpendicular to contours."""
    width, height = np.diff(box).ravel()
    return 0.4 <= width / height <= 2.5


def apart(positions, box):
    """Return the indices of the points of a path that are at least 1/110 of the frame away from the one before."""
    x, y = (positions / np.diff(box).ravel() * 110).T.tolist()  # Python's numbers: ten times as fast one by one
    kept = [0]
    for t in range(1, len(x)):
        across, up = x[t] - x[kept[-1]], y[t] - y[kept[-1]]
        if across * across + up * up >= 1:
            kept.append(t)
    return kept


def visible_parts(positions, box):
    """Return where each segment of a path enters the frame and leaves it: 0 is where it starts, 1 where it ends.

    A segment with no part in the frame leaves before it enters.
    """
    here, step = positions[:-1], np.diff(positions, axis=0)
    with np.errstate(all="ignore"):
        edges = (np.transpose(box)[:, np.newaxis] - here) / step
    edges = np.where(np.isnan(edges), [[[-np.inf]], [[np.inf]]], np.sort(edges, axis=0))  # 0 / 0: along an edge
    return np.maximum(edges[0].max(axis=1), 0), np.minimum(edges[1].min(axis=1), 1)


def exits(positions, box):
    """Yield the edge and the point for each place where a path crosses from inside the frame to the outside."""
    low, high = np.transpose(box)
    entering, leaving = visible_parts(positions, box)
    for t in np.flatnonzero((entering <= leaving) & (leaving < 1)):
        here, step = positions[t], positions[t + 1] - positions[t]
        to_edges = np.divide(np.where(step > 0, high, low) - here, step, out=np.full(2, np.inf), where=step != 0)
        axis = int(np.argmin(to_edges))
        point = np.clip(here + to_edges[axis] * step, low, high)
        yield (("left", "right"), ("bottom", "top"))[axis][int(step[axis] > 0)], point


class ExitMarks:
    """Triangles where paths leave the frame; if paths change, as in animations, they can be shown again.

    Attributes
    ----------
    marks : dict
        The triangles on each side of the frame.
    """

    def __init__(self, ax):
        looks = {"s": 55, "edgecolors": "white", "clip_on": False, "zorder": 5}
        self.marks = {side: ax.scatter([], [], marker=marker, **looks) for side, marker in OUTWARD.items()}

    def show(self, paths, colors, box):
        """Show where paths, arrays of shape (T, 2), leave the frame; each has its color."""
        found = {side: ([], []) for side in OUTWARD}
        for positions, color in zip(paths, colors):
            for side, point in exits(positions, box):
                found[side][0].append(point)
                found[side][1].append(color)
        for side, (points, kinds) in found.items():
            self.marks[side].set_offsets(np.reshape(points, (-1, 2)))
            self.marks[side].set_facecolor(kinds)

    def mark(self, lines, box):
        """Show where lines leave the frame, and return the triangles of the edges that have any."""
        self.show([line.get_xydata() for line in lines], [line.get_color() for line in lines], box)
        return [mark for mark in self.marks.values() if len(mark.get_offsets())]
