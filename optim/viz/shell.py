"""The command line, `python -m optim`: a race over Rosenbrock, a race of one's own choice, and lists of what there is.

Every command is a function of the parsed arguments, and does what a few lines of Python would. A mistake of the user
ends in one line on the standard error and exit code 2.
"""

import argparse
import importlib
import inspect
import os
import sys
import textwrap
from pathlib import Path

import matplotlib as mpl
from matplotlib.backend_bases import FigureCanvasBase

from . import contestants, plots, surfaces
from .recording import CLASSICS, race, tuned_race

PROGRAM = "python -m optim"
EXAMPLES = f"""\
examples:
  {PROGRAM}
  {PROGRAM} race himmelblau
  {PROGRAM} race rosenbrock --optimizer "Adam(lr=0.05)" --optimizer "SGD(lr=1e-3, momentum=0.9)" --start -1 2
  {PROGRAM} race --function mymodule:myfunction --start 1 1 --domain -2 2 -1 3
"""
MISTAKES = (OSError, TypeError, ValueError, ArithmeticError, RuntimeError, ImportError)  # what a user's input can raise


class Parser(argparse.ArgumentParser):
    """A parser that tells a mistake in one line."""

    def error(self, message):
        self.exit(2, f"{PROGRAM}: {message}\n")


def main(arguments=None):
    """Do what the arguments of the command line say.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the program.

    Returns
    -------
    int
        The exit code: 0, 2 after a mistake of the user, 130 after an interruption, 1 if nobody reads the output.
    """
    options = make_parser().parse_args(arguments)
    if options.backend and mpl.get_backend().lower() != options.backend:
        mpl.use(options.backend)
    try:
        options.command(options)
    except BrokenPipeError:  # who was reading, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MISTAKES as mistake:
        print(f"{PROGRAM}: {' '.join(str(mistake).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def make_parser():
    """Return the parser; each command brings the function that does it, and the backend that draws for it."""
    parser = Parser(prog=PROGRAM, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
                    description="Race SGD, momentum, RMSprop and Adam over Rosenbrock, or do what a command says.")
    parser.set_defaults(command=run_classics, backend="agg")
    add_output(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for add in COMMANDS:
        add(commands)
    return parser


# Options that commands have in common

def add_surface(parser):
    """Add the options that say what to minimise, and from where."""
    parser.add_argument("surface", nargs="?", metavar="SURFACE", help=f"a name that `{PROGRAM} list` shows")
    parser.add_argument("--function", metavar="MODULE:NAME", help="instead of SURFACE: a function of your own")
    parser.add_argument("--domain", nargs=4, type=float, metavar=("LEFT", "RIGHT", "BOTTOM", "TOP"),
                        help="what to show; default: the surface's own")
    parser.add_argument("--start", nargs=2, type=float, metavar=("X", "Y"), help="default: the surface's own")


def add_optimizers(parser):
    """Add the options that say who runs, and how far."""
    parser.add_argument("--optimizer", action="append", metavar='"NAME(lr=..., ...)"',
                        help="may be given several times")
    parser.add_argument("--steps", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise on noisy surfaces; default: 0")


def add_output(parser, **keywords):
    """Add the options that say where and how results are told."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="png, svg, pdf, ...; default: SURFACE_race.png",
                        **keywords)
    parser.add_argument("--table", choices=["text", "markdown", "csv"], help="default: text", **keywords)


def chosen_surface(options):
    """Return the name or the function that is meant, and a dictionary with the domain if one is asked for."""
    if (options.surface is None) == (options.function is None):
        raise ValueError("name either a SURFACE, such as rosenbrock, or --function MODULE:NAME")
    domain = {"domain": (options.domain[:2], options.domain[2:])} if options.domain else {}
    return surfaces.get(options.surface) if options.surface else imported(options.function), domain


def imported(text):
    """Return the function that MODULE:NAME stands for; modules are also looked for in the working directory."""
    module_name, colon, name = text.partition(":")
    if not colon or not name.isidentifier():
        raise ValueError(f"--function is {text!r}; expected MODULE:NAME, such as mymodule:myfunction")
    sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    finally:
        sys.path.remove(os.getcwd())
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"--function is {text!r}, but {module_name} has no function {name!r}")
    return function


def output_path(options, default):
    """Return where to write, after a look at whether that can be done, so that no long race ends in a wrong name."""
    path = options.out or Path(default)
    formats = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise ValueError(f"--out is {str(path)!r}; its ending must be one of {', '.join(sorted(formats))}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"--out is {str(path)!r}, but there is no folder {str(path.parent)!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"--out is {str(path)!r}, which cannot be written")
    return path


# Commands

def run_classics(options):
    """Race the classics over Rosenbrock with learning rates that suit it."""
    path = output_path(options, "rosenbrock_race.png")
    tell(race("rosenbrock", CLASSICS, steps=1000), path, options)


def add_race(commands):
    """Add the command `race`."""
    parser = commands.add_parser("race", help="race optimizers over a surface, or a function of your own")
    add_surface(parser)
    add_optimizers(parser)
    parser.add_argument("--tune", action="store_true",
                        help="for each optimizer take the best of 31 learning rates; so done without --optimizer")
    add_output(parser, default=argparse.SUPPRESS)
    parser.set_defaults(command=run_race)


def run_race(options):
    """Race the optimizers that are named; without any, the classics, tuned."""
    surface, facts = chosen_surface(options)
    name = getattr(surface, "name", None) or surface.__name__
    path = output_path(options, f"{name}_race.png")
    settings = {"start": options.start, "steps": options.steps, "seed": options.seed, **facts}
    if options.tune or not options.optimizer:
        result = tuned_race(surface, options.optimizer, **settings)
    else:
        result = race(surface, options.optimizer, **settings)
    tell(result, path, options)


def tell(result, path, options):
    """Print the table of a race, draw it, and print where the picture is."""
    print(result.table(options.table or "text"))
    if result.note:
        print(result.note)
    plots.overview(result).save(path)
    print(f"figure: {path}")


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
    """Print a name and what it stands for, in lines of at most 100 characters."""
    print(textwrap.fill(text, width=100, initial_indent=f"  {name:<28}", subsequent_indent=" " * 30))


COMMANDS = (add_race, add_list)
