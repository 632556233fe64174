"""Options that the commands of `python -m optim` have in common: what to minimise, who runs, where results go."""

import importlib
import os
import sys
from pathlib import Path

from .. import surfaces

PROGRAM = "python -m optim"


def add_surface(parser):
    """Add the options that say what to minimise, and where."""
    parser.add_argument("surface", nargs="?", metavar="SURFACE", help=f"a name that `{PROGRAM} list` shows")
    parser.add_argument("--function", metavar="MODULE:NAME", help="instead of SURFACE: a function of your own")
    parser.add_argument("--domain", nargs=4, type=float, metavar=("LEFT", "RIGHT", "BOTTOM", "TOP"),
                        help="what to show; default: the surface's own")


def add_start(parser):
    """Add the option that says from where."""
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="default: the surface's own")


def add_optimizers(parser):
    """Add the option that says who runs."""
    parser.add_argument("--optimizer", action="append", metavar='"NAME(lr=..., ...)"',
                        help="may be given several times; default: SGD, momentum, RMSprop and Adam")


def add_optimizer(parser, default):
    """Add the option that says who runs, for commands that show one optimizer alone."""
    parser.add_argument("--optimizer", default=default, metavar='"NAME(lr=..., ...)"', help="default: %(default)s")


def add_steps(parser, default):
    """Add the options that say how far, and with which noise."""
    parser.add_argument("--steps", type=int, default=default, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise on noisy surfaces; default: 0")


def add_output(parser, usual, **keywords):
    """Add the option that says where results go."""
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"default: {usual}", **keywords)


def chosen_surface(options):
    """Return the surface or function that is meant, and in a dictionary the domain, if one is asked for."""
    if (options.surface is None) == (options.function is None):
        raise ValueError("name either a SURFACE, such as rosenbrock, or --function MODULE:NAME")
    domain = {"domain": (options.domain[:2], options.domain[2:])} if options.domain else {}
    return surfaces.get(options.surface) if options.surface else imported(options.function), domain


def name_of(surface):
    """Return the name of a surface or a function, for files."""
    return getattr(surface, "name", None) or surface.__name__


def imported(text):
    """Return the function that MODULE:NAME stands for; modules are also looked for in the working directory."""
    module_name, colon, name = text.partition(":")
    if module_name.endswith(".py"):
        meant = ".".join(Path(module_name).with_suffix("").parts)
        raise ValueError(f"--function is {text!r}; a module is named without .py: write {meant}:{name or 'NAME'}")
    if not colon or not name.isidentifier():
        raise ValueError(f"--function is {text!r}; expected MODULE:NAME, such as mymodule:myfunction")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    finally:
        sys.path.remove(here)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"--function is {text!r}, but {module_name} has no function {name!r}")
    return function


def output_path(options, usual, formats):
    """Return where to write."""
    return writable("--out", options.out or Path(usual), formats)


def writable(option, path, formats):
    """Return a path after a look at whether it can be written, so that no long work ends in a wrong name."""
    if path.suffix[1:].lower() not in formats:
        raise ValueError(f"{option} is {str(path)!r}; its ending must be one of {', '.join(sorted(formats))}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option} is {str(path)!r}, but there is no folder {str(path.parent)!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{option} is {str(path)!r}, which cannot be written")
    return path
