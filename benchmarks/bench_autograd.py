"""Autograd: values and gradients"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from itertools import pairwise

import numpy as np
from contest import Row, peer, verdict

import minigrad
from minigrad import Tensor, nn

torch, micrograd, autograd, jax = peer("torch"), peer("micrograd.engine"), peer("autograd"), peer("jax")


def rows():
    yield rosenbrock()
    for sizes, batch, dtype, marks, value_mark in [
        ((2, 16, 16, 1), 32, np.float64, {"PyTorch": 0.42, "by hand": 2.2}, 1.5),
        ((64, 128, 64, 10), 128, np.float32, {"PyTorch": 0.78, "by hand": 1.4}, 1.15),
        ((784, 512, 256, 10), 256, np.float32, {"by hand": 1.1}, 1.05),
    ]:
        yield from perceptron(sizes, batch, dtype, marks, value_mark)
    yield from overheads()
    for side, channels in ((8, 1), (28, 1)):
        yield convolutions(side, channels)
    yield second_derivatives()
    yield from linear_algebra()
    yield chain()
    yield imports()


def rosenbrock():
    def value(x, y):
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    p = Tensor([-1.5, 2.0], requires_grad=True)

    def ours():
        p.grad = None
        value(p[0], p[1]).backward()

    q = torch and torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)

    def pytorch():
        q.grad = None
        value(q[0], q[1]).backward()

    def floats():
        value(micrograd.Value(-1.5), micrograd.Value(2.0)).backward()

    return Row("Rosenbrock, value and gradient at one point, by indexing", ours,
               {"PyTorch": torch and pytorch, "micrograd": micrograd and floats}, {"PyTorch": 0.16, "micrograd": 1.1})


def perceptron(sizes, batch, dtype, marks, value_mark):
    """Yield loss and gradients, and the value alone, of a perceptron: tanh and squares, or relu and cross-entropy."""
    rng = np.random.default_rng(0)
    regression = sizes[-1] == 1
    x = rng.normal(size=(batch, sizes[0])).astype(dtype)
    y = rng.normal(size=(batch, 1)).astype(dtype) if regression else rng.integers(0, sizes[-1], batch)
    weights = [(rng.normal(size=(n, m)) / n**0.5).astype(dtype) for n, m in pairwise(sizes)]
    biases = [np.zeros(m, dtype) for m in sizes[1:]]

    def forward(layers, x, activation):
        for w, b in layers[:-1]:
            x = activation(x @ w + b)
        return x @ layers[-1][0] + layers[-1][1]

    parameters = [(Tensor(w, True), Tensor(b, True)) for w, b in zip(weights, biases)]

    def loss():
        prediction = forward(parameters, x, np.tanh if regression else minigrad.relu)
        return nn.mse_loss(prediction, y) if regression else nn.cross_entropy(prediction, y)

    def ours():
        for w, b in parameters:
            w.grad = b.grad = None
        loss().backward()

    def ours_value():
        with minigrad.no_grad():
            loss()

    hand = PerceptronByHand(weights, biases, x, y)
    title = f"MLP {'-'.join(map(str, sizes))}, batch {batch}, {np.dtype(dtype)}"
    pytorch = torch and pytorch_perceptron(weights, biases, x, y, forward)
    yield Row(f"{title}: loss and gradients", ours, {"PyTorch": pytorch, "by hand": hand.gradients}, marks)
    yield Row(f"{title}: value, no_grad", ours_value, {"by hand": hand.value}, {"by hand": value_mark})


def pytorch_perceptron(weights, biases, x, y, forward):
    parameters = [(torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True))
                  for w, b in zip(weights, biases)]
    x, y, functional = torch.tensor(x), torch.tensor(y), torch.nn.functional
    regression = y.ndim == 2

    def gradients():
        for w, b in parameters:
            w.grad = b.grad = None
        prediction = forward(parameters, x, torch.tanh if regression else torch.relu)
        (functional.mse_loss if regression else functional.cross_entropy)(prediction, y).backward()

    return gradients


class PerceptronByHand:
    """The same perceptron with its derivatives worked out on paper."""

    def __init__(self, weights, biases, x, y):
        self.weights, self.biases, self.x, self.y = weights, biases, x, y
        self.regression = y.ndim == 2

    def value(self):
        return self.forward()[0]

    def forward(self):
        """Return the loss, the activations, and the derivative of the loss by the prediction."""
        h, activations = self.x, [self.x]
        for w, b in zip(self.weights[:-1], self.biases):
            h = np.tanh(h @ w + b) if self.regression else np.maximum(h @ w + b, 0)
            activations.append(h)
        prediction = h @ self.weights[-1] + self.biases[-1]
        if self.regression:
            error = prediction - self.y
            return np.mean(error * error), activations, error * (2 / error.size)
        rows = np.arange(len(self.y))
        shifted = prediction - prediction.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(sums[:, 0]) - shifted[rows, self.y])
        g = exponentials / sums
        g[rows, self.y] -= 1
        return loss, activations, g / len(self.y)

    def gradients(self):
        _, activations, g = self.forward()
        result = []
        for i in reversed(range(len(self.weights))):
            h = activations[i]
            result.append((h.T @ g, g.sum(axis=0)))
            if i:
                g = g @ self.weights[i].T
                g = g * (1 - h * h) if self.regression else g * (h > 0)
        return result


class Overhead(Row):
    """What an operation costs under no_grad over the same one on arrays; the mark is in microseconds."""

    def report(self):
        with minigrad.no_grad():
            seconds = self.run()
        extra = (min(seconds["ours"]) - min(seconds["NumPy"])) * 1e6
        print(f"{self.title:<58} {extra:6.2f} us over NumPy{verdict(extra, 1)}", flush=True)


def overheads():
    """Yield operations on 16 x 16 matrices."""
    x = np.random.default_rng(0).normal(size=(16, 16))
    for title, operation in {
            "x @ x": lambda x: x @ x, "x + 1.0": lambda x: x + 1.0, "x[:, 1:3]": lambda x: x[:, 1:3],
            "np.tanh": np.tanh, "np.maximum": lambda x: np.maximum(x, 0), "np.sum": np.sum,
            "np.mean, one axis": lambda x: np.mean(x, 0), "np.reshape": lambda x: np.reshape(x, (4, 64)),
            "np.concatenate": lambda x: np.concatenate([x, x]), "np.einsum": lambda x: np.einsum("ij,kj->ik", x, x),
            "np.linalg.solve": lambda x: np.linalg.solve(x, x), "np.fft.rfft": np.fft.rfft}.items():
        yield Overhead(f"no_grad, {title}", partial(operation, Tensor(x)), {"NumPy": partial(operation, x)})


def convolutions(side, channels, batch=64):
    """A LeNet-like network on images: two convolutions, two poolings, two linear layers; loss and gradients."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, channels, side, side)).astype(np.float32)
    y = rng.integers(0, 10, batch)
    features = 16 * (side // 4) ** 2

    def network(layers):
        return layers.Sequential(
            layers.Conv2d(channels, 8, 3, padding=1), layers.ReLU(), layers.MaxPool2d(2),
            layers.Conv2d(8, 16, 3, padding=1), layers.ReLU(), layers.MaxPool2d(2),
            layers.Flatten(), layers.Linear(features, 64), layers.ReLU(), layers.Linear(64, 10))

    model = network(nn)

    def ours():
        model.zero_grad()
        nn.cross_entropy(model(x), y).backward()

    def pytorch():
        peer_model, images, labels = network(torch.nn), torch.tensor(x), torch.tensor(y)

        def step():
            peer_model.zero_grad()
            torch.nn.functional.cross_entropy(peer_model(images), labels).backward()
        return step

    return Row(f"LeNet-like, batch {batch} of {side} x {side}: loss and gradients", ours,
               {"PyTorch": torch and pytorch()}, {"PyTorch": 2.5})


def second_derivatives(n=100):
    """The Hessian of a function of n numbers."""
    a = np.random.default_rng(0).normal(size=(n, n)) / n**0.5
    x = np.linspace(-1, 1, n)

    def function(numpy):
        return lambda x: numpy.sum(numpy.tanh(a @ x) ** 2) + numpy.sum(x**4)

    ours = minigrad.hessian(function(np))
    by_autograd = autograd and autograd.hessian(function(peer("autograd.numpy")))
    by_jax = jax and jax.hessian(function(jax.numpy))
    return Row(f"Hessian of a function of {n} numbers", lambda: ours(x),
               {"autograd": autograd and (lambda: by_autograd(x)),
                "JAX, not jitted": jax and (lambda: by_jax(x).block_until_ready())})


def linear_algebra():
    """Yield einsum and solve, value and gradients."""
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(32, 20, 30)), rng.normal(size=(30, 40)), rng.normal(size=100)
    square = rng.normal(size=(100, 100)) + 10 * np.eye(100)

    def contest(title, function, *args):
        ours = minigrad.grad(function(np), tuple(range(len(args))))
        theirs = autograd and autograd.grad(function(peer("autograd.numpy")), tuple(range(len(args))))
        return Row(title, lambda: ours(*args), {"autograd": autograd and (lambda: theirs(*args))})

    yield contest("einsum 'bij,jk->bik', gradients", lambda numpy: lambda x, w: numpy.sum(
        numpy.tanh(numpy.einsum("bij,jk->bik", x, w))), x, w)
    yield contest("solve, 100 equations, gradients", lambda numpy: lambda a, b: numpy.sum(
        numpy.linalg.solve(a, b) ** 2), square, b)


def chain():
    """A chain of a million nodes, per node, against one of a thousand."""
    def nodes(n):
        x = Tensor(1.0, requires_grad=True)
        y = x
        for _ in range(n):
            y = y * 1.0
        y.backward()

    def repeated():
        for _ in range(1000):
            nodes(1000)

    return Row("chain of 1,000,000 nodes, per node", lambda: nodes(1_000_000), {"1,000 nodes": repeated},
               {"1,000 nodes": 1.6}, slow=True)


def imports():
    """Importing minigrad and optim, over NumPy's own import: best of several processes each."""
    def seconds(modules, bytecode):
        code = f"import time; t = time.perf_counter(); import {modules}; print(time.perf_counter() - t)"
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-c", code]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True, env=environment) for _ in range(7)]
        return min(float(run.stdout) for run in runs)

    class Imports(Row):
        def report(self):
            with tempfile.TemporaryDirectory() as bytecode:  # compiled once, as in an installed package
                extra = seconds("numpy, minigrad, optim", bytecode) - seconds("numpy", bytecode)
            print(f"{self.title:<58} {extra * 1e3:6.1f} ms   (mark 25{'' if extra < 0.025 else ', MISSED'})")

    return Imports("import minigrad and optim, over NumPy's own", None)
