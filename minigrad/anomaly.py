"""Where did the first NaN come from? Inside `detect_anomaly` every operation is checked, forward and backward.

The tape reports each step to a watcher (see `mode.py`). This watcher remembers which line of the reader's program made
each node (see `origins.py`), and stops at the first number that is not finite.
"""

import linecache
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .mode import NO_GRAD, in_mode, mode
from .origins import Rememberer, origin_of
from .registry import value_of
from .tape import AddInto


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise where an operation makes the first NaN or infinity, forward or backward, and name the line that called it.

    For a number made in a backward pass, that is the line of the forward pass whose derivative was computed. The line
    is known if the forward pass ran inside too. An infinity in an argument, like the -inf of a mask, passes until it
    makes a NaN. NumPy's own warnings are off inside, because the error says more. Operations on Tensors are checked,
    except those under `no_grad`.

    Raises
    ------
    FloatingPointError
        It names the operation, and the file, number and text of the line.

    Examples
    --------
    >>> import numpy as np
    >>> import minigrad
    >>> x = minigrad.Tensor([4.0, 0.0], requires_grad=True)
    >>> with minigrad.detect_anomaly():
    ...     np.sum(np.sqrt(x)).backward()
    Traceback (most recent call last):
    ...
    FloatingPointError: the derivative of sqrt made inf at index (1,), from a finite gradient, for the line
      <doctest minigrad.anomaly.detect_anomaly[3]>:2:     np.sum(np.sqrt(x)).backward()
    """
    if isinstance(mode.get(), Watcher):
        yield
        return
    errors = np.geterr()
    try:
        with in_mode(NO_GRAD if mode.get() is NO_GRAD else Watcher()), np.errstate(all="ignore"):
            yield
    finally:
        np.seterr(**errors)  # again, in case an interrupt came in the middle of the line above


class Watcher(Rememberer):
    """Checks every result and every gradient, and remembers the lines that they come from."""

    def forward(self, node, primitive, args):
        """Remember the line; raise if the result is not finite."""
        line, walking_back = super().forward(node, primitive, args)
        found = first_anomaly(node.value)
        if found is None or walking_back:  # what a rule computes is checked when its gradient is there
            return
        given = [(i, anomaly) for i, arg in enumerate(args) if (anomaly := first_anomaly(value_of(arg)))]
        if given and not found.startswith("nan"):  # an infinity among the arguments, such as the -inf of a mask
            return
        origin = "with {1} in its argument {0}".format(*given[0]) if given else "from finite arguments"
        raise FloatingPointError(f"{primitive.name} made {found}, {origin}, in the line\n  {text_of(line)}")

    def backward(self, node, g, parent, contribution):
        """Raise if the contribution to the parent is not finite."""
        if type(contribution) is AddInto:
            contribution = contribution.g
        if found := first_anomaly(value_of(contribution)):
            origin = "from a gradient that held one already" if first_anomaly(value_of(g)) else "from a finite gradient"
            primitive, *_ = node.recipe
            raise FloatingPointError(f"the derivative of {primitive.name} made {found}, {origin}, for the line\n"
                                     f"  {text_of(origin_of(node).line)}")


def text_of(line):
    """Return a line as `file:number: source`."""
    if line is None:
        return "(not known: the forward pass ran outside detect_anomaly)"
    file, number = line
    return f"{file}:{number}: {linecache.getline(file, number).strip()}"


def first_anomaly(value):
    """Return the first NaN, or else the first infinity, in arrays of floats, with its place, in words; or None."""
    if isinstance(value, (tuple, list)):
        return next(filter(None, map(first_anomaly, value)), None)
    if not isinstance(value, (np.ndarray, np.generic, float)) or np.asarray(value).dtype.kind not in "fc":
        return None
    places = [*np.argwhere(np.isnan(value))[:1], *np.argwhere(np.isinf(value))[:1]]
    if not places:
        return None
    index = tuple(places[0].tolist())
    return f"{np.asarray(value)[index]} at index {index}" if index else str(value)
