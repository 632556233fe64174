"""Which functions of NumPy have derivatives here: a table made from the registry, so that it is always up to date."""

from functools import partial
from typing import NamedTuple

import numpy as np

from .registry import TABLE, on_values, refuse
from .tape import Primitive

NAMESPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.lib.stride_tricks": np.lib.stride_tricks}


class Row(NamedTuple):
    """A function of NumPy and what it does on Tensors."""

    name: str
    kind: str


class Coverage(tuple):
    """Rows that print as a table, with a count of each kind."""

    __slots__ = ()

    def __str__(self):
        width = max(len(row.name) for row in self)
        kinds = [row.kind for row in self]
        counts = [f"{kinds.count(kind):{width}}  {kind}" for kind in sorted(set(kinds), key=kinds.count, reverse=True)]
        return "\n".join([f"{name:{width}}  {kind}" for name, kind in self] + ["-" * width] + counts)

    __repr__ = __str__


def coverage():
    """Return a row (name, kind) for every function of NumPy that takes arrays.

    These are the functions of np, np.linalg, np.fft and np.lib.stride_tricks. The kinds are

    * "rule": a primitive with derivative rules;
    * "composition": written in terms of other functions, and differentiated through them;
    * "constant": the derivative is zero or means nothing, as for np.argmax, and plain arrays are returned;
    * "in place": it would write into the array, and raises a TypeError that says what to write instead;
    * "no rule": it raises a TypeError that says how to add one.

    Returns
    -------
    Coverage
        A tuple of rows, which prints as a table.

    Examples
    --------
    >>> import minigrad
    >>> kinds = dict(minigrad.coverage())
    >>> kinds["np.exp"], kinds["np.median"], kinds["np.argmax"], kinds["np.copyto"]
    ('rule', 'composition', 'constant', 'in place')
    """
    return Coverage([
        Row(f"{prefix}.{name}", kind(getattr(namespace, name)))
        for prefix, namespace in NAMESPACES.items()
        for name in dir(namespace) if not name.startswith("_") and takes_arrays(getattr(namespace, name))
    ])


def takes_arrays(function):
    """Return whether this function of NumPy asks its arguments, such as Tensors, what to do."""
    return isinstance(function, (np.ufunc, type(np.sum)))


def kind(function):
    """Return how a function of NumPy is treated."""
    known = TABLE.get(function)
    if known is None:
        return "no rule"
    if isinstance(known, Primitive):
        return "rule"
    called = known.func if isinstance(known, partial) else None
    return {on_values: "constant", refuse: "in place"}.get(called, "composition")
