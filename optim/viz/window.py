"""A live window: the path of one optimizer, drawn anew while its hyperparameters are slid and its start is dragged.

Made of Matplotlib's own widgets, so that it works in every interactive backend: a desktop's window, a notebook with
ipympl, a browser with WebAgg. What is drawn is what `record` returns.
"""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.widgets import Button, RadioButtons, Slider

import optim

from . import contestants, plots
from .drawing import look, style
from .recording import CLASSICS, labelled, record, with_facts

ROOM = 6  # sliders that find place below the picture


def play(what, optimizers=None, steps=200, start=None, *, seed=0, **facts):
    """Open a window in which an optimizer runs again whenever something is changed.

    Parameters
    ----------
    what : str, Surface or callable
        The surface, of two coordinates.
    optimizers : dict or sequence, optional
        Those to choose from, as in `race`. Default: `CLASSICS`.
    steps : int, default 200
    start : point, optional
        Default: the surface's own. A click into the picture sets another, and so does dragging.
    seed : int, default 0
        Of the noise on the gradient.
    **facts
        What to change in the surface, see `race`.

    Returns
    -------
    Window
        Keep it as long as the window is to answer: Matplotlib forgets widgets that nobody holds. Nothing is shown
        before `matplotlib.pyplot.show` is called, but for notebooks.

    Raises
    ------
    ValueError, TypeError
        As `race` does, and if the surface has not two coordinates.

    Examples
    --------
    >>> window = play("booth", ["SGD(lr=0.05)", "Adam(lr=0.5)"], steps=50)
    >>> list(window.sliders)
    ['lr', 'momentum', 'dampening', 'weight_decay']
    >>> window.sliders["momentum"].set_val(0.5)
    >>> window.run
    <Trajectory SGD(lr=0.05, momentum=0.5) on booth: 50 steps to loss 5.5e-13 at (1, 3)>
    """
    surface = with_facts(what, start, facts)
    plots.frame(surface)
    optimizers = labelled(CLASSICS if optimizers is None else optimizers, surface)
    return Window(surface, optimizers, steps, surface.start if start is None else start, seed)


class Window:
    """What `play` returns.

    Attributes
    ----------
    figure : Figure
    chosen : str
        The label of the optimizer that runs.
    start : point
    run : Trajectory
        What is drawn.
    path, curve : Line2D
        The positions, and the loss by step.
    choice : RadioButtons
    sliders : dict of Slider
        One for each number among the hyperparameters of the chosen optimizer, "betas.0" for one of a tuple; those of
        `LogSlider` hold exponents of 10.
    """

    def __init__(self, surface, optimizers, steps, start, seed):
        self.surface, self.steps, self.seed, self.start = surface, steps, seed, start
        self.optimizers = {label: contestants.factory(which, surface.function) for label, which in optimizers.items()}
        self.sliders, self.chosen, self.background = {}, next(iter(optimizers)), None
        self.run = self.recorded({})
        with style():
            self.figure = plt.figure(figsize=(11, 6.5), layout="none")
            self.draw_once()
            self.add_widgets()
        for event, answer in [("draw_event", self.on_draw), ("button_press_event", self.on_mouse),
                              ("motion_notify_event", self.on_mouse)]:
            self.figure.canvas.mpl_connect(event, answer)
        self.choose(self.chosen)

    # Drawing

    def draw_once(self):
        """Draw the surface, and the lines that `update` will move."""
        self.map = self.figure.add_axes((0.07, 0.42, 0.42, 0.5))
        self.losses = self.figure.add_axes((0.57, 0.42, 0.41, 0.5), xlabel="step", xlim=(0, max(self.steps, 1)))
        plots.contour(self.surface, self.map)
        colour = look(0)["color"]
        self.path, = self.map.plot([], [], linestyle="-", marker="o", markersize=3.5, markeredgewidth=0, color=colour,
                                   path_effects=plots.HALO)
        self.ring, = self.map.plot([], [], linestyle="none", marker="o", markersize=9, color="white",
                                   markeredgecolor="black", zorder=4)
        self.curve, = self.losses.plot([], [], linestyle="-", marker="none", color=colour)
        self.map.set_title("Click or drag to set the start")
        self.quick = hasattr(self.figure.canvas, "copy_from_bbox")  # so have all canvases that Agg paints
        self.blank = self.figure.add_artist(Rectangle((0.5, 0), 0.5, 1, color=self.figure.get_facecolor()))
        for artist in (self.path, self.ring, self.blank):
            artist.set_animated(self.quick)

    def add_widgets(self):
        """Add what stays when another optimizer is chosen."""
        place = self.figure.add_axes((0.02, 0.03, 0.22, 0.28), frameon=False)
        self.choice = RadioButtons(place, list(self.optimizers))
        self.choice.on_clicked(self.choose)
        self.reset = Button(self.figure.add_axes((0.25, 0.03, 0.08, 0.05)), "Reset")
        self.reset.on_clicked(lambda event: self.choose(self.chosen))

    def update(self):
        """Run again, and move the lines there; or say why there is nothing to be drawn."""
        try:
            self.run = self.recorded(self.hyperparameters())
        except (ValueError, ArithmeticError) as error:
            self.losses.set_title(textwrap.shorten(str(error), 60), loc="left")
        else:
            self.path.set_data(*self.run.positions.T)
            self.ring.set_data(*self.run.positions[:1].T)
            self.draw_losses()
        self.redraw()

    def draw_losses(self):
        """Move the curve, and the axes around it."""
        (values,), name, logarithmic = plots.loss_scale([self.run])
        self.curve.set_data(self.run.steps, values)
        scale = "log" if logarithmic else "linear"
        if self.losses.get_yscale() != scale:
            self.losses.set_yscale(scale)
            self.losses.minorticks_off()  # they would take half the time of a drawing
        ending = self.run.ending or f"loss {self.run.losses[-1]:.4g} after {self.run.last_steps} steps"
        self.losses.set_title(ending, loc="left")
        self.losses.set(ylabel=name, ylim=plots.loss_limits([self.run], [values[np.newaxis]], logarithmic))

    def redraw(self):
        """Draw what changes over the picture of what does not: three times as fast as drawing everything."""
        if self.background is None:
            self.figure.canvas.draw_idle()
            return
        self.figure.canvas.restore_region(self.background)
        self.draw_changing()
        self.figure.canvas.blit(self.figure.bbox)

    def draw_changing(self):
        """Draw the path, and afresh the right half, where all that changes has its place."""
        for artist in (self.path, self.ring, self.blank, self.losses, *(one.ax for one in self.sliders.values())):
            self.figure.draw_artist(artist)

    def on_draw(self, event):
        """Keep the picture of what does not change, after all of it was drawn, and add the rest."""
        if self.quick and not self.figure.canvas.is_saving():
            self.background = self.figure.canvas.copy_from_bbox(self.figure.bbox)
            self.draw_changing()
            self.figure.canvas.blit(self.figure.bbox)

    def recorded(self, hyperparameters):
        """Return the run with some hyperparameters changed."""
        return record(self.optimizers[self.chosen], self.surface, self.start, self.steps, seed=self.seed,
                      **hyperparameters)

    # What the user does

    def choose(self, label):
        """Let another optimizer run, with the hyperparameters that it came with, and give it its sliders."""
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
        self.background = None
        self.update()

    def slider(self, name, value, place):
        """Return a slider for a hyperparameter, below those that are there."""
        ax = self.figure.add_axes((0.62, 0.27 - 0.048 * place, 0.28, 0.04))
        made = (LogSlider if is_logarithmic(name, value) else FractionSlider)(ax, name.replace("_", " "), value)
        made.on_changed(lambda position: self.update())
        made.drawon = not self.quick  # `update` draws it
        return made

    def hyperparameters(self):
        """Return what the sliders say."""
        said = {name: slider.number for name, slider in self.sliders.items()}
        return {name: tuple(said.get(f"{name}.{k}", item) for k, item in enumerate(value))
                if isinstance(value, tuple) else said[name]
                for name, value in self.group.items() if name in said or f"{name}.0" in said}

    def on_mouse(self, event):
        """Set the start where the map is clicked or dragged, unless the toolbar's pan or zoom is at work."""
        pressed = event.button == 1 and event.inaxes is self.map
        if pressed and not self.figure.canvas.widgetlock.locked():
            self.start = (event.xdata, event.ydata)
            self.update()


# Sliders

class FractionSlider(Slider):
    """A slider from 0 to just below 1, for momentum and the like."""

    def __init__(self, ax, label, value):
        super().__init__(ax, label, 0.0, 0.999, valinit=value, valfmt="%.3f")

    @property
    def number(self):
        """What it stands at."""
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
        """What it stands at; before it is moved, exactly what was given."""
        return self.given if self.val == self.valinit else float(10**self.val)


def is_logarithmic(name, value):
    """Tell whether a number wants a scale of powers of ten; those of 0, or near 1, are fractions."""
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
