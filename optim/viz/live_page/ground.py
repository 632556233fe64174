"""What the page draws for a surface: its hills and its formula as outlines, its minima, its start."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.path import Path as Curve
from matplotlib.textpath import TextPath

from ..pictures.drawing import sentence, style
from ..pictures.plots import contour

UNITS = 1000  # a frame is as wide and as high, for the hills


def surface_facts(surface, start):
    """Return what the page needs about a surface of two coordinates, apart from its function."""
    with style():
        description = contour(surface, Figure().subplots()).description
    return {
        "name": surface.name, "title": sentence(surface.name), "formula": formula_outline(surface),
        "lesson": surface.lesson, "description": description, "frame": surface.domain, "start": list(start),
        "minima": np.reshape(surface.minima, (-1, 2)).tolist(), "minimum": surface.minimum,
    }


def contours(surface, levels=16):
    """Return the regions above each level but the lowest as outlines in SVG's path language, UNITS wide and high.

    Laid over one another, each a little darker than what is below, they make a map without seams.
    """
    with np.errstate(all="ignore"):
        heights = surface.levels(levels)
        _, _, Z = surface.grid(n=160)
    Z = np.nan_to_num(Z, nan=heights[-1], posinf=heights[-1], neginf=heights[0])
    places, ax = np.linspace(0, UNITS, len(Z)), Figure().subplots()
    above = max(Z.max(), heights[-1]) + 1
    regions = [ax.contourf(places, UNITS - places, Z, [height, above]) for height in heights[1:-1]]
    return [outline(curve, 0) for region in regions for curve in region.get_paths()]


def formula_outline(surface):
    """Return the formula as an outline that needs no fonts, and in LaTeX; nothing if there is none to draw."""
    try:
        curve = TextPath((0, 0), f"$f(x, y) = {surface.formula}$", size=20) if surface.formula else None
    except ValueError:  # LaTeX that Matplotlib cannot set
        curve = None
    if curve is None:
        return None
    (left, bottom), (right, top) = curve.get_extents().get_points()
    turned = Curve(curve.vertices * [1, -1] + [-left, top], curve.codes)  # y points down in SVG
    size = [round(right - left, 1), round(top - bottom, 1)]
    return {"path": outline(turned, 1), "size": size, "latex": surface.formula}


def outline(curve, digits):
    """Return a curve in SVG's path language, its coordinates rounded, without points that rounding makes equal."""
    letters = {Curve.MOVETO: "M", Curve.LINETO: "L", Curve.CURVE3: "Q", Curve.CURVE4: "C", Curve.CLOSEPOLY: "Z"}
    pieces, before = [], None
    for points, code in curve.iter_segments(simplify=False):
        piece = " ".join(f"{x:.{digits}f}".removesuffix(".0") for x in points)
        if code == Curve.CLOSEPOLY:
            pieces.append("Z")
        elif code != Curve.LINETO or piece != before:
            pieces.append(letters[code] + piece)
        before = piece
    return "".join(pieces)
