"""A live window: the path of one optimizer is redrawn while you move sliders or drag its start.

It is made of Matplotlib's own widgets, so it works in every interactive backend: a desktop window, a notebook with
ipympl, a browser with WebAgg. It draws what `record` returns. `Window` holds what the user can change,
`LiveFigure` asks it for the newest run whenever it is drawn, and `StillAxes` draw only what has changed.
"""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from matplotlib.widgets import Button, RadioButtons, Slider

import optim

from ..pictures import plots
from ..pictures.drawing import look, style
from ..runs import contestants
from ..runs.recording import CLASSICS, labelled, record, with_facts
from ..runs.trajectory import Race, Trajectory

ROOM = 6  # sliders that fit below the picture
STEPS = 200
GREY = "0.85"


def play(what, optimizers=None, steps=None, start=None, *, seed=0, **facts):
    """Open a window in which an optimizer runs again whenever you change something.

    Parameters
    ----------
    what : str, Surface, callable, Race or Trajectory
        The surface, of two coordinates; or runs, whose surface, optimizers, start and number of steps are used where
        none are given. Of N runs in one pass, the first is used.
    optimizers : dict or sequence, optional
        The optimizers to choose from, as in `race`. Default: those of the runs, or `CLASSICS`.
    steps : int, optional
        Default: as many as the runs have, or 200.
    start : point, optional
        Default: that of the runs, or the surface's own. Click in the picture, or drag, to set another.
    seed : int, default 0
        For the noise on the gradient.
    **facts
        What to change in the surface, see `race`.

    Returns
    -------
    Window
        It lives as long as its figure. Call `matplotlib.pyplot.show` to see it. In a notebook with
        ``%matplotlib widget``, which needs the package ipympl, the window is below the cell.

    Raises
    ------
    ValueError, TypeError
        As `race` does, and if the surface does not have two coordinates.

    Examples
    --------
    >>> from optim.viz import play
    >>> window = play("booth", ["SGD(lr=0.05)", "Adam(lr=0.5)"], steps=50)
    >>> list(window.sliders)
    ['lr', 'momentum', 'dampening', 'weight_decay']
    >>> window.sliders["momentum"].set_val(0.5)
    >>> window.run
    <Trajectory SGD(lr=0.05, momentum=0.5) on booth: 50 steps to loss 5.5e-13 at (1, 3)>
    """
    usual = {"optimizers": CLASSICS, "steps": STEPS, "start": None}
    if isinstance(what, (Race, Trajectory)):
        what, usual = what.surface, settings_of(plots.runs_in(what))
    start = usual["start"] if start is None else start
    surface = with_facts(what, start, facts)
    plots.frame(surface)
    optimizers = labelled(usual["optimizers"] if optimizers is None else optimizers, surface)
    return Window(surface, optimizers, usual["steps"] if steps is None else steps,
                  surface.start if start is None else start, seed)


def settings_of(trajectories):
    """Return the settings of runs; of N runs in one pass, those of the first."""
    runs = [trajectory[0] for trajectory in trajectories]
    return {"optimizers": {trajectory.label: run.new_optimizer for trajectory, run in zip(trajectories, runs)},
            "steps": runs[0].planned, "start": tuple(runs[0].positions[0])}


class Window:
    """What `play` returns.

    Attributes
    ----------
    figure : LiveFigure
    chosen : str
        The label of the optimizer that runs.
    start : point
    run : Trajectory
        What is drawn, or will be as soon as the backend draws.
    path, points, curve : Line2D
        The positions, as a line and one by one, and the loss by step.
    choice : RadioButtons
    sliders : dict of Slider
        One for each number among the hyperparameters of the chosen optimizer, "betas.0" for one of a tuple; those of
        `LogSlider` hold exponents of 10.
    """

    def __init__(self, surface, optimizers, steps, start, seed):
        self.surface, self.steps, self.seed, self.start = surface, steps, seed, start
        self.optimizers = {label: contestants.factory(which, surface.function) for label, which in optimizers.items()}
        self.sliders, self.chosen, self.is_current = {}, next(iter(optimizers)), True
        self.latest = self.recorded({})
        with style():
            self.figure = plt.figure(FigureClass=LiveFigure, window=self, figsize=(10, 6), layout="none")
            self.figure.canvas.manager.set_window_title(self.surface.heading)
            self.draw_once()
            self.add_widgets()
        for event, answer in [("button_press_event", self.on_mouse), ("motion_notify_event", self.on_mouse),
                              ("button_release_event", self.on_release)]:
            self.figure.canvas.mpl_connect(event, answer)
        self.choose(self.chosen)

    # Drawing

    def draw_once(self):
        """Draw the surface, and the artists that `update` will move."""
        colour = look(0)["color"]
        self.map = self.add_axes((0.07, 0.42, 0.42, 0.5))
        stars = plots.contour(self.surface, self.map)["minima"]
        self.map.set_title(f"{self.surface.heading}: click or drag to set the start")
        self.path, = self.map.plot([], [], linestyle="-", marker="none", color=colour, path_effects=plots.HALO)
        self.points, = self.map.plot([], [], linestyle="none", marker="o", markersize=3.5, markeredgewidth=0,
                                     color=colour)  # with the path's halo, they would take a third of the time
        self.ring, = self.map.plot([], [], linestyle="none", marker="o", markersize=9, color="white",
                                   markeredgecolor="black", zorder=4)
        self.exits = plots.ExitMarks(self.map)
        self.losses = self.add_axes((0.57, 0.42, 0.41, 0.5), xlabel="step", xlim=(0, max(self.steps, 1)))
        self.curve, = self.losses.plot([], [], linestyle="-", marker="none", color=colour)
        self.ending = self.losses.set_title("", y=1.0)
        for artist in (self.path, self.points, self.ring, self.curve, self.ending, *stars, *self.exits.marks.values()):
            artist.set_animated(True)

    def add_axes(self, place, **settings):
        """Add axes that are drawn again only if they have changed."""
        return self.figure.add_axes(place, axes_class=StillAxes, **settings)

    def add_widgets(self):
        """Add the parts that stay when another optimizer is chosen."""
        place = self.add_axes((0.02, 0.03, 0.22, 0.28), frameon=False)
        self.choice = RadioButtons(place, list(self.optimizers), activecolor=look(0)["color"], useblit=False)
        self.choice.on_clicked(self.choose)
        place = self.add_axes((0.25, 0.03, 0.08, 0.05))
        place.spines[:].set_visible(False)
        self.reset = Button(place, "Reset", color=GREY, hovercolor=GREY)
        self.reset.on_clicked(lambda event: self.choose(self.chosen))
        self.choice.drawon = self.reset.drawon = False  # `change` sees to it

    def change(self):
        """Note that something has changed, and ask for a new drawing.

        The run follows when the backend draws, `LiveFigure.draw`: if the mouse is faster than drawing, no queue of
        runs builds up.
        """
        self.is_current = False
        self.figure.canvas.draw_idle()

    def update(self):
        """Run again if something has changed; mark where the path leaves the visible part of the map."""
        if not self.is_current:
            self.is_current = True
            self.run_again()
        box = self.map.get_xlim(), self.map.get_ylim()
        self.exits.show([self.path.get_xydata()], [self.path.get_color()], box)

    def run_again(self):
        """Run, and move the artists; or say why there is nothing to draw."""
        try:
            self.latest = self.recorded(self.hyperparameters())
        except (ValueError, ArithmeticError) as error:
            self.ending.set_text(textwrap.shorten(str(error), 60))
            return
        positions = self.latest.positions
        for line, data in ((self.path, positions), (self.points, positions), (self.ring, positions[:1])):
            line.set_data(*data.T)
        self.draw_losses()

    @property
    def run(self):
        """What is drawn, or will be as soon as the backend draws."""
        self.update()
        return self.latest

    def draw_losses(self):
        """Move the curve, and its axes if they no longer fit: drawing ticks takes longer than everything else."""
        (values,), name, logarithmic = plots.loss_scale([self.latest])
        self.curve.set_data(self.latest.steps, values)
        ending = self.latest.ending or f"loss {self.latest.losses[-1]:.4g} after {self.latest.last_steps} steps"
        self.ending.set_text(ending)
        scale = "log" if logarithmic else "linear"
        if (self.losses.get_yscale(), self.losses.get_ylabel()) != (scale, name):
            self.losses.set(yscale=scale, ylabel=name)
            self.losses.minorticks_off()  # they would take half the time of a drawing
        limits = round_limits(*plots.loss_limits([self.latest], [values[np.newaxis]], logarithmic), logarithmic)
        if self.losses.get_ylim() != limits:
            self.losses.set_ylim(limits)

    def recorded(self, hyperparameters):
        """Return the run with some hyperparameters changed."""
        return record(self.optimizers[self.chosen], self.surface, self.start, self.steps, seed=self.seed,
                      **hyperparameters)

    # What the user does

    def choose(self, label):
        """Let another optimizer run, with its original hyperparameters, and give it its sliders."""
        if label != self.choice.value_selected:
            self.choice.set_active(list(self.optimizers).index(label))  # which calls this again
            return
        self.chosen = label
        for slider in self.sliders.values():
            slider.disconnect_events()
            slider.ax.remove()
        self.sliders = {}
        optimizer = self.optimizers[label]([optim.Parameter(self.start)])
        self.group = {name: optimizer.param_groups[0][name] for name in optimizer.defaults}
        with style():
            self.sliders = {name: self.slider(name, value, place)
                            for place, (name, value) in enumerate(list(numbers(self.group).items())[:ROOM])}
        self.change()

    def slider(self, name, value, place):
        """Return a slider for a hyperparameter, below the existing ones."""
        ax = self.add_axes((0.62, 0.27 - 0.048 * place, 0.28, 0.04))
        made = (LogSlider if is_logarithmic(name, value) else FractionSlider)(ax, name.replace("_", " "), value)
        made.label.set_x(-0.06)  # beside the knob, also where it is at the end
        made.valtext.set_x(1.06)
        made.on_changed(lambda position: self.change())
        made.drawon = False
        return made

    def hyperparameters(self):
        """Return the values of the sliders."""
        said = {name: slider.number for name, slider in self.sliders.items()}
        return {name: tuple(said.get(f"{name}.{k}", item) for k, item in enumerate(value))
                if isinstance(value, tuple) else said[name]
                for name, value in self.group.items() if name in said or f"{name}.0" in said}

    def on_mouse(self, event):
        """Set the start where the map is clicked or dragged, unless the toolbar's pan or zoom is at work."""
        pressed = event.button == 1 and event.inaxes is self.map
        if pressed and not self.figure.canvas.widgetlock.locked():
            self.start = (float(event.xdata), float(event.ydata))
            self.change()

    def on_release(self, event):
        """Send the whole picture to a browser, which gets only changes while the mouse button is pressed.

        A busy browser loses some of the changes that come faster than it can unpack them.
        """
        if hasattr(self.figure.canvas, "handle_refresh"):  # that of WebAgg and ipympl
            self.figure.canvas.handle_refresh({})


# Drawing only what has changed

class LiveFigure(Figure):
    """A figure that brings its window up to date before it is drawn, and keeps it alive.

    Matplotlib itself forgets widgets that no variable refers to.
    """

    def __init__(self, *args, window, **kwargs):
        super().__init__(*args, **kwargs)
        self.window = window

    def draw(self, renderer):
        """Draw the newest run."""
        self.window.update()
        super().draw(renderer)


class StillAxes(Axes):
    """Axes that keep the pixels of everything that does not move, and reuse them until some of it changes.

    What moves is animated, in Matplotlib's sense, and drawn over the pixels. So a window with contours, which take
    0.3 seconds, is drawn in a hundredth of a second, and by the backend's ordinary `draw`: WebAgg loses pictures that
    are sent by `blit` before the browser asks for them.
    """

    kept = (None, None)  # a renderer, and the pixels that were drawn with it; another size of the window is another one

    def draw(self, renderer):
        """Draw what has changed."""
        if self.figure.canvas.is_saving() or not hasattr(renderer, "copy_from_bbox"):
            self.kept = (None, None)
            self.draw_everything(renderer)
            return
        owner, pixels = self.kept
        if self.stale or owner is not renderer:
            place = Bbox.intersection(self.get_tightbbox(renderer).padded(3), self.figure.bbox)
            super().draw(renderer)
            self.kept = (renderer, renderer.copy_from_bbox(place))
        else:
            renderer.restore_region(pixels)
        self.draw_moving(renderer)

    def apply_aspect(self, position=None):
        """Place the axes as usual; this happens before every drawing, and alone it is not a change."""
        stale = self.stale
        super().apply_aspect(position)
        self.stale = stale

    def draw_everything(self, renderer):
        """Draw without keeping anything."""
        super().draw(renderer)
        if not self.figure.canvas.is_saving():  # which draws what is animated as well
            self.draw_moving(renderer)

    def draw_moving(self, renderer):
        """Draw what is animated."""
        for artist in sorted(self.get_children(), key=lambda artist: artist.zorder):
            if artist.get_animated():
                artist.draw(renderer)


def round_limits(low, high, logarithmic):
    """Return limits for an axis that hold the given ones, and stay the same while these change a little."""
    if logarithmic:
        return float(10 ** np.floor(np.log10(low))), float(10 ** np.ceil(np.log10(high)))
    unit = 10 ** np.floor(np.log10(high - low))
    return float(unit * np.floor(low / unit)), float(unit * np.ceil(high / unit))


# Sliders

class FractionSlider(Slider):
    """A slider from 0 to just below 1, for momentum and similar numbers."""

    def __init__(self, ax, label, value):
        super().__init__(ax, label, 0.0, 0.999, valinit=value, valfmt="%.3f")

    @property
    def number(self):
        """Its value."""
        return float(self.val)


class LogSlider(Slider):
    """A slider over four powers of ten, with the first value in the middle; its own value is the exponent."""

    def __init__(self, ax, label, value):
        middle = float(np.log10(value))
        self.given = value
        super().__init__(ax, label, middle - 2, middle + 2, valinit=middle)

    def _format(self, exponent):
        return f"{10**exponent:.3g}"

    @property
    def number(self):
        """Its value; before it is moved, exactly the given one."""
        return self.given if self.val == self.valinit else float(10**self.val)


def is_logarithmic(name, value):
    """Return whether a number needs a scale of powers of ten; 0 and numbers near 1 are fractions."""
    return value > 0 and (name == "lr" or value < 0.1 or value > 1)


def numbers(group):
    """Return the real numbers that are not negative among hyperparameters, also in tuples, as a flat dictionary.

    Whole numbers above 1 count something, such as iterations, and are left out.
    """
    flat = {}
    for name, value in group.items():
        items = {f"{name}.{k}": item for k, item in enumerate(value)} if isinstance(value, tuple) else {name: value}
        flat.update((key, item) for key, item in items.items()
                    if (type(item) is float and item >= 0) or (type(item) is int and item in (0, 1)))
    return flat
