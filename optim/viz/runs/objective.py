"""What a training loop needs of a surface: `Objective`, which counts evaluations and puts noise on gradients."""

import numpy as np

from minigrad import Tensor


class Objective:
    """A surface as a training loop sees it: a parameter, and a closure that computes the loss and its gradient.

    Parameters
    ----------
    surface : Surface
    start : ndarray of shape (n,) or (n, N)
        Where the parameter begins; N points for N runs in one.
    noise : float, default 0
        Standard deviation of Gaussian noise on every entry of the gradient. All evaluations within a step see the same
        noise, as they would see the same minibatch.
    seed : int or sequence of N int, default 0
        Of the noise: of all runs together, or of each of them.

    Attributes
    ----------
    parameter : minigrad.Tensor
    loss, gradient : ndarray
        What the first evaluation of the present step found; the gradient with its noise.
    evaluations : int
        How often the gradient was computed.
    """

    def __init__(self, surface, start, noise=0.0, seed=0):
        self.surface, self.noise = surface, noise
        self.parameter = Tensor(start, requires_grad=True)
        self.generators = [np.random.default_rng(one) for one in np.atleast_1d(seed)]
        self.counts = np.ones(start.shape[1:])  # each of N losses counts once
        self.evaluations = 0
        self.begin_step()

    def begin_step(self):
        """Forget what the last step found, and draw new noise."""
        self.loss = self.gradient = None
        if self.noise:
            n, *rest = self.parameter.shape
            if len(self.generators) == 1:
                draws = self.generators[0].standard_normal((n, *rest))
            else:
                draws = np.stack([generator.standard_normal(n) for generator in self.generators], axis=-1)
            self.perturbation = self.noise * draws

    def __call__(self):
        """Compute the loss and the gradient where the parameter is now, and return the loss: the closure of `step`."""
        parameter = self.parameter
        parameter.grad = None
        loss = self.surface.function(parameter)
        if type(loss) is not Tensor or loss.shape != self.counts.shape:
            raise self.complaint(loss)
        loss.backward(self.counts)
        if self.noise:
            parameter.grad += self.perturbation
        if self.gradient is None:
            self.loss, self.gradient = loss.data, parameter.grad
        self.evaluations += 1
        return loss

    def complaint(self, loss):
        """Return the exception for what the surface's function has returned."""
        name = self.surface.name
        if loss is None:
            return TypeError(f"{name} returned None: is `return` missing?")
        if isinstance(loss, Tensor):
            return ValueError(f"{name} returned an array of shape {loss.shape} for p of shape {self.parameter.shape}; "
                              "expected one number a point, as np.sum(..., axis=0) gives")
        return TypeError(f"{name} returned {loss!r}, which has lost its link to p, so that no gradient can be had: "
                         "write it with operators and functions of NumPy (np.sin, not math.sin)")
