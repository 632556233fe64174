"""Where a figure is shown, in a notebook or a window, and what its file says about it: for all pictures."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

SVG = {"Title": "title", "Description": "description", "Date": None}
METADATA = {  # the names under which file formats keep a title and a description; the others keep neither
    "png": {"Title": "title", "Description": "description"}, "svg": SVG, "svgz": SVG,
    "pdf": {"Title": "title", "Subject": "description", "CreationDate": None},
}


def in_notebook():
    """Return whether the program runs in a notebook, which shows pictures below its cells."""
    return "ipykernel" in sys.modules and "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None


def open_window(figure):
    """Give a figure that pyplot does not manage a window, which `plt.show` shows."""
    window = plt.figure(figsize=figure.get_size_inches(), dpi=figure.dpi).canvas
    window.figure = figure
    figure.set_canvas(window)


def with_metadata(path, settings, title, description):
    """Return settings of `Figure.savefig` with the title and the description, if the format of the file keeps them."""
    names = METADATA.get((settings.get("format") or Path(path).suffix[1:]).lower())
    if not names or "metadata" in settings:
        return settings
    texts = {"title": title, "description": description, None: None}
    return {**settings, "metadata": {name: texts[part] for name, part in names.items()}}
