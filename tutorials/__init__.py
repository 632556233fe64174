"""The course: lessons that end in a proven picture, and exercises whose checks answer in words.

A lesson is a file `NN_title.py` of this folder, in percent format: it runs as a script and opens as a notebook. What
lessons share is here: `check` for exercises, `picture` for figures, `DATA` for the folder of data sets.
`python -m tutorials start FOLDER` writes the student's copies, in which the solutions are blank.

The package needs minigrad and optim, NumPy and Matplotlib. It is not part of the wheel: hand out the folder.
"""

from pathlib import Path

from .checking import Verdict, check, exercises

DATA = Path(__file__).parent / "data"

__all__ = ["DATA", "Verdict", "check", "exercises", "picture"]


def picture(drawn, name):
    """Show a figure in a notebook; in a script, write it into the folder `figures` beside the script.

    Parameters
    ----------
    drawn : Figure, optim.viz.Drawing or what minigrad.draw returned
        What was drawn.
    name : str
        Of the file, without an ending: "11_adam" becomes figures/11_adam.png.
    """
    import sys

    import matplotlib.pyplot as plt

    if "ipykernel" in sys.modules:
        shown_alone = hasattr(drawn, "show") and not isinstance(drawn, plt.Figure)  # a Drawing need not be pyplot's
        (drawn if shown_alone else plt).show()
        return
    lesson = Path(sys._getframe(1).f_globals["__file__"])
    path = lesson.parent / "figures" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    if isinstance(drawn, plt.Figure):
        drawn.savefig(path, dpi=150)
        plt.close(drawn)
    else:
        drawn.save(path, dpi=150)
        plt.close(drawn.ax[0].figure if isinstance(drawn.ax, tuple) else drawn.ax.figure)
    print("wrote", path)
