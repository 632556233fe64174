"""What a recording consists of: calls, which are also the values that they return, and the conditions of the run."""

import numpy as np

from .reader import Origin


class Call:
    """One call, and the value that it returned.

    Attributes
    ----------
    function : callable
        `function(*args, **keywords)` repeats the call, once the Calls among the arguments are replaced by their values.
        None for values that exist at the start: an argument (`path` says which) or a frozen array (`array`).
    shape, dtype : of the value; the dtype is None for a tuple.
    kind : {"array", "scalar", "number", "tuple"}
        An array, a NumPy scalar, one of Python's numbers, or a tuple of these.
    origin : Origin
        The line of the reader's program, and the rule of minigrad that was at work, if any.
    written : bool
        Whether the value was written into its first argument, as `x += 1` does.
    memory : Place
        Where the value was kept in the run.
    loose : bool
        Whether the shape depends on numbers, as that of x[x > 0] does.
    slope_of : Call
        In a walk back, the value that this one is the gradient of, if it is one.
    became : Call
        What replaces the value after a simplification.
    uses : int
        How often the program uses the value; counted when it is simplified.
    """

    __slots__ = ("args", "array", "became", "dtype", "function", "keywords", "kind", "loose", "memory", "name",
                 "origin", "path", "shape", "slope_of", "uses", "written")

    def __init__(self, function, args, keywords, result, origin=None, written=False, path=None, array=None):
        self.function, self.args, self.keywords, self.origin = function, args, keywords, origin or Origin()
        self.written, self.path, self.array, self.loose = written, path, array, False
        self.name = self.slope_of = self.became = self.memory = None
        self.uses = 0
        self.kind = kind_of(result)
        self.shape = np.shape(result) if self.kind != "tuple" else None
        self.dtype = getattr(result, "dtype", type(result))

    def __repr__(self):
        return f"<{self.name or self.path or getattr(self.function, '__name__', self.function)} {self.kind}>"


def kind_of(result):
    """Return the kind of value that a call has returned."""
    if isinstance(result, np.ndarray):
        return "array"
    if isinstance(result, np.generic):
        return "scalar"
    return "tuple" if isinstance(result, (tuple, list)) else "number"


class Named:
    """A function that is known by a name of arrays; two of the same name are equal."""

    def __init__(self, name):
        self.__name__ = name

    def __eq__(self, other):
        return type(self) is type(other) and self.__name__ == other.__name__

    def __hash__(self):
        return hash((type(self), self.__name__))


class Method(Named):
    """A method of arrays as a function: Method("sum")(x, axis=0) is x.sum(axis=0)."""

    def __call__(self, array, *args, **keywords):
        return getattr(array, self.__name__)(*args, **keywords)


class Attribute(Named):
    """An attribute of arrays as a function: Attribute("T")(x) is x.T."""

    def __call__(self, array):
        return getattr(array, self.__name__)


class Refused(TypeError):
    """A function cannot be written as a straight-line program; the message names the line and the reason."""


class Assertion:
    """A condition of the run and which way it went, or a number that left the run and what it was."""

    def __init__(self, condition, outcome, origin):
        self.condition, self.outcome, self.origin = condition, outcome, origin


# Nested arguments

def mapped(change, x):
    """Return a list, tuple, dictionary or slice with `change` applied to what is in it; anything else as it is."""
    if isinstance(x, (list, tuple)):
        items = [change(item) for item in x]
        return x._make(items) if hasattr(x, "_make") else type(x)(items)
    if isinstance(x, dict):
        return {name: change(item) for name, item in x.items()}
    if isinstance(x, slice):
        return slice(change(x.start), change(x.stop), change(x.step))
    return x


def calls_in(x):
    """Return the Calls in nested arguments, in order."""
    if isinstance(x, Call):
        return [x]
    if isinstance(x, dict):
        x = x.values()
    elif isinstance(x, slice):
        x = (x.start, x.stop, x.step)
    elif not isinstance(x, (list, tuple)):
        return []
    return [call for item in x for call in calls_in(item)]

def same(x, y):
    """Return whether two arrays are the same to the last bit, NaN included."""
    return x.dtype == y.dtype and x.shape == y.shape and np.ascontiguousarray(x).tobytes() == (
        np.ascontiguousarray(y).tobytes())
