"""What all pictures have in common: one style, one look for each run, and what a plotting function returns.

Every plotting function takes `ax=None`, draws within `style()`, and returns a `Drawing`: the axes, the artists by name,
and a description in words for those who cannot see it. None calls `show`, and none touches rcParams or the global
random state.
"""

import base64
import dataclasses
import html
import io
from pathlib import Path

import matplotlib.pyplot as plt

STYLE = str(Path(__file__).with_name("optim.mplstyle"))
FORMAT_METADATA = {  # the names under which file formats keep a title and a description
    ".png": {"Title": "title", "Description": "description"},
    ".svg": {"Title": "title", "Description": "description", "Date": None},
    ".pdf": {"Title": "title", "Subject": "description", "CreationDate": None},
}


def style():
    """Return a context in which figures have the look of this package: ``with optim.viz.style(): ...``."""
    return plt.style.context(STYLE)


def look(i):
    """Return colour, line style and marker of the i-th run, from the cycle of the style in use.

    After the last colour the cycle starts again with other line styles and markers, so that no two runs look alike.
    """
    cycle = list(plt.rcParams["axes.prop_cycle"])
    turn, place = divmod(i, len(cycle))
    return {**cycle[(place + 3 * turn) % len(cycle)], "color": cycle[place]["color"]}


def axes_or_new(ax, **figure):
    """Return the axes that were given, or those of a new figure."""
    return plt.subplots(**figure)[1] if ax is None else ax


@dataclasses.dataclass(eq=False, repr=False)
class Drawing:
    """What was drawn.

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
        """Write the figure to a file, with title and description in its metadata, and return the path.

        Parameters
        ----------
        path : str or path
            The ending chooses the format: png, svg, pdf, ...
        **kwargs
            For `matplotlib.figure.Figure.savefig`.
        """
        if "metadata" not in kwargs:
            parts = FORMAT_METADATA.get(Path(path).suffix.lower(), {})
            kwargs["metadata"] = {name: part and getattr(self, part) for name, part in parts.items()}
        with style():
            self.figure.savefig(path, **kwargs)
        return path

    def html(self):
        """Return the picture as an element of a page, its description as alternative text; the figure is closed."""
        picture = io.BytesIO()
        self.save(picture, format="png", dpi=100, metadata=None)
        plt.close(self.figure)
        source = base64.b64encode(picture.getvalue()).decode()
        return f'<img alt="{html.escape(self.description)}" src="data:image/png;base64,{source}">'

    def __repr__(self):
        return f"<Drawing: {self.description}>"
