"""Print the derivative of a function from the shell, written out: python -m minigrad FILE.py:function --at -1.5 2."""

import argparse
import inspect
import os
import sys

import numpy as np

import minigrad
from minigrad.own_code import loaded, where_in
from minigrad.programs import javascript
from minigrad.programs.recording import Refused

KINDS = {"value-and-grad": minigrad.value_and_grad, "grad": minigrad.grad, "hessian": minigrad.hessian,
         "value": lambda function, argnums: function}


def main(arguments=None):
    """Run the command; return 0, or print what is wrong and return 2, or return 1 if nobody reads the output."""
    options = parser().parse_args(arguments)
    try:
        answer(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the program that was reading, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        place = where_in([options.function], error)
        if not (place or isinstance(error, (TypeError, ValueError, OSError, ImportError))):
            raise
        print(f"python -m minigrad: {in_words(error, place, options.at)}", file=sys.stderr)
        return 2
    return 0


def answer(options):
    """Print the program that was asked for."""
    function = loaded(options.function)
    example, argnums = arguments_of(function, options.at)
    program = minigrad.program(KINDS[options.of](function, argnums), *example, assume=options.assume,
                               simplify=not options.raw)
    if options.save:
        program.save(options.save)
    if options.javascript:
        print(javascript(program))
    else:
        program.show()


def in_words(error, place, numbers):
    """Return an error in one line: what a recording refuses as it is, any other with the line of the user's code."""
    text = " ".join(str(error).split()).replace("pass assume=True", "add --assume")
    if isinstance(error, Refused) or not place:
        return text
    return f"{place}: {type(error).__name__}: {text} (--at has {len(numbers)} number{'s' * (len(numbers) > 1)})"


def parser():
    """Return the parser of the command line."""
    reader = argparse.ArgumentParser(prog="python -m minigrad", description="Print the derivative of a function, "
                                     "written out as the NumPy program that computes it.")
    reader.add_argument("function", metavar="FILE.py:NAME", help="the function; or MODULE:NAME")
    reader.add_argument("--at", type=float, nargs="+", required=True, metavar="NUMBER",
                        help="a point where the function is defined; its length counts, not its numbers")
    reader.add_argument("--of", choices=KINDS, default="value-and-grad", help="what to print (%(default)s)")
    reader.add_argument("--raw", action="store_true", help="show every call, nothing simplified")
    reader.add_argument("--assume", action="store_true", help="follow branches as taken at the point, and assert them")
    reader.add_argument("--javascript", action="store_true", help="print JavaScript instead of Python")
    reader.add_argument("--save", metavar="PATH", help="also write the program into a file that needs NumPy alone")
    return reader


def arguments_of(function, numbers):
    """Return the arguments to try a function with, and which of them to differentiate by.

    A function of one argument takes all numbers as one array, a function of several takes a number each.
    """
    parameters = [p for p in inspect.signature(function).parameters.values()
                  if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    if len(parameters) == 1 and len(numbers) > 1:
        return (np.array(numbers),), 0
    if len(parameters) != len(numbers):
        raise ValueError(f"{function.__name__} takes {len(parameters)} arguments, and --at has {len(numbers)} numbers: "
                         "give one number for each, or several for a function of one array")
    return tuple(numbers), 0 if len(numbers) == 1 else tuple(range(len(numbers)))


if __name__ == "__main__":
    sys.exit(main())
