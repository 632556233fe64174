"""grad and its relatives: functions that take a function of arrays and return one.

All of them are three steps: put fresh nodes in the place of the arguments, run the function, walk back to those nodes. What
is older than the nodes is left alone, so that calls nest, and where something older takes part, the result is itself recorded.
"""

import numpy as np

from .tape import Primitive, make, propagate, reachable, record
from .tensor import Tensor

_VARIABLE = Primitive(lambda x: x, (lambda g, ans, x: g,), "variable")


def variable(x):
    """Return a fresh node for the argument x: linked to x where x is itself a Tensor that requires a gradient."""
    if isinstance(x, Tensor) and x.requires_grad:
        return record(_VARIABLE, (x,), {})
    return Tensor(x, requires_grad=True)


def grad(function):
    def gradient(x):
        v = variable(x)
        y = function(v)
        operations, leaves, older = reachable(y, v.counter - 1)
        nested = older or v.record is not None
        operations = [node for node in operations if node is not v]
        g = propagate(operations, [v], y, np.float64(1.0), v.counter - 1, nested)[0]
        return g
    return gradient
