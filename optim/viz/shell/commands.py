"""The commands of `python -m optim`: the arguments of each, and what it does with them.

A command does what a few lines of Python would do. Long work shows its progress on the standard error, if that is a
terminal.
"""

import argparse
import inspect
import sys
import textwrap
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import FigureManagerBase

import optim

from .. import surfaces
from ..live_page.page import page
from ..maps.basins import basin_map
from ..maps.hyperparameters import hyperparameter_map
from ..maps.portraits import portraits
from ..motion.animation import animate
from ..motion.window import STEPS, play
from ..pictures import plots
from ..runs import contestants
from ..runs.recording import CLASSICS, race, tuned_race
from .options import (
    add_optimizer,
    add_optimizers,
    add_output,
    add_start,
    add_steps,
    add_surface,
    chosen_surface,
    name_of,
    optimizer_to_show,
    output_path,
    picture_path,
    writable,
)

AXES = {"x": ("lr", "1e-4", "1"), "y": ("momentum", "0", "0.99")}  # of a map, unless others are asked for
LARGEST = 16_384  # pixels along the side of a map, whose arrays then take some gigabytes
WIDE = 100  # times from the lower to the upper end of an axis: from there on, its scale is logarithmic


# Races

def run_classics(options):
    """Race the classics over Rosenbrock with learning rates that suit it."""
    path = picture_path(options, "rosenbrock_race.png")
    tell_race(race("rosenbrock", CLASSICS, steps=1000), path, options)


def add_race(commands):
    """Add the command `race`."""
    parser = commands.add_parser("race", help="race optimizers over a surface, or a function of your own")
    add_surface(parser)
    add_start(parser)
    add_optimizers(parser)
    add_steps(parser, 200)
    add_tune(parser)
    add_output(parser, "SURFACE_race.png", default=argparse.SUPPRESS)
    add_table(parser, default=argparse.SUPPRESS)
    parser.set_defaults(command=run_race)


def add_tune(parser):
    """Add the option that lets each optimizer have its best learning rate."""
    parser.add_argument("--tune", action="store_true",
                        help="take the best of 31 learning rates for each optimizer; the default without --optimizer")


def add_table(parser, **keywords):
    """Add the option that says how a table is printed."""
    parser.add_argument("--table", choices=["text", "markdown", "csv"], help="default: text", **keywords)


def run_race(options):
    """Race the named optimizers; without any, the classics with tuned learning rates."""
    surface, _ = chosen_surface(options)
    path = picture_path(options, f"{name_of(surface)}_race.png")
    tell_race(chosen_race(options), path, options)


def chosen_race(options):
    """Return the race that the options describe."""
    surface, facts = chosen_surface(options)
    check_start(surface, options.start)
    settings = {"start": options.start, "steps": options.steps, "seed": options.seed, **facts}
    if options.tune or not options.optimizer:
        return tuned_race(surface, options.optimizer, **settings)
    return race(surface, options.optimizer, **settings)


def check_start(surface, start):
    """Raise an error if the function is not finite at the start."""
    surface = surfaces.get(surface)
    start = surface.start if start is None else start
    with np.errstate(all="ignore"):
        value = surface.function(np.array(start, dtype=float))
    if np.isfinite(start).all() and np.ndim(value) == 0 and value is not None and not np.isfinite(value):
        point = ", ".join(f"{x:g}" for x in start)
        raise ValueError(f"f is {value} at the start ({point}): choose another with --start")


def tell_race(result, path, options):
    """Print the table of a race, draw it, and print the path of the picture.

    A table in Markdown or CSV goes to another program or file, so the standard output holds it alone.
    """
    kind = options.table or "text"
    words = sys.stdout if kind == "text" else sys.stderr
    print(result.table(kind).removesuffix("\n"))
    if result.note:
        print(result.note, file=words)
    plots.overview(result).save(path)
    print(f"figure: {path}", file=words)


def add_animate(commands):
    """Add the command `animate`."""
    parser = commands.add_parser("animate", help="animate a race: .gif, .html, or .mp4 where there is ffmpeg")
    add_surface(parser)
    add_start(parser)
    add_optimizers(parser)
    add_steps(parser, 200)
    add_tune(parser)
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="2 to 150; default: %(default)s")
    add_output(parser, "SURFACE_race.gif", default=argparse.SUPPRESS)
    parser.set_defaults(command=run_animate)


def run_animate(options):
    """Write an animation of the race that the options describe."""
    surface, _ = chosen_surface(options)
    path = output_path(options, f"{name_of(surface)}_race.gif", ("gif", "html", "mp4"))
    animate(chosen_race(options), path, frames=options.frames)
    print(f"animation: {path}")


def add_page(commands):
    """Add the command `page`."""
    parser = commands.add_parser("page", help="write a live page for any browser; without SURFACE, of all surfaces")
    add_surface(parser)
    add_start(parser)
    add_optimizers(parser)
    add_steps(parser, 200)
    add_tune(parser)
    add_output(parser, "SURFACE_race.html", default=argparse.SUPPRESS)
    parser.set_defaults(command=run_page)


def run_page(options):
    """Write a page of the race that the options describe; without a surface, of all surfaces and all rules."""
    if options.surface is options.function is None:
        path = output_path(options, "optimizers.html", ("html", "htm"))
        page(None, path, options.optimizer, options.steps, seed=options.seed)
    else:
        surface, _ = chosen_surface(options)
        path = output_path(options, f"{name_of(surface)}_race.html", ("html", "htm"))
        page(chosen_race(options), path, seed=options.seed)
    print(f"page: {path}")


def add_play(commands):
    """Add the command `play`."""
    parser = commands.add_parser("play", help="open a window with sliders and a start that follows the mouse")
    add_surface(parser)
    add_start(parser)
    add_optimizers(parser)
    add_steps(parser, STEPS)
    parser.add_argument("--no-browser", action="store_true",
                        help="with MPLBACKEND=WebAgg, which serves the window to a browser: only print the address")
    parser.set_defaults(command=run_play, backend=None)


def run_play(options):
    """Open the window, and stay until it is closed or, where it is served to a browser, until Ctrl-C is pressed."""
    surface, facts = chosen_surface(options)
    window = play(surface, options.optimizer, options.steps, options.start, seed=options.seed, **facts)
    if type(window.figure.canvas.manager) is FigureManagerBase:  # that of backends which only write files
        raise RuntimeError(f"there is no window to open with Matplotlib's backend {plt.get_backend()!r}; "
                           "MPLBACKEND=WebAgg serves it to a browser, and needs the package tornado")
    with mpl.rc_context({"webagg.open_in_browser": not options.no_browser}):
        plt.show()


# Maps

def add_map(commands):
    """Add the command `map`."""
    parser = commands.add_parser("map", help="map what converges, and how fast, over two hyperparameters")
    add_surface(parser)
    add_start(parser)
    add_optimizer(parser, "SGD")
    for name, default in AXES.items():
        parser.add_argument(f"--{name}", nargs=3, default=default, metavar=("NAME", "LOW", "HIGH"),
                            help=f"a hyperparameter and its range, on a log scale if LOW is positive and HIGH at "
                                 f"least {WIDE} times LOW; default: {' '.join(default)}")
    add_map_options(parser)
    add_output(parser, "SURFACE_map.png", default=argparse.SUPPRESS)
    parser.set_defaults(command=run_map)


def add_map_options(parser):
    """Add the options that all maps have."""
    add_steps(parser, 500)
    parser.add_argument("--size", type=int, default=256, metavar="N",
                        help=f"pixels per side, at most {LARGEST}; default: %(default)s")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; default: %(default)s")
    parser.add_argument("--keep", type=Path, metavar="FILE.npz",
                        help="keep the numbers here; if interrupted, the same command goes on from there")


def run_map(options):
    """Map the hyperparameters that are named."""
    surface, facts = chosen_surface(options)
    path, keep = map_paths(options, f"{name_of(surface)}_map.png")
    check_start(surface, options.start)
    kind = contestants.class_of(options.optimizer)
    for name, default in AXES.items():
        if getattr(options, name) is default and default[0] not in inspect.signature(kind).parameters:
            raise ValueError(f"--{name} is needed, because {kind.__name__} has no {default[0]}, which is the default: "
                             f"write --{name} NAME LOW HIGH, such as --{name} beta1 0 0.99 for Adam")
    x, y = (axis(f"--{name}", *getattr(options, name), options.size) for name in "xy")
    with workers(options) as executor:
        result = hyperparameter_map(with_domain(surface, facts), options.optimizer, x, y, options.start, options.steps,
                                    seed=options.seed, executor=executor, path=keep)
    tell_map(result, path)


def axis(option, name, low, high, count):
    """Return the name of a hyperparameter and `count` values from low to high."""
    try:
        low, high = float(low), float(high)
    except ValueError:
        raise ValueError(f"{option} is {name} {low} {high}; expected a name and two numbers") from None
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"{option} is {name} {low:g} {high:g}; expected two numbers, the first below the second")
    return name, np.geomspace(low, high, count) if high >= WIDE * low > 0 else np.linspace(low, high, count)


def map_paths(options, usual):
    """Return where to write the picture and the numbers; None if the numbers should not be kept."""
    if not 2 <= options.size <= LARGEST:
        raise ValueError(f"--size is {options.size}; expected a whole number from 2 to {LARGEST}")
    keep = None if options.keep is None else writable("--keep", options.keep, ("npz",))
    return picture_path(options, usual), keep


def workers(options):
    """Return a context with the number of processes that was asked for; None for this process alone."""
    if options.workers < 1:
        raise ValueError(f"--workers is {options.workers}; expected at least 1")
    return nullcontext() if options.workers == 1 else ProcessPoolExecutor(options.workers)


def with_domain(surface, facts):
    """Return a surface with the domain that was asked for."""
    return surfaces.Surface(surface, **facts) if facts and not isinstance(surface, surfaces.Surface) else surface


def tell_map(result, path):
    """Print the map in numbers, draw it, and print the path of the picture."""
    print(result.table())
    result.plot().save(path)
    print(f"figure: {path}")


def add_basins(commands):
    """Add the command `basins`."""
    parser = commands.add_parser("basins", help="map which minimum is reached from where")
    add_surface(parser)
    add_optimizer(parser, "SGD(lr=0.01)")
    add_map_options(parser)
    add_output(parser, "SURFACE_basins.png", default=argparse.SUPPRESS)
    parser.set_defaults(command=run_basins)


def run_basins(options):
    """Map the basins of attraction of an optimizer."""
    surface, facts = chosen_surface(options)
    path, keep = map_paths(options, f"{name_of(surface)}_basins.png")
    with workers(options) as executor:
        result = basin_map(surface, options.optimizer, facts.get("domain"), options.steps, size=options.size,
                           seed=options.seed, executor=executor, path=keep)
    tell_map(result, path)


def add_portraits(commands):
    """Add the command `portraits`."""
    parser = commands.add_parser("portraits", help="draw the basins of many optimizers side by side")
    add_surface(parser)
    add_optimizers(parser, "sixteen well-known rules")
    add_steps(parser, 300)
    parser.add_argument("--size", type=int, default=256, metavar="N",
                        help=f"pixels per side, at most {LARGEST}; default: %(default)s")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; default: %(default)s")
    add_output(parser, "SURFACE_portraits.png", default=argparse.SUPPRESS)
    parser.set_defaults(command=run_portraits)


def run_portraits(options):
    """Draw the portraits of the named optimizers."""
    surface, facts = chosen_surface(options)
    path = picture_path(options, f"{name_of(surface)}_portraits.png")
    with workers(options) as executor:
        portraits(surface, options.optimizer, options.steps, size=options.size, domain=facts.get("domain"),
                  seed=options.seed, executor=executor).save(path)
    print(f"figure: {path}")


# Lists

def add_list(commands):
    """Add the command `list`."""
    parser = commands.add_parser("list", help="list the surfaces and the optimizers that have names")
    parser.set_defaults(command=run_list)


def run_list(options):
    """Print every surface with what it teaches, and every optimizer with its idea."""
    print("Surfaces")
    for name in surfaces.names():
        print_entry(name, surfaces.get(name).lesson)
    print("\nOptimizers")
    for name, kind in contestants.known().items():
        print_entry(name, inspect.getdoc(kind).partition("\n")[0])


def print_entry(name, text):
    """Print a name and what it means, in lines of at most 100 characters."""
    print(textwrap.fill(text, width=100, initial_indent=f"  {name:<28}", subsequent_indent=" " * 30))


def add_show(commands):
    """Add the command `show`."""
    parser = commands.add_parser("show", help="show optimizers as they are written: equations and source")
    parser.add_argument("optimizers", nargs="+", metavar="OPTIMIZER",
                        help='a name such as Adam, with hyperparameters "Adam(amsgrad=True)", or FILE.py:CLASS or '
                             "MODULE:CLASS of your own; of several, what differs is marked")
    parser.set_defaults(command=run_show)


def run_show(options):
    """Print the listings of the named optimizers."""
    optim.show(*map(optimizer_to_show, options.optimizers)).show()


COMMANDS = (add_race, add_map, add_basins, add_portraits, add_page, add_animate, add_play, add_list, add_show)
