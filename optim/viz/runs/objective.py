"""What a training loop needs from a surface: `Objective`, which counts evaluations and adds noise to gradients."""

import warnings
from numbers import Real

import numpy as np

from minigrad import Tensor

from .written_out import written_out


class Objective:
    """A surface as a training loop sees it: a parameter, and a closure that computes the loss and its gradient.

    Parameters
    ----------
    surface : Surface
    start : ndarray of shape (n,) or (n, N)
        Where the parameter begins; N points for N runs in one.
    noise : float or callable, default 0
        Standard deviation of Gaussian noise on every entry of the gradient, or ``noise(p, rng)``, which returns what to
        add to the gradient at p. All evaluations within a step get the same noise, as they would get the same
        minibatch.
    seed : int or sequence of N int, default 0
        For the noise: one for all runs together, or one for each.
    steps : int, default 0
        About how often it will be evaluated: a registered surface is written out if that saves time.
    written : bool, optional
        Whether to write the surface out or not, whichever surface it is.

    Attributes
    ----------
    parameter : minigrad.Tensor
    loss, gradient : ndarray
        The result of the first evaluation in the present step; the gradient with its noise.
    evaluations : int
        How often the gradient was computed.
    evaluate : callable or None
        Computes the loss and the gradient without a tape, if the surface is written out.
    """

    def __init__(self, surface, start, noise=0.0, seed=0, steps=0, written=None):
        self.surface, self.noise = surface, noise
        self.evaluate = written_out(surface, start, steps, written)
        self.parameter = Tensor(start, requires_grad=True)
        self.generators = [np.random.default_rng(one) for one in np.atleast_1d(seed)]
        self.counts = np.ones(start.shape[1:])  # each of N losses counts once
        self.evaluations, self.warned = 0, False
        self.begin_step()

    def begin_step(self):
        """Forget the results of the last step, and draw new noise."""
        self.loss = self.gradient = None
        if self.noise:
            p = self.parameter.data
            if len(self.generators) == 1:
                self.perturbation = self.drawn(p, self.generators[0])
            else:
                self.perturbation = np.stack(list(map(self.drawn, p.T, self.generators)), axis=-1)

    def drawn(self, p, rng):
        """Return noise for the gradient at p."""
        if not callable(self.noise):
            return self.noise * rng.standard_normal(p.shape)
        noise = self.noise(p.copy(), rng)
        try:
            return np.broadcast_to(np.asarray(noise, dtype=float), p.shape)
        except (TypeError, ValueError):
            raise ValueError(f"noise(p, rng) returned {noise!r}; expected an array of the shape of p, {p.shape}, such "
                             "as rng.standard_t(3, p.shape)") from None

    def __call__(self):
        """Compute the loss and the gradient where the parameter is now, and return the loss: the closure of `step`."""
        parameter = self.parameter
        if self.evaluate is None:
            loss = self.on_tape()
        else:
            loss, parameter.grad = self.evaluate(parameter.data)
        if self.noise:
            parameter.grad += self.perturbation
        if self.gradient is None:
            self.loss, self.gradient = loss.data if self.evaluate is None else loss, parameter.grad
        self.evaluations += 1
        return loss

    def on_tape(self):
        """Compute the loss and the gradient by recording the function and walking back."""
        parameter = self.parameter
        parameter.grad = None
        loss = self.surface.function(parameter)
        if isinstance(loss, (Real, np.ndarray)) and np.shape(loss) == self.counts.shape:
            loss = self.as_flat(loss)
        if type(loss) is not Tensor or loss.shape != self.counts.shape:
            raise self.complaint(loss)
        loss.backward(self.counts)
        return loss

    def as_flat(self, loss):
        """Return a loss that is a plain number, as `np.floor` returns it, as a Tensor of gradient 0."""
        if not self.warned:
            warnings.warn(f"{self.surface.name} got a Tensor and returned a plain number, so its gradient is taken as "
                          "zero: comparisons, rounding, np.sign, p.data and .item() give plain numbers",
                          stacklevel=3)
            self.warned = True
        return 0 * self.parameter.sum(axis=0) + np.asarray(loss, dtype=float)

    def complaint(self, loss):
        """Return the exception for the value that the surface's function has returned."""
        name = self.surface.name
        if loss is None:
            return TypeError(f"{name} returned None: is `return` missing?")
        if isinstance(loss, Tensor):
            return ValueError(f"{name} returned an array of shape {loss.shape} for p of shape {self.parameter.shape}; "
                              "expected one number for each point, as np.sum(..., axis=0) gives")
        return TypeError(f"{name} returned {loss!r}; expected one number for each point, computed from p with "
                         "operators and functions of NumPy")
