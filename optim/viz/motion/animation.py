"""Runs in motion: paths grow over the surface beside their loss curves, in step.

`frame_steps` chooses which steps are frames, and a `Stage` shows more and more of the picture that `overview` draws.
"""

import base64
import io
import re
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import PathPatch, Rectangle
from PIL import Image

from minigrad.drawing.display import in_notebook, open_window
from optim.checkpoint import replacing

from ..pictures.drawing import new_figure, style
from ..pictures.framing import ExitMarks, apart, frame
from ..pictures.plots import overview
from ..runs.trajectory import runs_in

LONGEST = 150  # frames
PAUSE = 1500  # milliseconds that the last frame of a GIF stays
COLORS = 200  # of a frame, whose palette has room for 256
APART = 10  # two of them differ by at least this many levels of red, green or blue
DATA = r'(?<=data:image/png;base64,)[^"]+'  # of the frames in a page
ICONS = {  # of the player's buttons, by Matplotlib's names; it would get pictures of them from the Internet
    "minus": "−", "plus": "+", "fast-backward": "⇤", "step-backward": "‹", "play fa-flip-horizontal": "◀",
    "pause": "❚❚", "play": "▶", "step-forward": "›", "fast-forward": "⇥",
}


def animate(runs, path=None, *, frames=100, fps=20, domain=None, levels=20, dpi=110):
    """Animate the paths of runs over their surface, beside the loss curves.

    Parameters
    ----------
    runs : Race, Trajectory, or list of Trajectory
        On one surface of two coordinates.
    path : str or path, optional
        Where to write the animation. The ending chooses the format: .gif (with Pillow, which comes with
        Matplotlib), .mp4 (needs the program ffmpeg) or .html (a page with a player).
    frames : int, default 100
        The largest number of different frames, from 2 to 150. In longer runs, `frame_steps` chooses the steps.
    fps : int, default 20
        Frames a second.
    domain, levels
        As in `paths`.
    dpi : int, default 110
        Pixels an inch; the figure is 8 by 4 inches.

    Returns
    -------
    Motion
        Matplotlib's `FuncAnimation`, which a notebook shows with a player, of about 40 kB a frame. Elsewhere its method
        `show` opens a window.

    Raises
    ------
    ValueError
        If the format is not one of the three, the surface does not have two coordinates, or `frames` is out of range.
    RuntimeError
        For an .mp4 if there is no ffmpeg.

    Examples
    --------
    >>> from pathlib import Path
    >>> from optim.viz import animate
    >>> import optim.viz, tempfile
    >>> race = optim.viz.race("booth", ["SGD(lr=0.1)", "Adam(lr=1)"], steps=5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animation = animate(race, Path(folder, "race.gif"))
    ...     Path(folder, "race.gif").read_bytes()[:6]
    b'GIF89a'
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or not 2 <= frames <= LONGEST:
        raise ValueError(f"frames is {frames!r}; expected a whole number from 2 to {LONGEST}")
    write = None if path is None else writer_for(Path(path))
    trajectories = runs_in(runs)
    steps = frame_steps(trajectories, frames, frame(trajectories[0].surface, domain))
    with style():
        stage = Stage(runs, domain, levels, dpi)
        animation = Motion(stage, steps, fps)
        if write:
            write(animation, path, fps, dpi)
    return animation


def frame_steps(trajectories, count, box):
    r"""Return the numbers of the steps that are frames, at most `count` of them, from 0 to the last.

    All steps, if there are at most that many. Otherwise they are chosen at equal distances in

    .. math:: \tfrac12 \, \frac{s(t)}{s(T)} + \tfrac12 \, \frac{\log(1 + t)}{\log(1 + T)},

    where s(t) is the mean length of the paths up to step t, in widths of the frame and without the parts outside it.
    So fast runs are not over in one frame, and slow ones are not boring.

    Parameters
    ----------
    trajectories : list of Trajectory
    count : int
    box : two pairs (low, high)
        The frame.
    """
    longest = max(trajectories, key=lambda trajectory: len(trajectory.steps))
    steps = longest.steps
    if len(steps) <= count:
        return steps.tolist()
    lengths = np.zeros(len(steps) - 1)
    sizes = np.diff(box).ravel()[:, np.newaxis]
    for trajectory in trajectories:
        moves = np.diff(trajectory.positions.reshape(len(trajectory.steps), 2, -1), axis=0) / sizes
        length = np.minimum(np.nan_to_num(np.hypot(moves[:, 0], moves[:, 1])), 1).mean(axis=1)
        lengths[:len(length)] += length / (length.sum() or 1)
    travelled = np.concatenate([[0], np.cumsum(lengths)])
    pace = travelled / (travelled[-1] or 1) + np.log1p(steps) / np.log1p(steps[-1])
    chosen = np.searchsorted(pace, np.linspace(0, pace[-1], count))
    return steps[np.unique(np.minimum(chosen, len(steps) - 1))].tolist()


class Motion(FuncAnimation):
    """An animation that a notebook shows by itself, as a player whose frames have a quarter of the usual size."""

    def __init__(self, stage, steps, fps):
        self.stage, self.steps, self.description = stage, steps, stage.description
        super().__init__(stage.figure, stage.show, steps, init_func=list, interval=1000 / fps)

    def save(self, filename, writer=None, fps=None, dpi=None, **kwargs):
        """Write a file whose ending chooses the format, as in `animate`; with a writer, as Matplotlib's method does."""
        if writer is not None or kwargs:
            with replacing(filename) as unfinished:
                super().save(unfinished, writer, fps, dpi, **kwargs)
        else:
            writer_for(Path(filename))(self, filename, fps or 1000 / self._interval, dpi or self._fig.dpi)

    def to_jshtml(self, *args, **kwargs):
        """Return a player with all frames in it as HTML; the arguments are those of Matplotlib's method."""
        settings = {"savefig.dpi": "figure", "animation.frame_format": "png", "animation.embed_limit": np.inf}
        with mpl.rc_context(settings):
            return compact(super().to_jshtml(*args, **kwargs))

    def show(self):
        """Show the animation: in a notebook as a player below the cell, elsewhere in a window."""
        if in_notebook():
            sys.modules["IPython"].display.display(self)
        else:
            open_window(self._fig)
            self.in_window = Motion(self.stage, self.steps, 1000 / self._interval)  # it runs by the window's clock
            plt.show()

    def __repr__(self):
        return f"<Motion: {self.description}>"

    def __del__(self):
        """Let go of the animation without Matplotlib's warning: like a drawing, it need not be shown or saved."""

    def _repr_html_(self):
        """Return the player."""
        return self.to_jshtml()


class Stage:
    """A figure in which paths and curves grow over a still picture of everything else, with triangles where they leave.

    What does not move is drawn once, since a frame with contours takes half a second. The lines lie in axes
    without frames at the places of the overview's axes.
    """

    def __init__(self, runs, domain, levels, dpi):
        drawing = overview(runs, domain=domain, levels=levels)
        self.description = drawing.description
        trajectories, leaving = runs_in(runs), drawing["losses"]["exits"]
        drawn = [*drawing["lines"], *drawing["losses"]["lines"], *leaving, *drawing["dots"]]
        self.box = frame(trajectories[0].surface, domain)
        single = [run for trajectory in trajectories for run in trajectory]
        self.steps = [run.steps for run in single] + [line.get_xdata() for line in drawing["losses"]["lines"]]
        self.steps += [np.floor(line.get_xdata()) + 1 for line in leaving]  # the first step that is outside
        self.steps += [run.steps[apart(run.positions, self.box)] for run in single]
        self.points = [line.get_xydata() for line in drawn]
        still, boxes = still_picture(drawing, (*drawn, drawing["starts"], *drawing["minima"]), dpi)
        self.figure = new_figure(drawing.figure.get_size_inches(), dpi)
        self.figure.set_layout_engine("none")
        ground = self.figure.add_axes((0, 0, 1, 1))
        ground.imshow(still, aspect="auto", interpolation="nearest")
        ground.set_axis_off()
        axes = {ax: growing_axes(self.figure, ax, box) for ax, box in zip(drawing.ax, boxes)}
        grown = [grown_line(line, axes[line.axes]) for line in drawn]
        self.lines, self.dots = grown[:-len(single)], grown[-len(single):]
        left, right = (axes[ax] for ax in drawing.ax)
        self.paths, self.exits = self.lines[:len(drawing["lines"])], ExitMarks(left)
        for dots in self.dots:
            dots.set_markevery(None)
        for mark in (drawing["starts"], *drawing["minima"]):  # they lie above the paths
            grown_line(mark, left).set(data=mark.get_data(), markevery=None)
        self.bands = [right.add_patch(PathPatch(*band.get_paths(), facecolor=band.get_facecolor(), linewidth=0))
                      for band in drawing["losses"]["bands"]]
        self.now = right.axvline(0, color="#404040", linewidth=0.8, linestyle="-", zorder=1)
        self.clock = right.text(0.98, 0.97, "", transform=right.transAxes, ha="right", va="top", fontsize=11)

    def show(self, step):
        """Show what has happened up to a step, and return the artists that have changed."""
        for line, points, steps in zip([*self.lines, *self.dots], self.points, self.steps):
            line.set_data(*points[:np.searchsorted(steps, step, side="right")].T)
        self.exits.show([line.get_xydata() for line in self.paths], [line.get_color() for line in self.paths], self.box)
        for band in self.bands:
            band.set_clip_path(Rectangle((0, 0), step, 1, transform=band.axes.get_xaxis_transform()))
        self.now.set_xdata([step, step])
        self.clock.set_text(f"step {step}")
        return [*self.lines, *self.dots, *self.bands, *self.exits.marks.values(), self.now, self.clock]


def still_picture(drawing, lines, dpi):
    """Return the pixels of a drawing without some lines, and the places of its axes in the figure."""
    for artist in (*lines, *drawing["exits"], *drawing["losses"]["bands"]):
        artist.set_visible(False)
    drawing.figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(drawing.figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy(), [ax.get_position() for ax in drawing.ax]


def growing_axes(figure, original, box):
    """Return transparent axes with the limits and scales of the original ones."""
    ax = figure.add_axes(box)
    linear_part = {"linthresh": 1} if original.get_xscale() == "symlog" else {}  # as `losses` has it
    ax.set_xscale(original.get_xscale(), **linear_part)
    ax.set(yscale=original.get_yscale(), xlim=original.get_xlim(), ylim=original.get_ylim())
    ax.set_axis_off()
    return ax


def grown_line(original, ax):
    """Return a line without points that looks like the original one, with a marker at its head."""
    line, = ax.plot([], [])
    line.update_from(original)
    line.set(label=original.get_label(), visible=True, markevery=[-1], transform=ax.transData, clip_path=ax.patch)
    return line


# Formats

def writer_for(path):
    """Return the function that writes a file with this ending; raise an error at once if it cannot be written."""
    if path.suffix.lower() not in WRITERS:
        raise ValueError(f"path is {str(path)!r}; its ending must be one of {', '.join(WRITERS)}")
    if path.suffix.lower() == ".mp4" and not FFMpegWriter.isAvailable():
        raise RuntimeError("writing .mp4 needs the program ffmpeg, which is not on the PATH: install it, or write a "
                           ".gif or .html, which need no other program")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no folder {str(path.parent)!r}")
    return WRITERS[path.suffix.lower()]


class CompactGif(PillowWriter):
    """Writes a GIF with one palette for all frames, so that each stores only what differs from the one before it.

    If each frame had its own palette, as with Pillow's default, the file would be several times as large.
    """

    def finish(self):
        """Write the frames, after they have all been drawn."""
        frames = [frame.convert("RGB") for frame in self._frames]
        palette = shared_palette(frames[-1])
        first, *others = [frame.quantize(palette=palette, dither=0) for frame in frames]
        durations = [round(1000 / self.fps)] * len(others) + [PAUSE]
        first.save(self.outfile, save_all=True, append_images=others, duration=durations, loop=0, optimize=True,
                   disposal=1)


def shared_palette(image):
    """Return an image whose palette holds those most frequent colours of the given one that differ enough.

    So the flat colours of areas, lines and stars stay the same, and only the soft edges between them change.
    """
    colors, counts = np.unique(np.asarray(image).reshape(-1, 3), axis=0, return_counts=True)
    left = colors[np.argsort(-counts)].astype(int)
    kept = []
    while len(left) and len(kept) < COLORS:
        kept.append(left[0])
        left = left[np.abs(left - left[0]).max(axis=1) >= APART]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.array(kept, np.uint8).tobytes())
    return palette


def write_gif(animation, path, fps, dpi):
    """Write a GIF."""
    animation.save(path, writer=CompactGif(fps=fps), dpi=dpi)


def write_mp4(animation, path, fps, dpi):
    """Write a film."""
    animation.save(path, writer=FFMpegWriter(fps=fps), dpi=dpi)


def write_html(animation, path, fps, dpi):
    """Write a page with a player."""
    with replacing(path) as unfinished:
        Path(unfinished).write_text(animation.to_jshtml(fps=fps), encoding="utf-8")


def compact(page):
    """Return Matplotlib's player with one palette for all frames, a quarter of the size, and with icons of its own."""
    frames = [Image.open(io.BytesIO(base64.b64decode(data.replace("\\\n", "")))).convert("RGB")
              for data in re.findall(DATA, page)]
    palette = shared_palette(frames[-1])
    encoded = iter([as_png(frame.quantize(palette=palette, dither=0)) for frame in frames])
    page = re.sub(DATA, lambda match: next(encoded), page)
    page = re.sub(r'<i class="fa fa-([^"]+)"></i>', lambda match: ICONS.get(match[1], match[1]), page)
    return re.sub(r'<link rel="stylesheet"\s+href="https:[^>]+>', "", page)


def as_png(image):
    """Return an image as pages embed it, in base64."""
    file = io.BytesIO()
    image.save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


WRITERS = {".gif": write_gif, ".mp4": write_mp4, ".html": write_html}
