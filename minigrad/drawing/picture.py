"""The picture of a graph: boxes with words in them, edges, and the wavefront of the backward pass.

Everything is laid out in points (see `layout.py`) and put on the axes at a single scale. So text that fits its box does
so in a picture of any size.
"""

import io
import sys
from pathlib import Path as FilePath

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path

from ..digits import show
from ..explanation import described
from .display import in_notebook, open_window, with_metadata
from .folding import folded
from .layout import fitted
from .words import DIGITS, LEADING, PAD, SIZE, Words, arrived, paragraph, text_width

# Colours of M. Okabe and K. Ito, "Color Universal Design" (2008), and lighter ones of the same hues. The kinds of boxes
# differ in their shapes and lines too.
INK, GREY, BLUE, GREEN, ORANGE, VERMILLION = "#202020", "#7F7F7F", "#0072B2", "#009E73", "#E69F00", "#D55E00"
ROUND, SQUARE = "round,pad=0,rounding_size=6", "square,pad=0"
LOOKS = {
    "operation": dict(boxstyle=ROUND, facecolor="white", edgecolor=INK, linewidth=1.0, linestyle="-"),
    "parameter": dict(boxstyle=SQUARE, facecolor="#D6EAF6", edgecolor=BLUE, linewidth=1.8, linestyle="-"),
    "constant": dict(boxstyle=SQUARE, facecolor="#F4F4F4", edgecolor=GREY, linewidth=1.0, linestyle=(0, (3, 2))),
    "folded": dict(boxstyle=ROUND, facecolor="#DDF0EA", edgecolor=GREEN, linewidth=2.4, linestyle="-"),
}
NAMES = {"operation": "operation, #n is its number in the walk back", "parameter": "parameter", "constant": "constant",
         "folded": "several operations", "reference": "stands for the box of the same name, which has a ○"}
EDGES = {"ahead": (GREY, 1.1, 1), "behind": (ORANGE, 1.8, 1.2), "in": (VERMILLION, 2.8, 1.4)}  # of the wavefront
PALE, DARK = "#FCEBD3", "#F6BD80"  # where gradients have arrived, and where they have just been passed on
MARGIN, SAMPLE = 12, 20  # around the picture, and the width of a sample in the legend
PAGE = 1150, 620  # what fits on a projector's screen
LARGEST = 1.6  # how far a small graph is enlarged on large axes


class Picture:
    """What `minigrad.draw` has drawn, from its arguments.

    Attributes
    ----------
    ax : Axes
    graph : Graph
        Its boxes and edges, in words and numbers.
    boxes, edges : lists of Patch
        One for each box and each edge of the graph, in the same order.
    references : list of Patch
        Small boxes that stand for others. Edges start here that would be too long otherwise.
    texts : list of dict
        The texts of each box: its "title", its "turn", its "facts" and its "gradient".
    description : str
        What the picture shows, in words: its alternative text.
    animation : FuncAnimation or None
    """

    def __init__(self, explanation, ax=None, step=None, animate=False, depth=None, limit=200):
        self.explanation, self.graph = explanation, folded(explanation, limit, depth)
        self.count = sum(1 for row in explanation.rows if row.operation)
        self.words = list(map(Words, self.graph.boxes))
        steps = range(self.count + 1) if animate else [] if step is None else [step]
        self._lay_out(ax, [self.description, *map(self._caption, steps)])
        self._draw_edges()
        self._draw_boxes()
        self._draw_references()
        self._draw_legend()
        self.heading = self._write(MARGIN, MARGIN, self._wrapped(self.description), verticalalignment="top")
        if steps:
            self.at(steps[0])
        self.animation = Walk(self) if animate else None

    @property
    def description(self):
        """What the picture shows, in words."""
        kinds = [box.kind for box in self.graph.boxes]
        parts = [(kinds.count("operation"), "operation"), (kinds.count("folded"), "folded box"),
                 (kinds.count("parameter"), "parameter"), (kinds.count("constant"), "constant"),
                 (len(self.graph.edges), "edge")]
        counts = [f"{count} {name}{('es' if name[-1] == 'x' else 's') * (count > 1)}" for count, name in parts if count]
        result = f"{self.explanation.label(1)} = {show(self.explanation.rows[0].value, DIGITS)}"
        return f"The graph of {result}: {', '.join(counts)}"

    def _caption(self, step):
        """Return what happens in a step, in words."""
        if step == 0:
            return f"step 0 of {self.count}: the walk starts at {self.explanation.label(1)}"
        row = self.explanation.rows[step - 1]
        passed = "; ".join(f"to {self.explanation.label(give.receiver)}: {described(give)}"
                           for give in row.contributions)
        call = self.explanation.title(row).partition(": ")[2]
        return f"step {step} of {self.count}: {call} passes on {passed or 'nothing'}"

    # Places

    def _lay_out(self, ax, headings):
        """Find the places of everything in points, and put them on the axes."""
        number = {box: i for i, box in enumerate(self.graph.boxes)}
        pairs = [(number[edge.source], number[edge.target]) for edge in self.graph.edges]
        page = PAGE if ax is None else size_of(ax)
        self.layout = fitted([words.size for words in self.words], [words.small for words in self.words], pairs,
                             (max(page[0] - 2 * MARGIN, 1), max(page[1] - 2 * MARGIN - 4 * LEADING, 1)))
        kinds = {box.kind for box in self.graph.boxes} | {"reference" for _ in self.layout.referred}
        self.legend = [kind for kind in NAMES if kind in kinds]
        legend_width = sum(SAMPLE + text_width(NAMES[kind]) + 26 for kind in self.legend)
        self.width = max(self.layout.width, legend_width, 300) + 2 * MARGIN
        lines = max(self._wrapped(heading).count("\n") + 1 for heading in headings)
        self.top = MARGIN + LEADING * (lines + 1)
        self.height = self.top + self.layout.height + 2 * LEADING + 2 * MARGIN
        self.left = (self.width - self.layout.width) / 2
        if ax is None:
            page = self.width, self.height
            figure = Figure(figsize=(page[0] / 72, page[1] / 72), facecolor="white", layout="none")
            FigureCanvasAgg(figure)
            ax = figure.add_axes([0, 0, 1, 1])
            ax.set_axis_off()
        self.ax, self.scale = ax, min(page[0] / self.width, page[1] / self.height, LARGEST)
        room = page[0] / self.scale, page[1] / self.scale
        ax.set_xlim((self.width - room[0]) / 2, (self.width + room[0]) / 2)
        ax.set_ylim((self.height + room[1]) / 2, (self.height - room[1]) / 2)  # y grows downwards

    def _wrapped(self, text):
        return "\n".join(paragraph(text, self.width - 2 * MARGIN))

    # Artists

    def _write(self, x, y, text, **look):
        """Write a text at the scale of the picture."""
        look = {"fontsize": SIZE * self.scale, "color": INK, "linespacing": LEADING / SIZE / 1.16, "zorder": 4, **look}
        return self.ax.text(x, y, text, parse_math=False, **look)

    def _draw_edges(self):
        """Draw every edge once, with a small triangle at its end."""
        paths = [path_of([shifted(piece, self.left, self.top) for piece in route]) for route in self.layout.routes]
        self.edges = [self.ax.add_patch(PathPatch(path, fill=False, capstyle="round")) for path in paths]
        self.starts = [path.vertices[0] for path in paths]
        ends = [path.vertices[-1] for path in paths]
        look = dict(linestyle="none", markeredgewidth=0, zorder=2)
        self.ax.plot([x - 3 for x, _ in ends], [y for _, y in ends], marker=">", color=GREY,
                     markersize=5 * self.scale, **look)
        self.arrows, = self.ax.plot([], [], marker="<", color=VERMILLION, markersize=9 * self.scale, **look)
        self._paint_edges(["ahead"] * len(self.edges))

    def _paint_edges(self, states):
        """Give every edge the look of its state: ahead of the wavefront, in it, or behind it."""
        for edge, state in zip(self.edges, states):
            color, width, zorder = EDGES[state]
            edge.set(edgecolor=color, linewidth=width * self.scale, zorder=zorder)

    def _draw_boxes(self):
        """Draw every box with its words."""
        self.boxes, self.texts = [], []
        for box, words, (x, y) in zip(self.graph.boxes, self.words, self.layout.centres):
            width, height = words.size
            x, y = x + self.left - width / 2, y + self.top - height / 2
            self.boxes.append(self._box(LOOKS[box.kind], x, y, width, height))
            first = y + PAD[1] + LEADING / 2
            line = dict(verticalalignment="center_baseline")
            texts = {"title": self._write(x + PAD[0], first, words.title, weight="bold", **line),
                     "turn": self._write(x + width - PAD[0], first, words.turn, color="#5F5F5F",
                                         horizontalalignment="right", **line)}
            texts["facts"] = [self._write(x + PAD[0], first + place * LEADING, fact, **line)
                              for place, fact in enumerate(words.facts, start=1)]
            texts["gradient"] = self._write(x + PAD[0], y + height - PAD[1] - LEADING / 2, words.gradient(self.count),
                                            color="#8A3B00", **line)
            self.texts.append(texts)

    def _draw_references(self):
        """Draw every reference with its words, and a small circle on the right of each box that has references."""
        self.references = []
        look = dict(verticalalignment="center_baseline", color="#5F5F5F")
        for number, (x, y) in zip(self.layout.referred, self.layout.centres[len(self.boxes):]):
            words, (width, height) = self.words[number], self.words[number].small
            x, y = x + self.left - width / 2, y + self.top
            kind = self.graph.boxes[number].kind
            self.references.append(self._box(reference_to(kind), x, y - height / 2, width, height))
            self._write(x + PAD[0], y, words.name, weight="bold", **look)
            self._write(x + width - PAD[0], y, words.turn, horizontalalignment="right", **look)
        ends = [self.boxes[number].get_bbox() for number in sorted(set(self.layout.referred))]
        self.ax.plot([end.x1 for end in ends], [(end.y0 + end.y1) / 2 for end in ends], linestyle="none", marker="o",
                     markersize=5 * self.scale, color="white", markeredgecolor=INK,
                     markeredgewidth=self.scale, zorder=5)

    def _box(self, look, x, y, width, height):
        """Draw a box with a look."""
        look = {**look, "linewidth": look["linewidth"] * self.scale}
        return self.ax.add_patch(FancyBboxPatch((x, y), width, height, zorder=3, **look))

    def _draw_legend(self):
        """Draw a sample of each kind of box below the graph."""
        looks = {**LOOKS, "reference": reference_to("operation")}
        x, y = MARGIN, self.height - MARGIN - LEADING
        for kind in self.legend:
            self._box(looks[kind], x, y, SAMPLE, LEADING)
            self._write(x + SAMPLE + 6, y + LEADING / 2, NAMES[kind], verticalalignment="center_baseline")
            x += SAMPLE + text_width(NAMES[kind]) + 26

    # The wavefront

    def at(self, step):
        """Show how far the backward pass has come.

        Parameters
        ----------
        step : int
            After how many operations.

        Returns
        -------
        list of Artist
            Those that have changed.
        """
        for box, patch, words, texts in zip(self.graph.boxes, self.boxes, self.words, self.texts):
            paint(patch, LOOKS[box.kind], box, step, self.scale)
            texts["gradient"].set_text(words.gradient(step))
        for number, patch in zip(self.layout.referred, self.references):
            box = self.graph.boxes[number]
            paint(patch, reference_to(box.kind), box, step, self.scale)
        givers = [[give.giver for give in edge.contributions] for edge in self.graph.edges]
        states = ["in" if step in g else "behind" if min(g, default=step) < step else "ahead" for g in givers]
        self._paint_edges(states)
        handing = [start for start, state in zip(self.starts, states) if state == "in"]
        self.arrows.set_data([x + 5 for x, _ in handing], [y for _, y in handing])
        self.heading.set_text(self._wrapped(self._caption(step)))
        return [*self.boxes, *self.references, *self.edges, self.arrows, self.heading,
                *[texts["gradient"] for texts in self.texts]]

    # Windows, notebooks and files

    @property
    def is_managed(self):
        """Whether pyplot manages the figure, and so shows it too, as it does with axes that it made."""
        return self.ax.figure.canvas.manager is not None

    def show(self):
        """Show the picture: in a notebook below the cell, elsewhere in a window.

        A script waits until the window is closed, as with `matplotlib.pyplot.show`.
        """
        if not self.is_managed and in_notebook():
            sys.modules["IPython"].display.display(self)
            return
        if not self.is_managed:
            open_window(self.ax.figure)
            self.animation = Walk(self) if self.animation else None  # this one runs by the clock of the window
        plt.show()

    def _repr_png_(self):
        """Return what a notebook shows: the picture, and its alternative text; nothing if pyplot shows the figure."""
        if self.is_managed:
            return None
        file = io.BytesIO()
        self.ax.figure.savefig(file, format="png", dpi=100)
        return file.getvalue(), {"alt": self.description}

    def _repr_html_(self):
        """Return the player of an animation."""
        return self.animation.to_jshtml() if self.animation else None

    def save(self, path, **kwargs):
        """Write the figure to a file. In SVG, text stays text.

        Parameters
        ----------
        path : str or path
            The ending chooses the format: png, svg, pdf, ...; without one, ".png" is added.
        **kwargs
            For `matplotlib.figure.Figure.savefig`.

        Returns
        -------
        str or path
            The path of the file.
        """
        if "format" not in kwargs and not FilePath(path).suffix:
            path = f"{path}.png"
        kwargs = with_metadata(path, kwargs, self.explanation.label(1), self.description)
        with plt.rc_context({"svg.fonttype": "none"}):
            self.ax.figure.savefig(path, **kwargs)
        return path

    def __repr__(self):
        return f"<Picture: {self.description}>"


class Walk(FuncAnimation):
    """The steps of a picture, one after the other."""

    def __init__(self, picture):
        super().__init__(picture.ax.figure, picture.at, picture.count + 1, interval=1500)

    def __del__(self):
        """Go without Matplotlib's warning: an animation need not be shown."""


def paint(patch, look, box, step, scale):
    """Give a box its look after a step: darker if a gradient has arrived, and darkest if it just passed one on."""
    active = any(row.step == step and row.operation for row in box.rows)
    pale = any(arrived(row, step) for row in box.rows)
    patch.set(facecolor=DARK if active else PALE if pale else look["facecolor"],
              edgecolor=VERMILLION if active else look["edgecolor"], linewidth=(look["linewidth"] + 2 * active) * scale)


def reference_to(kind):
    """Return the look of a reference to a box of this kind: its colours and shape, with a thin dotted line."""
    return {**LOOKS[kind], "linewidth": 0.8, "linestyle": (0, (1, 1.5))}


def size_of(ax):
    """Return width and height of axes in points, once the figure's own layout has settled."""
    ax.set_axis_off()
    ax.figure.draw_without_rendering()
    extent = ax.get_window_extent()
    return extent.width * 72 / ax.figure.dpi, extent.height * 72 / ax.figure.dpi


def shifted(piece, right, down):
    """Return a piece of a route with its points moved."""
    return tuple([part if isinstance(part, str) else (part[0] + right, part[1] + down) for part in piece])


def path_of(route):
    """Return a route as a path for Matplotlib."""
    (start,), *pieces = route
    vertices, codes = [start], [Path.MOVETO]
    for kind, *points in pieces:
        if kind == "curve":
            (x, y), (to_x, to_y) = vertices[-1], points[0]
            points, kind = [((x + to_x) / 2, y), ((x + to_x) / 2, to_y), (to_x, to_y)], Path.CURVE4
        else:
            kind = Path.LINETO
        vertices += points
        codes += [kind] * len(points)
    return Path(vertices, codes)
