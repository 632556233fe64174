"""Surfaces written out: a loss and its gradient as a straight-line program, recorded from the tape.

A run evaluates its surface at every step, and most of that time goes into recording the same operations again. The
registered surfaces are known to be pure, so each is written out once a process and shape, by `minigrad.program`, and
run as that program, if it gives the numbers of the tape bit for bit.
"""

from functools import cache

import numpy as np

from minigrad import Tensor, program

from .. import surfaces

WORTH_IT = 100  # steps: writing takes some 10 ms, and saves some 0.05 ms a step


def loss_and_gradient(function):
    """Return a function of p that returns the loss and its gradient, computed on the tape."""
    def evaluate(p):
        parameter = Tensor(p, requires_grad=True)
        loss = function(parameter)
        loss.backward(np.ones(loss.shape))
        return loss.data, parameter.grad
    return evaluate


def written_out(surface, start, steps, wanted=None):
    """Return a function that computes the loss and the gradient of a surface without a tape, or None.

    Parameters
    ----------
    surface : Surface
    start : ndarray of shape (n,) or (n, N)
        Where the run begins; the program is for points of this shape.
    steps : int
        How many steps there will be; for few, nothing is written.
    wanted : bool, optional
        Whether it must, or must not, be written out. Default: registered surfaces are, if that saves time.

    Raises
    ------
    TypeError
        If it has to be written out and cannot be.
    """
    if wanted:
        return asked_for(surface.function, start)
    registered = wanted is None and any(surfaces.get(name).function is surface.function for name in surfaces.names())
    return compiled(surface.function, start.shape) if registered and steps >= WORTH_IT else None


def asked_for(function, start):
    """Return the program of your own function; raise an error if it cannot be written out."""
    found = program(loss_and_gradient(function), start)
    if not same_as_tape(found, function, start.shape):
        raise TypeError("the function written out does not give the numbers of the tape bit for bit: "
                        "leave out written_out=True")
    return found


@cache
def compiled(function, shape):
    """Return a function that runs the program for points of this shape, or None if it differs from the tape."""
    try:
        found = program(loss_and_gradient(function), places(shape)[0])
    except TypeError:  # not a straight-line program
        return None
    return found.run if same_as_tape(found, function, shape) else None


def same_as_tape(found, function, shape):
    """Return whether a program gives the numbers of the tape to the last bit, at a few places."""
    evaluate = loss_and_gradient(function)
    with np.errstate(all="ignore"):
        pairs = [(found(p), evaluate(p)) for p in places(shape)]
    return all(np.array_equal(x, y, equal_nan=True) for one, other in pairs for x, y in zip(one, other))


def places(shape):
    """Return points of this shape, near and far."""
    rng = np.random.default_rng(0)
    return [rng.uniform(-size, size, shape) for size in (1.0, 3.0, 100.0)]
