"""What all pictures share: one style, one look for each run, and what a plotting function returns.

Every plotting function takes `ax=None`, draws within `style()`, and returns a `Drawing`: the axes, the artists by name,
and a description in words for those who cannot see it. None calls `show`, and none touches rcParams or the global
random state.
"""

import base64
import dataclasses
import html
import io
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import matplotlib.patheffects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerPatch
from matplotlib.patches import Ellipse
from matplotlib.transforms import ScaledTranslation

from minigrad.drawing.display import in_notebook, open_window, with_metadata
from optim.checkpoint import replacing

from ..surfaces.definition import sentence  # noqa: F401

STYLE = str(Path(__file__).with_name("optim.mplstyle"))
NARROW = 230  # points: axes below this width are small ones of many
PALE = LinearSegmentedColormap.from_list("pale", ["#FFFFFF", "#9EA8B8"])  # dark paths stand out, most in the valleys
HALO = [matplotlib.patheffects.withStroke(linewidth=2.8, foreground="white")]
POINTS = {"linestyle": "none", "markeredgecolor": "black"}
STARTS = {**POINTS, "marker": "o", "markersize": 8, "color": "white", "label": "start"}
MINIMA = {**POINTS, "marker": "*", "markersize": 15, "color": "#F0E442", "label": "minimum"}


@contextmanager
def style():
    """Return a context in which figures have the look of this package.

    Letters have the same size in points in every figure. So for a projector, make a figure of few inches with many
    dots: 8 x 4.5 inches with 240 dots per inch fill a screen of 1920 x 1080.

    Returns
    -------
    context manager

    Notes
    -----
    One setting is not restored: whether pyplot is interactive. A notebook's backend is loaded with the first figure,
    perhaps within this context, and then sets it for the whole session.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import optim.viz
    >>> with optim.viz.style():
    ...     figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.5), dpi=240)
    >>> drawing = optim.viz.contour("booth", left)
    """
    try:
        with plt.style.context(STYLE):
            try:
                yield
            finally:
                interactive = plt.isinteractive()
    finally:
        plt.interactive(interactive)


def look(i):
    """Return colour, line style and marker of the i-th run, from the cycle of the style in use.

    After the last colour the cycle starts again with other line styles and markers, so that no two runs look alike.
    """
    cycle = list(plt.rcParams["axes.prop_cycle"])
    turn, place = divmod(i, len(cycle))
    return {**cycle[(place + 3 * turn) % len(cycle)], "color": cycle[place]["color"]}


class OwnFigure(Figure):
    """A figure that a plotting function has made for itself, and can enlarge."""


def may_grow(figure):
    """Return whether a figure was made for one picture, and so can be enlarged."""
    return isinstance(figure, OwnFigure)


def new_figure(figsize=None, dpi=None):
    """Return a figure that pyplot does not know, so that it is freed when nobody uses it."""
    figure = OwnFigure(figsize=figsize, dpi=dpi)
    FigureCanvasAgg(figure)
    return figure


def axes_or_new(ax, figsize=None, **grid):
    """Return the axes that were given, or those of a new figure."""
    return new_figure(figsize).subplots(**grid) if ax is None else ax


def filled_contours(ax, X, Y, Z, levels, **kwargs):
    """Fill the areas between levels, with fine lines between them, and return what `Axes.contourf` does."""
    if len(levels) == 1:
        levels = levels[0] + np.array([-0.5, 0.5])  # it is flat
    filled = ax.contourf(X, Y, Z, levels, **{"norm": BoundaryNorm(levels, 256), "cmap": PALE, **kwargs})
    ax.contour(X, Y, Z, levels, colors="white", linestyles="solid", linewidths=0.5, alpha=0.7)
    ax.grid(False)
    return filled


# Words around the axes

def width_of(ax):
    """Return how wide axes are, in points."""
    return ax.get_window_extent().width * 72 / ax.figure.dpi


def titled(ax, text, formula="", note=""):
    """Set the title of axes, in as many lines as it needs so that it does not overlap anything beside it.

    Parameters
    ----------
    ax : Axes
    text : str
    formula : str, optional
        It follows the text, or is below it where the axes are narrow.
    note : str, optional
        A line of its own.
    """
    size, between = (11, ":  ") if width_of(ax) > NARROW else (9, "\n")
    room = max(int(2 * width_of(ax) / size), 10)  # characters
    *lines, last = textwrap.wrap(text, room, break_on_hyphens=False)
    last += between + formula if formula else ""
    whole = "\n".join([*lines, last, *textwrap.wrap(note, room)])
    ax.set_title(whole, fontsize=size, verticalalignment="bottom", pad=4)  # fractions reach below the baseline


def add_legend(ax, place="inside", handles=None):
    """Put a legend where it hides nothing, with labels broken where they would be too long.

    Parameters
    ----------
    ax : Axes
    place : {"inside", "below", "right"}, default "inside"
        In the emptiest corner, or outside the axes. A new figure grows with a legend below its axes. Axes that you pass
        do not shrink for a legend: it is inside, or left out if it would hide a quarter of them.
    handles : list of Artist, optional
        Default: all with a label.
    """
    handed_in = place != "inside" and not may_grow(ax.figure)
    place = "inside" if handed_in else place
    handles = in_legend(handles or ax.get_legend_handles_labels()[0])
    width, (size, sample) = width_of(ax), (9, 3) if width_of(ax) > NARROW else (7, 2)
    if place == "below":
        width = 72 * ax.figure.get_figwidth() - 80
    room = {"inside": 0.75 * width, "below": width, "right": 190}[place] - (sample + 2) * size
    characters = max(int(room / (0.55 * size)), 12)
    broken = textwrap.TextWrapper(characters, break_on_hyphens=False).fill
    labels = ["\n".join(map(broken, handle.get_label().split("\n"))) for handle in handles]
    settings = {"fontsize": size, "handlelength": sample, "handler_map": {Ellipse: HandlerPatch(small_ellipse)}}
    if place != "inside":
        settings |= {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0}
    if place == "below":
        longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
        columns = max(int(width / ((0.58 * longest + sample + 2) * size)), 1)
        under_words = ax.transAxes + ScaledTranslation(0, -36 / 72, ax.figure.dpi_scale_trans)
        settings |= {"bbox_to_anchor": (0, 0), "bbox_transform": under_words, "ncols": columns}
    legend = ax.legend(handles, labels, **settings)
    if handed_in:
        ax.apply_aspect()
        hidden = legend.get_window_extent().width * legend.get_window_extent().height
        if hidden > ax.bbox.width * ax.bbox.height / 4:
            legend.remove()
    if place == "below":
        ax.figure.set_figheight(ax.figure.get_figheight() + legend.get_window_extent().height / ax.figure.dpi)
    return legend


def widest_legend(figure, handles, **kwargs):
    """Put a legend below everything in a figure, in as many columns as fit, and return it."""
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles=handles, loc="outside lower center", ncols=columns, **kwargs)
        if legend.get_window_extent().width < figure.bbox.width or columns == 1:
            return legend
        legend.remove()


def small_ellipse(width, height, xdescent, ydescent, **_):
    """Return the sample of an ellipse in a legend."""
    return Ellipse(((width - xdescent) / 2, (height - ydescent) / 2), width + xdescent, height + ydescent)


def in_legend(artists):
    """Return the artists that have their own label."""
    return [artist for artist in artists if not artist.get_label().startswith("_")]


@dataclasses.dataclass(eq=False, repr=False)
class Drawing:
    """What was drawn. A notebook shows it below the cell; `show` opens a window, and `save` writes a file.

    A new figure is not one of pyplot's open figures: you need not close a thousand drawings, and `plt.show()` alone
    shows none of them. If you pass axes, their figure stays what it was.

    Attributes
    ----------
    ax : Axes, or tuple of Axes
    artists : dict
        What was drawn, by name: for instance "lines", one for each run. ``drawing["lines"]`` is the same.
    title : str
    description : str
        What the picture shows, in words: its alternative text.
    """

    ax: object
    artists: dict
    title: str
    description: str

    @property
    def figure(self):
        """The figure that it is part of."""
        return (self.ax[0] if isinstance(self.ax, tuple) else self.ax).figure

    def __getitem__(self, name):
        return self.artists[name]

    def save(self, path, **kwargs):
        """Write the figure to a file; PNG, SVG and PDF keep its title and description too.

        Parameters
        ----------
        path : str, path or file object
            The ending chooses the format: png, svg, pdf, ...; without one, ".png" is added. An existing file
            stays as it is until the new one is complete.
        **kwargs
            For `matplotlib.figure.Figure.savefig`.

        Returns
        -------
        str or path
            The path of the file.
        """
        if hasattr(path, "write"):
            self.write(path, **kwargs)
            return path
        if "format" not in kwargs and not Path(path).suffix:
            path = f"{path}.png"
        kwargs = with_metadata(path, kwargs, self.title, self.description)
        with replacing(path) as unfinished:
            self.write(unfinished, **kwargs)
        return path

    def write(self, file, **kwargs):
        """Write the figure as `Figure.savefig` does, in the style that it was drawn in."""
        with style():
            self.figure.savefig(file, **kwargs)

    def show(self):
        """Show the picture: in a notebook below the cell, elsewhere in a window.

        A script waits until the window is closed, as with `matplotlib.pyplot.show`.
        """
        if self.is_managed:
            plt.show()
        elif in_notebook():
            sys.modules["IPython"].display.display(self)
        else:
            open_window(self.figure)
            plt.show()

    @property
    def is_managed(self):
        """Whether pyplot manages the figure, and so shows it too, as it does with axes that it made."""
        return self.figure.canvas.manager is not None

    def png(self):
        """Return the picture as the bytes of a PNG file, with 100 dots per inch."""
        picture = io.BytesIO()
        self.write(picture, format="png", dpi=100)
        return picture.getvalue()

    def html(self):
        """Return the picture as an element of a page, its description as alternative text.

        Returns
        -------
        str
            HTML, with the picture in it as PNG.
        """
        source = base64.b64encode(self.png()).decode()
        return f'<img alt="{html.escape(self.description)}" src="data:image/png;base64,{source}">'

    def _repr_png_(self):
        """Return what a notebook shows: the picture, and its alternative text; nothing if pyplot shows the figure."""
        return None if self.is_managed else (self.png(), {"alt": self.description})

    def __repr__(self):
        return f"<Drawing: {self.description}>"
