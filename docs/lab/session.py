"""A lasting session: names stay from run to run, the last expression is shown, figures become pictures."""

import ast
import itertools
import linecache
import os
import sys
import traceback

import tutorials.checking

os.access = lambda path, mode, **options: os.path.exists(path)  # the page's file system cannot say who may write

# A page has one thread: an exercise's check runs in it, and the page's Stop ends an endless loop.
tutorials.checking.within = lambda seconds, function: function()
tutorials.picture = lambda drawn, name: show(drawn)

NAMES = {"__name__": "__main__"}
COUNT = itertools.count(1)
FIGURES = itertools.count()


def run(path):
    """Run the source in a file as a notebook would run a cell."""
    with open(path, encoding="utf-8") as file:
        source = file.read()
    name = f"<program {next(COUNT)}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    try:
        tree = ast.parse(source, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), NAMES)
        if last is not None:
            show(eval(compile(ast.Expression(last.value), name, "eval"), NAMES))
    except BaseException:
        kind, error, trace = sys.exc_info()
        while trace is not None and trace.tb_frame.f_code.co_filename != name:
            trace = trace.tb_next  # the frames of this file do not help a reader
        traceback.print_exception(kind, error, trace)
    show_figures()
    sys.stdout.flush()
    sys.stderr.flush()


def show(value):
    """Show a value: as a picture if it is drawn, otherwise as text."""
    figure = getattr(value, "figure", value)
    if hasattr(figure, "savefig"):
        keep(figure)
        sys.modules["matplotlib.pyplot"].close(figure)  # so that it is not shown again
    elif value is not None:
        print(repr(value))


def show_figures():
    """Show the figures that pyplot has open, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        for number in pyplot.get_fignums():
            keep(pyplot.figure(number))
        pyplot.close("all")


def keep(figure):
    """Write a figure to where the page looks for pictures."""
    figure.savefig(f"/work/.figure{next(FIGURES)}", format="png", dpi=110)
