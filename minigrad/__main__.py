"""Print the derivative of a function from the shell, written out: python -m minigrad FILE.py:function --at -1.5 2."""

import argparse
import importlib.util
import inspect
import sys
from pathlib import Path

import numpy as np

import minigrad
from minigrad.programs import javascript

KINDS = {"value-and-grad": minigrad.value_and_grad, "grad": minigrad.grad, "hessian": minigrad.hessian,
         "value": lambda function, argnums: function}


def main(arguments=None):
    """Run the command; return 0, or print what is wrong and return 2."""
    options = parser().parse_args(arguments)
    try:
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
    except (TypeError, ValueError, OSError) as error:
        print(f"python -m minigrad: {error}", file=sys.stderr)
        return 2
    return 0


def parser():
    """Return the parser of the command line."""
    reader = argparse.ArgumentParser(prog="python -m minigrad", description="Print the derivative of a function, "
                                     "written out as the NumPy program that computes it.")
    reader.add_argument("function", metavar="FILE.py:FUNCTION", help="where the function is")
    reader.add_argument("--at", type=float, nargs="+", required=True, metavar="NUMBER",
                        help="a point where the function is defined; its length counts, not its numbers")
    reader.add_argument("--of", choices=KINDS, default="value-and-grad", help="what to print (%(default)s)")
    reader.add_argument("--raw", action="store_true", help="show every call, nothing simplified")
    reader.add_argument("--assume", action="store_true", help="follow branches as taken at the point, and assert them")
    reader.add_argument("--javascript", action="store_true", help="print JavaScript instead of Python")
    reader.add_argument("--save", metavar="PATH", help="also write the program into a file that needs NumPy alone")
    return reader


def loaded(place):
    """Return the function that FILE.py:FUNCTION names."""
    path, colon, name = place.rpartition(":")
    if not colon or not path:
        raise ValueError(f"{place!r} does not name a function: write FILE.py:FUNCTION, as in surfaces.py:rosenbrock")
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        known = [key for key, x in vars(module).items() if inspect.isfunction(x) and x.__module__ == module.__name__]
        raise ValueError(f"{path} has no function {name}; it has {', '.join(known) or 'none'}")
    return getattr(module, name)


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
