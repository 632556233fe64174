"""Where an operation comes from: its line in the reader's program, the modules that ran, the name of its result.

The tape reports each operation to a watcher (see `mode.py`). The simplest watcher is the `Rememberer` here. Two others
build on it: one looks for the first NaN (`anomaly.py`), one follows a backward pass (`explanation.py`).
"""

import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import NamedTuple

import numpy as np

from .mode import in_mode, mode
from .nn.module import Module
from .tape import Node, propagate

PACKAGES = tuple(os.path.dirname(str(module.__file__)) + os.sep for module in (sys.modules[__package__], np))
ORIGINS: dict[int, tuple] = {}  # (Origin, reference) of each node alive that was made under a watcher, by its counter
numbers = count(1).__next__


class Call(NamedTuple):
    """A call of a module: its unique number, the module's class, and its dotted name."""

    number: int
    kind: str
    path: str


class Origin(NamedTuple):
    """The reader's line as (file, number), and the calls of modules around it, the outermost first."""

    line: tuple
    calls: tuple


@contextmanager
def remember_lines() -> Iterator[None]:
    """Remember the line that called each operation inside, for `explain` and `draw` to show.

    Everything runs as usual, but about ten times slower; what runs outside is not slowed down. A line is forgotten with
    the Tensor that it made.

    Examples
    --------
    >>> import minigrad
    >>> x = minigrad.Tensor(3.0, requires_grad=True)
    >>> with minigrad.remember_lines():
    ...     y = x * x
    >>> minigrad.explain(y).rows[0].source
    'y = x * x'
    """
    with in_mode(mode.get() or Rememberer()):
        yield


class Rememberer:
    """Remembers where each node was made, for as long as the node is alive."""

    def forward(self, node, primitive, args):
        """Remember the origin of a node that has just been made; return its line and whether the tape walks back."""
        origin, walking_back = present_origin()
        ORIGINS[node.counter] = origin, weakref.ref(node, partial(forget, node.counter))
        return origin.line, walking_back

    def backward(self, node, g, parent, contribution):
        """Let the contribution pass."""


def forget(counter, reference):
    """Drop the origin of a node that is gone."""
    del ORIGINS[counter]


def origin_of(node):
    """Return where a node was made, with None for a line that was not remembered."""
    return ORIGINS.get(node.counter, (Origin(None, ()),))[0]


def present_origin():
    """Return the origin of what is running, and whether it is part of a walk back.

    The line is that of the innermost call from outside minigrad and NumPy. It is read from the stack of calls, so that
    neither the tape nor the modules have to do anything for it.
    """
    frame, line, walking_back, inside = sys._getframe(1), None, False, []
    while frame is not None:
        code = frame.f_code
        if line is None and not code.co_filename.startswith(PACKAGES):
            line = code.co_filename, frame.f_lineno
        walking_back = walking_back or code is propagate.__code__
        if code is Module.__call__.__code__:
            inside.append(frame)
        frame = frame.f_back
    return Origin(line, calls_of(inside)), walking_back


def calls_of(frames):
    """Return a Call for each frame in which a module is called; the frames come innermost first."""
    calls, around = [], None
    for frame in reversed(frames):
        names = frame.f_locals
        module = names["self"]
        if "call of a module" not in names:  # this note among the frame's names lives as long as the frame
            name = name_in(around, module)
            path = f"{calls[-1].path}.{name}" if name and calls[-1].path else name
            names["call of a module"] = Call(numbers(), type(module).__name__, path)
        calls.append(names["call of a module"])
        around = module
    return tuple(calls)


def name_in(around, module):
    """Return a module's dotted name inside the one that calls it; "" if it is not part of one."""
    inside = [] if around is None else around.named_modules()
    return next((name for name, part in inside if part is module), "")


# Names

def names_in(variables):
    """Return what the reader calls arrays and Tensors, by their identity: in a scope, its lists, and its modules."""
    found = {}
    for name, value in list(variables.items()):
        if isinstance(value, Module):
            prefix = "" if name == "self" else f"{name}."
            found.update({id(part): prefix + path for path, part in value.named_parameters()})
        elif isinstance(value, (list, tuple, dict)):
            items = list(value.items() if isinstance(value, dict) else enumerate(value))
            found.update({id(item): f"{name}[{key!r}]" for key, item in items if isinstance(item, (Node, np.ndarray))})
    for name, value in list(variables.items()):
        if isinstance(value, (Node, np.ndarray)) and not name.startswith("_"):
            found[id(value)] = name
            if isinstance(value, Node) and isinstance(value.value, np.ndarray) and not value.requires_grad:
                found[id(value.value)] = name
    return found


@contextmanager
def names_at_return(function):
    """Yield a dictionary that receives the names of the function's own variables when it returns.

    A profiler that was set before is set again afterwards.
    """
    found, earlier = {}, sys.getprofile()

    def listen(frame, event, arg):
        if event == "return" and frame.f_code is getattr(function, "__code__", None):
            found.update(names_in(frame.f_locals))

    sys.setprofile(listen)
    try:
        yield found
    finally:
        sys.setprofile(earlier)
