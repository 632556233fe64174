"""One HTML file that shows a race: the paths on the surface, and sliders through time and through learning rates.

The file needs no server, no network and no library. `page` makes the runs and gathers what they say; page.html,
page.css and page.js beside this file are what a reader of the page gets, and are written into it as they are.
"""

import base64
import html
import json
import re
import zlib
from pathlib import Path
from string import Template

import numpy as np
from matplotlib.figure import Figure
from matplotlib.path import Path as Curve
from matplotlib.textpath import TextPath

from optim.checkpoint import replacing

from ..pictures.drawing import style
from ..pictures.framing import frame, points_within
from ..pictures.plots import contour, first_positions, loss_scale
from ..runs.contestants import known
from ..runs.recording import race, record, tuned_race
from ..runs.trajectory import Race, is_within

LARGEST = 600_000  # bytes, so that the page can be sent by mail
FACTORS = np.sqrt(2.0) ** np.arange(-10, 11)  # from a 32nd of the race's own learning rate to 32 times that
MIDDLE = len(FACTORS) // 2
DIGITS = 4  # of every number on the page; more of positions where the frame is narrow
UNITS = 1000  # a frame is as wide and as high, for the contours
TEMPLATE = Path(__file__).with_name("page.html")


def page(what, path, optimizers=None, steps=None, start=None, *, seed=0, **facts):
    """Write a page with the runs of several optimizers, each with 21 learning rates.

    Parameters
    ----------
    what : Race, or str, Surface or callable
        A race that was run, or the surface of one to be run.
    path : str or path
        Where to write, with the ending .html or .htm.
    optimizers, steps, start : optional
        As in `race`, for a surface. Default: those of `CLASSICS`, tuned as in `tuned_race`; 200; the surface's own.
    seed : int, default 0
        Of the noise on the gradient.
    **facts
        What to change in the surface, see `race`.

    Returns
    -------
    str or path
        The path.

    Raises
    ------
    ValueError
        If the path has another ending, the surface has not two coordinates, a run is N runs, or `optimizers` and the
        like come with a race.

    Notes
    -----
    The 21 learning rates of an optimizer are one pass (see `record`), each about the square root of 2 times the one
    before, with the race's own in the middle. A run has no slider where it cannot be repeated from what a Trajectory
    tells, as after a schedule or noise with another seed; the page says why.

    The file stays below 600 kB: of long runs every third, fifth, ... step is kept. The stride is odd, so that a run
    that jumps from side to side with every step is seen to do so.
    """
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"path is {str(path)!r}; a page is HTML, so its ending must be .html or .htm")
    if not isinstance(what, Race):
        settings = {"start": start, "steps": 200 if steps is None else steps, "seed": seed, **facts}
        what = race(what, optimizers, **settings) if optimizers else tuned_race(what, **settings)
    elif facts or not (optimizers is steps is start is None):
        raise ValueError("optimizers, steps, start and facts of the surface belong to a page of a surface; "
                         "a race that was run brings its own")
    frame(what.surface)
    for trajectory in what:
        if trajectory.count is not None:
            raise ValueError(f"{trajectory.label} is {trajectory.count} runs in one; a page shows single runs, "
                             "such as trajectory[0]")
    with replacing(path) as unfinished:
        Path(unfinished).write_text(document(what, seed), encoding="utf-8")
    return path


def document(what, seed=0):
    """Return the page of a race as text."""
    fields = [with_learning_rates(trajectory, seed) for trajectory in what]
    planned = max(trajectory.planned for trajectory in what)
    ground = surface_facts(what)
    stride = 1
    while stride < planned + 2:
        text = filled({**ground, **runs_facts(what, fields, stride)})
        if len(text.encode()) < LARGEST:
            return text
        stride = max(stride + 2, int(stride * len(text) / LARGEST) // 2 * 2 + 1)
    raise ValueError(f"{len(what)} optimizers do not fit into one page of {LARGEST} bytes; show fewer")


def filled(content):
    """Return the template with a title, the style, the script and the content, packed, put in."""
    packed = base64.b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)).decode()
    parts = {name: TEMPLATE.with_suffix(f".{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(content["title"]), content=packed, **parts)


# The runs

def with_learning_rates(trajectory, seed):
    """Return a run as 21 with other learning rates, its own in the middle, and ""; or it alone, and why."""
    name, lr = trajectory.optimizer.partition("(")[0], trajectory.hyperparameters.get("lr")
    if not isinstance(lr, (int, float)) or lr <= 0:
        return [trajectory], "The optimizer has none." if lr is None else "There are no multiples of it to choose from."
    if trajectory.make is None and name not in known():
        return [trajectory], "No slider: the run comes from a file, which holds no optimizer."
    every = int(trajectory.steps[1]) if len(trajectory.steps) > 1 else 1
    rates = np.array([float(f"{lr * factor:.3g}") for factor in FACTORS])
    rates[MIDDLE] = lr
    many = record(trajectory.make or name, trajectory.surface, trajectory.positions[0], trajectory.planned, every=every,
                  seed=[seed] * len(rates), **{**trajectory.hyperparameters, "lr": rates})
    own = many[MIDDLE].positions
    if own.shape != trajectory.positions.shape or not np.allclose(own, trajectory.positions, rtol=1e-6):
        return [trajectory], ("No slider: the run cannot be repeated with what is known of it. "
                              "It had a schedule, say, or noise with another seed.")
    return [many[i] for i in range(len(many))], ""


def runs_facts(what, fields, stride):
    """Return what the page has to know of all runs, of which every stride-th row is kept."""
    everyone = [run for runs, _ in fields for run in runs]
    longest = max(everyone, key=lambda run: len(run.steps))
    rows = kept_rows(len(longest.steps), stride)
    optimizers = [{"name": name, "fixed": reason, **optimizer_facts(runs, rows)}
                  for name, (runs, reason) in zip(names(what, fields), fields)]
    return {"steps": longest.steps[rows].tolist(), "loss": loss_facts(everyone), "optimizers": optimizers}


def kept_rows(count, stride):
    """Return every stride-th of so many rows, and the last."""
    return np.unique([*range(0, count, stride), count - 1])


def rows_of(run, rows):
    """Return those of the kept rows that a run has, and its own last, in place of the next one."""
    return np.unique([*rows[rows < len(run.steps)], len(run.steps) - 1])


def names(what, fields):
    """Return what to call the optimizers: their labels, without the learning rate where that has a slider."""
    labels = [trajectory.label for trajectory in what]
    free = [label if reason else re.sub(r"\blr=[^,)]*(, )?", "", label).replace("()", "").rstrip(", ")
            for label, (_, reason) in zip(labels, fields)]
    return free if len(set(free)) == len(free) else labels


def optimizer_facts(runs, rows):
    """Return what the page has to know of the runs of one optimizer, all with the same columns."""
    tables = [named_columns(run) for run in runs]
    sizes = {title: values.shape[1] for table in tables for title, values in table.items()}
    digits = position_digits(runs[0].surface.domain)
    told = [{"lr": rounded(run.rates[0], 6), "ending": run.ending, "last": int(run.steps[-1]),
             "columns": packed_columns(table, sizes, rows_of(run, rows), digits)} for run, table in zip(runs, tables)]
    return {"chosen": len(runs) // 2, "runs": told}


def named_columns(run):
    """Return all numbers of a run as a dictionary of arrays of shape (T, size); of its state, what is small."""
    state = {name: entry for name, entry in run.states.items() if not re.search(r"(^|\.)(step|\d+)$", name)}
    loss = {"loss": run.losses, **({"loss above the minimum": run.excess} if run.surface.minimum else {})}
    everything = {"position": run.positions, **loss, "gradient": run.gradients, **state}
    tables = {name: entry.reshape(len(run.steps), -1) for name, entry in everything.items()}
    return {name: table for name, table in tables.items() if 0 < table.shape[1] <= 4}


def position_digits(domain):
    """Return how many digits tell apart ten thousand places along each side of the domain.

    >>> position_digits(((-2, 2), (-1, 3))), position_digits(((999, 1001), (0, 1)))
    (4, 7)
    """
    return DIGITS + max(0, *(int(np.ceil(np.log10(max(abs(low), abs(high)) / (high - low)))) for low, high in domain))


def packed_columns(table, sizes, rows, digits):
    """Return the kept rows of all columns, packed, by name; of columns that a run has not, nothing but gaps."""
    nothing = np.full((rows[-1] + 1, 1), np.nan)
    return {title: [packed(column, digits if title == "position" else DIGITS)
                    for column in table.get(title, nothing.repeat(size, 1))[rows].T] for title, size in sizes.items()}


def packed(column, digits):
    """Return numbers, rounded to so many digits, as whole numbers and powers of ten, and None for what is not a number.

    Both are told as differences from one to the next. These are mostly small, which halves the page.

    >>> packed(np.array([0.5, 0.4998, np.nan, 12.0]), 4)
    {'whole': [5000, -2, None, -3798], 'powers': [-4, 0, None, 2]}
    """
    finite = np.isfinite(column)
    parts = [f"{x:.{digits - 1}e}".split("e") for x in column[finite].tolist()]
    packs = {"whole": [int(mantissa.replace(".", "")) for mantissa, _ in parts],
             "powers": [int(power) - digits + 1 for _, power in parts]}
    for name, numbers in packs.items():
        differences = iter(np.diff(numbers, prepend=0).tolist())
        packs[name] = [next(differences) if there else None for there in finite]
    return packs


def rounded(x, digits=DIGITS):
    """Return a number with so many digits, or None for what is not a number."""
    return float(f"{x:.{digits}g}") if np.isfinite(x) else None


def loss_facts(runs):
    """Return which loss is drawn, on what scale, and from where to where, for all learning rates."""
    values, name, logarithmic = loss_scale(runs)
    start = max(value[0] for value in values)
    seen = [value[is_within(run.positions, run.surface.domain) & np.isfinite(value)]
            for value, run in zip(values, runs)]
    if logarithmic:
        top = 30 * start if start > 0 else 1.0
        settled = [np.median(value[-1 - len(value) // 10:]) for value in seen if value.size]  # not where it passed by
        bottom = max(1e-16 * top, min([1e-3 * top, *(value / 3 for value in settled if value > 0)]))
    else:
        lowest = min(start, *(value.min() for value in seen if value.size))
        room = start - lowest or 1.0
        bottom, top = lowest - 0.05 * room, start + 0.3 * room
    return {"name": name, "logarithmic": logarithmic, "bottom": float(bottom), "top": float(top)}


# The surface

def surface_facts(what):
    """Return what the page has to know of the surface."""
    surface = what.surface
    with style():
        description = contour(surface, Figure().subplots()).description
    return {
        "title": surface.name.replace("_", " ").capitalize(), "formula": formula_outline(surface), "note": what.note,
        "lesson": surface.lesson, "description": description, "frame": surface.domain, "units": UNITS,
        "starts": first_positions(what).tolist(), "minima": points_within(surface.minima, surface.domain).tolist(),
        "heights": contours(surface),
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
    """Return the formula as an outline that needs no fonts, and in LaTeX; nothing if there is none to be drawn."""
    try:
        curve = TextPath((0, 0), f"$f(x, y) = {surface.formula}$", size=20) if surface.formula else None
    except ValueError:  # more LaTeX than Matplotlib sets
        curve = None
    if curve is None:
        return None
    (left, bottom), (right, top) = curve.get_extents().get_points()
    turned = Curve(curve.vertices * [1, -1] + [-left, top], curve.codes)  # y points down in SVG
    size = [rounded(right - left), rounded(top - bottom)]
    return {"path": outline(turned, 1), "size": size, "latex": surface.formula}


def outline(curve, digits):
    """Return a curve in SVG's path language, its coordinates rounded, without the points that rounding makes equal."""
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
