"""The types of the public interface, for editors and type checkers. Nothing here runs; updates have no annotations."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Number = float | np.ndarray  # a value for one run, or one for each of many runs
Pair = tuple[Number, Number]
Triple = tuple[Number, Number, Number]
Params = Iterable[Any]  # anything with an array .data and .grad, or dictionaries of groups
Closure = Callable[[], Any] | None
Function = Callable[..., Any]

__all__ = ["Any", "ArrayLike", "Closure", "Function", "Iterable", "Number", "Pair", "Params", "Triple",
           "any_signature"]


def any_signature(method: Function) -> Function:
    """Return a method as it is. A type checker then lets a subclass name its hyperparameters after the `*`."""
    return method
