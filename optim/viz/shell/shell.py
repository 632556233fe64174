"""The command line, `python -m optim`: without a command, a race over Rosenbrock; with a command, everything else.

`commands.py` holds the commands and `options.py` the options that they share. A mistake of the user gives one line on
the standard error and exit code 2.
"""

import argparse
import os
import sys

import matplotlib as mpl

import optim
from minigrad.own_code import where_in

from .commands import COMMANDS, add_table, run_classics
from .options import PROGRAM, add_output, with_own_classes

EXAMPLES = f"""\
examples:
  {PROGRAM}
  {PROGRAM} race himmelblau
  {PROGRAM} race rosenbrock --optimizer "Adam(lr=0.05)" --optimizer "SGD(lr=1e-3, momentum=0.9)" --start -1 2
  {PROGRAM} race --function mine.py:myfunction --start 1 1 --domain -2 2 -1 3
  {PROGRAM} map illconditioned_bowl --optimizer SGD --x lr 1e-4 0.1 --y momentum 0 0.99
  {PROGRAM} basins himmelblau --optimizer "SGD(lr=0.01, momentum=0.9)"
  {PROGRAM} show Adam AdamW
"""
# Errors that a user's input can cause.
MISTAKES = OSError, TypeError, ValueError, ArithmeticError, RuntimeError, ImportError, MemoryError


class Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line."""

    def error(self, message):
        self.exit(2, f"{PROGRAM}: {message}\n")


class Version(argparse.Action):
    """Print the version, which is looked up only when it is needed."""

    def __call__(self, parser, *answer):
        print(f"optim {optim.__version__}")
        parser.exit()


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
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal without a dash or an umlaut shows a question mark
    try:
        try:
            answer(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the program that was reading, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MISTAKES as mistake:
        print(f"{PROGRAM}: {' '.join(str(mistake).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interruption:
        print(f"{PROGRAM}: {str(interruption) or 'interrupted'}", file=sys.stderr)
        return 130
    return 0


def answer(arguments):
    """Do what the arguments say; a mistake in the user's own code is reported with its line."""
    options = parsed(arguments)
    if options.backend and mpl.get_backend().lower() != options.backend:
        mpl.use(options.backend)
    function, optimizers = (getattr(options, name, None) for name in ("function", "optimizer"))
    try:
        options.optimizer = with_own_classes(optimizers)
        options.command(options)
    except Exception as mistake:
        texts = [function, *(optimizers if isinstance(optimizers, list) else [optimizers])]
        place = where_in([text.partition("(")[0] for text in texts if text], mistake)
        if not place:
            raise
        raise ValueError(f"{place}: {type(mistake).__name__}: {mistake}") from None


def parsed(arguments):
    """Return the options; an error says how to name several optimizers."""
    parser = make_parser()
    options, others = parser.parse_known_args(arguments)
    if others:
        several = isinstance(getattr(options, "optimizer", None), list) and not others[0].startswith("-")
        hint = "; write --optimizer before each optimizer" if several else ""
        parser.error(f"unrecognized arguments: {' '.join(others)}{hint}")
    return options


def make_parser():
    """Return the parser; each command has its function, and the backend that draws for it."""
    parser = Parser(prog=PROGRAM, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
                    description="Race SGD, momentum, RMSprop and Adam over Rosenbrock, or do what a command says.")
    parser.set_defaults(command=run_classics, backend="agg")
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    add_output(parser, "rosenbrock_race.png")
    add_table(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for add in COMMANDS:
        add(commands)
    return parser
