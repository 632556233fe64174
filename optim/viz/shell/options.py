"""Options that the commands of `python -m optim` share: what to minimise, which optimizers run, where results go."""

import argparse
import importlib
import io
import os
import re
import sys
import traceback
from pathlib import Path

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

import optim

from .. import surfaces
from ..runs import contestants

PROGRAM = "python -m optim"


def add_surface(parser):
    """Add the options that say what to minimise, and where."""
    parser.add_argument("surface", nargs="?", metavar="SURFACE", help=f"a name that `{PROGRAM} list` shows")
    parser.add_argument("--function", metavar="MODULE:NAME", help="instead of SURFACE: a function of your own")
    parser.add_argument("--domain", nargs=4, type=float, metavar=("LEFT", "RIGHT", "BOTTOM", "TOP"),
                        help="what to show; default: the surface's own")


def add_start(parser):
    """Add the option that says where to start."""
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="default: the surface's own")


def add_optimizers(parser):
    """Add the option that says which optimizers run."""
    parser.add_argument("--optimizer", action="append", metavar='"NAME(lr=..., ...)"',
                        help="or MODULE:NAME, a class of your own; may be given several times; default: SGD, momentum, "
                             "RMSprop and Adam")


def add_optimizer(parser, default):
    """Add the option that says which optimizer runs, for commands that show only one."""
    parser.add_argument("--optimizer", default=default, action=Once, metavar='"NAME(lr=..., ...)"',
                        help="or MODULE:NAME, a class of your own; default: %(default)s")


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
        raise ValueError("name either a SURFACE, such as rosenbrock, or --function MODULE:NAME")
    if options.surface and ":" in options.surface:
        raise ValueError(f"SURFACE is {options.surface!r}; for a function of your own, write --function "
                         f"{options.surface}")
    domain = {"domain": (options.domain[:2], options.domain[2:])} if options.domain else {}
    return surfaces.get(options.surface) if options.surface else imported(options.function), domain


def name_of(surface):
    """Return the name of a surface or a function, made safe for the name of a file."""
    name = getattr(surface, "name", None) or getattr(surface, "__name__", "function")
    return re.sub(r"[^\w()=.,+-]", "_", name).lstrip("._")


def optimizer_to_show(text):
    """Return the class, or with hyperparameters the optimizer, that a text such as "Adam(amsgrad=True)" describes."""
    if ":" in text and "(" not in text:
        return imported(text, "OPTIMIZER", "class")
    public = {name.lower(): getattr(optim, name) for name in optim.__all__}
    kind = public.get(text.strip().lower())
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer):
        return kind
    kind, hyperparameters = contestants.parse(text)
    return kind([optim.Parameter(np.ones((2, 2)))], **hyperparameters)


def with_own_classes(optimizers):
    """Return what --optimizer has given, with the class in place of MODULE:NAME."""
    if isinstance(optimizers, list):
        return [with_own_classes(text) for text in optimizers]
    own = optimizers and ":" in optimizers.partition("(")[0]
    return imported(optimizers, "--optimizer", "class") if own else optimizers


def imported(text, option="--function", kind="function"):
    """Return the function or class MODULE:NAME; the working directory is searched for modules too."""
    module_name, colon, name = text.partition(":")
    if module_name.endswith(".py"):
        path = Path(module_name).with_suffix("")
        folder = f", in the folder {path.parent}" if path.is_absolute() else ""
        meant = path.name if path.is_absolute() else ".".join(path.parts)
        raise ValueError(f"{option} is {text!r}; a module is named without .py: write {meant}:{name or 'NAME'}{folder}")
    if not colon or not name.isidentifier():
        raise ValueError(f"{option} is {text!r}; expected MODULE:NAME, such as mymodule:my{kind}")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except SyntaxError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}: {error.msg}") from None
    except ModuleNotFoundError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(f"{place.filename}, line {place.lineno}: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(here)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{option} is {text!r}, but {module_name} has no {kind} {name!r}")
    return function


def place_in_modules(error, texts):
    """Return the file and the line where an error arose in a module of texts MODULE:NAME; "" if it was elsewhere."""
    modules = [sys.modules.get(text.partition(":")[0]) for text in texts if text]
    files = [getattr(module, "__file__", "") for module in modules]
    places = [f"{frame.filename}, line {frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename in files]
    return places[-1] if places else ""


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
