"""Options that the commands of `python -m optim` share: what to minimise, which optimizers run, where results go."""

import argparse
import io
import os
import re
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

import optim
from minigrad.own_code import loaded

from .. import surfaces
from ..runs import contestants

PROGRAM = "python -m optim"
OWN_CLASS = 'or a class of your own: "FILE.py:NAME(lr=..., ...)" or "MODULE:NAME(lr=..., ...)"'


def add_surface(parser):
    """Add the options that say what to minimise, and where."""
    parser.add_argument("surface", nargs="?", metavar="SURFACE", help=f"a name that `{PROGRAM} list` shows")
    parser.add_argument("--function", metavar="FILE.py:NAME",
                        help="or MODULE:NAME; instead of SURFACE, a function of your own")
    parser.add_argument("--domain", nargs=4, type=float, metavar=("LEFT", "RIGHT", "BOTTOM", "TOP"),
                        help="what to show; default: the surface's own")


def add_start(parser):
    """Add the option that says where to start."""
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="default: the surface's own")


def add_optimizers(parser, default="SGD, momentum, RMSprop and Adam"):
    """Add the option that says which optimizers run."""
    parser.add_argument("--optimizer", action="append", metavar='"NAME(lr=..., ...)"',
                        help=f"{OWN_CLASS}; may be given several times; default: {default}")


def add_optimizer(parser, default):
    """Add the option that says which optimizer runs, for commands that show only one."""
    parser.add_argument("--optimizer", default=default, action=Once, metavar='"NAME(lr=..., ...)"',
                        help=f"{OWN_CLASS}; default: %(default)s")


class Once(argparse.Action):
    """Take a value, and raise an error for a second one."""

    def __call__(self, parser, options, value, option=None):
        if getattr(options, self.dest) is not self.default:
            parser.error(f"{option} is given twice, and this command shows one optimizer")
        setattr(options, self.dest, value)


def add_steps(parser, default):
    """Add the options that say how many steps to take, and with which noise."""
    parser.add_argument("--steps", type=int, default=default, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for the noise on noisy surfaces; default: 0")


def add_output(parser, usual, **keywords):
    """Add the option that says where results go."""
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"default: {usual}", **keywords)


def chosen_surface(options):
    """Return the chosen surface or function, and a dictionary with the domain if one was given."""
    if bool(options.surface) == bool(options.function):
        raise ValueError("name either a SURFACE, such as rosenbrock, or --function FILE.py:NAME")
    if options.surface and ":" in options.surface:
        raise ValueError(f"SURFACE is {options.surface!r}; for a function of your own, write --function "
                         f"{options.surface}")
    domain = {"domain": (options.domain[:2], options.domain[2:])} if options.domain else {}
    return surfaces.get(options.surface) if options.surface else loaded(options.function), domain


def name_of(surface):
    """Return the name of a surface or a function, made safe for the name of a file."""
    name = getattr(surface, "name", None) or getattr(surface, "__name__", "function")
    return re.sub(r"[^\w()=.,+-]", "_", name).lstrip("._")


def optimizer_to_show(text):
    """Return the class, or with hyperparameters the optimizer, that a text such as "Adam(amsgrad=True)" describes."""
    public = {name.lower(): getattr(optim, name) for name in optim.__all__}
    kind = with_own_classes(text) if is_own(text) else public.get(text.strip().lower())
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer):
        return kind
    return contestants.factory(kind if is_own(text) else text)([optim.Parameter(np.ones((2, 2)))])


def is_own(text):
    """Return whether a text names an optimizer of the user's own, by its file or its module."""
    return ":" in text.partition("(")[0]


def with_own_classes(optimizers):
    """Return what --optimizer has given, with the class instead of MODULE:NAME, and its hyperparameters bound to it."""
    if isinstance(optimizers, list):
        return [with_own_classes(text) for text in optimizers]
    if not (optimizers and is_own(optimizers)):
        return optimizers
    place, bracket, hyperparameters = optimizers.partition("(")
    kind = loaded(place, "class")
    if not bracket:
        return kind
    return partial(kind, **contestants.hyperparameters_in(kind, f"{kind.__name__}({hyperparameters}"))


def output_path(options, usual, formats):
    """Return where to write."""
    return writable("--out", options.out or Path(usual), formats)


def picture_path(options, usual):
    """Return where to draw, after a first picture in that format, which may need a program that is missing."""
    path = output_path(options, usual, FigureCanvasBase.get_supported_filetypes())
    figure = Figure(figsize=(1, 1))
    figure.text(0, 0, "text")
    try:
        figure.savefig(io.BytesIO(), format=path.suffix[1:].lower())
    except RuntimeError as error:
        raise ValueError(f"--out is {str(path)!r}, which cannot be drawn here: {error}") from None
    return path


def writable(option, path, formats):
    """Return a path after checking that it can be written, so that long work does not end with a wrong name."""
    if path.suffix[1:].lower() not in formats:
        raise ValueError(f"{option} is {str(path)!r}; its ending must be one of {', '.join(sorted(formats))}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option} is {str(path)!r}, but there is no folder {str(path.parent)!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{option} is {str(path)!r}, which cannot be written")
    return path
